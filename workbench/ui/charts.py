"""Charts of a comparison: DensityPanel, ScatterLinePanel, WinBars; and of a reward model: ReliabilityPanel.

rewards = DensityPanel(self.tr("Reward of every answer"), self.tr("scored by reward r3"))
rewards.set_samples([Sampled("base", base_rewards, "ref"), Sampled("helpful-v3", rewards, "s1")])
drift = ScatterLinePanel(self.tr("Reward against drift"), self.tr("KL to base, in nats"))
drift.set_lines([Line("helpful-v3", kls, rewards), Line("v2-hot: people", kls, scores, "s2", marker="")])
wins = WinBars(self.tr("Wins against base"), "helpful-v3", "base")
wins.set_rows([Wins("All 200", won=128, tied=18, lost=54, low=0.57, high=0.71)])
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QFontMetricsF, QPainter, QPaintEvent, QPen, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QWidget

from ..evaluation.calibration import Bin
from .figures import figure, percent
from .plot import TICK_ROLE, ChartCard
from .series import DASHES, pen
from .theme import font, text_scale, theme
from .widgets.painting import box

INK = {"s1": "accentText", "s2": "humanText", "ref": "text2"}  # words beside a line are lighter than the line


@dataclass(frozen=True)
class Sampled:
    """Values of one model, drawn as a density curve."""

    name: str
    values: Sequence[float]
    token: str = "s1"


@dataclass(frozen=True)
class Line:
    """Points joined by a line: marker "o" circle, "s" square, "" none."""

    name: str
    xs: Sequence[float]
    ys: Sequence[float]
    token: str = "s1"
    marker: str = "o"


@dataclass(frozen=True)
class Wins:
    """One row of WinBars: counts, and the interval of the share won."""

    name: str
    won: int
    tied: int
    lost: int
    low: float
    high: float

    @property
    def total(self) -> int:
        return max(1, self.won + self.tied + self.lost)

    @property
    def share(self) -> float:
        """The share won."""
        return self.won / self.total


def density(values: Sequence[float], grid: np.ndarray) -> np.ndarray:
    """A Gaussian kernel density estimate on a grid, with Silverman's bandwidth (1986, eq. 3.31)."""
    points = np.asarray(values, float)
    points = points[np.isfinite(points)]
    if points.size == 0:
        return np.zeros_like(grid)
    spread = float(np.std(points))
    quartiles = float(np.subtract(*np.percentile(points, (75, 25)))) / 1.34
    scale = min(spread, quartiles) if quartiles > 0 else spread
    width = max(0.9 * scale * points.size**-0.2, 1e-3 * (float(np.ptp(grid)) or 1.0))
    z = (grid[:, None] - points[None, :]) / width
    return np.exp(-0.5 * z * z).sum(axis=1) / (points.size * width * np.sqrt(2 * np.pi))


class _Labelled(ChartCard):
    """A chart whose lines carry their names."""

    def __init__(self, title: str, note: str = "", parent: QWidget | None = None) -> None:
        super().__init__(title, "", parent)
        self.head.insertWidget(1, self.note)
        self.note.setText(note)
        self.value.hide()
        self._items: list[Any] = []
        self.restyle()

    def _put(self, item: Any) -> Any:
        self._items.append(item)
        self.plot.addItem(item)
        return item

    def _name(self, text: str, token: str, x: float, y: float, anchor: tuple[float, float]) -> None:
        words = pg.TextItem(text, color=theme().color(INK.get(token, token)), anchor=anchor)
        words.setFont(font(TICK_ROLE, tabular=True))
        words.setPos(x, y)
        self._items.append(words)
        self.plot.addItem(words, ignoreBounds=True)

    def _empty(self) -> None:
        for item in self._items:
            self.plot.removeItem(item)
        self._items.clear()


