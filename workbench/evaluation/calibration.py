"""Whether probabilities mean what they say, and whether doubts are where the mistakes are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .intervals import wilson

BINS = 10


@dataclass(frozen=True)
class Bin:
    """Cases about which a model was about as sure: how sure on average, and which share was right.

    low and high are Wilson's interval of that share, at 95 %.
    """

    sure: float
    right: float
    count: int
    low: float
    high: float


def reliability(probabilities: Sequence[float], outcomes: Sequence[float], bins: int = BINS) -> list[Bin]:
    """The reliability curve: its filled bins, least sure first.

    Folded: each case is judged by the side that the model prefers, with confidence max(p, 1 - p) from 0.5 to 1, so
    that it does not matter which side of a pair is called first. A model that prefers neither is half right.
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(outcomes, dtype=float)
    sure = np.maximum(p, 1 - p)
    right = np.where(p > 0.5, y, np.where(p < 0.5, 1 - y, 0.5))
    which = np.minimum(((sure - 0.5) * 2 * bins).astype(int), bins - 1)
    return [_bin(sure[which == k], right[which == k]) for k in range(bins) if (which == k).any()]


def _bin(sure: np.ndarray, right: np.ndarray) -> Bin:
    return Bin(float(sure.mean()), float(right.mean()), len(right), *wilson(float(right.sum()), len(right)))


def expected_calibration_error(probabilities: Sequence[float], outcomes: Sequence[float], bins: int = BINS) -> float:
    """Expected calibration error (Naeini et al. 2015): mean distance of confidence from accuracy; nan for no cases."""
    return distance(reliability(probabilities, outcomes, bins))


def distance(curve: Sequence[Bin]) -> float:
    """The expected calibration error of a curve; nan for an empty one."""
    total = sum(each.count for each in curve)
    return sum(each.count * abs(each.sure - each.right) for each in curve) / total if total else math.nan


def by_certainty(certainty: Sequence[float], right: Sequence[float]) -> tuple[float, float]:
    """Share that was right in the more and in the less certain half of the cases; nan for fewer than two.

    Doubts that mean something are where the mistakes are. An odd case in the middle belongs to neither half.
    """
    order = np.argsort(np.asarray(certainty, dtype=float), kind="stable")
    half = len(order) // 2
    if not half:
        return math.nan, math.nan
    shares = np.asarray(right, dtype=float)[order]
    return float(shares[-half:].mean()), float(shares[:half].mean())
