"""Small drawings of the report: a figure on its scale, squares, bars, dots, curves and a matrix of people.

Painted by hand, because the report has a dozen and pyqtgraph takes a quarter of a second to load. Each says in its
accessible description what it shows.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetricsF, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from .theme import font, text_scale, theme

Paint = Callable[[QPainter, QRectF], None]
CENTRE, RIGHT = Qt.AlignmentFlag.AlignCenter, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class Picture(QWidget):
    """A place for one drawing."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._paint: Paint | None = None
        self._tall = 0
        self.setAccessibleName(name)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.hide()

    def draw(self, paint: Paint | None, tall: int, said: str) -> None:
        """Show this drawing, so many pixels high at the usual text size; None shows none."""
        self._paint, self._tall = paint, tall
        self.setAccessibleDescription(said)
        self.setVisible(paint is not None)
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(200, round(self._tall * text_scale()))

    def paintEvent(self, event: QPaintEvent) -> None:
        if self._paint is None:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(font("micro", tabular=True))
        self._paint(painter, QRectF(self.rect()))
        painter.end()


@dataclass(frozen=True)
class Axes:
    """Values on the screen: x from `low` to `high` over the box, y from `floor` to `top`."""

    box: QRectF
    low: float
    high: float
    floor: float
    top: float

    def x(self, value: float) -> float:
        """Where a value stands from left to right."""
        return self.box.x() + self.box.width() * (value - self.low) / ((self.high - self.low) or 1.0)

    def y(self, value: float) -> float:
        """Where a value stands from bottom to top."""
        return self.box.bottom() - self.box.height() * (value - self.floor) / ((self.top - self.floor) or 1.0)

    def points(self, xs: Sequence[float], ys: Sequence[float]) -> list[QPointF]:
        """Points on the screen."""
        return [QPointF(self.x(x), self.y(y)) for x, y in zip(xs, ys, strict=True)]


def _lines(painter: QPainter, axes: Axes, marks: Sequence[tuple[float, str]]) -> None:
    """Horizontal lines with their values on the left."""
    for value, text in marks:
        painter.setPen(QPen(theme().color("line"), 1))
        y = axes.y(value)
        painter.drawLine(QPointF(axes.box.x(), y), QPointF(axes.box.right(), y))
        painter.setPen(theme().color("text3"))
        painter.drawText(QRectF(0, y - 9, axes.box.x() - 6, 18), RIGHT, text)


def _below(painter: QPainter, axes: Axes, marks: Sequence[tuple[float, str]]) -> None:
    """Values under the box."""
    painter.setPen(theme().color("text3"))
    for value, text in marks:
        wide = QFontMetricsF(painter.font()).horizontalAdvance(text) + 4
        left = min(max(0.0, axes.x(value) - wide / 2), axes.box.right() + 8 - wide)
        painter.drawText(QRectF(left, axes.box.bottom() + 3, wide, 16), CENTRE, text)


def _band(painter: QPainter, above: Sequence[QPointF], under: Sequence[QPointF], colour: QColor) -> None:
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(colour)
    painter.drawPolygon(QPolygonF([*above, *reversed(under)]))


def _line(painter: QPainter, points: Sequence[QPointF], token: str, width: float = 2.0, dashed: bool = False) -> None:
    pen = QPen(theme().color(token), width)
    if dashed:
        pen.setDashPattern([3, 2.5])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawPolyline(list(points))


def gauge(zones: Sequence[tuple[float, str, str]], start: float, value: float, low: float, high: float) -> Paint:
    """A figure with its interval on a scale. zones: (where it ends, colour token, name), from `start` on."""
    ends = [start, *(end for end, _, _ in zones)]

    def paint(painter: QPainter, place: QRectF) -> None:
        axes = Axes(QRectF(place.x() + 1, 0, place.width() - 2, 0), ends[0], ends[-1], 0, 1)
        middle = 14.0
        for begin, (end, token, name) in zip(ends, zones, strict=False):
            left, wide = axes.x(begin), axes.x(end) - axes.x(begin)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color(token, 0.4))
            painter.drawRoundedRect(QRectF(left + 1, middle - 4, wide - 2, 8), 3, 3)
            painter.setPen(theme().color("text3"))
            painter.drawText(QRectF(left - 20, middle + 10, wide + 40, 16), CENTRE, name)
        left, right, at = (axes.x(min(max(each, ends[0]), ends[-1])) for each in (low, high, value))
        painter.setPen(QPen(theme().color("text"), 2))
        painter.drawLine(QPointF(left, middle), QPointF(right, middle))
        for x in (left, right):
            painter.drawLine(QPointF(x, middle - 6), QPointF(x, middle + 6))
        painter.setPen(QPen(theme().color("surface"), 2))
        painter.setBrush(theme().color("text"))
        painter.drawEllipse(QPointF(at, middle), 6, 6)

    return paint


