"""The methods of a new run as cards: what each does, and what the data has or lacks for it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QCoreApplication, Signal
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from ..methods import METHODS
from .theme import set_tone, theme_changed
from .widgets import ChoiceCard, column, label, row

ICONS = {
    "reward": "trophy", "ppo": "activity", "grpo": "users", "rloo": "shuffle", "reinforce": "zap", "sft": "pencil",
    "dpo": "git-compare-arrows", "kto": "thumbs-up",
    "orpo": "target", "cpo": "git-compare", "pretrain": "book-open", "classify": "tag",
}  # fmt: skip


class MethodCard(ChoiceCard):
    """A method: what it does, and what the data has or lacks for it."""

    def __init__(self, method: Any, parent: QWidget | None = None) -> None:
        super().__init__(_said(method.title), parent=parent)
        self.method = method
        self.picture, self.mark = label(), label()
        self._ready = True
        self.status = label("", "small", wrap=True)
        self.status.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        text = label(_said(method.text), "small", "text2", wrap=True)
        head = row(self.picture, label(_said(method.title), "strong"), None)
        self.setLayout(column(head, text, None, row(self.mark, self.status), spacing=6, margins=(14, 11, 12, 11)))
        self.let_clicks_through()
        theme_changed.connect(self._draw)

    def _draw(self) -> None:
        """The pictures, in the colours of the theme."""
        from . import icons

        self.picture.setPixmap(icons.pixmap(ICONS.get(self.method.name, "activity"), "text", 16))
        name, tone = ("check", "good") if self._ready else ("circle-alert", "warn")
        self.mark.setPixmap(icons.pixmap(name, tone, 16))

    def set_status(self, words: str, ready: bool) -> None:
        """What the data has ("1 126 pairs ready") or lacks."""
        self._ready = ready
        self._draw()
        self.status.setText(words)
        set_tone(self.status, "text2" if ready else "warn")
        self.setAccessibleDescription(words)


def _said(text: str) -> str:
    return QCoreApplication.translate("Method", text)


class MethodCards(QWidget):
    """A card for each method, those that the data can feed first. `chosen(name)` when one is pressed."""

    chosen = Signal(str)
    COLUMNS = 3

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = {name: MethodCard(method) for name, method in METHODS.items()}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(10)
        for place in range(self.COLUMNS):
            self._grid.setColumnStretch(place, 1)
        for name, card in self.cards.items():
            card.clicked.connect(lambda _=False, chosen=name: self.chosen.emit(chosen))

    def show_lacks(self, lacks: Mapping[str, str], has: Mapping[str, str]) -> None:
        """Say on each card what its method lacks, or what there is for it, and order them."""
        for place, name in enumerate(sorted(self.cards, key=lambda each: bool(lacks[each]))):
            card = self.cards[name]
            self._grid.addWidget(card, place // self.COLUMNS, place % self.COLUMNS)
            card.set_status(lacks[name] or has[name], not lacks[name])
