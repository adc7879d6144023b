"""The charts of a run: one per panel that its method declares, all under one crosshair."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, QSize, QTimer
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from ..methods import METHODS
from ..methods.base import Panel
from ..store import Run
from .train_health import Curves
from .train_runs import LIVE
from .train_words import second_words

NARROW = 900
BANDS = {"objective/scores": "objective/scores_std"}
"""Metrics whose spread over the batch is known, and under which name."""
TOKENS = ("s1", "s3", "ref", "s2")
BAND_PAUSE = 250  # milliseconds


class RunCharts(QWidget):
    """Small multiples, three across, or two where there is little room."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run: Run | None = None
        self._absent: set[str] = set()
        """Metrics of optional panels that are not shown, as the run has not told of them."""
        self._shape: tuple[str, float, int] | None = None
        self._metrics: dict[str, list[tuple[Any, str, str]]] = {}  # metric -> (panel, series name, token)
        self._drawn: set[str] = set()
        self._highest: dict[str, float] = {}
        self._declared: dict[str, Panel] = {}
        self.panels: list[Any] = []
        self._spread: dict[str, list[tuple[int, float, float]]] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(10)
        self._columns = 0
        self._band_timer = QTimer(self)
        self._band_timer.setSingleShot(True)
        self._band_timer.setInterval(BAND_PAUSE)
        self._band_timer.timeout.connect(self._draw_bands)

    # -- what is shown

    def show_run(self, run: Run, curves: Curves) -> None:
        """The curves of a run, as far as it is."""
        self._build(run, set(curves))
        self._drawn.clear()
        self._spread.clear()
        self._highest.clear()
        for panel in self.panels:
            panel.clear()
            panel.set_threshold(None)
            panel.set_planned_end(max(run.total, run.step) if run.status in LIVE else run.step)
        for name, points in curves.items():
            for panel, series, token in self._metrics.get(name, ()):
                panel.set_series([step for step, _ in points], [value for _, value in points], series, token)
                self._drawn.add(f"{id(panel)}{name}")
            self._note_limit(name, [value for _, value in points])
        for name, spread in BANDS.items():
            by_step = dict(curves.get(spread, ()))
            for step, value in curves.get(name, ()):
                self._note_spread(name, step, value, by_step.get(step))
        self._draw_bands()

    def append(self, step: int, values: Mapping[str, float | None]) -> None:
        """One more step of the run that is shown."""
        if self._run is not None and any(name in values for name in self._absent):
            self.show_run(self._run, {name: [] for name in values})  # the first step says what there is to show
        for name, value in values.items():
            for panel, series, token in self._metrics.get(name, ()):
                if f"{id(panel)}{name}" in self._drawn:
                    panel.append(step, value, series)
                else:  # a line begins with its first value: an empty one would have a name and no place
                    panel.set_series([step], [value], series, token)
                    self._drawn.add(f"{id(panel)}{name}")
            self._note_limit(name, [value])
            if name in BANDS:
                self._note_spread(name, step, value, values.get(BANDS[name]))
        if not self._band_timer.isActive():
            self._band_timer.start()

    def set_planned_end(self, total: int) -> None:
        """The run has said how many steps it will take."""
        for panel in self.panels:
            panel.set_planned_end(total)

    def flush(self) -> None:
        """Draw what has come in."""
        for panel in self.panels:
            panel.flush()

    # -- limits and bands

    def _note_limit(self, name: str, values: Sequence[float | None]) -> None:
        """Show a limit once the curve comes near it: a far one would flatten the curve."""
        declared = self._declared.get(name)
        if declared is None or declared.warn_above is None:
            return
        known = [value for value in values if value is not None and math.isfinite(value)]
        before = self._highest.get(name, -math.inf)
        self._highest[name] = max([before, *known])
        near = 0.4 * declared.warn_above
        if self._highest[name] >= near and before < near:
            self._metrics[name][0][0].set_threshold(declared.warn_above, _said(declared.warn_text))

    def _note_spread(self, name: str, step: int, value: float | None, spread: float | None) -> None:
        if value is None or spread is None:
            return
        points = self._spread.setdefault(name, [])
        edges = [value - spread, value + spread]
        if points and self._shape is not None:  # as smooth as the line that it stands around
            kept = self._shape[1]
            edges = [kept * before + (1 - kept) * edge for before, edge in zip(points[-1][1:], edges, strict=True)]
        points.append((step, edges[0], edges[1]))

    def _draw_bands(self) -> None:
        for name, points in self._spread.items():
            for panel, _, _ in self._metrics.get(name, ()):
                steps, low, high = zip(*points, strict=True)
                panel.set_band(steps, low, high)
                panel.flush()

    # -- panels

    def _build(self, run: Run, known: set[str]) -> None:
        self._run = run
        method = METHODS.get(run.method)
        panels = method.PANELS if method is not None else ()
        declared = [each for each in panels if not each.optional or known.intersection(each.metrics)]
        self._absent = {name for each in panels if each not in declared for name in each.metrics}
        smoothing = smoothing_of(run)
        if self._shape == (run.method, smoothing, len(declared)):
            return
        from . import plot

        self._shape = (run.method, smoothing, len(declared))
        for panel in self.panels:
            panel.hide()
            panel.deleteLater()
        self.panels, self._metrics = [], {}
        self._declared = {each.metrics[0]: each for each in declared}
        for each in declared:
            rare = any(word in each.metrics[0] for word in ("held_out", "calibration"))
            panel = plot.LinePanel(_said(each.title), note=_said(each.note), smoothing=0.0 if rare else smoothing)
            for place, name in enumerate(each.metrics):
                token = TOKENS[min(place, len(TOKENS) - 1)] if "longer" not in name else "ref"
                series = "" if place == 0 else second_words(name)
                self._metrics.setdefault(name, []).append((panel, series, token))
            self.panels.append(panel)
        self.crosshair = plot.link(self.panels)
        self._columns = 0
        self._lay_out()

    def _lay_out(self) -> None:
        columns = 2 if self.width() < NARROW else 3
        if columns == self._columns:
            return
        self._columns = columns
        last_row = (len(self.panels) - 1) // columns
        for place, panel in enumerate(self.panels):
            self._grid.addWidget(panel, place // columns, place % columns)
            panel.set_steps_shown(place // columns == last_row)
            panel.show()
        for column in range(3):
            self._grid.setColumnStretch(column, 1 if column < columns else 0)

    def sizeHint(self) -> QSize:
        # A plot would ask for 640 x 480; these share what the samples leave.
        return QSize(720, 150 * max(1, (len(self.panels) + 2) // 3))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()


def smoothing_of(run: Run) -> float:
    """Few points need little smoothing: the figure in a panel's head must not lag behind the run."""
    return 0.85 if max(run.total, run.step) > 200 else 0.5


def _said(text: str) -> str:
    return QCoreApplication.translate("Panel", text)
