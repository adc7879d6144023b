"""Long work beside the window: a thread that owns a run, iterates its events, records each, then shows it.

The thread supervises; the child process owns torch. The same two classes run everything that is long.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QThread, Signal

from ..errors import WorkbenchError
from ..events import Event, Failed
from ..jobs.feeding import Feeder
from ..jobs.process import Child
from ..jobs.running import PATIENCE, events_of
from ..jobs.spec import JobSpec
from ..store import Store

log = logging.getLogger(__name__)

STOP_PATIENCE_MS = round(1000 * (PATIENCE + 5))
"""How long a window that closes waits for a job, which is ended by force before that."""


WRITES = ("generate", "rewrite")
"""Requests of a session that end with an event of their own."""


class WorkThread(QThread):
    """Iterates events on a thread of its own. `happened` carries one frozen dataclass, on the window's thread."""

    happened = Signal(object)

    def __init__(self, work: Callable[[], Iterator[Event]], parent: Any = None) -> None:
        super().__init__(parent)
        self._work = work

    def run(self) -> None:
        """Called by QThread.start()."""
        try:
            for event in self._work():
                self.happened.emit(event)
        except WorkbenchError as error:
            log.exception("work failed")
            self.happened.emit(Failed(error.text, error.hint))
        except Exception as error:
            log.exception("work failed")
            self.happened.emit(Failed(f"This did not work: {error}", "The log has the details.", repr(error)))


class JobThread(WorkThread):
    """A run in a child process: recorded in the store, then emitted."""

    def __init__(self, folder: Path, spec: JobSpec, parent: Any = None) -> None:
        super().__init__(self._events, parent)
        self.spec = spec
        self._folder = folder
        self._child: Child | None = None

    @property
    def pid(self) -> int | None:
        """The child's process id, once it runs."""
        return self._child.pid if self._child else None

    def kill(self) -> None:
        """End the child at once."""
        if self._child:
            self._child.kill()

    def _events(self) -> Iterator[Event]:
        # SQLite connections belong to one thread; this one has its own.
        store = Store.open(self._folder)
        # A large import holds the store for a while, and a run must not end for want of a few seconds.
        store.db.execute("PRAGMA busy_timeout = 600000")
        try:
            yield from events_of(store, store.runs.find(self.spec.run_id), self.spec, self._take)
        finally:
            store.close()

    def _take(self, child: Child) -> None:
        self._child = child


class SessionThread(WorkThread):
    """Models kept in memory in a child, writing answers on request."""

    def __init__(self, spec: JobSpec, log_path: Path, parent: Any = None) -> None:
        super().__init__(self._events, parent)
        self._spec = spec
        self._log_path = log_path
        self._child: Child | None = None
        self._early: list[dict[str, Any]] = []
        self.feeder = Feeder(Path(spec.folder), self._tell)

    @property
    def pid(self) -> int | None:
        """The child's process id, once it runs."""
        return self._child.pid if self._child else None

    def request(self, request: dict[str, Any]) -> None:
        """Ask for something (see jobs.session.serve)."""
        if request["do"] in WRITES:
            self.feeder.asked()
        if self._child:
            self._child.send(request)
        else:
            self._early.append(request)

    def stop_writing(self, ids: Sequence[str] | None = None) -> None:
        """Stop the requests with these ids, or whatever is being written; the models stay."""
        if ids is not None:
            self._early = [request for request in self._early if request.get("id") not in ids]
        if self._child:
            self._child.send({"do": "stop"} if ids is None else {"do": "stop", "ids": list(ids)})

    def unload(self) -> None:
        """End the session and free its memory."""
        self._early.clear()
        if self._child:
            self._child.kill()

    def _events(self) -> Iterator[Event]:
        self._child = Child(self._spec, self._log_path)
        for request in self._early:
            self._child.send(request)
        try:
            for event in self._child.events():
                self.feeder.after(event)
                yield event
        finally:
            self.feeder.close()

    def _tell(self, request: dict[str, Any]) -> None:
        if self._child:
            self._child.send(request)
