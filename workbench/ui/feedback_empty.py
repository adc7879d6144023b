"""What Feedback says while nothing waits, and where to go then."""

from __future__ import annotations

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from .context import Context
from .feedback_flow import Flow
from .feedback_words import empty_words
from .widgets import EmptyState


class EmptyPage(EmptyState):
    """One sentence, one thing to do, one link: they follow from where the person is in which queue."""

    widening = Signal()
    """All prompts are wanted again."""
    leaving = Signal()
    """The votes of an evaluation are done."""

    def __init__(self, context: Context, flow: Flow, parent: QWidget | None = None) -> None:
        self._context, self._flow = context, flow
        super().__init__("", "…", self._act, "…", self._go, parent)

    def show_why(self) -> None:
        """Say why nothing is here, and what can be done."""
        sentence, action, link = empty_words(self, self._flow)
        self.set_sentence(sentence)
        self.action.set_text(action)
        self.action.setVisible(bool(action))
        self.link.setText(link)
        self.link.setVisible(bool(link))
        self.link.updateGeometry()
        if self.isVisible():
            self.action.setFocus(Qt.FocusReason.OtherFocusReason)

    def _act(self) -> None:
        if self._flow.narrowed:
            self.widening.emit()
        elif self._flow.run_id is not None:
            self.leaving.emit()
        else:
            self._context.show_pane("train" if self._flow.judged else "generate")

    def _go(self) -> None:
        if self._flow.judged:
            self._context.show_pane("generate")
        else:
            self._context.show_pane("data", "import")
