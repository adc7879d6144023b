"""Buttons: Button, Segmented, RatingRow, ToggleChip, Switch.

All are painted over standard Qt buttons, so the keyboard and screen readers treat them as what they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QEvent, QPoint, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QAction, QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QPushButton, QSizePolicy, QWidget

from .. import icons, keys
from ..theme import font, theme, tokens
from .painting import KeyboardFocus, ShowsKeys, box, draw_kept, keys_width, paint_keys, ring, text_width

TEXT_ROLE = {"sm": "smallb", "md": "strong", "lg": "strong"}
SIDE_PADDING = {"sm": 8, "md": 10, "lg": 10}
ICON_GAP = 8
LEFT = Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft


@dataclass(frozen=True)
class Look:
    """Colours of a button in its present state."""

    fill: QColor | None
    border: QColor | None
    text: QColor
    icon: str
    keys: str = "plain"


def button_look(kind: str, checked: bool, hovered: bool, down: bool, enabled: bool) -> Look:
    """How a button of a kind looks in a state."""
    on = theme()
    if not enabled:
        border = None if kind in ("ghost", "quiet") else on.color("line2")
        return Look(None, border, on.color("text3"), "text3")
    if kind == "person" and checked:
        border = None if on.dark else on.color("humanText")
        return Look(on.color("human"), border, on.color("onHuman"), "onHuman", "human")
    if checked:
        return Look(on.color("accentSoft"), on.color("accentText"), on.color("text"), "accentText")
    if kind == "primary":
        fill = on.color("accentHover" if hovered or down else "accent")
        return Look(fill, None, on.color("onAccent"), "onAccent", "accent")
    if kind in ("ghost", "quiet"):
        fill = on.color("sunken" if down else "hover") if hovered or down else None
        return Look(fill, None, on.color("text" if kind == "ghost" else "text2"), "text2")
    rest = "surface" if kind == "person" else "raised"
    fill = on.color("sunken" if down else "hover" if hovered else rest)
    if kind == "danger":
        return Look(fill, on.color("bad"), on.color("bad"), "bad")
    return Look(fill, on.color("line2"), on.color("text"), "text2")


def state_of(button: QPushButton) -> tuple[bool, bool, bool, bool]:
    """What `button_look` asks of a button."""
    return button.isChecked(), button.underMouse(), button.isDown(), button.isEnabled()


class Button(KeyboardFocus, ShowsKeys, QPushButton):
    """A push button that shows an icon and its keys inside.

    kind: default primary ghost quiet danger person (amber when checked); size: sm md lg (24, 30, 36 high).
    `keys` is only shown; the shortcut itself is a QAction of the pane. It is the usual key: another one that a person
    has chosen is shown in its place. An icon-only button must be given `tip`, which also becomes its accessible name.
    """

    def __init__(
        self,
        text: str = "",
        icon: str | None = None,
        key: str | None = None,
        kind: str = "default",
        size: str = "md",
        tip: str = "",
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._icon_name, self._keys, self._kind, self._size = icon, key or "", kind, size
        self._keys_first = False
        self._action: QAction | None = None
        self._tip = (tip, key) if tip and key else None
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self.setAutoDefault(False)
        if tip:
            self.setToolTip(f"{tip} ({key})" if key else tip)
            self.setAccessibleName(tip)
        elif text:
            self.setAccessibleName(text)

    @classmethod
    def of(cls, action: QAction, kind: str = "default", size: str = "md", icon: str | None = None) -> Button:
        """A button that triggers an action, is enabled with it, and shows its text and keys."""
        result = cls(action.text(), icon or action.property("icon_name"), action.property("key"), kind, size)
        result.setEnabled(action.isEnabled())
        result.setToolTip(action.toolTip() if action.toolTip() != action.text() else "")
        result.setCheckable(action.isCheckable())
        result.setChecked(action.isChecked())
        result.clicked.connect(action.trigger)
        result._action = action
        action.changed.connect(result._follow)
        return result

    def _follow(self) -> None:
        action = self._action
        if action is None:
            return
        self.setEnabled(action.isEnabled())
        self.setChecked(action.isChecked())
        self.set_text(action.text())

    def set_text(self, text: str) -> None:
        """Change the text and the accessible name with it."""
        if text != self.text():
            self.setText(text)
            self.setAccessibleName(text)
            self.updateGeometry()

    def set_icon(self, name: str | None) -> None:
        """Change the icon."""
        self._icon_name = name
        self.updateGeometry()
        self.update()

    def set_kind(self, kind: str) -> None:
        """Change the kind."""
        self._kind = kind
        self.update()

    def set_keys(self, keys: str, first: bool = False) -> None:
        """Change the keys shown; `first` puts them before the text, as on the five steps of Compare."""
        if (keys, first) != (self._keys, self._keys_first):
            self._keys, self._keys_first = keys, first
            self.updateGeometry()
            self.update()

    def shown_keys(self) -> str:
        """The keys that are shown now."""
        if self._action is not None:
            return keys.keys_of(self._action) if self._keys else ""
        return keys.hint(self, self._keys)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ToolTip and self._tip is not None:
            tip, key = self._tip
            self.setToolTip(f"{tip} ({keys.hint(self, key)})")
        return super().event(event)

    # -- geometry

    def _parts(self) -> list[tuple[str, float]]:
        parts: list[tuple[str, float]] = []
        if self._icon_name:
            parts.append(("icon", 16.0))
        if self.text():
            parts.append(("text", text_width(TEXT_ROLE[self._size], self.text())))
        if shown := self.shown_keys():
            parts.insert(0 if self._keys_first else len(parts), ("keys", keys_width(shown)))
        return parts

    def sizeHint(self) -> QSize:
        parts = self._parts()
        height = max(tokens()["control"][self._size], round(font(TEXT_ROLE[self._size]).pixelSize() * 1.6))
        if [name for name, _ in parts] == ["icon"]:
            return QSize(height, height)
        width = sum(part for _, part in parts) + ICON_GAP * (len(parts) - 1) + 2 * SIDE_PADDING[self._size]
        return QSize(round(width) + 1, height)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        self.draw(painter)
        painter.end()

    def draw(self, painter: QPainter) -> None:
        """Draw the whole button."""
        look = button_look(self._kind, *state_of(self))
        rect = QRectF(self.rect())
        box(painter, rect, tokens()["radius"]["control"], look.fill, look.border)
        self._paint_parts(painter, look)
        if self.ring_shown():
            ring(painter, rect, tokens()["radius"]["control"])

    def _paint_parts(self, painter: QPainter, look: Look) -> None:
        parts = self._parts()
        total = sum(width for _, width in parts) + ICON_GAP * (len(parts) - 1)
        x = max((self.width() - total) / 2, 4.0)
        middle = self.height() / 2
        for name, width in parts:
            if name == "icon" and self._icon_name:
                icons.paint(painter, self._icon_name, look.icon, round(x), round(middle - 8))
            elif name == "keys":
                paint_keys(painter, round(x), middle, self.shown_keys(), look.keys)
            else:
                painter.setFont(font(TEXT_ROLE[self._size]))
                painter.setPen(look.text)
                painter.drawText(QRectF(x, 0, width + 2, self.height()), LEFT, self.text())
            x += width + ICON_GAP


ALL_PARTS = ("icon", "text", "keys")


class _Segment(KeyboardFocus, ShowsKeys, QPushButton):
    """One choice of a Segmented."""

    def __init__(self, text: str, icon: str | None, keys: str, height: int) -> None:
        super().__init__(text)
        self._icon_name, self._keys, self._height = icon, keys, height
        self._role = "strong" if height >= 26 else "smallb"
        self._parts = ALL_PARTS
        self.setCheckable(True)
        self.setAutoExclusive(True)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def show_parts(self, parts: Sequence[str]) -> None:
        """Show only these of ALL_PARTS; what is left out stands in a tooltip."""
        if parts != self._parts:
            self._parts = tuple(parts)
            whole = f"{self.text()} ({self.shown_keys()})" if self._keys else self.text()
            self.setToolTip("" if self._parts == ALL_PARTS else whole)
            self.updateGeometry()
            self.update()

    def shown_keys(self) -> str:
        """The keys that are shown now."""
        return keys.hint(self, self._keys)

    def _widths(self, parts: Sequence[str]) -> dict[str, float]:
        found = {
            "icon": 16.0 if self._icon_name else 0.0,
            "text": text_width(self._role, self.text()),
            "keys": text_width("micro", self.shown_keys()) if self._keys else 0.0,
        }
        return {name: width for name, width in found.items() if width and name in parts}

    def width_with(self, parts: Sequence[str]) -> int:
        """The width with only these parts."""
        used = self._widths(parts).values()
        return round(sum(used) + ICON_GAP * (len(used) - 1)) + 22

    def sizeHint(self) -> QSize:
        return QSize(self.width_with(self._parts), self._height)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        on, rect = theme(), QRectF(self.rect())
        if self.isChecked():
            box(painter, rect, 5, on.color("raised"), on.color("line2"))
        self._paint_parts(painter)
        if self.ring_shown():
            ring(painter, rect, 5)
        painter.end()

    def _paint_parts(self, painter: QPainter) -> None:
        on = theme()
        lit = self.isEnabled() and (self.isChecked() or self.underMouse())
        tone = "text" if lit else "text2" if self.isEnabled() else "text3"
        widths = self._widths(self._parts)
        x = (self.width() - sum(widths.values()) - ICON_GAP * (len(widths) - 1)) / 2
        for name, width in widths.items():
            if name == "icon":
                icons.paint(painter, self._icon_name or "", tone, round(x), round(self.height() / 2 - 8))
            else:
                painter.setFont(font(self._role if name == "text" else "micro"))
                quiet = "text3" if self.isEnabled() else "line2"
                painter.setPen(on.color(tone if name == "text" else quiet))
                area = QRectF(x, 0, width + 2, self.height())
                words = self.text() if name == "text" else self.shown_keys()
                painter.drawText(area, Qt.AlignmentFlag.AlignVCenter, words)
            x += width + ICON_GAP


@dataclass(frozen=True)
class Option:
    """One choice: what is sent when it is made, what is shown, and how."""

    value: Any
    text: str
    icon: str | None = None
    keys: str = ""


class Segmented(QWidget):
    """A row of choices, one of them on. `changed(str)` is sent when a person picks another one."""

    changed = Signal(str)

    def __init__(self, options: Sequence[Option], name: str, size: str = "md", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._buttons: dict[str, _Segment] = {}
        self._group = QButtonGroup(self)
        row = QHBoxLayout(self)
        row.setContentsMargins(2, 2, 2, 2)
        row.setSpacing(2)
        height = tokens()["control"][size] - 4
        for option in options:
            button = _Segment(option.text, option.icon, option.keys, height)
            button.clicked.connect(lambda _=False, value=option.value: self.changed.emit(value))
            self._buttons[option.value] = button
            self._group.addButton(button)
            row.addWidget(button)
        if options:
            self.set_value(options[0].value)

    def value(self) -> str:
        """The value that is on."""
        return next((value for value, button in self._buttons.items() if button.isChecked()), "")

    def set_value(self, value: str) -> None:
        """Turn a choice on without sending `changed`."""
        self._buttons[value].setChecked(True)

    def pick(self, value: str) -> None:
        """Turn a choice on as a person would, sending `changed`; for keyboard actions."""
        if self._buttons[value].isEnabled():
            self._buttons[value].click()

    def button(self, value: str) -> QPushButton:
        """The button of a choice, to disable it or give it a tooltip."""
        return self._buttons[value]

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        box(painter, QRectF(self.rect()), 6, theme().color("sunken"), theme().color("line"))
        painter.end()


class _Rate(KeyboardFocus, QPushButton):
    """One number of a RatingRow."""

    def __init__(self, value: int, tip: str) -> None:
        super().__init__(str(value))
        self.setCheckable(True)
        self.setFixedSize(34, 28)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        if tip:
            self.setToolTip(tip)
        self.dimmed = False

    def paintEvent(self, event: QPaintEvent) -> None:
        draw_kept(self, (self.text(), self.dimmed, self.ring_shown(), *state_of(self)), self._draw)

    def _draw(self, painter: QPainter) -> None:
        look = button_look("person", *state_of(self))
        rect = QRectF(self.rect())
        box(painter, rect, 6, look.fill, look.border)
        painter.setFont(font("strong"))
        painter.setPen(theme().color("text2") if self.dimmed and not self.isChecked() else look.text)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, self.text())
        if self.ring_shown():
            ring(painter, rect, 6)


class RatingRow(QWidget):
    """The numbers 1 to 5; the given one is amber. `rated(int)` is sent when a person gives one."""

    rated = Signal(int)

    def __init__(
        self,
        name: str,
        meanings: Sequence[str] = (),
        count: int = 5,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self._value: int | None = None
        self._buttons: list[_Rate] = []
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(4)
        for value in range(1, count + 1):
            meaning = meanings[value - 1] if value <= len(meanings) else ""
            button = _Rate(value, meaning)
            button.setAccessibleName(f"{name}: {value}" + (f", {meaning}" if meaning else ""))
            button.clicked.connect(lambda _=False, value=value: self.rate(value))
            self._buttons.append(button)
            row.addWidget(button)

    def value(self) -> int | None:
        """The rating given, or None."""
        return self._value

    def set_value(self, value: int | None) -> None:
        """Show a rating without sending `rated`."""
        self._value = value
        for number, button in enumerate(self._buttons, start=1):
            button.setChecked(number == value)

    def rate(self, value: int) -> None:
        """Give a rating as a person would, sending `rated`."""
        self.set_value(value)
        self.rated.emit(value)

    def set_active(self, active: bool) -> None:
        """Bright numbers on the answer that takes the keys, dimmed ones on the others."""
        for button in self._buttons:
            if button.dimmed == active:
                button.dimmed = not active
                button.update()


class Switch(KeyboardFocus, QCheckBox):
    """An on and off switch. Give it a name for screen readers; the words beside it are a label's."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self.setFixedSize(34, 24)
        self.setCursor(Qt.CursorShape.PointingHandCursor)

    def sizeHint(self) -> QSize:
        return QSize(34, 24)

    def hitButton(self, pos: QPoint) -> bool:
        return self.rect().contains(pos)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        on, lit = theme(), self.isChecked()
        track = QRectF(2, 3, 30, 18)
        fill = on.color("accent" if lit else "line2")
        if not self.isEnabled():
            fill.setAlphaF(0.45)
        box(painter, track, 9, fill)
        knob = on.color("onAccent") if lit else on.color("surface")
        box(painter, QRectF(16 if lit else 4, 5, 14, 14), 7, knob)
        if self.ring_shown():
            ring(painter, QRectF(self.rect()).adjusted(0, 1, 0, -1), 11)
        painter.end()
