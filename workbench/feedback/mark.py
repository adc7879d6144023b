"""Mark a passage of one answer: good, bad, or a wrong fact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WorkbenchError
from .base import Choice, Example, Judgement, Rules

name = "mark"
title = "Mark"
shows = (1, 1)
choices = (Choice("G", "Good", "good"), Choice("B", "Bad", "bad"), Choice("W", "Wrong fact", "wrong"))
LABELS = tuple(choice.value for choice in choices)


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"start": s, "end": e, "label": "good" | "bad" | "wrong", "quote": text}: characters [s, e) of the answer."""
    start, end, label, quote = (value.get(key) for key in ("start", "end", "label", "quote"))
    fits = all(isinstance(place, int) and not isinstance(place, bool) for place in (start, end))
    if shown != 1 or not fits or not 0 <= start < end or label not in LABELS:  # type: ignore[operator]
        raise WorkbenchError("A mark is a passage of one answer.", "Select some text, then choose good, bad or wrong.")
    if not isinstance(quote, str) or len(quote) != end - start:  # type: ignore[operator]
        raise WorkbenchError("The quoted passage does not fit the mark.", "Select the text again.")
    return {"start": start, "end": end, "label": label, "quote": quote}


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """Nothing that a loss of this app learns from; marks explain judgements and are exported."""
    return []
