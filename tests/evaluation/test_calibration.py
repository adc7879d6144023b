"""Calibration against hand arithmetic."""

from __future__ import annotations

import math

import pytest

from workbench.evaluation.calibration import Bin, by_certainty, distance, expected_calibration_error, reliability
from workbench.evaluation.intervals import wilson


def test_the_error_is_the_mean_distance_of_confidence_from_accuracy():
    honest = [0.75] * 4
    assert expected_calibration_error(honest, [1, 1, 1, 0]) == pytest.approx(0.0)
    assert expected_calibration_error([0.95] * 4, [1, 1, 0, 0]) == pytest.approx(0.45)
    # two bins, 1 and 3 cases: (1 * |0.55 - 0| + 3 * |0.9 - 1|) / 4
    assert expected_calibration_error([0.55, 0.9, 0.9, 0.9], [0, 1, 1, 1]) == pytest.approx((0.55 + 0.3) / 4)
    assert math.isnan(expected_calibration_error([], []))
    assert math.isnan(distance([]))


def test_a_curve_has_counts_and_intervals():
    curve = reliability([0.62, 0.68, 0.97, 0.62], [1, 0, 1, 1], bins=5)
    assert [(each.count, each.right) for each in curve] == [(3, pytest.approx(2 / 3)), (1, 1.0)]
    assert curve[0].sure == pytest.approx(0.64)
    assert (curve[0].low, curve[0].high) == pytest.approx(wilson(2, 3))
    assert curve[1] == Bin(0.97, 1.0, 1, *wilson(1, 1))


def test_it_does_not_matter_which_side_is_called_first():
    probabilities, outcomes = [0.2, 0.8, 0.55, 0.99], [0, 1, 0, 1]
    other = reliability([1 - p for p in probabilities], [1 - y for y in outcomes])
    for ours, theirs in zip(reliability(probabilities, outcomes), other, strict=True):
        assert (ours.count, ours.right) == (theirs.count, theirs.right)
        assert ours.sure == pytest.approx(theirs.sure)
    (only,) = reliability([0.2, 0.8], [0, 1])
    assert (only.sure, only.right, only.count) == (pytest.approx(0.8), 1.0, 2)


def test_no_preference_is_half_right():
    (only,) = reliability([0.5, 0.5], [1, 1])
    assert (only.sure, only.right) == (0.5, 0.5)
    assert expected_calibration_error([0.5, 0.5], [1, 1]) == 0.0


def test_doubts_that_mean_something_are_where_the_mistakes_are():
    assert by_certainty([3.0, 0.1, 2.0, 0.2], [1, 0, 1, 1]) == (1.0, 0.5)
    assert by_certainty([5.0, 1.0, 3.0], [1, 0, 0.5]) == (1.0, 0.0)
    assert all(math.isnan(share) for share in by_certainty([1.0], [1]))
