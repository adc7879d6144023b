"""Judgements as opinions (item, person, number), so that what several people said of the same thing can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import combinations

from .base import Judgement

Opinion = tuple[tuple[str, ...], str, float]
"""What was judged (ids of answers), who judged it, and the value as a number."""

LEVELS = {"rating": "ordinal", "comparison": "ordinal", "ranking": "ordinal"}
"""The level of measurement of each kind's numbers; an edit is no opinion that could be shared."""


def opinions(judgements: Iterable[Judgement]) -> dict[str, list[Opinion]]:
    """By kind: each rated answer, and each two answers that were compared or ranked.

    Of two answers the value is 1 when the one with the smaller id is better, -1 when the other is, 0 for a tie or
    both bad, so that it does not matter which of them was shown first.
    """
    found: dict[str, list[Opinion]] = {kind: [] for kind in LEVELS}
    for judgement in judgements:
        if judgement.kind in found:
            found[judgement.kind] += _READERS[judgement.kind](judgement)
    return found


def _ratings(judgement: Judgement) -> list[Opinion]:
    given = zip(judgement.answers, judgement.value["ratings"], strict=True)
    return [((answer.id,), judgement.annotator, float(rating)) for answer, rating in given if rating is not None]


def _comparison(judgement: Judgement) -> list[Opinion]:
    value = {"a": 1.0, "b": -1.0}.get(judgement.value["choice"], 0.0)
    return [_about(judgement, 0, 1, value)]


def _ranking(judgement: Judgement) -> list[Opinion]:
    rank: Mapping[int, int] = {place: rank for rank, group in enumerate(judgement.value["order"]) for place in group}
    return [
        _about(judgement, one, other, float((rank[other] > rank[one]) - (rank[other] < rank[one])))
        for one, other in combinations(sorted(rank), 2)
    ]


def _about(judgement: Judgement, one: int, other: int, value: float) -> Opinion:
    first, second = judgement.answers[one].id, judgement.answers[other].id
    if first <= second:
        return (first, second), judgement.annotator, value
    return (second, first), judgement.annotator, -value


_READERS = {"rating": _ratings, "comparison": _comparison, "ranking": _ranking}
