"""Work through the queue of a project: one run after the other, on after one that failed, until none waits.

The window does it while it is open, `workbench runs start` without one; never two at the same time.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Failed
from ..store import Run, Store, owners, run_queue
from .preparing import spec_of
from .recording import fail
from .running import events_of
from .spec import JobSpec

log = logging.getLogger(__name__)

LOG = "queue.log"


def next_run(store: Store, on_failed: Callable[[Run], object]) -> tuple[Run, JobSpec] | None:
    """The run whose turn it is and how it is run; None when none waits, or another process works through the queue.

    A run that cannot be run, because its models are gone, fails: `on_failed` hears of it, and the next has its turn.
    """
    if not owners.own(store, run_queue.QUEUE):
        return None
    while (run := run_queue.take_next(store)) is not None:
        try:
            return run, spec_of(store, run)
        except WorkbenchError as error:
            log.exception("run %s cannot be run", run.id)
            fail(store, run.id, error)
            on_failed(store.runs.find(run.id))
    return None


def work_through(
    store: Store, on_event: Callable[[Run, Event], object], pausing: Callable[[], bool] = lambda: False
) -> list[Run]:
    """Run what waits in this process until none waits or one was paused, and return the runs as they ended.

    pausing: asked before each run, whether to leave it waiting.

    Raises WorkbenchError when another process works through the queue.
    """
    ended: list[Run] = []

    def failed(run: Run) -> None:
        on_event(run, Failed(run.error, run.hint))
        ended.append(run)

    store.runs.interrupt_orphans()
    if not owners.own(store, run_queue.QUEUE):
        raise WorkbenchError("Another Workbench works through this queue already.", "Its runs start one after another.")
    try:
        while not pausing() and (found := next_run(store, failed)) is not None:
            run, spec = found
            with contextlib.closing(events_of(store, run, spec)) as events:
                for event in events:
                    on_event(run, event)
            ended.append(store.runs.find(run.id))
            if ended[-1].status == "waiting":
                break
    finally:
        owners.disown(store, run_queue.QUEUE)
    return ended


def pause_all(store: Store) -> None:
    """Have the run that goes wait in line, with a checkpoint; the process that works through the queue ends then."""
    for run in going(store):
        run_queue.want(store, run.id, "pause")


def going(store: Store) -> Iterator[Run]:
    """The runs that go, in whatever process that lives."""
    for run in store.runs.list():
        if run.status == "running" and owners.owner_of(store, run.id) is not None:
            yield run


def go_on_without_window(project: Path) -> int:
    """Start a process of its own that works through the queue and outlives this one; return its id.

    Raises WorkbenchError when it cannot be started.
    """
    flags: dict[str, Any] = {"start_new_session": True}
    if sys.platform == "win32":
        flags = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    try:
        with (project / LOG).open("ab") as log_file:
            process = subprocess.Popen(
                paths.queue_command(project),
                stdin=subprocess.DEVNULL,
                stdout=log_file,
                stderr=log_file,
                env=paths.child_environment(),
                **flags,
            )
    except OSError as error:
        raise WorkbenchError(
            f"Training could not go on without the window: {error.strerror}.", "The runs wait until it opens again."
        ) from error
    return process.pid
