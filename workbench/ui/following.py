"""Runs that go in another process, shown as if they went here: a look at the store twice a second."""

from __future__ import annotations

import logging

from PySide6.QtCore import QObject, QTimer, Signal

from ..errors import WorkbenchError
from ..events import ENDINGS
from ..jobs.following import Follower, elsewhere
from ..store import Store

log = logging.getLogger(__name__)
LOOK_MS = 500


class Following(QObject):
    """Looks whether another process runs anything in this project, and tells of it."""

    happened = Signal(str, object)
    """(run id, event): what a run in another process says."""
    changed = Signal()
    """A run or the queue was changed by another process, or one that it ran ended."""

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._followers: dict[str, Follower] = {}
        self._seen = self._line = None
        self._timer = QTimer(self, interval=LOOK_MS)
        self._timer.timeout.connect(self.look)
        self._timer.start()

    def runs(self) -> list[str]:
        """The runs that go in another process."""
        return list(self._followers)

    def close(self) -> None:
        """Look no more."""
        self._timer.stop()
        self._followers.clear()

    def look(self) -> None:
        """Tell of what happened since the last look."""
        if not self._store.is_open:  # it was closed before the window that looks into it
            self.close()
            return
        try:
            seen = self._store.value("PRAGMA data_version")  # another connection has written
            if seen != self._seen or self._followers:
                self._seen = seen
                self._look()
        except WorkbenchError:  # somebody holds the project's file for a moment
            log.exception("cannot look for runs of other processes")

    def _look(self) -> None:
        if set(self._followers) - set(elsewhere(self._store)):
            self._store.runs.interrupt_orphans()  # some processes end without a word
        for run_id in elsewhere(self._store):
            if run_id not in self._followers:
                self._followers[run_id] = Follower(self._store, run_id)
        for run_id, follower in list(self._followers.items()):
            for event in follower.look():
                if isinstance(event, ENDINGS):
                    del self._followers[run_id]
                self.happened.emit(run_id, event)
        line = self._store.value(
            "SELECT json_array((SELECT json_group_array(json_array(id, status)) FROM runs), "
            "(SELECT json_group_array(json_array(run_id, place)) FROM run_queue))"
        )
        before, self._line = self._line, line
        if before not in (None, line):
            self.changed.emit()
