"""What comes next in Feedback, as a person chooses it in the session bar: order, prompt set, how many answers."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject

from ..errors import WorkbenchError
from ..store.queueing import AT_ONCE, answers_at_once
from .context import Context
from .feedback_flow import Flow
from .feedback_frame import SessionBar
from .feedback_guide import GuidePanel
from .feedback_orders import impossible
from .feedback_words import head_words

ALWAYS_AS_MANY = ("comparison", "edit")


class NextUp(QObject):
    """Between the choices of the bar and the queue. untouched: whether nothing is said yet of the item on screen."""

    def __init__(
        self,
        context: Context,
        flow: Flow,
        bar: SessionBar,
        guide: GuidePanel,
        untouched: Callable[[], bool],
        parent: QObject,
    ) -> None:
        super().__init__(parent)
        self._context, self._flow, self._bar, self._guide = context, flow, bar, guide
        self._untouched = untouched
        bar.at_once.show_number(answers_at_once(context.store))
        bar.order.chosen.connect(self._set_order)
        bar.sets.chosen.connect(flow.set_tag)
        bar.at_once.chosen.connect(self._set_at_once)
        flow.looked.connect(self.refresh)
        context.instant.changed.connect(self.refresh)

    def refresh(self) -> None:
        """What may choose what comes next, and how often the instant head is right. Its scores never show here."""
        instant, known, queued = self._context.instant, self._flow.ahead.last, self._flow.run_id is None
        self._bar.order.set_impossible(impossible(self, known, instant))
        if known is not None:
            self._bar.sets.show_sets(known.sets, self._flow.tag)
        self._bar.set_ordered(queued)
        self._bar.at_once.setVisible(self._flow.kind not in ALWAYS_AS_MANY)
        order = self._bar.order.words() if queued else ""
        head = head_words(self, instant, self._flow.order, self._flow.kind)
        self._guide.show_head("\n".join(text for text in (order, head) if text))

    def widen(self) -> None:
        """Go on with all prompts."""
        self._flow.widen()
        self._bar.order.setCurrentIndex(self._bar.order.findData(self._flow.order))
        self.refresh()

    def _set_order(self, order: str) -> None:
        self._flow.set_order(order)
        self.refresh()

    def _set_at_once(self, number: int) -> None:
        """Keep how many answers are judged together, and show so many at once where nothing is said of these yet."""
        try:
            self._context.store.set_setting(AT_ONCE, number)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._flow.fetch_again(self._untouched())
