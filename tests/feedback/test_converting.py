"""Judgements become examples with counts, and contradictions are counted."""

from __future__ import annotations

import pytest

from workbench.feedback.base import Pair, Rules
from workbench.feedback.converting import conflicts, convert

from .test_kinds import judged

MIXED = [
    judged("rating", {"ratings": [5, 3, 1]}, "ABC"),
    judged("comparison", {"choice": "b"}, "AB"),
    judged("comparison", {"choice": "tie"}, "AB"),
    judged("ranking", {"order": [[0], [1, 2]]}, "ABC"),
    judged("edit", {"of": 0, "text": "Z"}, "A"),
]


def test_counts_explain_what_came_of_each_kind() -> None:
    conversion = convert(MIXED)
    assert conversion.counts == {
        "rating": {"judgements": 1, "pairs": 3, "rankings": 0, "labels": 3, "demonstrations": 1},
        "comparison": {"judgements": 2, "pairs": 1, "rankings": 0, "labels": 0, "demonstrations": 0},
        "ranking": {"judgements": 1, "pairs": 2, "rankings": 1, "labels": 0, "demonstrations": 0},
        "edit": {"judgements": 1, "pairs": 1, "rankings": 0, "labels": 0, "demonstrations": 1},
    }
    assert len(conversion.pairs) == 7
    assert (len(conversion.rankings), len(conversion.labels), len(conversion.demonstrations)) == (1, 3, 2)
    assert conversion.conflicts == 1


@pytest.mark.parametrize(
    ("rules", "pairs", "demonstrations"),
    [
        (Rules(), 7, 2),
        (Rules(min_gap=3), 5, 2),
        (Rules(good_rating=3), 7, 3),
        (Rules(use_ratings=False), 4, 1),
        (Rules(use_rankings=False, use_edits=False), 4, 1),
    ],
)
def test_rules_change_what_is_learned(rules: Rules, pairs: int, demonstrations: int) -> None:
    conversion = convert(MIXED, rules)
    assert (len(conversion.pairs), len(conversion.demonstrations)) == (pairs, demonstrations)


def test_nothing_becomes_nothing() -> None:
    conversion = convert([])
    assert (conversion.pairs, conversion.counts, conversion.conflicts) == ([], {}, 0)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        (["A>B"], 0),
        (["A>B", "A>B"], 0),
        (["A>B", "B>A"], 1),
        (["A>B", "B>A", "B>A"], 1),
        (["A>B", "B>C", "C>A"], 0),
        (["A>B", "B>A", "C>A", "A>C"], 2),
    ],
)
def test_conflicts_are_pairs_judged_both_ways(said: list[str], expected: int) -> None:
    assert conflicts([Pair("p", (), *item.split(">")) for item in said]) == expected


def test_the_same_answers_to_another_prompt_are_no_conflict() -> None:
    assert conflicts([Pair("p", (), "A", "B"), Pair("q", (), "B", "A")]) == 0
