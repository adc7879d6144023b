"""What the window counts for its rail and status bar, beside itself: a large project takes a moment."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from ..events import Event, Finished
from ..feedback import NO_JUDGEMENT
from ..store import Store
from ..store.queueing import counts_left
from .context import Context
from .models_work import Work

WAIT_MS = 400
"""Quiet time before counting, so that many judgements in a row are counted once."""


@dataclass(frozen=True)
class Counted:
    """waiting: prompts that the person may rate. rounds: PPO runs that ended. new: judgements since the last one."""

    waiting: int
    rounds: int
    new: int


def count(store: Store, annotator: str) -> Counted:
    """Count everything."""
    ended = "method = 'ppo' AND status IN ('finished', 'stopped')"
    new = store.value(
        f"""SELECT COUNT(*) FROM feedback WHERE retracted_at IS NULL AND run_id IS NULL
        AND kind NOT IN (SELECT value FROM json_each(?))
        AND created_at > COALESCE((SELECT MAX(created_at) FROM runs WHERE {ended}), '')""",
        [json.dumps(NO_JUDGEMENT)],
    )
    rounds = store.value(f"SELECT COUNT(*) FROM runs WHERE {ended}")
    return Counted(counts_left(store, "rating", annotator), rounds, new)


class Counting(QObject):
    """Counts again when asked, never twice at once."""

    counted = Signal(object)
    """A Counted."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(self._on_counted)
        self._work.failed.connect(context.tell)
        self._timer = QTimer(self, singleShot=True, interval=WAIT_MS)
        self._timer.timeout.connect(self._start)
        self._again = False

    def want(self, soon: bool = False) -> None:
        """Count before long."""
        self._timer.start(0 if soon else WAIT_MS)

    def close(self) -> None:
        """Start nothing more."""
        self._timer.stop()

    def _start(self) -> None:
        if self._work.busy:
            self._again = True
            return
        self._again = False
        self._work.start(_counting(self._context.annotator))

    def _on_counted(self, found: Mapping[str, Any]) -> None:
        self.counted.emit(found["counted"])
        if self._again:
            self.want()


def _counting(annotator: str) -> Callable[[Store], Iterator[Event]]:
    def steps(store: Store) -> Iterator[Event]:
        yield Finished({"counted": count(store, annotator)})

    return steps
