"""Whether an engine is what it should be: its files against their hashes, and a computation in a process of its own."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Finished, Progress, Stopped
from . import compute

log = logging.getLogger(__name__)

SECONDS = 300
"""How long an engine may take to answer: the first import of a large one, from a slow disk."""
DEVICE = """
import json, sys
from workbench.lm.devices import choose
found = choose(*sys.argv[1:])
print(json.dumps({"device": found.device.type, "name": found.name, "dtype": found.dtype_name,
                  "itemsize": found.dtype.itemsize, "memory": found.total_bytes}))
"""
PROBE = """
import json
import torch, transformers, trl, peft, datasets, accelerate
from workbench.lm.devices import choose
found = choose()
(torch.ones(8, 8, device=found.device) @ torch.ones(8, 8, device=found.device)).sum().item()
print(json.dumps({"torch": torch.__version__, "transformers": transformers.__version__, "device": found.device.type,
                  "name": found.name, "dtype": found.dtype_name, "memory": found.total_bytes}))
"""


def verify(name: str, stop: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """Compare every file of an engine with the hash that its package came with, then try it.

    Ends with Finished({"engine", "files", "device"}) or Stopped; raises WorkbenchError that names what is damaged.
    """
    engine = compute.find(name)
    records = sorted(engine.folder.glob("*.dist-info/RECORD"))
    files = 0
    for number, record in enumerate(records):
        if stop():
            yield Stopped(number)
            return
        yield Progress(number, len(records), record.parent.name.removesuffix(".dist-info"))
        files += _compare(engine, record)
    if not files:
        raise WorkbenchError(f"{engine.name} does not say which files it is made of.", "Remove it and add it again.")
    yield Finished({"engine": engine.name, "files": files, "device": probe(engine.folder)["device"]})


def _compare(engine: compute.Engine, record: Path) -> int:
    """How many files of one package were compared; the first that differs raises WorkbenchError."""
    compared = 0
    with record.open(encoding="utf-8", newline="") as rows:
        for path, digest, *_ in csv.reader(rows):
            if digest.startswith("sha256="):
                _compare_file(engine, path, digest.removeprefix("sha256="))
                compared += 1
    return compared


def _compare_file(engine: compute.Engine, path: str, digest: str) -> None:
    try:
        with (engine.folder / path).open("rb") as file:
            found = hashlib.file_digest(file, "sha256").digest()
    except OSError as error:
        raise _damaged(engine, path, error.strerror or "it cannot be read") from error
    if base64.urlsafe_b64encode(found).rstrip(b"=").decode() != digest:
        raise _damaged(engine, path, "its content has changed")


def _damaged(engine: compute.Engine, path: str, why: str) -> WorkbenchError:
    hint = "Install the app again." if engine.built_in else "Remove it and add it again."
    return WorkbenchError(f"{engine.name} is damaged: {path}: {why}.", hint)


def probe(folder: Path | None = None) -> dict[str, Any]:
    """Compute something in a process of its own, as jobs are: with the engine in a folder, or with what jobs use.

    {"torch", "transformers", "device", "name", "dtype", "memory" (bytes)}. Raises WorkbenchError when it fails.
    """
    return _answer(PROBE, folder)


def device_of(device: str, dtype: str) -> dict[str, Any]:
    """What jobs compute on when a run asks for this device and number format ("auto": the best that is there).

    {"device", "name", "dtype", "itemsize", "memory" (bytes)}. Raises NoEngine, and WorkbenchError when it is not there.
    """
    compute.require()
    return _answer(DEVICE, None, device, dtype)


def _answer(code: str, folder: Path | None, *words: str) -> dict[str, Any]:
    """The JSON that a small program prints last, run on an engine in a process of its own."""
    env = paths.child_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"PYTHONPATH": str(folder)} if folder else {}
    command = [sys.executable, "-c", code, *words]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, env=env, check=False)
    except subprocess.TimeoutExpired as error:
        log.exception("the engine does not answer")
        raise WorkbenchError("PyTorch did not answer when it was tried.", "Update the driver; try again.") from error
    try:
        if done.returncode == 0:
            return json.loads(done.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        log.exception("the engine's answer cannot be read")
    log.error("the engine does not start: %s", (done.stderr or done.stdout)[-8000:])
    last = (done.stderr.strip().splitlines() or ["no reason given"])[-1][:300]
    if last.startswith("workbench.errors.WorkbenchError: "):
        raise WorkbenchError(last.removeprefix("workbench.errors.WorkbenchError: "))
    hint = "The log has the details." if paths.bundle() else "Install it again: pip install --force-reinstall torch."
    raise WorkbenchError(f"PyTorch does not start: {last}.", hint)
