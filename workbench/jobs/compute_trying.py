"""Whether an engine is what it should be: its files against their hashes, and a computation in a process of its own."""

from __future__ import annotations

import base64
import csv
import hashlib
import json
import logging
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import psutil

from .. import paths
from ..errors import StopRequested, WorkbenchError
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
LOOK = 0.2
"""Seconds between two looks at whether it is to stop."""
PROBE = """
import gc, json, time
gc.disable()
import torch, transformers, trl, peft
from workbench.lm.devices import choose
found = choose()
(torch.ones(8, 8, device=found.device) @ torch.ones(8, 8, device=found.device)).sum().item()
ready = time.time()
import datasets, accelerate
print(json.dumps({"torch": torch.__version__, "transformers": transformers.__version__, "device": found.device.type,
                  "name": found.name, "dtype": found.dtype_name, "memory": found.total_bytes, "ready": ready}))
"""


Stop = Callable[[], bool]


def verify(name: str, stop: Stop = lambda: False) -> Iterator[Event]:
    """Compare every file of an engine with the hash that its package came with, then try it.

    Ends with Finished({"engine", "files", "device"}) or Stopped; raises WorkbenchError that names what is damaged.
    """
    engine = compute.find(name)
    records = sorted(engine.folder.glob("*.dist-info/RECORD"))
    files = number = 0
    try:
        for number, record in enumerate(records):
            yield Progress(number, len(records), record.parent.name.removesuffix(".dist-info"))
            files += _compare(engine, record, stop)
        if not files:
            raise WorkbenchError(
                f"{engine.name} does not say which files it is made of.", "Remove it and add it again."
            )
        yield Progress(0, 0, "Trying it")
        device = probe(engine.folder, stop)["device"]
    except StopRequested:
        yield Stopped(number)
        return
    yield Finished({"engine": engine.name, "files": files, "device": device})


def _compare(engine: compute.Engine, record: Path, stop: Stop) -> int:
    """How many files of one package were compared; the first that differs raises WorkbenchError."""
    compared = 0
    with record.open(encoding="utf-8", newline="") as rows:
        for path, digest, *_ in csv.reader(rows):
            if stop():
                raise StopRequested
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


def probe(folder: Path | None = None, stop: Stop = lambda: False) -> dict[str, Any]:
    """Compute something in a process of its own, as jobs are: with the engine in a folder, or with what jobs use.

    {"torch", "transformers", "device", "name", "dtype", "memory" (bytes), "ready"}, the last being the clock (seconds
    since 1970) when a job could have begun. Raises WorkbenchError when it fails.
    """
    return _answer(PROBE, folder, stop=stop)


def device_of(device: str, dtype: str) -> dict[str, Any]:
    """What jobs compute on when a run asks for this device and number format ("auto": the best that is there).

    {"device", "name", "dtype", "itemsize", "memory" (bytes)}. Raises NoEngine, and WorkbenchError when it is not there.
    """
    compute.require()
    return _answer(DEVICE, None, device, dtype)


def _answer(code: str, folder: Path | None, *words: str, stop: Stop = lambda: False) -> dict[str, Any]:
    """The JSON that a small program prints last, run on an engine in a process of its own."""
    env = paths.child_environment() | {"PYTHONDONTWRITEBYTECODE": "1"}
    env |= {"PYTHONPATH": str(folder)} if folder else {}
    command = [paths.interpreter(), "-c", code, *words]
    try:
        done = stoppable(command, env, stop, SECONDS)
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


def stoppable(
    command: Sequence[str], env: Mapping[str, str], stop: Stop, seconds: float = float("inf")
) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, unless a person stops it (StopRequested) or it takes too long (TimeoutExpired)."""
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        env=env,
        creationflags=paths.HIDDEN,
    )
    ends = time.monotonic() + seconds
    try:
        while True:
            try:
                out, err = process.communicate(timeout=LOOK)
                return subprocess.CompletedProcess(command, process.returncode, out, err)
            except subprocess.TimeoutExpired:
                if stop():
                    raise StopRequested from None
                if time.monotonic() > ends:
                    raise
    finally:
        if process.poll() is None:
            end(process)


def end(process: subprocess.Popen[Any]) -> None:
    """End a program and what it started."""
    try:
        family = [*psutil.Process(process.pid).children(recursive=True), process]
    except psutil.NoSuchProcess:
        family = [process]
    for each in family:
        try:
            each.kill()
        except psutil.NoSuchProcess:
            continue
    process.wait()
