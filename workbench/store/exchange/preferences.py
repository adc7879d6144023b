"""Preferences as TRL has them: {"prompt", "chosen", "rejected", "margin"?}, as text or as conversations.

Without "prompt", chosen and rejected are whole conversations that differ in their last message. Holds no person, no
comment and no tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...feedback.base import Message
from .columns import MESSAGES
from .items import (
    Item,
    Skipped,
    Unfit,
    conversation,
    ended,
    keys_in,
    messages_of,
    number_of,
    one_prompt,
    preference,
    text_of,
    user,
)
from .reading import each
from .shapes import Shape, only

title = "Preferences (TRL)"

_COLUMNS = {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES, "margin": float, "split": str}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with chosen and rejected."""
    return keys_in(first_rows, "chosen", "rejected")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each pair as a comparison that the chosen answer won; a margin of 2 or more makes it "much better"."""
    return each(path, _item, _COLUMNS)


def _item(number: int, row: dict[str, Any]) -> Item:
    if row.get("prompt") is None or all(_is_whole(row.get(name)) for name in ("chosen", "rejected")):
        chosen, rejected = (ended(row.get(name), name) for name in ("chosen", "rejected"))
        system, turns = one_prompt(chosen, rejected)
        answers = chosen[2], rejected[2]
    else:
        system, turns = prompt_of(row)
        answers = answer_of(row.get("chosen"), "chosen"), answer_of(row.get("rejected"), "rejected")
    return Item(number, turns, system, **preference(*answers, number_of(row, "margin"), text_of(row, "annotator", "")))


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


def answer_message(text: str) -> list[Message]:
    """An answer as TRL's conversations have it."""
    return [{"role": "assistant", "content": text}]


def _is_whole(answer: Any) -> bool:
    """Whether it is a conversation and not only an answer, as in UltraFeedback, where the prompt stands beside it."""
    return isinstance(answer, list) and len(answer) > 1


def _margin(item: Item) -> float:
    value = only(item).value
    return float(value.get("margin", value["strength"]))


def _explicit(item: Item) -> dict[str, Any]:
    chosen, rejected = map(answer_message, item.answers)
    return {"prompt": messages_of(item), "chosen": chosen, "rejected": rejected, "margin": _margin(item)}


def _implicit(item: Item) -> dict[str, Any]:
    prompt = messages_of(item)
    chosen, rejected = (prompt + answer_message(answer) for answer in item.answers)
    return {"chosen": chosen, "rejected": rejected, "margin": _margin(item)}


SHAPES = (Shape("pairs", _explicit, _item, _COLUMNS, frozenset({"margin"})),)
IMPLICIT = (
    Shape("pairs", _implicit, _item, {name: _COLUMNS[name] for name in list(_COLUMNS)[1:]}, frozenset({"margin"})),
)
