"""Whether probabilities mean what they say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def reliability(
    probabilities: Sequence[float], outcomes: Sequence[float], bins: int = 10
) -> list[tuple[float, float, int]]:
    """For each filled bin: mean probability, share of outcomes that came true, number of cases.

    A pair is judged by the side that the model prefers, so that probabilities lie in [0.5, 1].
    """
    p, y = np.asarray(probabilities, dtype=float), np.asarray(outcomes, dtype=float)
    confident, right = np.where(p >= 0.5, p, 1 - p), np.where(p >= 0.5, y, 1 - y)
    which = np.minimum(((confident - 0.5) * 2 * bins).astype(int), bins - 1)
    return [
        (float(confident[which == k].mean()), float(right[which == k].mean()), int((which == k).sum()))
        for k in range(bins)
        if (which == k).any()
    ]


def expected_calibration_error(probabilities: Sequence[float], outcomes: Sequence[float], bins: int = 10) -> float:
    """Expected calibration error (Naeini et al. 2015): mean distance of confidence from accuracy; nan for no cases."""
    curve = reliability(probabilities, outcomes, bins)
    total = sum(count for _, _, count in curve)
    return sum(count * abs(p - y) for p, y, count in curve) / total if total else float("nan")
