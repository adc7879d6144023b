"""A chart of one metric of several runs: a value of each in its head, smoothing that can be changed, a log axis."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import Qt

from .figures import figure
from .plot import LinePanel
from .theme import set_role, theme

LABEL_SHARE = 0.13
"""Height of a letter as a share of the chart's."""


class ComparePanel(LinePanel):
    """One metric over the steps of several runs, each a line with the run's letter at its end."""

    def __init__(self, title: str, smoothing: float) -> None:
        super().__init__(title, smoothing=smoothing)
        self.value.setTextFormat(Qt.TextFormat.RichText)
        set_role(self.value, "smallb")
        self._logarithmic = False

    def set_smoothing(self, smoothing: float) -> None:
        """Smooth every line by this much, from 0 (not at all) to below 1."""
        self._smoothing = smoothing
        for one in self._series.values():
            steps, values = list(one.steps), list(one.values)
            one.clear()
            for step, value in zip(steps, values, strict=True):
                one.add(step, value, smoothing)
        self.flush()

    def set_logarithmic(self, on: bool) -> None:
        """Whether heights are powers of ten. Values that are not above zero are gaps then."""
        self._logarithmic = self.axis("left").powers = on
        self.flush()

    def heights(self, values: Sequence[float]) -> Sequence[float]:
        if not self._logarithmic:
            return values
        numbers = np.asarray(values, float)
        return np.log10(numbers, out=np.full(numbers.shape, math.nan), where=numbers > 0).tolist()

    def restyle(self) -> None:
        super().restyle()
        if hasattr(self, "_logarithmic"):  # the colours of the theme are in the words
            self.show_at(self._at)

    def flush(self) -> None:
        super().flush()
        self._spread_labels()

    def _spread_labels(self) -> None:
        """Keep the letters apart where lines end close together."""
        low, high = self._limits()
        labels = sorted((one.label for one in self._series.values() if one.steps), key=lambda item: item.pos().y())
        lowest = -math.inf
        for item in labels:
            place = item.pos()
            lowest = max(place.y(), lowest + LABEL_SHARE * (high - low))
            item.setPos(place.x(), lowest)
            item.setAnchor((0, 0.5))

    def show_at(self, step: float | None) -> None:
        """The value of every run at a step, or the last of each for None, in the colours of the lines."""
        super().show_at(step)
        self._dot.setVisible(False)  # it would mark one of several lines
        shown = []
        for name, one in self._series.items():
            if one.steps:
                value = one.smoothed[self._nearest(one, step)]
                colour = theme().color(one.token).name()
                shown.append(f'<span style="color:{colour}">{name}&nbsp;{figure(value)}</span>')
        self.value.setText("&ensp;".join(shown))

    def summary(self) -> str:
        """The chart in words: what each run came to."""
        ends = []
        for name, one in self._series.items():
            if one.steps:
                ends.append(f"{name} {figure(one.smoothed[self._nearest(one, None)])}")
        return f"{self.title.text()}: {', '.join(ends) or self.tr('no values yet')}"
