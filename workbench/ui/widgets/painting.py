"""What the painted widgets share: rounded boxes, the focus ring, key chips, and keyboard focus."""

from __future__ import annotations

import sys
from collections.abc import Callable, Hashable
from functools import lru_cache

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFocusEvent, QFontMetricsF, QPainter, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from ..theme import KEYBOARD_REASONS, font, text_scale, theme, theme_changed

KEY_HEIGHT = 18
KEY_GAP = 4
MAC_KEYS = {"Ctrl": "\u2318", "Alt": "\u2325", "Shift": "\u21e7", "Enter": "\u21a9"}


class KeyboardFocus:
    """Mix-in that knows whether the focus came by keyboard, and so whether to draw the ring."""

    _ring = False

    def focusInEvent(self, event: QFocusEvent) -> None:
        kept = (Qt.FocusReason.ActiveWindowFocusReason, Qt.FocusReason.PopupFocusReason)
        if event.reason() not in kept:  # coming back to the window keeps what was shown
            self._ring = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)  # type: ignore[misc]
        self.update()  # type: ignore[attr-defined]

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)  # type: ignore[misc]
        self.update()  # type: ignore[attr-defined]

    def ring_shown(self) -> bool:
        """Whether the focus ring is to be drawn now."""
        return self._ring and self.hasFocus()  # type: ignore[attr-defined]


class ShowsKeys:
    """Mix-in of what shows keys: drawn again when a person has chosen others."""

    def keys_changed(self) -> None:
        """Called by `keys.remap`."""
        self.updateGeometry()  # type: ignore[attr-defined]
        self.update()  # type: ignore[attr-defined]


def box(
    painter: QPainter,
    rect: QRectF,
    radius: float,
    fill: QColor | None = None,
    border: QColor | None = None,
    width: float = 1.0,
) -> None:
    """A rounded rectangle whose border lies inside `rect`, on whole pixels."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    inset = width / 2 if border is not None else 0.0
    painter.setPen(QPen(border, width) if border is not None else Qt.PenStyle.NoPen)
    painter.setBrush(fill if fill is not None else Qt.BrushStyle.NoBrush)
    painter.drawRoundedRect(rect.adjusted(inset, inset, -inset, -inset), radius - inset, radius - inset)


def ring(painter: QPainter, rect: QRectF, radius: float) -> None:
    """The focus ring: 2 px, inside the control's edge."""
    box(painter, rect, radius, None, theme().color("focus"), 2.0)


_drawn: dict[Hashable, QPixmap] = {}
MOST_DRAWN = 512


def draw_kept(widget: QWidget, state: Hashable, draw: Callable[[QPainter], object]) -> None:
    """Draw a widget by copying what `draw` drew for the same kind of widget in the same size and state before.

    For small widgets of which there are dozens, such as the digits of a rubric: a copy takes a tenth of the time.
    """
    ratio = widget.devicePixelRatioF()
    key = (type(widget), state, widget.width(), widget.height(), ratio, theme(), text_scale())
    found = _drawn.get(key)
    if found is None:
        found = QPixmap(round(widget.width() * ratio), round(widget.height() * ratio))
        found.setDevicePixelRatio(ratio)
        found.fill(Qt.GlobalColor.transparent)
        painter = QPainter(found)
        draw(painter)
        painter.end()
        if len(_drawn) >= MOST_DRAWN:
            _drawn.clear()
        _drawn[key] = found
    painter = QPainter(widget)
    painter.drawPixmap(0, 0, found)
    painter.end()


def key_names(keys: str) -> list[str]:
    """ "Ctrl Enter" as the chips to show, with the signs of the Mac on a Mac."""
    parts = keys.split()
    return [MAC_KEYS.get(part, part) for part in parts] if sys.platform == "darwin" else parts


def key_width(name: str) -> float:
    """The width of one key chip."""
    return max(KEY_HEIGHT, round(text_width("micro", name)) + 10)


def keys_width(keys: str) -> float:
    """The width of all chips of a key text such as "Ctrl Enter"."""
    names = key_names(keys)
    return sum(key_width(name) for name in names) + KEY_GAP * (len(names) - 1)


def paint_keys(painter: QPainter, x: float, middle: float, keys: str, look: str = "plain") -> None:
    """Draw key chips from x on. `look`: "plain", "accent" (on a primary button) or "human" (on amber)."""
    painter.setFont(font("micro"))
    fills = {
        "plain": (theme().color("sunken"), theme().color("line2"), theme().color("text2")),
        "accent": (theme().color("onAccent", 0.2), None, theme().color("onAccent")),
        "human": (theme().color("onHuman", 0.16), None, theme().color("onHuman")),
    }
    fill, border, text = fills[look]
    for name in key_names(keys):
        rect = QRectF(x, round(middle - KEY_HEIGHT / 2), key_width(name), KEY_HEIGHT)
        box(painter, rect, 4, fill, border)
        painter.setPen(text)
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, name)
        x += rect.width() + KEY_GAP


def text_width(role: str, text: str) -> float:
    """The width of a text in the font of a role."""
    return _text_width(role, text, text_scale())


@lru_cache(maxsize=4096)
def _text_width(role: str, text: str, scale: float) -> float:
    return QFontMetricsF(font(role)).horizontalAdvance(text)


theme_changed.connect(_text_width.cache_clear)


def polyline(points: list[tuple[float, float]]) -> list[QPointF]:
    """Pairs as points."""
    return [QPointF(x, y) for x, y in points]
