"""Intervals against published or hand-worked numbers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from workbench.evaluation.intervals import bootstrap_mean, wilson


def test_wilson_equals_published_values():
    # Newcombe (1998), table I: 81 of 263 and 0 of 20
    assert wilson(81, 263) == pytest.approx((0.2553, 0.3662), abs=5e-5)
    assert wilson(0, 20) == pytest.approx((0.0, 0.1611), abs=5e-5)
    assert wilson(0, 0) == (0.0, 1.0)


def test_bootstrap_of_a_mean_is_near_the_normal_interval():
    values = np.random.default_rng(0).normal(2.0, 1.0, 400)
    low, high = bootstrap_mean(values.tolist())
    half = 1.96 * values.std() / 20
    assert low == pytest.approx(values.mean() - half, abs=0.02)
    assert high == pytest.approx(values.mean() + half, abs=0.02)


def test_groups_are_drawn_whole():
    values = [0.0] * 50 + [1.0] * 50
    alone = bootstrap_mean(values)
    grouped = bootstrap_mean(values, groups=["a"] * 50 + ["b"] * 50)
    assert grouped == (0.0, 1.0)
    assert alone[1] - alone[0] < 0.3


def test_no_values_have_no_interval():
    assert all(math.isnan(end) for end in bootstrap_mean([]))
