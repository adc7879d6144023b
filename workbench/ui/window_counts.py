"""What the window counts for its rail and status bar, beside itself: a large project takes a moment."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from ..events import Event, Finished
from ..feedback import NO_JUDGEMENT
from ..methods import AGAINST_A_REWARD
from ..store import Store
from ..store.queueing import counts_left
from .context import Context
from .work import Refreshing, Steps

WAIT_MS = 400
"""Quiet time before counting, so that many judgements in a row are counted once."""


@dataclass(frozen=True)
class Counted:
    """waiting: prompts that the person may rate. rounds: runs against a reward that made a model. new: judgements
    since."""

    waiting: int
    rounds: int
    new: int


def count(store: Store, annotator: str) -> Counted:
    """Count everything."""
    ended = "method IN (SELECT value FROM json_each(?)) AND result_id IS NOT NULL"
    methods = json.dumps(AGAINST_A_REWARD)
    new = store.value(
        f"""SELECT COUNT(*) FROM feedback WHERE retracted_at IS NULL AND run_id IS NULL
        AND kind NOT IN (SELECT value FROM json_each(?))
        AND created_at > COALESCE((SELECT MAX(created_at) FROM runs WHERE {ended}), '')""",
        [json.dumps(NO_JUDGEMENT), methods],
    )
    rounds = store.value(f"SELECT COUNT(*) FROM runs WHERE {ended}", [methods])
    return Counted(counts_left(store, "rating", annotator), rounds, new)


class Counting(QObject):
    """Counts again when asked."""

    counted = Signal(object)
    """A Counted."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        counts = Refreshing(context.store.folder, lambda: _counting(context.annotator), WAIT_MS, self)
        counts.found.connect(lambda found: self.counted.emit(found["counted"]))
        counts.failed.connect(context.tell)
        self.want, self.close = counts.want, counts.close


def _counting(annotator: str) -> Steps:
    def steps(store: Store) -> Iterator[Event]:
        yield Finished({"counted": count(store, annotator)})

    return steps
