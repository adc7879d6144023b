"""Thumbs up or down: each answer on its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WorkbenchError
from .base import Choice, Example, Judgement, Label, Pair, Rules

name = "thumbs"
title = "Thumbs"
shows = (1, 9)
choices = (Choice("1", "Good", True), Choice("0", "Bad", False))


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"thumbs": [True, False or None, ...]}, one per answer shown, at least one given."""
    given = value.get("thumbs")
    thumbs = list(given) if isinstance(given, list | tuple) else []
    whole = len(thumbs) == shown and all(thumb is None or isinstance(thumb, bool) for thumb in thumbs)
    if not whole or all(thumb is None for thumb in thumbs):
        raise WorkbenchError("Thumbs are up or down for each answer.", "Judge at least one answer.")
    return {"thumbs": thumbs}


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """A label per judged answer, and a pair for every good and bad answer to the same prompt."""
    if not rules.use_thumbs:
        return []
    judged = list(zip(judgement.answers, judgement.value["thumbs"], strict=True))
    about = {"prompt_id": judgement.prompt_id, "messages": judgement.messages, "split": judgement.split}
    sources = (judgement.id,)
    found: list[Example] = [
        Label(text=answer.text, value=float(thumb), scale="thumbs", sources=sources, **about)
        for answer, thumb in judged
        if thumb is not None
    ]
    found += [
        Pair(chosen=good.text, rejected=bad.text, margin=1.0, sources=sources, **about)
        for good, up in judged
        for bad, down in judged
        if up is True and down is False and good.text != bad.text
    ]
    return found
