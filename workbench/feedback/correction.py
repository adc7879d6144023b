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
STEP = ("instruction", "model_id", "text")


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"of": index or None (written from blank), "text": edited text, "pair": bool, "demonstration": bool}.

    With "assisted": [{"instruction", "model_id", "text"}, ...] where a person had a model change the text: what was
    asked, which model did it, and what it made of the text, before the person went on.
    """
    text, of = value.get("text"), value.get("of")
    fine = of is None or (isinstance(of, int) and not isinstance(of, bool) and 0 <= of < shown)
    if not fine or not isinstance(text, str) or not text.strip():
        raise WorkbenchError("An edit needs a text.", "Write the answer you would have wanted.")
    pair, demonstration = bool(value.get("pair", True)), bool(value.get("demonstration", True))
    stored = {"of": of, "text": text, "pair": pair, "demonstration": demonstration}
    assisted = _assisted(value.get("assisted"))
    return stored | {"assisted": assisted} if assisted else stored


def _assisted(steps: Any) -> list[dict[str, str]]:
    if steps is None:
        return []
    fine = isinstance(steps, list) and all(
        isinstance(step, Mapping) and all(isinstance(step.get(name), str) for name in STEP) for step in steps
    )
    if not fine or not all(step["instruction"].strip() for step in steps):
        raise WorkbenchError(
            "It is not clear how a model helped with this edit.", f"Each step needs {', '.join(STEP)}."
        )
    return [{name: step[name] for name in STEP} for step in steps]


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
