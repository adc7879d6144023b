"""Which item is on screen, and what happens to it: no widgets, so that the rule is easy to see.

The next item comes only after `store.feedback.add` has returned: what is shown next means that the last is on disk.
The item after that is fetched while the person reads.
"""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QTime, QTimer, Signal

from ..errors import WorkbenchError
from ..feedback import ASIDE, mark
from ..store.queueing import Item, item_of
from ..store.records import Feedback
from .context import Context
from .feedback_sources import Harvest, QueueSource, RunSource, Source, counting
from .models_work import Work

log = logging.getLogger(__name__)
IDLE_MS = 350
"""Quiet time before counting: never between two key presses of a fast hand."""
RECENT = 10
Place = tuple[str, str | None]
"""A kind of feedback, and the evaluation that is judged or None."""


@dataclass(frozen=True)
class Given:
    """What a person has said about an item so far; `value` may still have gaps."""

    value: Mapping[str, Any] = field(default_factory=dict)
    reasons: Sequence[str] = ()
    comment: str = ""
    blind: bool = True


class Stopwatch:
    """Seconds since an item was shown, without the time in which the pane was hidden."""

    def __init__(self) -> None:
        self._since, self._before = time.monotonic(), 0.0
        self.running = True

    def restart(self) -> None:
        """Begin at zero."""
        self._since, self._before = time.monotonic(), 0.0

    def pause(self, paused: bool) -> None:
        """Stop or go on."""
        if paused != self.running:
            return
        if paused:
            self._before = self.seconds()
        self._since, self.running = time.monotonic(), not paused

    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + (time.monotonic() - self._since if self.running else 0.0)


