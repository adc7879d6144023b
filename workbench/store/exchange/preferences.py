"""Preferences as TRL has them: {"prompt", "chosen", "rejected"}, as text or as conversations.

Without "prompt", chosen and rejected are whole conversations that differ in their last message.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...feedback.base import Message
from .items import Item, Said, Skipped, Unfit, conversation, keys_in, text_of, user
from .reading import each

title = "Preferences (TRL)"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with chosen and rejected."""
    return keys_in(first_rows, "chosen", "rejected")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each pair as a comparison that the chosen answer won; a margin of 2 or more makes it "much better"."""
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    if "prompt" in row:
        system, turns = prompt_of(row)
        answers = tuple(answer_of(row.get(name), name) for name in ("chosen", "rejected"))
    else:
        system, turns, answers = _implicit(row)
    margin = row.get("margin", 1)
    if isinstance(margin, bool) or not isinstance(margin, int | float):
        raise Unfit("margin is not a number.")
    value = {"choice": "a", "strength": 2 if margin >= 2 else 1}
    said = Said("comparison", value, (0, 1), text_of(row, "annotator", ""))
    return Item(number, turns, system, answers=answers, said=(said,))


def prompt_of(row: dict[str, Any]) -> tuple[str, tuple[Message, ...]]:
    """System text and turns of the row's prompt."""
    if isinstance(row.get("prompt"), list):
        return conversation(row["prompt"], "prompt")
    return text_of(row, "system", ""), user(text_of(row, "prompt"))


def answer_of(answer: Any, name: str) -> str:
    """The text of an answer: text, or a list of one message of the assistant."""
    if isinstance(answer, str):
        return answer
    _, turns = conversation(answer, name)
    if len(turns) != 1 or turns[0]["role"] != "assistant":
        raise Unfit(f"{name} is not one answer.")
    return turns[0]["content"]


def _implicit(row: dict[str, Any]) -> tuple[str, tuple[Message, ...], tuple[str, ...]]:
    system, chosen = conversation(row["chosen"], "chosen")
    other_system, rejected = conversation(row["rejected"], "rejected")
    if (system, chosen[:-1]) != (other_system, rejected[:-1]) or len(chosen) < 2:
        raise Unfit("chosen and rejected do not share a prompt.")
    if {chosen[-1]["role"], rejected[-1]["role"]} != {"assistant"}:
        raise Unfit("chosen and rejected do not end with an answer.")
    return system, chosen[:-1], (chosen[-1]["content"], rejected[-1]["content"])
