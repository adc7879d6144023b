"""Run a prepared job in a child process to its end, on the calling thread: what the command line and the demo use."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from ..errors import WorkbenchError
from ..events import Event, Failed
from ..store import Run, Store
from .process import Child
from .recording import record
from .spec import JobSpec

OnChild = Callable[[Child], None]


def events_of(store: Store, run: Run, spec: JobSpec, on_child: OnChild = lambda child: None) -> Iterator[Event]:
    """The run's events, each in the store before it is yielded. `on_child` is handed the child, to stop it by."""
    child = Child(spec, store.runs_folder / run.id / "log.txt")
    on_child(child)
    try:
        yield from record(store, run.id, child.events())
    finally:
        child.close()


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
