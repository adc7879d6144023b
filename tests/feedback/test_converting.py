"""Judgements become examples with counts, and contradictions are counted."""

from __future__ import annotations

from dataclasses import replace

import pytest

from workbench.feedback.base import Pair, Rules
from workbench.feedback.converting import conflicts, convert, merge_votes

from .test_kinds import judged

MIXED = [
    judged("rating", {"ratings": [5, 3, 1]}, "ABC"),
    judged("comparison", {"choice": "b"}, "AB"),
    judged("comparison", {"choice": "tie"}, "AB"),
    judged("ranking", {"order": [[0], [1, 2]]}, "ABC"),
    judged("edit", {"of": 0, "text": "Z"}, "A"),
]


def test_counts_explain_what_came_of_each_kind() -> None:
    conversion = convert(MIXED, Rules(merge_votes=False))
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
    conversion = convert(MIXED, replace(rules, merge_votes=False))
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


def vote(chosen: str, rejected: str, margin: float, source: str) -> Pair:
    return Pair("p", ({"role": "user", "content": "?"},), chosen, rejected, margin, sources=(source,))


def test_votes_on_the_same_two_answers_become_one_pair_by_majority() -> None:
    cast = [vote("A", "B", 1.0, "1"), vote("B", "A", 1.0, "2"), vote("B", "A", 2.0, "3"), vote("A", "C", 3.0, "4")]
    first, second = merge_votes(cast)
    assert (first.chosen, first.rejected, first.sources) == ("B", "A", ("1", "2", "3"))
    assert first.margin == pytest.approx(2 / 3)
    assert second == cast[3]


def test_an_even_vote_teaches_nothing() -> None:
    assert merge_votes([vote("A", "B", 1.0, "1"), vote("B", "A", 2.0, "2")]) == []


def test_merging_is_what_conversion_does_unless_told_not_to() -> None:
    three = [judged("comparison", {"choice": "a"}, "AB")] * 3
    assert len(convert(three).pairs) == 1
    assert len(convert(three, Rules(merge_votes=False)).pairs) == 3
