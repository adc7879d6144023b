"""Figures drawn small: Bar, Spark, SpinRing."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QPainter, QPainterPath, QPaintEvent, QPen
from PySide6.QtWidgets import QLabel, QProgressBar, QSizePolicy, QWidget

from ..theme import theme
from .painting import box, polyline


def paint_bar(
    painter: QPainter, rect: QRectF, segments: Sequence[tuple[float, str]], track: str | None = "line"
) -> None:
    """A thin bar: (fraction, colour token) from left to right; also used by table delegates."""
    radius = min(rect.height() / 2, 3.0)
    path = QPainterPath()
    path.addRoundedRect(rect, radius, radius)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setClipPath(path)
    if track:
        painter.fillRect(rect, theme().color(track))
    x, gap = rect.x(), 1.0 if len(segments) > 1 else 0.0
    for fraction, token in segments:
        width = max(0.0, min(fraction, 1.0)) * rect.width()
        if width > 0:
            painter.fillRect(QRectF(x, rect.y(), max(width - gap, 1.0), rect.height()), theme().color(token))
        x += width
    painter.restore()
    if len(segments) == 1 and segments[0][0] > 0:
        _round_end(painter, rect, segments[0], radius)


def _round_end(painter: QPainter, rect: QRectF, segment: tuple[float, str], radius: float) -> None:
    """Round the right end of a single fill; clipping alone rounds only the left one."""
    width = max(min(segment[0], 1.0) * rect.width(), 2 * radius)
    track = QRectF(rect.x() + width - 2 * radius, rect.y(), 2 * radius, rect.height())
    painter.fillRect(track.adjusted(radius, 0, 0.5, 0), theme().color("line"))
    box(painter, QRectF(rect.x(), rect.y(), width, rect.height()), radius, theme().color(segment[1]))


class Bar(QProgressBar):
    """A thin bar for progress, memory or a share, of one or several parts.

    Its fill is a colour token: s1 for the model's doing, human for a person's, good, warn, bad.
    """

    def __init__(self, name: str, tone: str = "s1", height: int = 6, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone, self._bar_height = tone, height
        self._segments: list[tuple[float, str]] = [(0.0, tone)]
        self.setAccessibleName(name)
        self.setRange(0, 1000)
        self.setTextVisible(False)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMinimumWidth(24)
        self.setFixedHeight(height)

    def set_fraction(self, fraction: float, tone: str | None = None) -> None:
        """Fill from 0 to 1, in another colour if one is given."""
        self._tone = tone or self._tone
        self.set_segments([(fraction, self._tone)])

    def set_segments(self, segments: Sequence[tuple[float, str]]) -> None:
        """Several parts, (fraction of the whole, colour token) each."""
        self._segments = list(segments)
        total = sum(fraction for fraction, _ in segments)
        self.setValue(round(1000 * min(1.0, max(0.0, total))))
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(120, self._bar_height)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_bar(painter, QRectF(self.rect()), self._segments)
        painter.end()


class Spark(QLabel):
    """The last values of a figure as a small filled line, without axes."""

    def __init__(self, name: str, tone: str = "s1", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._tone = tone
        self._values: list[float] = []
        self.setAccessibleName(name)
        self.setFixedSize(52, 20)

    def set_values(self, values: Sequence[float]) -> None:
        """Show these values, oldest first."""
        self._values = [value for value in values if value == value]
        if self._values:
            self.setAccessibleDescription(f"{self._values[-1]:g}")
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if len(self._values) < 2:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        low, high = min(self._values), max(self._values)
        span, step = (high - low) or 1.0, self.width() / (len(self._values) - 1)
        room = self.height() - 4
        line = polyline(
            [(i * step, 2 + room * (1 - (value - low) / span) * 0.8) for i, value in enumerate(self._values)]
        )
        area = polyline([(0, self.height()), *((p.x(), p.y()) for p in line), (self.width(), self.height())])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("accentSoft"))
        painter.drawPolygon(area)
        painter.setPen(QPen(theme().color(self._tone), 1.2))
        painter.drawPolyline(line)
        painter.end()


def paint_ring(painter: QPainter, rect: QRectF, fraction: float, width: float = 2.0) -> None:
    """A progress ring in `rect`, from twelve o'clock."""
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    inner = rect.adjusted(width / 2, width / 2, -width / 2, -width / 2)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(theme().color("line2"), width))
    painter.drawEllipse(inner)
    pen = QPen(theme().color("accentText"), width)
    pen.setCapStyle(Qt.PenCapStyle.RoundCap)
    painter.setPen(pen)
    painter.drawArc(inner, 90 * 16, -round(360 * 16 * min(1.0, max(0.02, fraction))))


class SpinRing(QProgressBar):
    """A progress ring: how far a job is."""

    def __init__(self, name: str, size: int = 14, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._fraction = 0.0
        self.setAccessibleName(name)
        self.setRange(0, 1000)
        self.setTextVisible(False)
        self.setFixedSize(size, size)
        self.setMaximumHeight(size)

    def set_fraction(self, fraction: float) -> None:
        """From 0 to 1."""
        self._fraction = fraction
        self.setValue(round(1000 * min(1.0, max(0.0, fraction))))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        paint_ring(painter, QRectF(self.rect()), self._fraction)
        painter.end()
