"""Best and worst of several answers (best-worst scaling): two keys say as much as most of a ranking."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WorkbenchError
from . import ranking
from .base import Choice, Example, Judgement, Rules

name = "best_worst"
title = "Best and worst"
shows = (3, 9)
choices = tuple(Choice(letter, letter, index) for index, letter in enumerate("ABCDEFGHI"))


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"best": index, "worst": index}: two different answers of at least three."""
    places = [value.get("best"), value.get("worst")]
    whole = all(isinstance(place, int) and not isinstance(place, bool) and 0 <= place < shown for place in places)
    if not whole or places[0] == places[1] or shown < shows[0]:
        raise WorkbenchError("The best and the worst are two different answers.", "Choose one of each.")
    return {"best": places[0], "worst": places[1]}


def order(value: Mapping[str, Any], shown: int) -> list[list[int]]:
    """The judgement as a ranking: the best, all others as a tie, the worst."""
    best, worst = value["best"], value["worst"]
    return [[best], [place for place in range(shown) if place not in (best, worst)], [worst]]


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """What the ranking teaches that it is: the best is above all others, and all others above the worst."""
    if not rules.use_best_worst:
        return []
    return ranking.examples_of(judgement, order(judgement.value, len(judgement.answers)))
