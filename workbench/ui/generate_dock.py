"""The bar at the foot of Generate: writing, going on, and sending to feedback."""

from __future__ import annotations

from PySide6.QtGui import QAction, QResizeEvent
from PySide6.QtWidgets import QCheckBox, QWidget

from . import figures
from .generate_writing import Writer
from .theme import set_region, set_role
from .widgets import Button, Divider, KeyHint, column, holding, label, row

ROOM_FOR_HINTS = 900
"""Width from which the bar says what J and K do."""


class Dock(QWidget):
    """Buttons of the pane's actions. `show_state` says what can be done now."""

    def __init__(
        self, generate: QAction, stop: QAction, again: QAction, send: QAction, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        set_region(self, "panel")
        self._send_action = send
        self._busy = self._narrow = False
        self.generate = Button.of(generate, "primary", "lg")
        self.stop = Button.of(stop, "default", "lg")
        self.again = Button.of(again, "ghost", "lg")
        self.send = Button.of(send, "primary", "lg")
        self.queue_at_once = QCheckBox(self.tr("Queue as they finish"))
        self.queue_at_once.setChecked(True)
        set_role(self.queue_at_once, "small")
        self.note = label("", "small", "text2", tabular=True)
        self._hints = holding(row(KeyHint("J K"), label(self.tr("next, previous"), "small", "text2"), spacing=8))
        line = row(
            self.generate, self.stop, self.again, 4, self._hints, self.note, None, self.queue_at_once, 4, self.send,
            margins=(12, 9, 12, 9),
        )  # fmt: skip
        self.setLayout(column(Divider(), line, spacing=0))
        self.stop.hide()

    def show_state(self, writer: Writer, ticked: int, can_write: bool) -> None:
        """Follow the writer and the number of ticked answers."""
        busy = writer.busy
        self._busy = busy
        self._hints.setVisible(not busy and not self._narrow)
        self.stop.setVisible(busy)
        self.generate.setVisible(not busy)
        self.generate.set_kind("default" if ticked else "primary")
        self.send.set_kind("primary" if ticked else "default")
        self.generate.setEnabled(can_write)
        self.again.setEnabled(can_write and not busy)
        self._send_action.setEnabled(ticked > 0)
        self._send_action.setText(self._send_text(ticked))
        self.note.setText(self._note(writer))

    def _send_text(self, ticked: int) -> str:
        if ticked == 0:
            return self.tr("Send to feedback")
        return self.tr("Send {count} to feedback").format(count=figures.count(ticked))

    def _note(self, writer: Writer) -> str:
        if not writer.busy:
            return ""
        if writer.loading:
            return self.tr("Loading the model")
        if writer.left:
            return self.tr("{count} more to write").format(count=figures.count(writer.left))
        return ""

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._narrow = self.width() < ROOM_FOR_HINTS
        self._hints.setVisible(not self._narrow and not self._busy)
