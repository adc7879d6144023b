"""A row of small buttons, of which a person chooses one: thumbs, best or worst, a score of a criterion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from .theme import theme
from .widgets import Button, Option, row
from .widgets.buttons import Look, state_of
from .widgets.painting import draw_kept

HEIGHT, LEAST = 28, 30


class ChoiceRow(QWidget):
    """The chosen one is amber. `rated(value)` is sent when a person chooses.

    name: what is judged, for screen readers. The buttons take no focus: keys of the view choose.
    """

    rated = Signal(object)

    def __init__(self, name: str, sayable: Sequence[Option], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.buttons: dict[Any, _Choice] = {}
        self._value: Any = None
        line = row(spacing=4)
        for each in sayable:
            button = _Choice(each)
            button.setAccessibleName(f"{name}: {each.text}")
            button.clicked.connect(lambda _=False, value=each.value: self.rate(value))
            self.buttons[each.value] = button
            line.addWidget(button)
        self.setLayout(line)

    def value(self) -> Any:
        """What is chosen, or None."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Show a choice without sending `rated`."""
        self._value = value
        for each, button in self.buttons.items():
            button.setChecked(each == value)

    def rate(self, value: Any) -> None:
        """Choose as a person would, sending `rated`."""
        self.set_value(value)
        self.rated.emit(value)

    def set_active(self, active: bool) -> None:
        """Bright where the keys go, dimmed elsewhere."""
        for button in self.buttons.values():
            if button.dimmed == active:
                button.dimmed = not active
                button.update()


class _Choice(Button):
    def __init__(self, said: Option) -> None:
        super().__init__(said.text, said.icon, said.keys, "person", "sm")
        self.dimmed = False
        self.setCheckable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    def sizeHint(self) -> QSize:
        hint = super().sizeHint()
        return QSize(max(hint.width(), LEAST), max(hint.height(), HEIGHT))

    def paintEvent(self, event: QPaintEvent) -> None:
        state = (self.text(), self._icon_name, self.shown_keys(), self.dimmed, self.ring_shown(), *state_of(self))
        draw_kept(self, state, self.draw)

    def _paint_parts(self, painter: QPainter, look: Look) -> None:
        quiet = self.dimmed and not self.isChecked()
        super()._paint_parts(painter, replace(look, text=theme().color("text2")) if quiet else look)