class DensityPanel(_Labelled):
    """How the values of two or more models are spread: the base dashed and grey, the tuned one blue."""

    def __init__(self, title: str, note: str = "", parent: QWidget | None = None) -> None:
        self._samples: list[Sampled] = []
        super().__init__(title, note, parent)

    def set_samples(self, samples: Sequence[Sampled]) -> None:
        """Draw these; values that are not numbers are left out."""
        self._samples = list(samples)
        self._draw()

    def restyle(self) -> None:
        super().restyle()
        self.axis("left").setStyle(showValues=False)
        self.axis("left").setWidth(8)
        self.axis("left").setGrid(False)
        self._draw()

    def _draw(self) -> None:
        self._empty()
        finite = [np.asarray(s.values, float) for s in self._samples]
        finite = [values[np.isfinite(values)] for values in finite]
        pooled = np.concatenate(finite) if finite else np.empty(0)
        if pooled.size == 0:
            self.setAccessibleDescription(self.tr("No values yet"))
            return
        room = 0.25 * float(np.ptp(pooled)) or 0.5
        grid = np.linspace(pooled.min() - room, pooled.max() + room, 240)
        self.plot.setXRange(float(grid[0]), float(grid[-1]), padding=0)
        top = 0.0
        for sample, values in zip(self._samples, finite, strict=True):
            if values.size:
                top = max(top, self._draw_one(sample, values, grid))
        self.plot.setYRange(0, top * 1.25 or 1.0, padding=0)
        means = [f"{s.name}: {figure(float(v.mean()))}" for s, v in zip(self._samples, finite, strict=True) if v.size]
        self.setAccessibleDescription("; ".join(means))

    def _draw_one(self, sample: Sampled, values: np.ndarray, grid: np.ndarray) -> float:
        curve = density(values.tolist(), grid)
        edge = pg.PlotCurveItem(
            grid, curve, antialias=True, pen=pen(sample.token, 2, [4, 3] if sample.token == "ref" else []),
            fillLevel=0, brush=theme().color(sample.token, 0.2),
        )  # fmt: skip
        self._put(edge)
        peak = int(curve.argmax())
        words = self.tr("{name}, mean {mean}").format(name=sample.name, mean=figure(float(values.mean())))
        side = 1.0 if sample.token == "ref" else 0.0  # the base is named to the left of its peak
        self._name(words, sample.token, float(grid[peak]), float(curve[peak]) * 1.02, (side, 1.0))
        return float(curve[peak])


class ScatterLinePanel(_Labelled):
    """Points joined in order, such as reward against KL; each line is named where it ends."""

    def __init__(self, title: str, note: str = "", parent: QWidget | None = None) -> None:
        self._lines: list[Line] = []
        super().__init__(title, note, parent)

    def set_lines(self, lines: Sequence[Line]) -> None:
        """Draw these."""
        self._lines = list(lines)
        self._draw()

    def restyle(self) -> None:
        super().restyle()
        self._draw()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._draw()

    def _draw(self) -> None:
        self._empty()
        for line in self._lines:
            self._draw_one(line)
        xs = np.concatenate([np.asarray(line.xs, float) for line in self._lines] or [np.zeros(1)])
        ys = np.concatenate([np.asarray(line.ys, float) for line in self._lines] or [np.zeros(1)])
        tall = max(40, self.plot.height() - 80)  # without the axis and one line of names above and below
        for values, change_range, share in ((xs, self.plot.setXRange, 0.08), (ys, self.plot.setYRange, 26 / tall)):
            values = values[np.isfinite(values)]
            low, high = (float(values.min()), float(values.max())) if values.size else (0.0, 1.0)
            room = share * (high - low) or 0.5  # names stand above and below the ends
            change_range(low - room, high + room, padding=0)
        ends = [f"{line.name}: {figure(line.ys[-1])}" for line in self._lines if len(line.ys)]
        self.setAccessibleDescription("; ".join(ends))

    def _draw_one(self, line: Line) -> None:
        if not len(line.xs):
            return
        marks = {"symbol": None}
        if line.marker:
            marks = {
                "symbol": line.marker, "symbolSize": 8, "symbolBrush": theme().color(line.token),
                "symbolPen": pen("surface", 1.5),
            }  # fmt: skip
        dash = [] if line.marker else DASHES.get(line.token, [])
        xs, ys = np.asarray(line.xs, float), np.asarray(line.ys, float)
        self._put(pg.PlotDataItem(xs, ys, pen=pen(line.token, 2, dash), connect="finite", antialias=True, **marks))
        last = len(xs) - 1
        self._name(line.name, line.token, float(xs[last]), float(ys[last]), self._beside_end(xs, ys))

    def _beside_end(self, xs: np.ndarray, ys: np.ndarray) -> tuple[float, float]:
        """Where a name stands so that its own line does not run through it."""
        middle = 0.5 * max(max(other.xs, default=0) for other in self._lines)
        falling = len(ys) > 1 and ys[-1] < ys[-2]
        return (1.0 if xs[-1] > middle else 0.0), (-0.3 if falling else 1.3)


