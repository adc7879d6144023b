"""The methods of a new run as cards: what each does, and what the data has or lacks for it."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QSizePolicy, QWidget

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
