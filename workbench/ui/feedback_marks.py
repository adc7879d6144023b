"""Marked passages on screen: where they stand in a document, how they look, and selecting one by keys."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPointF, QRectF, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
)
from PySide6.QtWidgets import QToolTip, QWidget

from ..feedback import mark as marking
from .data_words import MARKS, mark_name
from .theme import font, theme
from .widgets import ReadingText, visible
from .widgets.painting import box
from .widgets.text import MOST_UNBROKEN

LETTER = {choice.value: choice.key for choice in marking.choices}
LABEL = {getattr(Qt.Key, f"Key_{choice.key}"): choice.value for choice in marking.choices}
_REMOVE = (Qt.Key.Key_Delete, Qt.Key.Key_Backspace)
_MOVES = (
    Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
    Qt.Key.Key_Home, Qt.Key.Key_End, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown,
)  # fmt: skip
_LINES = {
    "good": QTextCharFormat.UnderlineStyle.SingleUnderline,
    "bad": QTextCharFormat.UnderlineStyle.DotLine,
    "wrong": QTextCharFormat.UnderlineStyle.WaveUnderline,
}
BADGE, BADGE_HEIGHT = 15, 14
"""Room for the letter after a passage: it belongs to the last character, so that no character is put in."""
_MOUSE = Qt.TextInteractionFlag.TextSelectableByMouse
_KEYS = Qt.TextInteractionFlag.TextSelectableByKeyboard


@dataclass(frozen=True)
class Mark:
    """Characters [start, end) of an answer, as Python counts them, and what was said of them. id: its judgement."""

    id: str
    start: int
    end: int
    label: str
    quote: str = ""


class Places:
    """Where each character of a text stands in the document of a ReadingText.

    Qt counts in UTF-16 units, hidden characters are spelled out and very long words are broken, so that a character
    there is rarely the same number as here.
    """

    def __init__(self, text: str) -> None:
        self._text = text
        self._starts: list[int] = []
        self._ends: list[int] = []
        here = run = 0
        for piece in _pieces(text):
            self._starts.append(here)
            broken = 0
            for char in piece:
                here += broken + (2 if ord(char) > 0xFFFF else 1)
                run = 0 if char.isspace() else run + 1
                broken = int(run == MOST_UNBROKEN)
                run = 0 if broken else run
            self._ends.append(here)
            here += broken

    def shown(self, start: int, end: int) -> tuple[int, int]:
        """Units of the document for characters [start, end); what is beyond the text is cut off."""
        end = min(end, len(self._text))
        if not 0 <= start < end:
            return 0, 0
        return self._starts[start], self._ends[end - 1]

    def source(self, start: int, end: int) -> tuple[int, int] | None:
        """Whole characters under some units, without space at either end; None when only space is left."""
        first, last = bisect_right(self._ends, start), bisect_left(self._starts, end)
        while first < last and self._text[first].isspace():
            first += 1
        while first < last and self._text[last - 1].isspace():
            last -= 1
        return (first, last) if first < last else None


def _pieces(text: str) -> Iterator[str]:
    """What is shown for each character; nothing for a carriage return whose line feed is shown."""
    for place, char in enumerate(text):
        if char.isprintable():  # nearly all of them
            yield char
        else:
            yield "" if char == "\r" and text[place + 1 : place + 2] == "\n" else visible(char)


def mark_format(label: str) -> QTextCharFormat:
    """A tint and a line under the passage; the kind of line says the same as the colour."""
    tone, _ = MARKS[label]
    result = QTextCharFormat()
    result.setBackground(theme().color(f"{tone}Soft"))
    result.setUnderlineStyle(_LINES[label])
    result.setUnderlineColor(theme().color(tone))
    return result


class MarkedText(ReadingText):
    """Reading text that shows marked passages and lets a person select one, by mouse or with a caret."""

    moved = Signal()
    """What is selected changed, or whether the keys select."""
    said = Signal(str)
    """A label for the selected passage, or "" to take its marks away."""
    left = Signal()
    """Escape, after the keys had selected."""

    def __init__(
        self, name: str, size: str = "read", fit: bool = False, max_height: int = 16_000, parent: QWidget | None = None
    ) -> None:
        self.marks: tuple[Mark, ...] = ()
        self.selecting = self.by_mouse = False
        self._places: Places | None = None
        self._badges: list[tuple[int, str]] = []
        super().__init__(name, size, fit, max_height, parent)
        self.setUndoRedoEnabled(False)
        self.setTextInteractionFlags(_MOUSE)
        self.selectionChanged.connect(self._on_move)
        self.cursorPositionChanged.connect(self._on_move)

    def set_text(self, text: str) -> None:
        self._forget()
        super().set_text(text)

    def _forget(self) -> None:
        """Another text comes: nothing of it is marked or selected yet."""
        self.leave()
        self.marks, self._places, self._badges = (), None, []
        self.setAccessibleDescription("")

    @property
    def places(self) -> Places:
        """Made only for texts that have a mark or a selection: it takes a while for a long one."""
        if self._places is None:
            self._places = Places(self._source)
        return self._places

    # --- marks

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Show exactly these marks, the later above the earlier."""
        if tuple(marks) != self.marks:
            self.marks = tuple(marks)
            self.setAccessibleDescription(". ".join(f"{mark_name(mark.label)}: {mark.quote}" for mark in marks))
            self._draw_marks()

    def _draw_marks(self) -> None:
        self._draw_bare()
        self._badges = []
        cursor = QTextCursor(self.document())
        cursor.beginEditBlock()
        letters: dict[int, str] = {}
        for mark in self.marks:
            start, end = self.places.shown(mark.start, mark.end)
            if start < end:
                cursor.setPosition(start)
                cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
                cursor.mergeCharFormat(mark_format(mark.label))
                letters[end] = letters.get(end, "") + LETTER[mark.label]
        for end, said in letters.items():
            cursor.setPosition(end)
            cursor.movePosition(QTextCursor.MoveOperation.PreviousCharacter, QTextCursor.MoveMode.KeepAnchor)
            room = QTextCharFormat()
            room.setFontLetterSpacingType(QFont.SpacingType.AbsoluteSpacing)
            room.setFontLetterSpacing(BADGE * len(said))
            cursor.mergeCharFormat(room)
        cursor.endEditBlock()
        self._badges = list(letters.items())
        self._fit_height()

    def _draw_bare(self) -> None:
        """The text without any mark."""
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.setCharFormat(QTextCharFormat())

    def _restyle(self) -> None:
        super()._restyle()
        if self.marks:
            self._draw_marks()  # colours are part of the text

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self._badges:
            return
        painter = QPainter(self.viewport())
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font("micro"))
        for end, letters in self._badges:
            right, middle = _end_of(self.document(), end)
            at = QPointF(right - BADGE * len(letters), middle - self.verticalScrollBar().value())
            for place, letter in enumerate(letters):
                tone, _ = MARKS[next(label for label, key in LETTER.items() if key == letter)]
                rect = QRectF(at.x() + place * BADGE + 1, at.y() - BADGE_HEIGHT / 2, BADGE - 2, BADGE_HEIGHT)
                box(painter, rect, 4, theme().color(tone))
                painter.setPen(theme().color("surface"))
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, letter)
        painter.end()

    # --- selecting

    def passage(self) -> tuple[int, int] | None:
        """The characters that are selected, without space at either end."""
        cursor = self.textCursor()
        if not cursor.hasSelection():
            return None
        return self.places.source(cursor.selectionStart(), cursor.selectionEnd())

    def touched(self) -> list[Mark]:
        """The marks that the selection or the caret touches, in their order."""
        cursor = self.textCursor()
        first, last = cursor.selectionStart(), cursor.selectionEnd()
        spans = [(mark, *self.places.shown(mark.start, mark.end)) for mark in self.marks]
        return [mark for mark, start, end in spans if (start < last and first < end) or start <= first == last <= end]

    def select(self, start: int, end: int) -> None:
        """Select the characters [start, end)."""
        first, last = self.places.shown(start, end)
        cursor = self.textCursor()
        cursor.setPosition(first)
        cursor.setPosition(last, QTextCursor.MoveMode.KeepAnchor)
        self.setTextCursor(cursor)

    def select_by_keys(self) -> None:
        """Show a caret, which the arrows move from the first line that is on screen; Shift selects."""
        if not self.selecting:
            self.setTextInteractionFlags(_MOUSE | _KEYS)
            self.selecting = True
            if not self.textCursor().hasSelection():
                self.setTextCursor(self.cursorForPosition(self.viewport().rect().topLeft()))
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        self.moved.emit()

    def leave(self) -> None:
        """Select nothing, and give the keys back."""
        if self.selecting:
            self.selecting = self.by_mouse = False
            cursor = self.textCursor()
            cursor.clearSelection()
            self.setTextCursor(cursor)
            self.setTextInteractionFlags(_MOUSE)
            self.moved.emit()

    def _on_move(self) -> None:
        if self.selecting:
            self.moved.emit()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        super().mouseReleaseEvent(event)
        if event.button() != Qt.MouseButton.LeftButton or not self.textInteractionFlags() & _MOUSE:
            return
        if not self.textCursor().hasSelection() and (under := self.touched()):
            self.select(under[-1].start, under[-1].end)  # a click on a marked passage selects it again
        if self.passage() is None:
            self.leave()
            return
        self.by_mouse = True
        self.select_by_keys()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and self._takes(event):
            event.accept()  # while a passage is being selected these keys are no shortcuts
            return True
        return super().event(event)

    def _takes(self, event: QKeyEvent) -> bool:
        held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
        if not self.selecting:
            return False
        if event.key() in _MOVES:
            return not held & (Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier)
        return not held and event.key() in (*LABEL, *_REMOVE, Qt.Key.Key_Escape)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        key = Qt.Key(event.key())
        if not self._takes(event) or key in _MOVES:
            super().keyPressEvent(event)
        elif key == Qt.Key.Key_Escape:
            self.leave()
            self.left.emit()
        else:
            self.said.emit(LABEL.get(key, ""))

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        if event.reason() not in (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason):
            self.leave()

    def viewportEvent(self, event: QEvent) -> bool:
        if isinstance(event, QHelpEvent) and self.marks:
            at = self.cursorForPosition(event.pos()).position()
            spans = [(mark, *self.places.shown(mark.start, mark.end)) for mark in self.marks]
            told = [mark_name(mark.label) for mark, start, end in spans if start <= at <= end]
            QToolTip.showText(event.globalPos(), ", ".join(dict.fromkeys(told)), self)
            return True
        return super().viewportEvent(event)


def _end_of(document: QTextDocument, end: int) -> tuple[float, float]:
    """Where the character before a place ends: x, and the middle of its small letters, in the document's pixels."""
    block = document.findBlock(end - 1)
    line = block.layout().lineForTextPosition(end - 1 - block.position())
    right = line.cursorToX(end - block.position())[0]  # type: ignore[index]  # the stubs say float
    return right, document.documentLayout().blockBoundingRect(block).top() + line.y() + line.ascent() - 4
