"""Which item is on screen, and what happens to it: no widgets, so that the rule is easy to see.

The next item comes only after `store.feedback.add` has returned: what is shown next means that the last is on disk.
The item after that is fetched while the person reads.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, QTime, QTimer, Signal

from ..errors import WorkbenchError
from ..feedback import ASIDE, mark
from ..store.queueing import RANKED, Item, item_of
from ..store.records import Feedback
from .context import Context
from .feedback_ahead import Ahead
from .feedback_pace import Pace, Place, Stopwatch
from .feedback_sources import Harvest, QueueSource, RunSource, Source, counting
from .work import Work

log = logging.getLogger(__name__)
IDLE_MS = 350
"""Quiet time before counting: never between two key presses of a fast hand."""


@dataclass(frozen=True)
class Given:
    """What a person has said about an item so far; `value` may still have gaps."""

    value: Mapping[str, Any] = field(default_factory=dict)
    reasons: Sequence[str] = ()
    comment: str = ""
    blind: bool = True


class Flow(QObject):
    """One person's way through a queue."""

    shown = Signal()
    """Another item is current (or none is): draw `item` with what `given` holds."""
    counted = Signal()
    """`left`, the session's figures or the harvest changed."""
    saved = Signal(str)
    """A judgement is on disk: "Saved 12:03"."""
    looked = Signal()
    """`ahead.last` knows more: which orders work, and which prompt sets there are."""

    def __init__(self, context: Context, by: QObject) -> None:
        super().__init__(by)
        self._context, self._by = context, by
        self.ahead = Ahead(context, self)
        self.ahead.changed.connect(self._on_looked)
        self._queue = QueueSource(context, self.ahead, seed=int(time.time()))
        self.source: Source = self._queue
        self.kind, self.order = "rating", "newest"
        self.item: Item | None = None
        self.given = Given()
        self.left = 0
        self.harvest = Harvest(context.store)
        self.watch = Stopwatch()
        self.pace = Pace()
        self._held: dict[tuple[str, str], tuple[Item, Given]] = {}
        self._returning: list[tuple[Item, Given]] = []
        self._ahead: Item | None = None
        self._harvest_stale = True
        self._counting = Work(context.store.folder, self)
        self._counting.finished.connect(self._on_harvested)
        self._counting.failed.connect(context.tell)
        self._idle = QTimer(self, singleShot=True, interval=0)
        self._idle.timeout.connect(self._look_ahead)
        self._quiet = QTimer(self, singleShot=True, interval=IDLE_MS)
        self._quiet.timeout.connect(self._when_quiet)
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

    def leave(self, given: Given) -> None:
        """Another person sits down: what this one has said so far waits for their return."""
        self._hold(given)

    def arrive(self) -> None:
        """Another person has sat down: go on in their queue, or with what they had begun."""
        if self.run_id is not None:
            self.source = RunSource(self._context, self.run_id)
        self._begin(self.kind)

    @property
    def run_id(self) -> str | None:
        """The evaluation whose pairs are compared, or None."""
        return self.source.run_id

    @property
    def tag(self) -> str | None:
        """The prompt set that items come from, None for all."""
        return self._queue.tag

    @property
    def searching(self) -> bool:
        """Whether there is no item because a longer look for one is under way."""
        return self.source.searching

    def set_order(self, order: str) -> None:
        """Choose which items come first, from the next one on."""
        self.order = order
        self._look_elsewhere()

    def set_tag(self, tag: str | None) -> None:
        """Choose the prompt set that items come from, from the next one on."""
        self._queue.tag = tag
        self._look_elsewhere()

    def fetch_again(self, replace: bool) -> None:
        """How many answers an item has is another number now: from the next item on, or with `replace` at once."""
        self._look_elsewhere()
        if replace and self.item is not None and self.run_id is None:
            self._show(self._fetch([]), Given())

    @property
    def narrowed(self) -> bool:
        """Whether more may wait elsewhere in the queue: only a prompt set, or what was judged before, comes now."""
        return self.run_id is None and (self.tag is not None or self.order == "again")

    def widen(self) -> None:
        """Go on with all prompts."""
        self._queue.tag = None
        self.set_order("newest" if self.order == "again" else self.order)

    def _look_elsewhere(self) -> None:
        self._ahead = None
        self.ahead.want(self._queue.asked(self.kind, self.order))
        self._idle.start()

    def _hold(self, given: Given | None) -> None:
        if self.item is not None and given is not None and self.run_id is None:
            self._held[self._context.annotator, self.kind] = (self.item, given)

    def _begin(self, kind: str) -> None:
        self.kind, self._ahead = kind, None
        self.ahead.want(self._queue.asked(kind, self.order))
        self._returning.clear()
        held = self._held.pop((self._context.annotator, kind), None) if self.run_id is None else None
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
        self.source.went(item)
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
        self.pace.take(feedback.id)
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
        self.pace.add(feedback.id, (item.kind, feedback.run_id, feedback.annotator), feedback.seconds)
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
            self._held[self._context.annotator, self.kind] = self._returning[0]
        self._returning.clear()

    def _went(self, item: Item, feedback: Feedback, seconds: float) -> None:
        self.pace.add(feedback.id, (item.kind, feedback.run_id, feedback.annotator), seconds)
        self._reap(item, feedback)
        self.source.went(item)
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
            searched, item = self.searching, self._fetch([])
            if item is not None or searched != self.searching:
                self._show(item, Given())
                return
        elif self._ahead is None and self.source.ready(self.kind, self.order):
            self._ahead = self._fetch([self.item, *(pair[0] for pair in self._returning)])
        self._count_left()

    def _count_left(self) -> None:
        try:
            self.left = self.source.left(self.kind, self.order)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.counted.emit()

    def _on_change(self, table: str, by: object) -> None:
        if by is self._by or table not in ("responses", "prompts", "feedback", "settings"):
            return
        self._ahead = None
        if table in ("responses", "settings") and self.order == "newest":
            self.ahead.forget()  # the newest are others now, and near at hand
        self._idle.start()
        if table == "feedback":
            self._harvest_stale = True
        if self.watch.running:
            self._quiet.start()

    def _on_instant(self) -> None:
        """The heads learned: what was found ahead may not be the most uncertain any more."""
        if self.order in RANKED and self.watch.running:
            self.ahead.want(self._queue.asked(self.kind, self.order))

    def _on_looked(self) -> None:
        if self.order in RANKED:
            self._ahead = None
        if self.watch.running:
            self._idle.start()
        self.looked.emit()

    def _when_quiet(self) -> None:
        self.ahead.want(self._queue.asked(self.kind, self.order))
        self._count_harvest()

    def _count_harvest(self) -> None:
        if not self._harvest_stale or self._counting.busy:
            return
        self._harvest_stale = False
        try:
            if self.harvest.is_small():
                self.harvest.read()
                self.counted.emit()
            else:
                self.harvest.begin()
                self._counting.start(counting)
        except WorkbenchError as error:
            self._context.tell(error)

    def _on_harvested(self, found: Mapping[str, Any]) -> None:
        self.harvest.take(found["counts"], found["ids"])
        if self._harvest_stale:  # somebody else has changed judgements in between
            self._quiet.start()
        self.counted.emit()

    def _reap(self, item: Item, feedback: Feedback, sign: int = 1) -> None:
        self.harvest.add(item, feedback, sign)

    # --- the session's figures

    def _place(self) -> Place:
        return self.kind, self.run_id, self._context.annotator

    @property
    def judged(self) -> int:
        """How many this person judged of this kind, or of this evaluation, since the window opened."""
        return len(self.pace.spent(self._place()))

    @property
    def seconds_spent(self) -> float:
        """How long those took together."""
        return sum(self.pace.spent(self._place()))

    def median_seconds(self) -> float | None:
        """The usual time of one judgement; None before there is one."""
        return self.pace.median(self._place())

    def is_hasty(self) -> bool:
        """Whether the last ones took far less time than usual."""
        return self.pace.is_hasty(self._place())


def _key(item: Item) -> tuple[str, tuple[str, ...]]:
    return item.kind, item.response_ids
