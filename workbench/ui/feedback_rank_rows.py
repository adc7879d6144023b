"""Rows of the Rank view: a placed answer, the relation between two, and the slot for the next."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QEvent, QObject, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QApplication, QPushButton, QSizePolicy, QVBoxLayout, QWidget

from . import icons
from .feedback_marks import Mark
from .feedback_mode import LETTERS
from .feedback_text import RunsText
from .theme import font, text_scale, theme
from .widgets import Card, ElidedLabel, LetterBadge, column, label, row
from .widgets.chips import chip_width, paint_chip
from .widgets.painting import KeyboardFocus, box, ring

LINES, LINE = 3, 22
ROOM_FOR_MORE = 22
"""Characters at the end of three lines that give way to "Space to read on"."""


class Handle(QWidget):
    """The dots that say: this can be dragged."""

    def sizeHint(self) -> QSize:
        return QSize(16, 20)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        icons.paint(painter, "grip-vertical", "text2", 0, round(self.height() / 2 - 8), 16)
        painter.end()


class _RowText(RunsText):
    """Says when it has another width: how much of a text fits into three lines follows from that."""

    width_changed = Signal()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        if event.size().width() != event.oldSize().width():
            self.width_changed.emit()


class RankRow(Card):
    """A placed answer: its rank, its letter, three lines of it or all."""

    picked = Signal()
    dropped = Signal(QPoint)

    def __init__(self, place: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        name = self.tr("Answer {letter}").format(letter=LETTERS[place])
        self.setAccessibleName(name)
        self._answer, self._open = "", False
        self._stale = False
        """The answer is not laid out yet: most rows are placed later or never, and the next item should not wait."""
        self._marks: Sequence[Mark] = ()
        self.number = label("", "num", "human", tabular=True)
        self.word = label("", "micro", "text2")
        for part in (self.number, self.word):
            part.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.badge = LetterBadge(LETTERS[place])
        self.author = ElidedLabel("", "small", "accent")
        self.author.hide()
        self.text = _RowText(name, fit=True)
        self.text.width_changed.connect(self._fit_shown)
        self.text.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.NoTextInteraction)
        rank = QVBoxLayout()
        rank.setSpacing(0)
        for part in (None, self.number, self.word, None):
            rank.addStretch(1) if part is None else rank.addWidget(part)
        self.word.setMinimumWidth(36)
        body = column(self.author, self.text, spacing=2)
        inside = row(Handle(), rank, self.badge, 4, body, spacing=8, margins=(12, 9, 14, 9))
        inside.setStretch(4, 1)
        self.setLayout(inside)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.let_drag(self, self.dropped.emit)
        self.let_drag(self.text.viewport(), self.dropped.emit)

    def let_drag(self, widget: QWidget, drop: Callable[[QPoint], object]) -> None:
        """Let a widget be dragged; `drop` gets the global place where it was let go."""
        widget.installEventFilter(_Dragging(self, drop))

    def show_answer(self, text: str) -> None:
        """Another answer, clamped; it is laid out when the row gets a rank."""
        self._answer, self._open, self._marks = text, False, ()
        self._stale = True

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Show what was marked in the answer, as far as it is on screen."""
        if tuple(marks) != tuple(self._marks):
            self._marks = marks
            self._fit_shown()

    def set_author(self, name: str | None) -> None:
        """Show who wrote it; None hides it."""
        self.author.setText(name or "")
        self.author.setVisible(bool(name))

    def show_rank(self, rank: int) -> None:
        """1 is the best."""
        if self._stale:
            self._fit()
        words = {1: self.tr("Best"), 2: self.tr("2nd"), 3: self.tr("3rd")}
        self.number.setText(str(rank))
        self.word.setText(words.get(rank, self.tr("{rank}th").format(rank=rank)))

    def set_active(self, active: bool) -> None:
        """Mark the row that takes the keys."""
        self.active = active
        self.badge.set_look("active" if active else "plain")

    def toggle(self) -> None:
        """Show all of the answer, or three lines again."""
        self._open = not self._open
        self._fit()

    @property
    def is_open(self) -> bool:
        """Whether all of the answer is shown."""
        return self._open

    def _fit_shown(self) -> None:
        if not self._stale:
            self._fit()

    def _fit(self) -> None:
        """Cut to three lines, with a hint that there is more."""
        self._stale = False
        self.text.show_runs([("plain", self._answer)])
        self.text.set_marks(self._marks)
        most = round(LINES * LINE * text_scale()) + 6
        if self._open or self.text.document().size().height() <= most or self.text.width() < 100:
            return
        end = self._end_of_line(LINES)
        kept = self._answer[: max(0, end - ROOM_FOR_MORE)].rsplit(" ", 1)[0].rstrip()
        self.text.show_runs([("plain", kept + "… "), ("link", self.tr("Space to read on"))])
        self.text.set_marks([replace(mark, end=min(mark.end, len(kept))) for mark in self._marks])

    def _end_of_line(self, number: int) -> int:
        """Where in the text a line ends on screen."""
        seen, block = 0, self.text.document().begin()
        while block.isValid():
            layout = block.layout()
            if seen + layout.lineCount() >= number:
                line = layout.lineAt(number - seen - 1)
                return block.position() + line.textStart() + line.textLength()
            seen += layout.lineCount()
            block = block.next()
        return len(self._answer)


