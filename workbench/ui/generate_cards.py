"""One answer as a card: streaming, whole, or stopped."""

from __future__ import annotations

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent, QPen, QTextCursor
from PySide6.QtWidgets import QCheckBox, QFrame, QWidget

from ..events import BROKE_OFF
from ..store import Response
from . import figures
from .theme import set_role, theme
from .widgets import Button, Card, Chip, ElidedLabel, ReadingText, StatusDot, column, holding, label, row


class StreamedText(ReadingText):
    """Text with a block at its end while it is being written."""

    writing = False

    def set_writing(self, writing: bool) -> None:
        """Show or hide the block."""
        self.writing = writing
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if not self.writing:
            return
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        place = self.cursorRect(cursor)
        painter = QPainter(self.viewport())
        painter.fillRect(QRect(place.x() + 1, place.y() + 2, 7, 16), theme().color("accentText"))
        painter.end()


class AnswerCard(Card):
    """An answer. `tick_changed(response id, on)` when a person ticks or unticks Send, `again_wanted` when another one
    is to be written, `go_on_wanted(response id)` when a conversation is to go on from it."""

    tick_changed = Signal(str, bool)
    again_wanted = Signal()
    go_on_wanted = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.response: Response | None = None
        self._pieces = ""
        self.meta = ElidedLabel("", "small", "text2")
        self.state, self.reward = Chip(""), Chip("", "scale")
        self.text = StreamedText(name, fit=True)
        self.send = QCheckBox(self.tr("Send"))
        self.send.setAccessibleName(self.tr("Send {answer} to feedback").format(answer=name))
        set_role(self.send, "small")
        self.send.clicked.connect(self._on_tick)
        self.copier = Button(icon="copy", kind="ghost", size="sm", tip=self.tr("Copy this answer"))
        self.copier.clicked.connect(self.copy)
        head = row(self.meta, self.state, self.reward, spacing=6)
        head.setStretch(0, 1)
        self.again = Button(icon="refresh-cw", kind="ghost", size="sm", tip=self.tr("Write another one like this"))
        self.again.clicked.connect(self.again_wanted)
        self.go_on = Button(self.tr("Go on"), "corner-down-left", kind="ghost", size="sm")
        self.go_on.setToolTip(self.tr("Have the conversation go on from this answer"))
        self.go_on.setCheckable(True)
        self.go_on.clicked.connect(self._on_go_on)
        self.go_on.hide()
        self.foot = holding(row(self.send, 4, self.copier, self.again, self.go_on, None, spacing=4))
        self.setLayout(column(head, self.text, self.foot, spacing=6, margins=(14, 10, 12, 9)))
        self.reward.hide()
        self.state.hide()
        self.foot.hide()

    # -- while it is written

    def begin(self, text: str = "") -> None:
        """Show that it is being written, with the text so far."""
        self.text.set_text(text)
        self.text.set_writing(True)
        self.state.set_chip(self.tr("Writing"), None, "model")
        self.state.show()

    def add(self, piece: str) -> None:
        """Take a piece of text; flush() shows it."""
        self._pieces += piece

    def flush(self) -> None:
        """Show the pieces that have come since."""
        if self._pieces:
            self.text.append_text(self._pieces)
            self._pieces = ""

    def cut(self, text: str) -> None:
        """Show that it was given up; `text` says why."""
        self.flush()
        self.text.set_writing(False)
        self.state.set_chip(text, None, "neutral")
        self.state.show()

    # -- when it is whole

    def show_response(self, response: Response, ticked: bool, maker: str = "", cost: float | None = None) -> None:
        """Show a whole answer. `maker` is named where it is not clear from the column; cost: at its server's prices."""
        self.response, self._pieces = response, ""
        self.text.set_writing(False)
        if self.text.plain() != response.text:
            self.text.set_text(response.text)
        self.meta.setText(self._meta(response, maker, cost))
        self.state.hide()
        score = response.scores.get("reward")
        self.reward.setVisible(isinstance(score, int | float))
        if isinstance(score, int | float):
            self.reward.set_chip(figures.figure(score), "scale")
            self.reward.setToolTip(self.tr("Reward of this answer"))
        self.send.setChecked(ticked)
        self.foot.show()

    def _meta(self, response: Response, maker: str, cost: float | None) -> str:
        parts = [maker] if maker else []
        if response.response_tokens:
            parts.append(self.tr("{count} tokens").format(count=figures.count(response.response_tokens)))
        if response.seconds:
            parts.append(self.tr("{seconds} s").format(seconds=figures.figure(response.seconds, 2)))
        if cost is not None and response.response_tokens:
            parts.append(self.tr("cost {cost}").format(cost=figures.figure(cost, 2)))
        if response.finish_reason == "length":
            parts.append(self.tr("cut off"))
        if response.finish_reason == BROKE_OFF:
            parts.append(self.tr("broke off"))
        return ", ".join(parts) or self.tr("imported")

    def ticked(self) -> bool:
        """Whether it is to be sent."""
        return self.response is not None and self.send.isChecked()

    def _on_tick(self, on: bool) -> None:
        if self.response is not None:
            self.tick_changed.emit(self.response.id, on)

    def offer_going_on(self, offered: bool, chosen: bool) -> None:
        """In a conversation: show whether it goes on from this answer, and let a person choose it."""
        self.go_on.setVisible(offered)
        self.go_on.setChecked(chosen)

    def _on_go_on(self) -> None:
        self.go_on.setChecked(True)  # one of the answers always is: a click on the chosen one changes nothing
        if self.response is not None:
            self.go_on_wanted.emit(self.response.id)

    def copy(self) -> None:
        """Put the text on the clipboard, exactly as it was written."""
        QGuiApplication.clipboard().setText(self.text.plain())


class Placeholder(QFrame):
    """A dashed outline where answers will be."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.words = label("", "small", "text2")
        self.setLayout(row(StatusDot("text3", True), self.words, None, margins=(14, 12, 12, 12)))

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QPen(theme().color("line2"), 1, Qt.PenStyle.DashLine))
        painter.drawRoundedRect(self.rect().adjusted(1, 1, -1, -1), 8, 8)
        painter.end()
