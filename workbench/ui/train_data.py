"""What a run learns from, as counts: by tag, and what is held back."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication
from PySide6.QtWidgets import QWidget

from ..methods.base import Data
from .figures import count
from .widgets import Bar, Card, StatusDot, column, holding, label, row

COLOURS = ("s1", "s3", "s5", "ref")
MOST = 3


_COUNTED: dict[str, Any] = {
    "prompts": QT_TRANSLATE_NOOP("Examples", "{count} prompts"),
    "pairs": QT_TRANSLATE_NOOP("Examples", "{count} pairs"),
    "labels": QT_TRANSLATE_NOOP("Examples", "{count} ratings"),
    "demonstrations": QT_TRANSLATE_NOOP("Examples", "{count} examples"),
    "documents": QT_TRANSLATE_NOOP("Examples", "{count} pages"),
}


def counted(kind: str, number: int) -> str:
    """So many examples, in words."""
    return QCoreApplication.translate("Examples", _COUNTED[kind]).format(count=count(number))


def by_tag(data: Data, kind: str) -> list[tuple[str, int]]:
    """How many training examples stand under each first tag, the most first; the rest under ""."""
    train = data.split("train")
    tags = {prompt.prompt_id: prompt.tags for prompt in data.prompts}
    ids = [item.prompt_id for item in getattr(train, kind)]
    counts = Counter((tags.get(prompt_id) or ("",))[0] for prompt_id in ids)
    named = [(tag, number) for tag, number in counts.most_common() if tag]
    rest = sum(number for _, number in named[MOST:]) + counts.get("", 0)
    return [*named[:MOST], *([("", rest)] if rest else [])]


class DataCard(Card):
    """The training examples of a run in one bar."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.total = label("", "strong", tabular=True)
        self.bar = Bar(self.tr("Training examples by tag"), height=8)
        self.held = label("", "small", "text2", tabular=True)
        self._legend = row(spacing=6)
        foot = row(self._legend, None, self.held)
        self.setLayout(column(self.total, self.bar, foot, spacing=8, margins=(14, 11, 14, 11)))

    def show_data(self, data: Data, kind: str) -> None:
        """The examples of one kind, a field of Data."""
        self.bar.show()
        train, held = data.split("train"), data.split("held_out")
        self.total.setText(counted(kind, len(getattr(train, kind))))
        kept = len(getattr(held, kind))
        self.held.setText(self.tr("{count} held back to test it").format(count=count(kept)))
        parts = by_tag(data, kind)
        whole = sum(amount for _, amount in parts) or 1
        shown = [(tag, amount, self._colour(place, tag)) for place, (tag, amount) in enumerate(parts)]
        self.bar.set_segments([(amount / whole, colour) for _, amount, colour in shown])
        self._show_legend(shown)

    def show_text(self, words: str) -> None:
        """How much plain text there is, which is cut and split when the run starts."""
        self.bar.hide()
        self.total.setText(words)
        self.held.setText(self.tr("One page in ten is held back to test it"))
        self._show_legend(())

    def _colour(self, place: int, tag: str) -> str:
        return COLOURS[place] if tag else "ref"

    def _show_legend(self, parts: Sequence[tuple[str, int, str]]) -> None:
        while (item := self._legend.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for tag, amount, colour in parts:
            named = self.tr("{count} {tag}").format(count=count(amount), tag=tag or self.tr("other"))
            dot = StatusDot(colour)
            self._legend.addWidget(holding(row(dot, label(named, "small", "text2", tabular=True), 6, spacing=6)))
