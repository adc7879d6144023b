"""Edit an answer into the one that should have been given; original and edit are both kept."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import WorkbenchError
from .base import Choice, Demonstration, Example, Judgement, Pair, Rules

name = "edit"
title = "Edit"
shows = (1, 9)
choices: tuple[Choice, ...] = ()


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"of": index or None (written from blank), "text": edited text, "pair": bool, "demonstration": bool}."""
    text, of = value.get("text"), value.get("of")
    fine = of is None or (isinstance(of, int) and not isinstance(of, bool) and 0 <= of < shown)
    if not fine or not isinstance(text, str) or not text.strip():
        raise WorkbenchError("An edit needs a text.", "Write the answer you would have wanted.")
    pair, demonstration = bool(value.get("pair", True)), bool(value.get("demonstration", True))
    return {"of": of, "text": text, "pair": pair, "demonstration": demonstration}


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """The edited answer is better than its original, and a demonstration."""
    if not rules.use_edits:
        return []
    value = judgement.value
    about = {"prompt_id": judgement.prompt_id, "messages": judgement.messages, "split": judgement.split}
    sources = (judgement.id,)
    found: list[Example] = []
    if value["demonstration"]:
        found.append(Demonstration(text=value["text"], sources=sources, **about))
    if value["pair"] and value["of"] is not None:
        original = judgement.answers[value["of"]].text
        if original != value["text"]:
            found.append(Pair(chosen=value["text"], rejected=original, margin=1.0, sources=sources, **about))
    return found
