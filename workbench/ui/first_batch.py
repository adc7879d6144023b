"""The first batch of a run, token by token: what the model reads, and what the loss reads of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QTextBlockFormat, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QDialog, QTextEdit, QWidget

from ..events import FirstBatch
from ..jobs.first_batch import look
from .figures import count
from .theme import font, set_region, text_scale, theme, theme_changed
from .widgets import Button, Chip, column, label, row, visible
from .work import Work

SHADES = ("sunken", "line")
"""Backgrounds of neighbouring tokens, in turns, so that their ends show."""


class FirstBatchDialog(QDialog):
    """Every row of a batch; marked is what the loss reads, and tokens of the template have a colour of their own."""

    def __init__(self, batch: FirstBatch, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._batch = batch
        self.setWindowTitle(self.tr("First batch as the model sees it"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        set_region(self, "canvas")
        self.text = QTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(self.windowTitle())
        read, special = Chip(self.tr("the loss reads it"), tone="model"), Chip(self.tr("special token"), tone="person")
        done = Button(self.tr("Done"), kind="primary", key="Esc")
        done.clicked.connect(self.accept)
        head = row(label(self.windowTitle(), "title"), None, read, special)
        note, foot = label(batch.note, "body", "text2", wrap=True), row(label(self._rest(), "small"), None, done)
        body = column(head, note, self.text, foot, spacing=10, margins=(20, 16, 20, 16))
        body.setStretch(2, 1)
        self.setLayout(body)
        self.resize(820, 600)
        self._draw()
        theme_changed.connect(self._draw)

    def _rest(self) -> str:
        tokens = sum(len(each["tokens"]) for each in self._batch.rows)
        words = self.tr("{rows} rows, {tokens} tokens").format(rows=count(len(self._batch.rows)), tokens=count(tokens))
        if not self._batch.left_out:
            return words
        return self.tr("{words}; {more} rows more are not shown").format(words=words, more=count(self._batch.left_out))

    def _draw(self) -> None:
        place = self.text.verticalScrollBar().value()
        self.text.clear()
        cursor = QTextCursor(self.text.document())
        cursor.beginEditBlock()
        for number, each in enumerate(self._batch.rows):
            if number:
                cursor.insertBlock()
            cursor.setBlockFormat(_spaced(14 if number else 0))
            cursor.insertText(str(each["title"]), _format("text2", "smallb"))
            cursor.insertBlock(_spaced(4))
            for at, (text, read, special) in enumerate(each["tokens"]):
                cursor.insertText(visible(_with_ends(text)), _token_format(at, read, special))
        cursor.endEditBlock()
        self.text.moveCursor(QTextCursor.MoveOperation.Start)
        self.text.verticalScrollBar().setValue(place)


class Seeing(QObject):
    """Has a child read the first batch of a run that is not started, and shows it over `over`."""

    ended = Signal(str)
    """What stood in its way; "" when it is shown."""

    def __init__(self, folder: Path, over: QWidget) -> None:
        super().__init__(over)
        self._over = over
        self._work = Work(folder, self)
        self._work.finished.connect(self._on_seen)
        self._work.failed.connect(lambda error: self.ended.emit(f"{error.text} {error.hint}".strip()))

    @property
    def busy(self) -> bool:
        """Whether a child reads one now."""
        return self._work.busy

    def start(self, method: str, options: Mapping[str, Any], **models: str | None) -> None:
        """Read the first batch that a run of these choices would take."""
        self._work.start(lambda store: look(store, method, options, **models))  # type: ignore[arg-type]

    def _on_seen(self, found: Mapping[str, Any]) -> None:
        FirstBatchDialog(found["batch"], self._over).open()
        self.ended.emit("")


def _with_ends(text: str) -> str:
    """A line's end is a token, or a part of one, and must be seen."""
    return text.replace("\n", "\u23ce\n")


def _spaced(above: int) -> QTextBlockFormat:
    spacing = QTextBlockFormat()
    spacing.setTopMargin(above)
    spacing.setLineHeight(round(24 * text_scale()), QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
    return spacing


def _format(token: str, role: str) -> QTextCharFormat:
    result = QTextCharFormat()
    result.setForeground(theme().color(token))
    result.setFont(font(role), QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesSpecifiedOnly)
    return result


def _token_format(at: int, read: bool, special: bool) -> QTextCharFormat:
    result = _format("humanText" if special else "text" if read else "text2", "read")
    # Two shades in turns show where a token ends; what the loss reads is underlined too, never by colour alone.
    shade = theme().color("accentSoft") if read else theme().color(SHADES[at % 2])
    if read and at % 2:
        shade.setAlphaF(shade.alphaF() * 0.55)
    result.setBackground(shade)
    result.setFontUnderline(read)
    return result
