"""Compare two answers: which is better and by how much, or about the same, or both bad."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WorkbenchError
from .base import Choice, Example, Judgement, Pair, Rules

name = "comparison"
title = "Compare"
shows = (2, 2)
choices = (
    Choice("1", "A much better", {"choice": "a", "strength": 2}),
    Choice("2", "A better", {"choice": "a", "strength": 1}),
    Choice("3", "About the same", {"choice": "tie", "strength": 0}),
    Choice("4", "B better", {"choice": "b", "strength": 1}),
    Choice("5", "B much better", {"choice": "b", "strength": 2}),
    Choice("X", "Both bad", {"choice": "both_bad", "strength": 0}),
)


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"choice": "a" | "b" | "tie" | "both_bad", "strength": 0..2, "margin"?}; "a" is the answer shown first.

    A and B are 1 (better) or 2 (much better); the others are always stored with 0. margin: by how much on the scale of
    the file that it was imported from, where that says more than the strength.
    """
    choice = value.get("choice")
    strength = value.get("strength", 1)
    fine = isinstance(strength, int) and not isinstance(strength, bool) and 0 <= strength <= 2
    if choice in ("tie", "both_bad"):
        strength = 0  # neither is better, so there is nothing to be strong about
    elif choice not in ("a", "b") or strength == 0:
        fine = False
    if shown != 2 or not fine:
        raise WorkbenchError("A comparison chooses between two answers.", "Choose A, B, the same, or both bad.")
    stored = {"choice": choice, "strength": strength}
    return stored | {"margin": value["margin"]} if strength and _is_margin(value.get("margin")) else stored


def _is_margin(margin: Any) -> bool:
    return isinstance(margin, int | float) and not isinstance(margin, bool) and 0 <= margin < float("inf")


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """One pair for A or B; a tie and "both bad" teach no preference."""
    choice = judgement.value["choice"]
    if not rules.use_comparisons or choice not in ("a", "b"):
        return []
    chosen, rejected = judgement.answers if choice == "a" else reversed(judgement.answers)
    if chosen.text == rejected.text:
        return []
    return [
        Pair(
            prompt_id=judgement.prompt_id,
            messages=judgement.messages,
            chosen=chosen.text,
            rejected=rejected.text,
            margin=float(judgement.value.get("margin", judgement.value.get("strength", 1))),
            split=judgement.split,
            sources=(judgement.id,),
        )
    ]