class _Dragging(QObject):
    """Turns press, move and release over a row into a pick or a drop."""

    def __init__(self, ranked: RankRow, drop: Callable[[QPoint], object]) -> None:
        super().__init__(ranked)
        self._row, self._drop = ranked, drop
        self._from: QPoint | None = None
        self._far = False

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if not isinstance(event, QMouseEvent):
            return False
        place = event.globalPosition().toPoint()
        if event.type() == QEvent.Type.MouseButtonPress and event.button() == Qt.MouseButton.LeftButton:
            self._from, self._far = place, False
            if self._row.isVisible():
                self._row.picked.emit()
        elif event.type() == QEvent.Type.MouseMove and self._from is not None and not self._far:
            self._far = (place - self._from).manhattanLength() >= QApplication.startDragDistance()
            if self._far:
                QApplication.setOverrideCursor(Qt.CursorShape.ClosedHandCursor)
        elif event.type() == QEvent.Type.MouseButtonRelease and self._from is not None:
            self._from = None
            if self._far:
                QApplication.restoreOverrideCursor()
                self._drop(place)
        return False


class Relation(KeyboardFocus, QPushButton):
    """ "better than" or "same as" between two rows; a click changes it."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tie = False
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setFixedHeight(26)
        self.show_tie(False)

    def show_tie(self, tie: bool) -> None:
        """Say which of the two it is."""
        self._tie = tie
        self.setText(self.tr("same as") if tie else self.tr("better than"))
        self.setAccessibleName(self.text())

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        width = chip_width(self.text(), None)
        middle = self.height() / 2
        rect = QRectF(44, middle - 10, width, 20)
        paint_chip(painter, rect, self.text(), None, "person" if self._tie else "neutral")
        painter.fillRect(
            QRectF(rect.right() + 8, round(middle), self.width() - rect.right() - 8, 1), theme().color("line")
        )
        if self.ring_shown():
            ring(painter, rect, 4)
        painter.end()


class NextSlot(QWidget):
    """Where the next best answer will stand."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rank, self._words = 1, ""
        self.setFixedHeight(48)

    def show_next(self, rank: int, letters: Sequence[str]) -> None:
        """Say which letters can be pressed."""
        self._rank = rank
        if len(letters) > 4:
            self._words = self.tr("Best: press the key on an answer, or drag it here")
            if rank > 1:
                self._words = self.tr("Next best: press the key on an answer, or drag it here")
        elif len(letters) > 1:
            first, last = ", ".join(letters[:-1]), letters[-1]
            text = self.tr("Best: press {first} or {last}, or drag an answer here")
            if rank > 1:
                text = self.tr("Next best: press {first} or {last}, or drag an answer here")
            self._words = text.format(first=first, last=last)
        else:
            self._words = self.tr("The last one: press {letter}").format(letter="".join(letters))
        self.setAccessibleName(self._words)
        self.update()

    def words(self) -> str:
        """What it says."""
        return self._words

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        box(painter, QRectF(self.rect()), 8, theme().color("panel"))
        pen = QPen(theme().color("line2"), 1, Qt.PenStyle.DashLine)
        painter.setPen(pen)
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), 8, 8)
        painter.setPen(theme().color("text3"))
        painter.setFont(font("num"))
        painter.drawText(QRectF(36, 0, 36, self.height()), Qt.AlignmentFlag.AlignCenter, str(self._rank))
        painter.setFont(font("body"))
        painter.setPen(theme().color("text2"))
        area = QRectF(80, 0, self.width() - 92, self.height())
        painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, self._words)
        painter.end()