def squares(kept: Sequence[bool]) -> Paint:
    """One square a case: filled where it stayed, a ring of the colour of warnings where it changed."""

    def paint(painter: QPainter, place: QRectF) -> None:
        step = 18.0
        across = max(1, int(place.width() // step))
        for number, stayed in enumerate(kept):
            box = QRectF((number % across) * step + 1, (number // across) * step + 1, 13, 13)
            painter.setPen(QPen(theme().color("warn"), 2) if not stayed else Qt.PenStyle.NoPen)
            painter.setBrush(theme().color("s2", 0.85) if stayed else Qt.BrushStyle.NoBrush)
            painter.drawRoundedRect(box if stayed else box.adjusted(1, 1, -1, -1), 3, 3)

    return paint


@dataclass(frozen=True)
class Bar:
    """One bar: its height, its interval or None, its name below, and how much of it is marked as a warning."""

    value: float
    name: str
    interval: tuple[float, float] | None = None
    marked: float = 0.0


def bars(shown: Sequence[Bar], marks: Sequence[tuple[float, str]], expected: float | None = None) -> Paint:
    """Bars of what people did, with intervals; the dashed line is what is expected. marks: lines with their names."""
    top = max([*(each.interval[1] if each.interval else each.value for each in shown), *(m for m, _ in marks), 1e-9])

    def paint(painter: QPainter, place: QRectF) -> None:
        axes = Axes(place.adjusted(38, 8, -6, -20), 0, max(1, len(shown)), 0, top)
        _lines(painter, axes, marks)
        wide = axes.box.width() / max(1, len(shown))
        thick = min(56.0, wide * (0.62 if wide > 30 else 0.86))
        for number, each in enumerate(shown):
            middle = axes.x(number + 0.5)
            _one_bar(painter, axes, middle, thick, each)
        if expected is not None:
            _line(painter, axes.points([0, len(shown)], [expected, expected]), "text2", 1, dashed=True)
        _below(painter, axes, [(number + 0.5, each.name) for number, each in enumerate(shown) if each.name])

    return paint


def _one_bar(painter: QPainter, axes: Axes, middle: float, thick: float, each: Bar) -> None:
    for value, token in ((each.value, "s2"), (each.marked, "warn")):
        if value > 0:
            y = axes.y(value)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(theme().color(token))
            painter.drawRect(QRectF(middle - thick / 2, y, thick, axes.box.bottom() - y))
    if each.interval is not None:
        painter.setPen(QPen(theme().color("text"), 2))
        low, high = each.interval
        painter.drawLine(QPointF(middle, axes.y(low)), QPointF(middle, axes.y(high)))


def dots(points: Sequence[tuple[float, float]], slope: float, offset: float, unit: str) -> Paint:
    """One dot an answer: stars over words, and the line within prompts."""
    most = max((x for x, _ in points), default=1.0) or 1.0

    def paint(painter: QPainter, place: QRectF) -> None:
        axes = Axes(place.adjusted(24, 8, -8, -20), 0, most * 1.04, 0.7, 5.3)
        _lines(painter, axes, [(stars, str(stars)) for stars in (1, 3, 5)])
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(theme().color("s2", 0.5))
        for number, (x, y) in enumerate(points):
            lift = ((number * 37) % 11 - 5) / 34  # stars are whole, and dots would lie on one another
            painter.drawEllipse(QPointF(axes.x(x), axes.y(y + lift)), 2.4, 2.4)
        painter.save()
        painter.setClipRect(axes.box)
        _line(painter, axes.points([0, most], [offset, offset + slope * most]), "text", 2)
        painter.restore()
        halves = [(most / 2, f"{most / 2:.0f}"), (most, unit.format(count=f"{most:.0f}"))]
        _below(painter, axes, halves)

    return paint


@dataclass(frozen=True)
class Curve:
    """A measured line with its band, and where it is expected to go: (x, middle, low, high) each."""

    measured: Sequence[tuple[float, float, float, float]]
    ahead: Sequence[tuple[float, float, float, float]] = ()


def curve(shown: Curve, marks: Sequence[tuple[float, str]], below: Sequence[tuple[float, str]], words: str) -> Paint:
    """The learning curve. words: what stands at the end of the dashed part."""
    rows = [*shown.measured, *shown.ahead]
    floor = min([*(row[2] for row in rows), *(mark for mark, _ in marks)])
    top = max([*(row[3] for row in rows), *(mark for mark, _ in marks)])

    def paint(painter: QPainter, place: QRectF) -> None:
        axes = Axes(place.adjusted(38, 10, -8, -20), 0, max(row[0] for row in rows), floor, top)
        _lines(painter, axes, marks)
        for part, token, dashed in ((shown.measured, "s1", False), (shown.ahead, "ref", True)):
            if part:
                xs, middles, lows, highs = zip(*part, strict=True)
                _band(painter, axes.points(xs, highs), axes.points(xs, lows), theme().color(token, 0.18))
                _line(painter, axes.points(xs, middles), "s1", 2, dashed)
        painter.setPen(QPen(theme().color("surface"), 1.5))
        painter.setBrush(theme().color("s1"))
        for x, y, _, _ in shown.measured:
            painter.drawEllipse(QPointF(axes.x(x), axes.y(y)), 4, 4)
        if shown.ahead:
            _now(painter, axes, shown.ahead[0], words)
        _below(painter, axes, below)

    return paint


def _now(painter: QPainter, axes: Axes, now: tuple[float, float, float, float], words: str) -> None:
    at = QPointF(axes.x(now[0]), axes.y(now[1]))
    painter.setPen(QPen(theme().color("text"), 2))
    painter.setBrush(theme().color("s1"))
    painter.drawEllipse(at, 6, 6)
    painter.drawText(QRectF(at.x() - 50, at.y() + 9, 100, 16), CENTRE, words)


TOKENS = ("s2", "s5", "s3", "s4")


def series(
    shown: Sequence[tuple[str, Sequence[tuple[float, float, float, float]]]],
    marks: Sequence[tuple[float, str]],
    below: Sequence[tuple[float, str]],
) -> Paint:
    """Means over time with their intervals, one line a person; four at most."""
    rows = [row for _, part in shown for row in part]
    floor = min([*(row[2] for row in rows), *(mark for mark, _ in marks)])
    top = max([*(row[3] for row in rows), *(mark for mark, _ in marks)])
    xs = [row[0] for row in rows]

    def paint(painter: QPainter, place: QRectF) -> None:
        axes = Axes(place.adjusted(34, 8, -8, -20), min(xs), max(xs), floor, top)
        _lines(painter, axes, marks)
        for (name, part), token in zip(shown, TOKENS, strict=False):
            at, middles, lows, highs = zip(*part, strict=True)
            _band(painter, axes.points(at, highs), axes.points(at, lows), theme().color(token, 0.16))
            _line(painter, axes.points(at, middles), token, 2, dashed=token != "s2")
            if len(shown) > 1:
                painter.setPen(theme().color("text2"))
                end = axes.points(at[-1:], middles[-1:])[0]
                painter.drawText(QRectF(end.x() - 120, end.y() - 18, 118, 16), RIGHT, name)
        _below(painter, axes, below)

    return paint


def matrix(names: Sequence[str], values: Sequence[Sequence[float | None]], texts: Sequence[Sequence[str]]) -> Paint:
    """Everybody against everybody: the stronger the tint, the better two people agree."""

    def paint(painter: QPainter, place: QRectF) -> None:
        metrics = QFontMetricsF(painter.font())
        left = min(place.width() * 0.4, max(metrics.horizontalAdvance(name) for name in names) + 8)
        wide, tall = min(64.0, (place.width() - left) / len(names)), 24 * text_scale()
        for row, name in enumerate(names):
            y = row * tall
            painter.setPen(theme().color("text2"))
            painter.drawText(QRectF(0, y, left - 6, tall), RIGHT, metrics.elidedText(name, _ELIDE, left - 6))
            head = QRectF(left + row * wide, len(names) * tall, wide, 18)
            painter.drawText(head, CENTRE, metrics.elidedText(name, _ELIDE, wide - 4))
            for at, value in enumerate(values[row]):
                box = QRectF(left + at * wide, y, wide, tall).adjusted(1, 1, -1, -1)
                painter.setPen(Qt.PenStyle.NoPen)
                strong = 0.0 if value is None else max(0.0, min(1.0, value)) ** 2 * 0.55
                painter.setBrush(theme().color("s2", 0.06 + strong))
                painter.drawRoundedRect(box, 3, 3)
                painter.setPen(theme().color("text"))
                painter.drawText(box, CENTRE, texts[row][at])

    return paint


_ELIDE = Qt.TextElideMode.ElideRight
