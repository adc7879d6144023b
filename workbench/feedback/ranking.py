"""Rank several answers, best first, with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import WorkbenchError
from .base import Choice, Example, Judgement, Pair, Ranking, Rules

name = "ranking"
title = "Rank"
shows = (2, 9)
choices = tuple(Choice(letter, letter, index) for index, letter in enumerate("ABCDEFGHI"))


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"order": [[index, ...], ...]}: groups of positions among the answers shown, best first; a group is a tie.

    Not every answer must be placed, but at least two must be.
    """
    order = value.get("order") or []
    groups = [list(group) for group in order] if _is_nested(order) else []
    placed = [index for group in groups for index in group]
    whole = all(isinstance(index, int) and not isinstance(index, bool) and 0 <= index < shown for index in placed)
    if not whole or len(placed) < 2 or len(set(placed)) != len(placed) or not all(groups):
        raise WorkbenchError("A ranking places at least two answers, each once.", "Place the answers best first.")
    return {"order": groups}


def _is_nested(order: Any) -> bool:
    return isinstance(order, list | tuple) and all(isinstance(group, list | tuple) for group in order)


def pair_count(order: Sequence[Sequence[int]]) -> int:
    """How many preferences an order holds: one for every two answers that are not tied."""
    sizes = [len(group) for group in order]
    return (sum(sizes) ** 2 - sum(size**2 for size in sizes)) // 2


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """The list itself, and a pair for every two answers that are not tied (ranks apart as the margin)."""
    return examples_of(judgement, judgement.value["order"]) if rules.use_rankings else []


def examples_of(judgement: Judgement, order: Sequence[Sequence[int]]) -> list[Example]:
    """What an order of a judgement's answers teaches, best first; answers of one inner sequence are tied."""
    groups = [[judgement.answers[index].text for index in group] for group in order]
    about = {"prompt_id": judgement.prompt_id, "messages": judgement.messages, "split": judgement.split}
    sources = (judgement.id,)
    found: list[Example] = [Ranking(groups=tuple(tuple(group) for group in groups), sources=sources, **about)]
    for better, group in enumerate(groups):
        for worse in range(better + 1, len(groups)):
            found += [
                Pair(chosen=chosen, rejected=rejected, margin=float(worse - better), sources=sources, **about)
                for chosen in group
                for rejected in groups[worse]
                if chosen != rejected
            ]
    return found
