"""The line that says what the judgements become; a click on a kind goes to its rows."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from .widgets import LinkButton

HEIGHT, GAP = 20, 10
PADDING = 4
"""Pixels of a link before its first letter, which stands where the line begins."""


class Becoming(QWidget):
    """One link for each kind of feedback, as many as there is room for."""

    chosen = Signal(str)
    """The kind whose rows are wanted."""

    def __init__(self, name: str, tip: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tip = tip
        self._links: dict[str, LinkButton] = {}
        self._order: list[str] = []
        self.setAccessibleName(name)
        self.setFixedHeight(HEIGHT)

    def text(self) -> str:
        """All of it, as one line."""
        return "  ·  ".join(self._links[kind].text() for kind in self._order)

    def show_kinds(self, sentences: Sequence[tuple[str, str]]) -> None:
        """(kind, what its judgements become), the most important first."""
        self._order = [kind for kind, _ in sentences]
        for kind, sentence in sentences:
            if kind not in self._links:
                self._links[kind] = self._link(kind)
            self._links[kind].setText(sentence)
            self._links[kind].setAccessibleName(sentence)
        self._place()

    def _link(self, kind: str) -> LinkButton:
        link = LinkButton("", "text3", self)
        link.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # the pane has a key for it; Tab goes from answer to answer
        link.setToolTip(self._tip)
        link.clicked.connect(lambda: self.chosen.emit(kind))
        return link

    def _place(self) -> None:
        for kind, link in self._links.items():
            if kind not in self._order:
                link.hide()
        x = -PADDING
        for place, kind in enumerate(self._order):
            link, width = self._links[kind], self._links[kind].sizeHint().width()
            fits = place == 0 or x + width <= self.width()
            link.setVisible(fits)
            link.setGeometry(x, 0, min(width, self.width()), HEIGHT)
            x = x + width + GAP if fits else self.width() + 1

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()
