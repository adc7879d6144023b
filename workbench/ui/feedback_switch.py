"""The kinds of feedback in the header: where there is little room, hints go before words."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize
from PySide6.QtGui import QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QHBoxLayout, QWidget

from .theme import theme
from .widgets import Option, Segmented
from .widgets.buttons import ALL_PARTS
from .widgets.painting import box

LEVELS = (ALL_PARTS, ("icon", "text"), ("text",), ("icon",))
"""What is shown of each choice, from the most room to the least."""
EDGE, GAP = 2, 2


class ModeSwitch(Segmented):
    """Seven kinds side by side, each one click away. Which parts fit depends on its width alone."""

    def __init__(self, options: Sequence[Option], name: str, parent: QWidget | None = None) -> None:
        super().__init__(options, name, parent=parent)
        line = self.layout()
        assert isinstance(line, QHBoxLayout)
        line.addStretch(1)  # room that is left over stays empty
        self._line = line

    def _width(self, level: int) -> int:
        widths = [button.width_with(LEVELS[level]) for button in self._buttons.values()]
        return sum(widths) + GAP * len(widths) + 2 * EDGE

    def sizeHint(self) -> QSize:
        return QSize(self._width(0), super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:
        return QSize(self._width(len(LEVELS) - 1), super().minimumSizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        fitting = (level for level in range(len(LEVELS)) if self._width(level) <= self.width())
        level = next(fitting, len(LEVELS) - 1)
        for button in self._buttons.values():
            button.show_parts(LEVELS[level])
        self._line.activate()

    def paintEvent(self, event: QPaintEvent) -> None:
        """The track ends where the last choice ends."""
        last = max(button.geometry().right() for button in self._buttons.values())
        painter = QPainter(self)
        box(painter, QRectF(0, 0, last + 1 + EDGE, self.height()), 6, theme().color("sunken"), theme().color("line"))
        painter.end()