class Flow(QObject):
    """One person's way through a queue."""

    shown = Signal()
    """Another item is current (or none is): draw `item` with what `given` holds."""
    counted = Signal()
    """`left`, the session's figures or the harvest changed."""
    saved = Signal(str)
    """A judgement is on disk: "Saved 12:03"."""

    def __init__(self, context: Context, by: QObject) -> None:
        super().__init__(by)
        self._context, self._by = context, by
        self._queue = QueueSource(context, seed=int(time.time()))
        self.source: Source = self._queue
        self.kind, self.order = "rating", "newest"
        self.item: Item | None = None
        self.given = Given()
        self.left = 0
        self.harvest = Harvest(context.store)
        self.watch = Stopwatch()
        self._times: dict[str, tuple[Place, float]] = {}
        self._held: dict[str, tuple[Item, Given]] = {}
        self._returning: list[tuple[Item, Given]] = []
        self._ahead: Item | None = None
        self._harvest_stale = True
        self._counting = Work(context.store.folder, self)
        self._counting.finished.connect(self._on_harvested)
        self._counting.failed.connect(context.tell)
        self._idle = QTimer(self, singleShot=True, interval=0)
        self._idle.timeout.connect(self._look_ahead)
        self._quiet = QTimer(self, singleShot=True, interval=IDLE_MS)
        self._quiet.timeout.connect(self._count_harvest)
        context.store_changed.connect(self._on_change)
        context.instant.changed.connect(self._on_instant)

    # --- where items come from

    def start(self, kind: str, given: Given | None = None) -> None:
        """Go over to a kind of feedback. `given` is kept for the item that is left behind."""
        self._hold(given)
        if self.run_id is not None:
            self.source = self._queue
        self._begin(kind)

    def start_run(self, run_id: str, given: Given | None = None) -> None:
        """Go over to the blind comparisons of an evaluation."""
        self._hold(given)
        self.source = RunSource(self._context, run_id)
        self._begin("comparison")

    @property
    def run_id(self) -> str | None:
        """The evaluation whose pairs are compared, or None."""
        return self.source.run_id

    def set_order(self, order: str) -> None:
        """Choose which items come first, from the next one on."""
        self.order, self._ahead = order, None
        self._idle.start()

    def _hold(self, given: Given | None) -> None:
        if self.item is not None and given is not None and self.run_id is None:
            self._held[self.kind] = (self.item, given)

    def _begin(self, kind: str) -> None:
        self.kind, self._ahead = kind, None
        self._returning.clear()
        held = self._held.pop(kind, None) if self.run_id is None else None
        if held is not None:
            self._show(*held)
        else:
            self._advance()

    def rest(self, resting: bool) -> None:
        """The pane is out of sight: the clock stops and nothing is counted, until it is back or answers arrive."""
        self.watch.pause(resting)
        for timer in (self._idle, self._quiet):
            timer.stop() if resting else timer.start()

    # --- what a person does

    def submit(self, given: Given) -> bool:
        """Commit a judgement and go on. False when it could not be saved; the item stays, and the person is told."""
        item = self.item
        if item is None:
            return False
        seconds = self.watch.seconds()
        try:
            guideline = self._context.store.guidelines.current()
            feedback = self._context.store.feedback.add(
                item.kind,
                item.prompt.id,
                item.response_ids,
                given.value,
                comment=given.comment,
                reasons=given.reasons,
                annotator=self._context.annotator,
                seconds=round(seconds, 3),
                blind=given.blind,
                run_id=self.run_id,
                guideline_id=guideline.id if guideline else None,
                repeat_of=item.repeat_of,
                by=self._by,
            )
        except WorkbenchError as error:
            self._context.tell(error)
            return False
        self._went(item, feedback, seconds)
        return True

    def set_aside(self, aside: str, comment: str = "") -> bool:
        """Set the item aside in one of feedback.ASIDE and go on; False when it could not be saved."""
        item = self.item
        if item is None:
            return False
        try:
            self.source.set_aside(item, aside, comment, self._by)
        except WorkbenchError as error:
            self._context.tell(error)
            return False
        self._tell_saved()
        self._advance()
        return True

    def undo(self, given: Given) -> Feedback | None:
        """Take back this person's last judgement and return to its item; what was on screen waits with `given`."""
        feedback = self._moved(self._context.store.feedback.undo)
        if feedback is None or feedback.kind == mark.name:  # a passage was marked: its item stays
            return feedback
        item = item_of(self._context.store, feedback)
        if self.item is not None and _key(item) != _key(self.item):
            self._returning.insert(0, (self.item, given))
        self._times.pop(feedback.id, None)
        self._reap(item, feedback, -1)
        self._go_where(item, feedback)
        value = {} if feedback.kind in ASIDE else feedback.value
        self._show(item, Given(value, feedback.reasons, feedback.comment, feedback.blind))
        return feedback

    def redo(self) -> Feedback | None:
        """Put back what undo took last, and go on."""
        feedback = self._moved(self._context.store.feedback.redo)
        if feedback is None or feedback.kind == mark.name:
            return feedback
        item = item_of(self._context.store, feedback)
        self._times[feedback.id] = ((item.kind, feedback.run_id), feedback.seconds)
        self._reap(item, feedback)
        self._go_where(item, feedback)
        self._returning = [pair for pair in self._returning if _key(pair[0]) != _key(item)]
        self._advance(item)
        return feedback

    def _moved(self, move: Any) -> Feedback | None:
        try:
            return move(self._context.annotator, by=self._by)
        except WorkbenchError as error:
            self._context.tell(error)
            return None

    def _go_where(self, item: Item, feedback: Feedback) -> None:
        """Be in the place that a judgement came from: its kind, and its evaluation if it was a vote."""
        if feedback.run_id != self.run_id:
            self._leave_for_later()
            found = feedback.run_id
            self.source = RunSource(self._context, found) if found else self._queue
        elif item.kind != self.kind:
            self._leave_for_later()
        self.kind, self._ahead = item.kind, None

    def _leave_for_later(self) -> None:
        if self.run_id is None and self._returning:
            self._held[self.kind] = self._returning[0]
        self._returning.clear()

    def _went(self, item: Item, feedback: Feedback, seconds: float) -> None:
        self._times[feedback.id] = ((item.kind, feedback.run_id), seconds)
        self._reap(item, feedback)
        self._tell_saved()
        self._advance(item)

    def _tell_saved(self) -> None:
        self.saved.emit(self.tr("Saved {time}").format(time=QTime.currentTime().toString("HH:mm")))

    # --- going on

    def _advance(self, judged: Item | None = None) -> None:
        """Show what was left for later, else what was fetched ahead, else what the source gives now."""
        if self._returning:
            self._show(*self._returning.pop(0))
            return
        item, self._ahead = self._ahead, None
        if item is None or (judged is not None and item.response_ids == judged.response_ids):
            item = self._fetch([])
        self._show(item, Given())

    def _fetch(self, exclude: Sequence[Item]) -> Item | None:
        try:
            return self.source.next(self.kind, self.order, exclude)
        except WorkbenchError as error:
            self._context.tell(error)
            return None

    def _show(self, item: Item | None, given: Given) -> None:
        self.item, self.given = item, given
        self.watch.restart()
        self.shown.emit()
        self._idle.start()
        self._quiet.start()

    def _look_ahead(self) -> None:
        """After the item is on screen: fetch the one after it, and count what is left."""
        if self.item is None:
            item = self._fetch([])
            if item is not None:
                self._show(item, Given())
                return
        elif self._ahead is None:
            self._ahead = self._fetch([self.item, *(pair[0] for pair in self._returning)])
        self._count_left()

    def _count_left(self) -> None:
        try:
            self.left = self.source.left(self.kind)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.counted.emit()

    def _on_change(self, table: str, by: object) -> None:
        if by is self._by or table not in ("responses", "prompts", "feedback"):
            return
        self._ahead = None
        self._idle.start()
        if table == "feedback":
            self._harvest_stale = True
            if self.watch.running:
                self._quiet.start()

    def _on_instant(self) -> None:
        """The heads learned: what was fetched ahead may not be the most uncertain any more."""
        if self.order == "uncertain":
            self._ahead = None
            if self.watch.running:
                self._idle.start()

    def _count_harvest(self) -> None:
        if not self._harvest_stale or self._counting.busy:
            return
        self._harvest_stale = False
        try:
            if self.harvest.is_small():
                self.harvest.read()
                self.counted.emit()
            else:
                self._counting.start(counting)
        except WorkbenchError as error:
            self._context.tell(error)

    def _on_harvested(self, found: Mapping[str, Any]) -> None:
        self.harvest.take(found["counts"])
        if self._harvest_stale:  # a judgement came in between, and may be in what was counted or not
            self._quiet.start()
        self.counted.emit()

    def _reap(self, item: Item, feedback: Feedback, sign: int = 1) -> None:
        self.harvest.add(item, feedback, sign)
        self._harvest_stale = self._harvest_stale or self._counting.busy

    # --- the session's figures

    def _spent(self) -> list[float]:
        """Seconds of each judgement of this kind, or of this evaluation, since the window opened."""
        place = (self.kind, self.run_id)
        return [seconds for where, seconds in self._times.values() if where == place]

    @property
    def judged(self) -> int:
        """How many this person judged here since the window opened."""
        return len(self._spent())

    @property
    def seconds_spent(self) -> float:
        """How long those took together."""
        return sum(self._spent())

    def median_seconds(self) -> float | None:
        """The usual time of one judgement; None before there is one."""
        spent = self._spent()
        return statistics.median(spent) if spent else None

    def is_hasty(self) -> bool:
        """Whether the last ten took less than half of the usual time, with twenty before them to say what is usual."""
        times = self._spent()
        before, last = times[:-RECENT], times[-RECENT:]
        return len(before) >= 2 * RECENT and 2 * statistics.median(last) < statistics.median(before)


def _key(item: Item) -> tuple[str, tuple[str, ...]]:
    return item.kind, item.response_ids
