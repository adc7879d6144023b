"""Win rates from votes."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluation.winning import OUTCOMES, outcome, win_rate


@pytest.mark.parametrize(
    ("choice", "ours_first", "expected"),
    [
        ("a", True, "won"),
        ("a", False, "lost"),
        ("b", True, "lost"),
        ("b", False, "won"),
        ("tie", True, "tied"),
        ("both_bad", False, "both_bad"),
    ],
)
def test_a_vote_is_read_from_the_side_our_answer_was_shown_on(choice, ours_first, expected):
    assert outcome({"choice": choice, "strength": 1}, ours_first) == expected


def test_ties_are_half_a_win_and_both_bad_is_a_tie_that_is_counted():
    found = win_rate(["won"] * 6 + ["lost"] * 2 + ["tied", "both_bad"])
    assert (found.won, found.tied, found.lost, found.both_bad, found.votes) == (6, 2, 2, 1, 10)
    assert found.share == pytest.approx(0.7)


def test_the_interval_is_wilsons():
    # 61 of 100: Wilson's 95 % interval is 0.5121 to 0.6998 (Newcombe 1998, method 3).
    found = win_rate(["won"] * 61 + ["lost"] * 39)
    assert (found.low, found.high) == pytest.approx((0.5121, 0.6998), abs=2e-4)
    assert found.decided == "better"


def test_no_votes_decide_nothing():
    found = win_rate([])
    assert math.isnan(found.share)
    assert (found.low, found.high, found.decided) == (0.0, 1.0, "")


def test_a_few_votes_are_not_enough():
    assert win_rate(["won"] * 3 + ["lost"]).decided == ""
    assert win_rate(["lost"] * 40).decided == "worse"


@given(st.lists(st.sampled_from(OUTCOMES), min_size=1))
def test_swapping_the_sides_mirrors_the_share_and_the_interval(votes):
    mirror = {"won": "lost", "lost": "won"}
    ours, theirs = win_rate(votes), win_rate([mirror.get(vote, vote) for vote in votes])
    assert ours.share == pytest.approx(1 - theirs.share)
    assert ours.low == pytest.approx(1 - theirs.high, abs=1e-9)
    assert ours.low - 1e-9 <= ours.share <= ours.high + 1e-9
