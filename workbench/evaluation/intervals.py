"""Intervals around figures that come from few cases."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

Z95 = 1.959963984540054


def wilson(successes: float, count: int, z: float = Z95) -> tuple[float, float]:
    """Wilson score interval (Wilson 1927) of a share; (0, 1) for no cases. Half successes (ties) are fine."""
    if count <= 0 or not math.isfinite(successes):
        return 0.0, 1.0
    p = successes / count
    centre = (p + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(p * (1 - p) / count + z * z / (4 * count * count)) / (1 + z * z / count)
    return max(0.0, centre - half), min(1.0, centre + half)


def bootstrap_mean(
    values: Sequence[float], *, groups: Sequence[object] | None = None, rounds: int = 10_000, seed: int = 17
) -> tuple[float, float]:
    """95 % percentile bootstrap interval (Efron 1979) of a mean.

    groups: where values of one group are not independent (several answers to one prompt), whole groups are drawn.
    (nan, nan) for no values.
    """
    array = np.asarray(values, dtype=float)
    if array.size == 0:
        return math.nan, math.nan
    labels = list(range(array.size)) if groups is None else list(groups)
    places = {label: index for index, label in enumerate(dict.fromkeys(labels))}
    index = np.array([places[label] for label in labels])
    sums = np.bincount(index, weights=array)
    counts = np.bincount(index)
    draws = np.random.default_rng(seed).integers(0, len(places), size=(rounds, len(places)))
    means = sums[draws].sum(1) / counts[draws].sum(1)
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)
