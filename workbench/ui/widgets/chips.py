"""Small marks: Chip, ToggleChip, KeyHint, LetterBadge, StatusDot.

The ones that only show something are labels with a paint method, so that screen readers read their text.
"""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QLabel, QPushButton, QSizePolicy, QWidget

from .. import icons, keys
from ..theme import font, theme
from .painting import KeyboardFocus, ShowsKeys, box, keys_width, paint_keys, ring, text_width

TONES = {  # tone -> fill, text
    "neutral": ("hover", "text2"),
    "model": ("accentSoft", "accentText"),
    "person": ("humanSoft", "humanText"),
    "good": ("goodSoft", "good"),
    "warn": ("warnSoft", "warn"),
    "bad": ("badSoft", "bad"),
}
HEIGHT = 20


def chip_width(text: str, icon: str | None) -> int:
    """The width of a chip with this text."""
    return round(text_width("micro", text)) + 15 + (17 if icon else 0)


def paint_chip(painter: QPainter, rect: QRectF, text: str, icon: str | None = None, tone: str = "neutral") -> None:
    """Draw a chip; also used by table delegates."""
    fill, ink = TONES[tone]
    box(painter, rect, 4, theme().color(fill))
    x = rect.x() + 7
    if icon:
        icons.paint(painter, icon, ink, round(x), round(rect.center().y() - 6), 12)
        x += 17
    painter.setFont(font("micro"))
    painter.setPen(theme().color(ink))
    painter.drawText(QRectF(x, rect.y(), rect.right() - x, rect.height()), Qt.AlignmentFlag.AlignVCenter, text)


class _Mark(QLabel):
    """A label whose text is painted another way."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()


class Chip(_Mark):
    """A word on a tint. tone: neutral model person good warn bad."""

    def __init__(
        self, text: str, icon: str | None = None, tone: str = "neutral", parent: QWidget | None = None
    ) -> None:
        super().__init__(text, parent)
        self._icon_name, self._tone = icon, tone

    def set_chip(self, text: str, icon: str | None = None, tone: str = "neutral") -> None:
        """Change everything at once."""
        self._icon_name, self._tone = icon, tone
        self.setText(text)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(chip_width(self.text(), self._icon_name), HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_chip(painter, QRectF(self.rect()), self.text(), self._icon_name, self._tone)
        painter.end()


class ToggleChip(KeyboardFocus, QPushButton):
    """A chip to press: a tag that is on or off (with a tick when on), or with `icon="x"` a filter to remove."""

    def __init__(
        self,
        text: str,
        icon: str | None = None,
        tone: str = "person",
        checkable: bool = True,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(text, parent)
        self._icon_name, self._tone = icon, tone
        self.setCheckable(checkable)
        self.setAccessibleName(text)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)

    def sizeHint(self) -> QSize:
        # A tick appears when it is turned on; its room is always kept, so that nothing moves.
        return QSize(chip_width(self.text(), self._icon_name or ("check" if self.isCheckable() else None)), 24)

    def minimumSizeHint(self) -> QSize:
        return self.sizeHint()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        rect = QRectF(self.rect()).adjusted(0, 1, 0, -1)
        lit = self.isChecked() or not self.isCheckable()
        tone = self._tone if lit else "neutral"
        fill, ink = TONES[tone]
        border = theme().color("line2") if self.underMouse() else None
        box(painter, rect, 4, theme().color(fill), border)
        name = self._icon_name or ("check" if self.isChecked() else None)
        width = text_width("micro", self.text()) + (17 if name else 0)
        x = round((self.width() - width) / 2)
        if name:
            icons.paint(painter, name, ink, x, round(rect.center().y() - 6), 12)
            x += 17
        painter.setFont(font("micro"))
        painter.setPen(theme().color(ink if self.isEnabled() else "text3"))
        painter.drawText(QRectF(x, 0, width + 2, self.height()), Qt.AlignmentFlag.AlignVCenter, self.text())
        if self.ring_shown():
            ring(painter, QRectF(self.rect()), 4)
        painter.end()


class KeyHint(ShowsKeys, _Mark):
    """Key chips such as "Ctrl K"; parts are separated by spaces.

    `usual`: these are the usual keys, and others that a person has chosen are shown in their place.
    """

    def __init__(self, keys_text: str, parent: QWidget | None = None, usual: bool = True) -> None:
        super().__init__(keys_text, parent)
        self._usual = usual
        self.setAccessibleName(keys_text)

    def shown_keys(self) -> str:
        """The keys that are shown now."""
        return keys.hint(self, self.text()) if self._usual else self.text()

    def keys_changed(self) -> None:
        """A person has chosen other keys."""
        self.setAccessibleName(self.shown_keys())
        super().keys_changed()

    def sizeHint(self) -> QSize:
        return QSize(round(keys_width(self.shown_keys())), HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_keys(painter, 0, self.height() / 2, self.shown_keys())
        painter.end()


class LetterBadge(_Mark):
    """The letter of an answer, A to D; blue when it takes the keys, amber when a person chose it."""

    def __init__(self, letter: str, parent: QWidget | None = None) -> None:
        super().__init__(letter, parent)
        self._look = "plain"

    def set_look(self, look: str) -> None:
        """plain, active or chosen."""
        self._look = look
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(22, 22)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        fills = {"plain": ("hover", "text"), "active": ("accent", "onAccent"), "chosen": ("human", "onHuman")}
        fill, ink = fills[self._look]
        box(painter, QRectF(self.rect()), 4, theme().color(fill))
        painter.setFont(font("head"))
        painter.setPen(theme().color(ink))
        painter.drawText(QRectF(self.rect()), Qt.AlignmentFlag.AlignCenter, self.text())
        painter.end()


class StatusDot(_Mark):
    """A dot before a state; always beside the state in words. `hollow` for what is not there yet."""

    def __init__(self, tone: str = "good", hollow: bool = False, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._tone, self._hollow = tone, hollow

    def set_dot(self, tone: str, hollow: bool = False) -> None:
        """Change colour token and shape."""
        self._tone, self._hollow = tone, hollow
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(8, 16)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        color = theme().color(self._tone)
        dot = QRectF(0.5, self.height() / 2 - 3.5, 7, 7)
        box(painter, dot, 3.5, None if self._hollow else color, color if self._hollow else None, 1.4)
        painter.end()
