"""Figures and tables made of what the sides reported."""

from __future__ import annotations

import pytest

from workbench.bench import report


def test_growth_is_the_slope_over_the_last_twenty():
    jump = [1000] * 10
    assert report.growth([*jump, *range(0, 60, 3)]) == pytest.approx(3)
    assert report.growth([5] * 30) == 0
    assert report.growth([1, 50, *[7] * 20]) == 0
    assert report.growth([1, 2]) is None


def test_table_sets_the_first_column_left_and_the_others_right():
    assert report.table(("side", "s"), [("ours", "1.25"), ("a longer name", "10.00")]).splitlines() == [
        "side               s",
        "-------------  -----",
        "ours            1.25",
        "a longer name  10.00",
    ]


def test_trains_names_every_part_with_its_weights():
    assert (
        report.trains({"LoRA r=16": 4_884_480, "linear value head": 577}) == "LoRA r=16 4.9 M + linear value head 577"
    )