class ReliabilityPanel(_Labelled):
    """How often a reward model is right by how sure it is, with 95 % intervals; on the dashed line it is honest."""

    def __init__(self, title: str, note: str = "", parent: QWidget | None = None) -> None:
        self._bins: list[Bin] = []
        super().__init__(title, note, parent)

    def set_curve(self, bins: Sequence[Bin]) -> None:
        """Draw these, least sure first."""
        self._bins = list(bins)
        self._draw()

    def restyle(self) -> None:
        super().restyle()
        self._draw()

    def _draw(self) -> None:
        self._empty()
        self.plot.setXRange(0.48, 1.02, padding=0)
        self.plot.setYRange(min([0.45, *(each.low for each in self._bins)]), 1.06, padding=0)
        self._put(pg.PlotCurveItem([0.5, 1.0], [0.5, 1.0], pen=pen("ref", 1.5, [4, 3]), antialias=True))
        for each in self._bins:
            ends = [each.sure, each.sure], [each.low, each.high]
            self._put(pg.PlotCurveItem(*ends, pen=pen("s1", 1.5, alpha=0.55), antialias=True))
        most = max((each.count for each in self._bins), default=1)
        sizes = [6 + 8 * (each.count / most) ** 0.5 for each in self._bins]  # by area, as an eye weighs them
        xs, ys = [each.sure for each in self._bins], [each.right for each in self._bins]
        brush = theme().color("s1")
        self._put(pg.ScatterPlotItem(xs, ys, size=sizes, brush=brush, pen=pen("surface", 1.5)))
        self._name(self.tr("honest"), "ref", 1.02, 0.93, (1.0, 0.0))
        words = self.tr("{sure} sure: right {right} of {count} ({low} to {high})")
        said = [
            words.format(
                sure=percent(each.sure), right=percent(each.right), count=each.count,
                low=percent(each.low), high=percent(each.high),
            )
            for each in self._bins
        ]  # fmt: skip
        self.setAccessibleDescription("; ".join(said) or self.tr("No values yet"))
        self.setToolTip("\n".join(said))


