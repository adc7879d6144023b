"""Run a prepared job in a child process to its end, on the calling thread: what window, command line and demo use."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Generator, Iterator
from pathlib import Path

from ..errors import WorkbenchError
from ..events import Event, Failed, Stopped
from ..store import Run, Store, run_queue
from .process import Child
from .recording import fail, record
from .spec import JobSpec

log = logging.getLogger(__name__)

OnChild = Callable[[Child], None]

LOOK = 0.25
"""Seconds between two looks at what is wanted of a run."""
PATIENCE = 20.0
"""Seconds until a child that was asked to stop is ended by force; saving a large adapter takes a while."""


def events_of(
    store: Store, run: Run, spec: JobSpec, on_child: OnChild = lambda child: None
) -> Generator[Event, None, None]:
    """The run's events, each in the store before it is yielded. `on_child` is handed the child, to stop it by.

    While it goes, any process may say what it wants of it: see run_queue.want.
    """
    try:
        child = Child(spec, store.runs_folder / run.id / "log.txt")
    except WorkbenchError as error:
        log.exception("run %s did not begin", run.id)
        fail(store, run.id, error)
        yield Failed(error.text, error.hint)
        return
    on_child(child)
    try:
        with obeying(store.folder, run.id, child):
            yield from record(store, run.id, _told(store, run.id, child))
    finally:
        child.close()


def _told(store: Store, run_id: str, child: Child) -> Iterator[Event]:
    """A child that did not stop when it was asked to, and was ended, has stopped: what it kept before is kept."""
    for event in child.events():
        if isinstance(event, Failed) and child.killed and run_queue.wish(store, run_id):
            event = Stopped(store.runs.find(run_id).step)
        yield event


@contextlib.contextmanager
def obeying(folder: Path, run_id: str, child: Child) -> Iterator[None]:
    """While this is open, a thread stops the child when somebody wants its run to end, and ends it if it will not."""
    over = threading.Event()
    thread = threading.Thread(target=_obey, args=(folder, run_id, child, over), name="wishes", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _obey(folder: Path, run_id: str, child: Child, over: threading.Event) -> None:
    store = Store.beside(folder)
    until: float | None = None
    try:
        while not over.wait(LOOK):
            if until is None and _wished(store, run_id):
                child.stop()
                until = time.monotonic() + PATIENCE
            elif until is not None and time.monotonic() > until:
                log.warning("run %s did not stop and is killed", run_id)
                child.kill()
                return
    finally:
        store.close()


def _wished(store: Store, run_id: str) -> bool:
    try:
        return bool(run_queue.wish(store, run_id))
    except WorkbenchError:  # somebody holds the project's file for a moment
        log.exception("cannot look at what is wanted of run %s", run_id)
        return False


def run_to_end(
    store: Store,
    run: Run,
    spec: JobSpec,
    on_event: Callable[[Event], None] = lambda event: None,
    on_child: OnChild = lambda child: None,
) -> Run:
    """Run to the end and return the run's row. Raises WorkbenchError when it failed."""
    for event in events_of(store, run, spec, on_child):
        on_event(event)
        if isinstance(event, Failed):
            raise WorkbenchError(event.text, event.hint)
    return store.runs.find(run.id)
