"""Rate 1 to 5: each answer on its own."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from ..errors import WorkbenchError
from .base import Choice, Demonstration, Example, Judgement, Label, Pair, Rules

name = "rating"
title = "Rate"
shows = (1, 9)
choices = (
    Choice("1", "Harmful or false", 1),
    Choice("2", "Misses the point", 2),
    Choice("3", "Usable, needs work", 3),
    Choice("4", "Small touch-up", 4),
    Choice("5", "Send as it is", 5),
)


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"ratings": [1..5 or None, ...]}, one per answer shown, at least one given."""
    given = value.get("ratings")
    ratings = list(given) if isinstance(given, list | tuple) else []
    if (
        len(ratings) != shown
        or not all(_is_rating(rating) for rating in ratings)
        or all(rating is None for rating in ratings)
    ):
        raise WorkbenchError("A rating is a whole number from 1 to 5 for each answer.", "Rate at least one answer.")
    return {"ratings": ratings}


def _is_rating(rating: Any) -> bool:
    return rating is None or (isinstance(rating, int) and not isinstance(rating, bool) and 1 <= rating <= 5)


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """A label per rated answer, a pair per two answers whose ratings differ enough (the gap is the margin)."""
    if not rules.use_ratings:
        return []
    rated = [
        (answer, rating)
        for answer, rating in zip(judgement.answers, judgement.value["ratings"], strict=True)
        if rating is not None
    ]
    about = {"prompt_id": judgement.prompt_id, "messages": judgement.messages, "split": judgement.split}
    sources = (judgement.id,)
    found: list[Example] = [
        Label(text=answer.text, value=float(rating), sources=sources, **about) for answer, rating in rated
    ]
    found += [
        Demonstration(text=answer.text, sources=sources, **about)
        for answer, rating in rated
        if rating >= rules.good_rating and answer.text.strip()
    ]
    for one, other in combinations(rated, 2):
        better, worse = (one, other) if one[1] > other[1] else (other, one)
        gap = better[1] - worse[1]
        if gap >= max(1, rules.min_gap) and better[0].text != worse[0].text:
            found.append(
                Pair(chosen=better[0].text, rejected=worse[0].text, margin=float(gap), sources=sources, **about)
            )
    return found
