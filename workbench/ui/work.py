"""Bringing models and prompts in, beside the window: each piece of work has a thread and a store of its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

from PySide6.QtCore import QCoreApplication, QObject, QTimer, Signal

from ..errors import WorkbenchError
from ..events import Event, Failed, Finished, Progress
from ..store import Store
from .job_thread import WorkThread
from .models_machine import look

PATIENCE_MS = 3_000
_running: set[WorkThread] = set()
"""A thread that nobody holds would be destroyed while it runs, and Qt ends the process for that."""

Steps = Callable[[Store], Iterator[Event]]


class Work(QObject):
    """One kind of work at a time, with its progress and its end as signals."""

    progressed = Signal(str, float)
    """(what is being done, fraction from 0 to 1; -1 while it is not known)."""
    finished = Signal(dict)
    """The summary of what was done."""
    failed = Signal(object)
    """A WorkbenchError to show."""
    happened = Signal(object)
    """Every event, before what it means is sent."""
    ended = Signal()
    """Nothing more comes, and other work may begin; also after work that was stopped."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._folder = folder
        self._thread: WorkThread | None = None

    @property
    def busy(self) -> bool:
        """Whether something is being done now."""
        return self._thread is not None

    def start(self, steps: Steps) -> None:
        """Do `steps` on a thread. Raises WorkbenchError while something else is being done."""
        if self.busy:
            raise WorkbenchError(self.tr("Something is being added already."), self.tr("Wait until it is done."))
        folder = self._folder
        thread = WorkThread(lambda: _with_own_store(folder, steps))
        self._thread = thread
        _running.add(thread)
        thread.happened.connect(self._on_event)
        thread.finished.connect(self._on_end)
        _wait_at_the_end()
        thread.start()

    def _on_end(self) -> None:
        thread = self.sender()
        if isinstance(thread, WorkThread):
            thread.wait()  # the signal comes a moment before the thread has ended
            _running.discard(thread)
            if thread is self._thread:
                self._thread = None
            self.ended.emit()

    def _on_event(self, event: Event) -> None:
        self.happened.emit(event)
        if isinstance(event, Progress):
            self.progressed.emit(event.text, event.done / event.total if event.total else -1.0)
        elif isinstance(event, Finished):
            self._thread = None
            self.finished.emit(event.summary)
        elif isinstance(event, Failed):
            self._thread = None
            self.failed.emit(WorkbenchError(event.text, event.hint))


class Refreshing(QObject):
    """The same work again and again, never twice at once: wanted while it is being done, it is done once more."""

    found = Signal(dict)
    """The summary of what was done."""
    failed = Signal(object)
    """A WorkbenchError to show."""

    def __init__(self, folder: Path, steps: Callable[[], Steps], pause: int, parent: QObject | None = None) -> None:
        """steps: asked when the work begins for what it is. pause: milliseconds of quiet before it begins, so that
        wishes in a row are one."""
        super().__init__(parent)
        self._steps, self._pause, self._again = steps, pause, False
        self._work = Work(folder, self)
        self._work.finished.connect(self._on_found)
        self._work.failed.connect(self._on_failed)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._start)

    @property
    def busy(self) -> bool:
        """Whether more will be known before long."""
        return self._work.busy or self._timer.isActive()

    def want(self, soon: bool = False) -> None:
        """Do it after a pause, or as soon as may be."""
        self._timer.start(0 if soon else self._pause)

    def close(self) -> None:
        """Begin nothing more."""
        self._timer.stop()

    def _start(self) -> None:
        self._again = self._work.busy
        if not self._again:
            self._work.start(self._steps())

    def _on_found(self, found: dict[str, object]) -> None:
        self.found.emit(found)
        if self._again:
            self.want()

    def _on_failed(self, error: WorkbenchError) -> None:
        self.failed.emit(error)
        if self._again:
            self.want()


@cache
def _wait_at_the_end() -> None:
    app = QCoreApplication.instance()
    if app is not None:
        app.aboutToQuit.connect(_wait)


def _wait() -> None:
    for thread in list(_running):
        thread.wait(PATIENCE_MS)


def _with_own_store(folder: Path, steps: Steps) -> Iterator[Event]:
    store = Store.beside(folder)
    try:
        yield from steps(store)
    finally:
        store.close()


def adding(location: str, base_id: str | None = None, name: str = "") -> Steps:
    """Add the model at a place. Reading and hashing its files takes a while for a large one."""

    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.adding import add_model

        yield Progress(0, 0, location)
        model = add_model(store, location, name, base_id=base_id)
        yield Finished({"model_id": model.id, "name": model.name})

    return steps


def fetching_starter(store: Store) -> Iterator[Event]:
    """Fetch the starter model."""
    from ..jobs.adding import fetch_starter

    yield from fetch_starter(store)


def importing(path: Path) -> Steps:
    """Import prompts, and answers and judgements if the file has them."""

    def steps(store: Store) -> Iterator[Event]:
        from ..store.exchange.importing import import_file

        yield Progress(0, 0, str(path))
        yield Finished(import_file(store, path).to_json())

    return steps


def looking(store: Store) -> Iterator[Event]:
    """Look at this computer."""
    yield Finished({"machine": look(store.folder)})
