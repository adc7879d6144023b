"""Text made of stretches that look different: prompts with a system text, and what an edit changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtGui import QFont, QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QWidget

from .feedback_marks import MarkedText
from .theme import font, text_scale, theme
from .widgets import soft_broken, visible

Run = tuple[str, str]
"""(style, text): a style is a key of STYLES."""


def _colored(token: str, role: str = "") -> QTextCharFormat:
    result = QTextCharFormat()
    result.setForeground(theme().color(token))
    if role:
        result.setFont(font(role), QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesSpecifiedOnly)
    return result


def _added() -> QTextCharFormat:
    result = _colored("good")
    result.setBackground(theme().color("goodSoft"))
    return result


def _removed() -> QTextCharFormat:
    result = _colored("bad")
    result.setBackground(theme().color("badSoft"))
    result.setFontStrikeOut(True)  # never by colour alone
    return result


def _link() -> QTextCharFormat:
    return _colored("accentText")


def _bold() -> QTextCharFormat:
    result = QTextCharFormat()
    result.setFontWeight(QFont.Weight.DemiBold)
    return result


STYLES: dict[str, Callable[[], QTextCharFormat]] = {
    "plain": QTextCharFormat,
    "strong": _bold,
    "system": lambda: _colored("text2", "small"),
    "role": lambda: _colored("text3", "small"),
    "added": _added,
    "removed": _removed,
    "link": _link,
}


SMALL, SMALL_LINE = ("system", "role"), 18
"""Styles that stand in lines of their own, which are lower."""


class RunsText(MarkedText):
    """Reading text in several styles. Every stretch is plain text, whatever it holds."""

    def __init__(
        self, name: str, size: str = "read", fit: bool = False, max_height: int = 16_000, parent: QWidget | None = None
    ) -> None:
        self._runs: list[Run] = []
        self._line_height = 24 if size == "large" else 22
        super().__init__(name, size, fit, max_height, parent)

    def show_runs(self, runs: Sequence[Run]) -> None:
        """Show stretches one after the other, from the beginning."""
        self._forget()
        self._runs = list(runs)
        self._source = "".join(text for _, text in self._runs)
        self._draw()

    def set_most(self, height: int) -> None:
        """Change the greatest height of a text that fits itself."""
        self._max = height
        self._fit_height()

    def _draw(self) -> None:
        bar = self.verticalScrollBar()
        place = bar.value()
        self.clear()
        spacing, least = QTextBlockFormat(), QTextBlockFormat.LineHeightTypes.MinimumHeight.value
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for style, text in self._runs:
            if style in SMALL:
                spacing.setLineHeight(round(SMALL_LINE * text_scale()), least)
                cursor.setBlockFormat(spacing)
            elif cursor.atBlockStart():
                spacing.setLineHeight(round(self._line_height * text_scale()), least)
                cursor.setBlockFormat(spacing)
            cursor.insertText(soft_broken(visible(text)), STYLES[style]())
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)  # or Qt scrolls to the end, where text was put in
        bar.setValue(place)
        self._fit_height()

    def _draw_bare(self) -> None:
        self._draw()

    def _restyle(self) -> None:
        super()._restyle()
        if self._runs and not self.marks:  # with marks it was drawn again already
            self._draw()  # colours are part of the text
