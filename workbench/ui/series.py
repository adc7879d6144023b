"""One line of a chart: its points raw and smoothed, its pen and its dash."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyqtgraph as pg

from .theme import theme

DASHES: dict[str, list[float]] = {  # a colour never stands alone
    "s1": [], "s2": [6, 3], "s3": [3, 2], "s4": [1.5, 2], "s5": [7, 2, 2, 2], "ref": [2, 2],
}  # fmt: skip


def pen(token: str, width: float = 2.0, dash: Sequence[float] = (), alpha: float = 1.0) -> Any:
    """A pen in the colour of a token, the same width at any zoom."""
    result = pg.mkPen(theme().color(token, alpha), width=width)
    if dash:
        result.setDashPattern(list(dash))
    return result


def thinned(steps: Sequence[float], values: Sequence[float], most: int = 4000) -> tuple[np.ndarray, np.ndarray]:
    """At most `most` points that keep every peak: the lowest and the highest of each bin, in bin order.

    A screen has no room for more, and drawing 20 000 antialiased points ten times a second stalls the window.
    """
    xs, ys = np.asarray(steps, float), np.asarray(values, float)
    if xs.size <= most:
        return xs, ys
    starts = np.linspace(0, xs.size, most // 2, endpoint=False).astype(int)
    low, high = np.fmin.reduceat(ys, starts), np.fmax.reduceat(ys, starts)
    return np.repeat(xs[starts], 2), np.column_stack([low, high]).ravel()


@dataclass
class Series:
    """The points of one run, raw and smoothed, and the items that draw them."""

    token: str
    raw: Any
    smooth: Any
    steps: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    smoothed: list[float] = field(default_factory=list)
    label: Any = None
    _mean: float = 0.0
    _weight: float = 0.0

    def add(self, step: float, value: float, smoothing: float) -> None:
        """One more point; the running mean starts unbiased and passes over gaps."""
        self.steps.append(step)
        self.values.append(value)
        if math.isfinite(value):
            self._mean = smoothing * self._mean + (1 - smoothing) * value
            self._weight = smoothing * self._weight + (1 - smoothing)
            self.smoothed.append(self._mean / self._weight)
        else:
            self.smoothed.append(math.nan)

    def clear(self) -> None:
        """Forget all points."""
        self.steps, self.values, self.smoothed, self._mean, self._weight = [], [], [], 0.0, 0.0
