"""How many answers to a prompt are judged together: the project's choice."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ..store.queueing import MOST_ANSWERS
from .feedback_orders import Choice
from .figures import count


class AtOnceBox(Choice):
    """One to nine answers at once."""

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Answers at once"), parent)
        self.setToolTip(self.tr("How many answers to a prompt you judge together, if there are so many."))
        for number in range(1, MOST_ANSWERS + 1):
            text = self.tr("1 answer") if number == 1 else self.tr("{n} answers").format(n=count(number))
            self.addItem(text, number)
        self.activated.connect(lambda _: self.chosen.emit(self.currentData()))

    def show_number(self, number: int) -> None:
        """Show a choice without sending `chosen`."""
        self.setCurrentIndex(self.findData(number))