class WinBars(QLabel):
    """Won, tied and lost as one bar a row, the interval of the share won, and the line at one half."""

    def __init__(self, title: str, ours: str, theirs: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self._ours, self._theirs = ours, theirs
        self._rows: list[Wins] = []
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(280, 120)

    def set_names(self, ours: str, theirs: str) -> None:
        """Whose wins these are, and against whom."""
        self._ours, self._theirs = ours, theirs
        self.set_rows(self._rows)

    def set_rows(self, rows: Sequence[Wins]) -> None:
        """Draw these; the first is the whole, the others its parts."""
        self._rows = list(rows)
        words = self.tr("{name}: {ours} won {won}, tied {tied}, lost {lost}, {share} ({low} to {high})")
        said = [
            words.format(
                name=r.name, ours=self._ours, won=r.won, tied=r.tied, lost=r.lost,
                share=percent(r.share), low=percent(r.low), high=percent(r.high),
            )
            for r in self._rows
        ]  # fmt: skip
        self.setAccessibleDescription("; ".join(said))
        self.updateGeometry()
        self.update()

    def sizeHint(self) -> QSize:
        return QSize(420, 46 * max(1, len(self._rows)) + 60)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        metrics = QFontMetricsF(font("body"))
        names = max((metrics.horizontalAdvance(r.name) for r in self._rows), default=0.0)
        left = min(names + 24, self.width() * 0.4)
        track = QRectF(left, 0, max(60.0, self.width() - left - 54), 0)
        room = self.height() - 52 * text_scale()
        height = min(46.0, room / max(1, len(self._rows)))
        for place, one in enumerate(self._rows):
            self._paint_row(painter, one, track, (place + 0.5) * height, first=place == 0)
        self._paint_half(painter, track, height * len(self._rows))
        self._paint_legend(painter)
        painter.end()

    def _paint_row(self, painter: QPainter, one: Wins, track: QRectF, middle: float, first: bool) -> None:
        on, middle_flag = theme(), Qt.AlignmentFlag.AlignVCenter
        painter.setFont(font("strong" if first else "body"))
        painter.setPen(on.color("text"))
        shown = QFontMetricsF(font("body")).elidedText(one.name, Qt.TextElideMode.ElideRight, track.x() - 8)
        painter.drawText(QRectF(0, middle - 12, track.x() - 8, 24), middle_flag, shown)
        painter.setFont(font("head" if first else "body", tabular=True))
        share = QRectF(track.right() + 8, middle - 12, 46, 24)
        painter.drawText(share, middle_flag | Qt.AlignmentFlag.AlignRight, percent(one.share))
        thick, x = (18.0 if first else 12.0), track.x()
        for amount, token in ((one.won, "s1"), (one.tied, "line2"), (one.lost, "ref")):
            width = track.width() * amount / one.total
            if width > 1:
                painter.fillRect(QRectF(x, middle - thick / 2, width - 1, thick), on.color(token))
            x += width
        self._paint_interval(painter, one, track, middle)

    def _paint_interval(self, painter: QPainter, one: Wins, track: QRectF, middle: float) -> None:
        low, high = (round(track.x() + track.width() * edge) for edge in (one.low, one.high))
        for token, width in (("surface", 3.6), ("text", 1.4)):  # a halo, so that it shows on every part
            painter.setPen(QPen(theme().color(token), width))
            painter.drawLine(low, round(middle), high, round(middle))
            for edge in (low, high):
                painter.drawLine(edge, round(middle - 4), edge, round(middle + 4))

    def _paint_half(self, painter: QPainter, track: QRectF, bottom: float) -> None:
        half = round(track.center().x())
        line = QPen(theme().color("text3"), 1)
        line.setDashPattern([3, 3])
        painter.setPen(line)
        painter.drawLine(half, 0, half, round(bottom) + 4)
        painter.setFont(font("micro"))
        painter.setPen(theme().color("text3"))
        painter.drawText(QRectF(half - 30, bottom + 4, 60, 16), Qt.AlignmentFlag.AlignCenter, percent(0.5))

    def _paint_legend(self, painter: QPainter) -> None:
        painter.setFont(font("small"))
        metrics, y, x = QFontMetricsF(font("small")), self.height() - 18.0, 0.0
        for name, token in ((self._ours, "s1"), (self.tr("tie"), "line2"), (self._theirs, "ref")):
            box(painter, QRectF(x, y + 5, 7, 7), 3.5, theme().color(token))
            painter.setPen(theme().color("text2"))
            painter.drawText(QRectF(x + 13, y, 240, 18), Qt.AlignmentFlag.AlignVCenter, name)
            x += 13 + metrics.horizontalAdvance(name) + 12
        painter.setPen(theme().color("text3"))
        note = QRectF(0, y, self.width(), 18)
        if x + metrics.horizontalAdvance(self.tr("line: 95% interval")) < self.width():
            right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
            painter.drawText(note, right, self.tr("line: 95% interval"))
