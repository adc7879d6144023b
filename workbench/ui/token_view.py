"""Tokens as a person reads them: special ones marked, the template's apart from people's text, and where it ends."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QTextEdit, QWidget

from . import figures
from .theme import font, set_region, set_role, theme, theme_changed
from .widgets import visible

Token = Sequence[Any]
"""(text, id, whether it is special, the number of its message or -1): what jobs.tokens tells."""


class TokenView(QTextEdit):
    """The tokens of one prompt, to read and to copy from. `drawn` when other ones are shown."""

    drawn = Signal()

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setAccessibleName(name)
        self.setTabChangesFocus(True)
        set_region(self, "sunken")
        set_role(self, "small", mono=True)
        self.tokens: list[Token] = []
        self.left_out = 0
        self.with_ids = False
        theme_changed.connect(self._draw)

    def show_tokens(self, found: Mapping[str, Any]) -> None:
        """Show what was told of a prompt."""
        self.tokens, self.left_out = list(found["tokens"]), int(found["left_out"])
        self._draw()

    def show_ids(self, on: bool) -> None:
        """Show each token's id behind it, or not."""
        self.with_ids = on
        self._draw()

    def show_nothing(self, words: str = "") -> None:
        """Show words in the place of tokens."""
        self.tokens, self.left_out = [], 0
        self.setPlainText(words)
        self.drawn.emit()

    def text(self) -> str:
        """The prompt as text, special tokens written out."""
        return "".join(str(token[0]) for token in self.tokens)

    def fit(self, most: int) -> None:
        """Be as high as the text is, and no higher than `most`."""
        self.document().setTextWidth(self.viewport().width())
        frame = self.height() - self.viewport().height()
        self.setFixedHeight(min(most, round(self.document().size().height()) + frame))

    def _draw(self) -> None:
        if not self.tokens:
            return
        place = self.verticalScrollBar().value()
        self.clear()
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        for number, token in enumerate(self.tokens):
            self._write(cursor, number, token)
        if self.left_out:
            more = self.tr(" {count} tokens more are not shown").format(count=figures.count(self.left_out))
            cursor.insertText(more, _look("text3"))
        cursor.insertText("\u2588", _look("accentText"))
        cursor.insertText(self.tr(" the model writes here"), _look("text3", slanted=True))
        cursor.endEditBlock()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        self.verticalScrollBar().setValue(place)
        self.drawn.emit()

    def _write(self, cursor: QTextCursor, number: int, token: Token) -> None:
        text, id_, special, owner = token
        shown = visible(str(text)).replace("\n", "\u21b5\n")
        look = _look("accentText" if special else "text2" if owner < 0 else "text", shaded=special)
        if not special and self.with_ids:  # two shades in turns show where a token ends
            look.setBackground(theme().color(("sunken", "line")[number % 2]))
        look.setToolTip(str(id_))
        if not self.with_ids:
            cursor.insertText(shown, look)
            return
        ends = shown.endswith("\n")
        cursor.insertText(shown.removesuffix("\n"), look)
        small = _look("text3")
        small.setFont(font("micro", mono=True), QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesAll)
        cursor.insertText(f"\u2009{id_}\u2009" + "\n" * ends, small)


def _look(tone: str, shaded: bool = False, slanted: bool = False) -> QTextCharFormat:
    result = QTextCharFormat()
    face = font("small", mono=True)
    face.setItalic(slanted)
    result.setFont(face, QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesAll)
    result.setForeground(theme().color(tone))
    if shaded:
        result.setBackground(theme().color("accentSoft"))
    return result


def legend_of(view: QWidget, found: Mapping[str, Any]) -> str:
    """How many tokens a prompt has, in words."""
    text = view.tr("{count} tokens, {special} special")
    return text.format(count=figures.count(found["count"]), special=figures.count(found["special"]))
