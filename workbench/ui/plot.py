"""Charts of a run: small multiples that share one crosshair.

    panel = LinePanel(self.tr("KL to base"), note=self.tr("in nats"))
    panel.set_planned_end(3000); panel.set_threshold(6.0, self.tr("target 6"))
    panel.append(step, value)                      # NaN or None shows a gap; repaints at most ten times a second
    panel.set_series(steps, values)                # a whole run at once
    panel.set_series(steps, values, "helpful-v2", "s3")   # a second run, dashed and labelled on its line
    link([panel, other])                           # one crosshair; the headers show the values under it

Each panel can take the focus: Left and Right move the crosshair, Escape lets go. Its accessible description
says the same in words. Import this late: pyqtgraph takes a quarter of a second.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QObject, QRectF, Qt, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from .figures import count, figure
from .series import DASHES, Series, pen, thinned
from .theme import KEYBOARD_REASONS, font, theme, theme_changed, tokens
from .widgets import Card, ElidedLabel, column, label, row
from .widgets.painting import ring

REPAINT = 100  # milliseconds
TICK_ROLE = "micro"


SCIENTIFIC = 4
"""Places behind the point from which a tick is written as 1.5e-4."""


class Axis(pg.AxisItem):
    """An axis with our figures and a grid that is a hairline."""

    powers = False
    """Its values are powers of ten: a tick shows what they stand for."""

    def tickStrings(self, values: Sequence[float], scale: float, spacing: float) -> list[str]:
        if self.powers:
            return [figure(10.0**value) for value in values]
        places = max(0, -math.floor(math.log10(spacing * scale))) if spacing else 0
        return [_tick(value * scale, places) for value in values]


def _tick(value: float, places: int) -> str:
    if abs(value) < 1e-12:
        return "0"
    if places >= SCIENTIFIC:
        digits = max(0, math.floor(math.log10(abs(value))) + places)
        mantissa, exponent = f"{value:.{digits}e}".split("e")
        return f"{float(mantissa):g}e{int(exponent)}".replace("-", "\u2212")
    text = f"{value:,.{places}f}".replace("-", "\u2212").replace(",", "\u202f")
    # A long tick would not fit beside the axis, and pyqtgraph then shows none at all.
    return text.replace("0.", ".", 1) if places >= 3 and abs(value) < 1 else text


class ChartCard(Card):
    """A card with a title, a note and a value over a plot. The plot has no menu, no zoom and no box."""

    def __init__(self, title: str, note: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(title)
        self.setMinimumSize(240, 130)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.title = label(title, "strong")
        self.note = ElidedLabel(note, "small", "text3")
        self.value = label("", "head", tabular=True)
        # Any: pyqtgraph has no type stubs, and pyright would judge Qt's own signatures instead.
        options: Any = {"background": None, "axisItems": {side: Axis(side) for side in ("left", "bottom")}}
        self.plot: Any = pg.PlotWidget(**options)
        self.plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.plot.setMenuEnabled(False)
        self.plot.setMouseEnabled(False, False)
        self.plot.hideButtons()
        self.plot.getPlotItem().getViewBox().setDefaultPadding(0)
        self.plot.viewport().setAttribute(Qt.WidgetAttribute.WA_TranslucentBackground)
        self.head = row(self.title, None, self.note, self.value, spacing=10, margins=(12, 0, 12, 0))
        self.setLayout(column(self.head, self.plot, spacing=2, margins=(0, 8, 4, 4)))
        theme_changed.connect(self.restyle)

    def axis(self, side: str) -> Axis:
        """The left or the bottom axis."""
        return self.plot.getAxis(side)

    def restyle(self) -> None:
        """Colours and fonts of the theme that is on; pyqtgraph does not follow a palette by itself."""
        for side in ("left", "bottom"):
            axis = self.axis(side)
            axis.setZValue(-1000)  # the grid lies under the lines
            axis.setTickFont(font(TICK_ROLE, tabular=True))
            axis.setTextPen(theme().color("text3"))
            axis.setPen(theme().color("line") if side == "bottom" else pg.mkPen(None))
            axis.setTickPen(pen("grid", 1))
            axis.setStyle(tickLength=0, maxTickLevel=0, tickTextOffset=6)
        self.axis("left").setGrid(255)
        self.axis("left").setTickDensity(0.6)
        self.axis("left").setWidth(round(44 * max(1.0, font(TICK_ROLE).pixelSize() / 11)))


class Crosshair(QObject):
    """The step under the mouse, shared by linked panels; None while the mouse is away."""

    moved = Signal(object)


class LinePanel(ChartCard):
    """One metric over the steps of a run."""

    def __init__(
        self, title: str, unit: str = "", note: str = "", smoothing: float = 0.85, parent: QWidget | None = None
    ) -> None:
        super().__init__(title, note or unit, parent)
        self._smoothing, self._end = smoothing, 0.0
        self._at: float | None = None
        self._threshold: tuple[float, str] | None = None
        self._ring, self._linked = False, False
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self._series: dict[str, Series] = {}
        self._band: tuple[Any, Any, Any] | None = None
        self._build_marks()
        self.crosshair = Crosshair()
        self.crosshair.moved.connect(self.show_at)
        self.plot.scene().sigMouseMoved.connect(self._moused)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REPAINT)
        self._timer.timeout.connect(self.flush)
        self.restyle()

    def _build_marks(self) -> None:
        self._line = pg.InfiniteLine(angle=90, movable=False)
        self._dot = pg.ScatterPlotItem(size=8)
        self._limit = pg.InfiniteLine(angle=0, movable=False)
        self._limit_text, self._step_text = pg.TextItem(anchor=(1, 1)), pg.TextItem(anchor=(0, 0))
        for item in (self._line, self._dot, self._limit, self._limit_text, self._step_text):
            item.setZValue(20)
            item.setVisible(False)
            self.plot.addItem(item, ignoreBounds=True)

    # -- data

    def append(self, step: float, value: float | None, series: str = "") -> None:
        """One more point of a run."""
        number = math.nan if value is None else float(value)
        self._of(series).add(float(step), number, self._smoothing)
        if not self._timer.isActive():
            self._timer.start()

    def set_series(
        self, steps: Sequence[float], values: Sequence[float | None], series: str = "", token: str = "s1"
    ) -> None:
        """All points of a run at once. Its name is written at the end of its line."""
        chosen = self._of(series, token)
        chosen.clear()
        for step, value in zip(steps, values, strict=True):
            chosen.add(float(step), math.nan if value is None else float(value), self._smoothing)
        self.flush()

    def set_band(self, steps: Sequence[float], low: Sequence[float], high: Sequence[float]) -> None:
        """A band such as the spread of a batch, behind the lines."""
        if self._band is None:
            edges = pg.PlotCurveItem(pen=None), pg.PlotCurveItem(pen=None)
            between = pg.FillBetweenItem(*edges)
            for item in (*edges, between):
                item.setZValue(-10)
                self.plot.addItem(item)
            self._band = (*edges, between)
            self.restyle()
        good = np.isfinite(np.asarray(low, float)) & np.isfinite(np.asarray(high, float))
        for edge, values in zip(self._band[:2], (low, high), strict=True):
            edge.setData(np.asarray(steps, float)[good], np.asarray(values, float)[good])

    def clear(self) -> None:
        """Take away every line and the band."""
        for one in self._series.values():
            for item in (one.raw, one.smooth, one.label):
                if item is not None:
                    self.plot.removeItem(item)
        self._series.clear()
        for item in self._band or ():
            self.plot.removeItem(item)
        self._band = None
        self.flush()

    def set_planned_end(self, step: float) -> None:
        """Where the run will end; the axis runs that far, so that progress shows."""
        self._end = float(step)
        self.flush()

    def set_threshold(self, value: float | None, text: str = "") -> None:
        """A dashed line that the metric should stay on one side of, with its words on it."""
        self._threshold = None if value is None else (value, text)
        self.restyle()
        self.flush()

    def set_steps_shown(self, shown: bool) -> None:
        """Whether numbers stand under the axis; in a grid only the lowest row needs them."""
        self.axis("bottom").setStyle(showValues=shown)
        self.axis("bottom").setHeight(None if shown else 8)

    def _of(self, name: str, token: str = "s1") -> Series:
        if name not in self._series:
            raw = pg.PlotCurveItem(connect="finite", skipFiniteCheck=False)
            smooth = pg.PlotCurveItem(connect="finite", skipFiniteCheck=False, antialias=True)
            end = pg.TextItem(anchor=(0, 0.5)) if name else None
            for item in (raw, smooth, end):
                if item is not None:
                    self.plot.addItem(item, ignoreBounds=True)
            self._series[name] = Series(token, raw, smooth, label=end)
            self._style_series(name)
        return self._series[name]

    def _main(self) -> Series | None:
        return self._series.get("") or next(iter(self._series.values()), None)

    # -- drawing

    def flush(self) -> None:
        """Draw what has come in since the last time."""
        self._timer.stop()
        low, high = self._limits()
        for one in self._series.values():
            smoothed = self.heights(one.smoothed)
            one.raw.setData(*thinned(one.steps, self.heights(one.values)))
            one.smooth.setData(*thinned(one.steps, smoothed))
            if one.label is not None and one.steps:
                finite = [value for value in smoothed if math.isfinite(value)]
                ends = finite[-1] if finite else 0.0
                one.label.setPos(one.steps[-1], ends)
                # Beside the end of the line; where the axis ends there too, over it, or under it at the chart's top.
                late = one.steps[-1] > 0.8 * max(self._end, one.steps[-1], 1.0)
                over = (1, 1) if ends < high - 0.12 * (high - low) else (1, 0)
                one.label.setAnchor(over if late else (0, 0.5))
        self._set_ranges()
        self.show_at(self._at)
        self.setAccessibleDescription(self.summary())

    def heights(self, values: Sequence[float]) -> Sequence[float]:
        """How high values stand on the chart."""
        return values

    def _set_ranges(self) -> None:
        last = max((one.steps[-1] for one in self._series.values() if one.steps), default=1.0)
        end = max(self._end, last, 1.0)
        self.plot.setXRange(-0.02 * end, end * 1.06, padding=0)
        low, high = self._limits()
        room = (high - low) * 0.08
        self.plot.setYRange(low - room, high + room, padding=0)
        if self._threshold is not None:
            self._limit.setPos(self._threshold[0])
            self._limit_text.setPos(end * 1.05, self._threshold[0])
            # Over its line, or under it where the line is the top of the chart.
            self._limit_text.setAnchor((1, 0) if self._threshold[0] > high - 0.15 * (high - low) else (1, 1))

    def _limits(self) -> tuple[float, float]:
        parts = [np.asarray(self.heights(one.values), float) for one in self._series.values()]
        values = np.concatenate(parts) if parts else np.empty(0)
        values = values[np.isfinite(values)]
        if values.size > 100:  # one wild step must not flatten the rest
            low, high = (float(edge) for edge in np.percentile(values, (0.5, 99.5)))
        elif values.size:
            low, high = float(values.min()), float(values.max())
        else:
            low, high = 0.0, 1.0
        if self._threshold is not None:
            low, high = min(low, self._threshold[0]), max(high, self._threshold[0])
        if high - low < 1e-12:
            low, high = low - max(abs(low), 1.0) / 2, high + max(abs(high), 1.0) / 2
        return low, high

    def restyle(self) -> None:
        super().restyle()
        for name in self._series:
            self._style_series(name)
        self._line.setPen(pen("text2", 1, [4, 3]))
        self._dot.setPen(pen("surface", 2))
        self._dot.setBrush(theme().color("s1"))
        self._limit.setPen(pen("warn", 1, [4, 3]))
        for item, token in ((self._limit_text, "warn"), (self._step_text, "text2")):
            item.setFont(font(TICK_ROLE, tabular=True))
            item.setColor(theme().color(token))
        self._limit.setVisible(self._threshold is not None)
        self._limit_text.setVisible(self._threshold is not None)
        self._limit_text.setText(self._threshold[1] if self._threshold else "")
        if self._band is not None:
            self._band[2].setBrush(theme().color("s1", 0.16))

    def _style_series(self, name: str) -> None:
        one = self._series[name]
        one.raw.setPen(pen(one.token, 1, alpha=0.28))
        one.smooth.setPen(pen(one.token, 2, DASHES.get(one.token, [])))
        if one.label is not None:
            one.label.setText(name)
            one.label.setFont(font(TICK_ROLE))
            one.label.setColor(theme().color(one.token))

    # -- crosshair

    def _moused(self, position: Any) -> None:
        view = self.plot.getPlotItem().getViewBox()
        inside = view.sceneBoundingRect().contains(position)
        self.crosshair.moved.emit(view.mapSceneToView(position).x() if inside else None)

    def leaveEvent(self, event: Any) -> None:
        super().leaveEvent(event)
        self.crosshair.moved.emit(None)

    def show_at(self, step: float | None) -> None:
        """Show the value nearest to a step, or the latest for None."""
        self._at = step
        main = self._main()
        place = None if main is None or not main.steps else self._nearest(main, step)
        shown = step is not None and place is not None
        for item in (self._line, self._dot):
            item.setVisible(shown)
        # Of linked panels only the one that is pointed at names the step.
        self._step_text.setVisible(shown and (not self._linked or self.underMouse() or self.hasFocus()))
        if main is None or place is None:
            self.value.setText("")
            return
        value = main.smoothed[place]
        self.value.setText(figure(value))
        if shown:
            x = main.steps[place]
            self._line.setPos(x)
            self._dot.setData([x] if math.isfinite(value) else [], [value] if math.isfinite(value) else [])
            (_, _), (_, top) = self.plot.viewRange()
            self._step_text.setText(self.tr("step {step}").format(step=count(round(x))))
            self._step_text.setPos(x, top)

    def _nearest(self, main: Series, step: float | None) -> int:
        if step is None:
            finite = [place for place, value in enumerate(main.smoothed) if math.isfinite(value)]
            return finite[-1] if finite else len(main.steps) - 1
        place = int(np.searchsorted(main.steps, step))
        around = [p for p in (place - 1, place) if 0 <= p < len(main.steps)]
        return min(around, key=lambda p: abs(main.steps[p] - step))

    def keyPressEvent(self, event: QKeyEvent) -> None:
        main = self._main()
        moves = {Qt.Key.Key_Left: -1, Qt.Key.Key_Right: 1}
        if main is None or not main.steps or event.key() not in (*moves, Qt.Key.Key_Escape):
            super().keyPressEvent(event)
        elif event.key() == Qt.Key.Key_Escape:
            self.crosshair.moved.emit(None)
        else:
            place = self._nearest(main, self._at) + moves[Qt.Key(event.key())]
            self.crosshair.moved.emit(main.steps[min(len(main.steps) - 1, max(0, place))])

    def focusInEvent(self, event: QFocusEvent) -> None:
        self._ring = event.reason() in KEYBOARD_REASONS
        super().focusInEvent(event)
        self.update()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        super().paintEvent(event)
        if self._ring and self.hasFocus():
            painter = QPainter(self)
            ring(painter, QRectF(self.rect()), tokens()["radius"]["card"])
            painter.end()

    # -- words

    def shown_value(self) -> str:
        """The figure in the header."""
        return self.value.text()

    def summary(self) -> str:
        """The chart in words, for screen readers and reports."""
        main = self._main()
        finite = [] if main is None else [v for v in main.smoothed if math.isfinite(v)]
        if main is None or not finite:
            return self.tr("{title}: no values yet").format(title=self.title.text())
        words = self.tr("{title}: {last} at step {step}; from {first}, lowest {low}, highest {high}")
        return words.format(
            title=self.title.text(), last=figure(finite[-1]), step=count(round(main.steps[-1])),
            first=figure(finite[0]), low=figure(min(finite)), high=figure(max(finite)),
        )  # fmt: skip


def link(panels: Sequence[LinePanel]) -> Crosshair:
    """Give panels one crosshair. Keeps working when some of them are hidden."""
    shared = Crosshair(panels[0] if panels else None)
    for panel in panels:
        panel.crosshair.moved.disconnect(panel.show_at)
        panel.crosshair, panel._linked = shared, True
        shared.moved.connect(panel.show_at)
    return shared
