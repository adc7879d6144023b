"""Run a specification: its frozen rows, its method, one iterator of events."""

from __future__ import annotations

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil

from ..errors import WorkbenchError
from ..events import Event, Progress
from ..methods import METHODS
from ..methods.base import Data, Job, options_from
from . import frozen
from .spec import JobSpec
from .tasks import TASKS
from .tracking import tracked

log = logging.getLogger(__name__)

OWNER = "process.json"
PATIENCE = 30.0
"""Seconds to wait for the process that ran the job before: it may still be saving what it had."""


def worker(name: str) -> Any:
    """The method or task of this name. Raises WorkbenchError when there is none."""
    found = METHODS.get(name) or TASKS.get(name)
    if found is None:
        raise WorkbenchError(f"There is no method called {name}.", f"There are: {', '.join([*METHODS, *TASKS])}.")
    return found


def run(spec: JobSpec, stopping: Callable[[], bool] = lambda: False) -> Iterator[Event]:
    """The events of a job, in this process."""
    method = worker(spec.method)
    options = options_from(method.Options, spec.options)
    data = frozen.read(Path(spec.data)) if spec.data else Data()
    folder = Path(spec.folder)
    folder.mkdir(parents=True, exist_ok=True)
    looks = bool(spec.extra.get("only_looks"))
    job = Job(folder, spec.model, data, spec.reward, spec.others, stopping, spec.resumes, spec.changed, looks)
    yield from _become_owner(folder)
    try:
        events = method.train(job, options)
        yield from tracked(events, spec) if spec.method in METHODS and not looks else events
    finally:
        (folder / OWNER).unlink(missing_ok=True)


def _become_owner(folder: Path) -> Iterator[Event]:
    """Two processes must not write one run: a window that is gone leaves its child a while to save."""
    until = time.monotonic() + PATIENCE
    while _owned_by_another(folder):
        if time.monotonic() > until:
            raise WorkbenchError("This run is still going in another process.", "Wait until that one has ended.")
        yield Progress(0, 0, "Waiting for the run's last process to end")
        time.sleep(0.5)
    own = {"pid": os.getpid(), "begun": psutil.Process().create_time()}
    (folder / OWNER).write_text(json.dumps(own), encoding="utf-8")


def _owned_by_another(folder: Path) -> bool:
    try:
        owner = json.loads((folder / OWNER).read_text(encoding="utf-8"))
        if owner["pid"] == os.getpid():
            return False
        return psutil.Process(owner["pid"]).create_time() == owner["begun"]
    except FileNotFoundError:
        return False
    except (psutil.Error, ValueError, KeyError, TypeError) as error:
        log.info("%s was left by a process that is gone: %s", folder / OWNER, error)
        return False
