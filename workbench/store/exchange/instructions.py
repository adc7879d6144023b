"""Instructions as Alpaca and LLaMA-Factory have them: {"instruction", "input"?, "system"?, "history"?} and an "output".

With "chosen" and "rejected" they are preferences, with "kto_tag" the output is good or bad. "history" are earlier turns
as [question, answer]. Holds no margin, no person, no comment and no tags, and only conversations in which question and
answer take turns.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...feedback.base import Message
from .items import (
    Item,
    Skipped,
    Unfit,
    asked,
    keys_in,
    list_of,
    preference,
    reference,
    text_of,
    thumb,
    truth_of,
    user,
)
from .reading import each
from .shapes import Shape, only

title = "Instructions (Alpaca)"

_PROMPT = {"instruction": str, "input": str, "system": str, "history": [[str]]}
_COLUMNS = _PROMPT | {"output": str, "chosen": str, "rejected": str, "kto_tag": bool}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with an instruction and an output, or with chosen and rejected."""
    return keys_in(first_rows, "instruction", "output") or keys_in(first_rows, "instruction", "chosen", "rejected")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each instruction with its output as a demonstration, or what was said of it; an empty output leaves a prompt."""
    return each(path, _item, _COLUMNS)


def _item(number: int, row: dict[str, Any]) -> Item:
    question = asked(text_of(row, "instruction"), text_of(row, "input", ""))
    return Item(number, (*_history(row), *user(question)), text_of(row, "system", ""), **_said(row))


def _said(row: dict[str, Any]) -> dict[str, Any]:
    if row.get("chosen") is not None or row.get("rejected") is not None:
        return preference(text_of(row, "chosen"), text_of(row, "rejected"))
    output = text_of(row, "output", "")
    if row.get("kto_tag") is not None:
        return thumb(output, truth_of(row, "kto_tag"))
    return reference(output) if output.strip() else {}


def _history(row: dict[str, Any]) -> list[Message]:
    turns: list[Message] = []
    for pair in list_of(row, "history") if row.get("history") is not None else ():
        if not isinstance(pair, list) or len(pair) != 2 or not all(isinstance(text, str) for text in pair):
            raise Unfit("history is not a list of questions with their answers.")
        turns += [{"role": "user", "content": pair[0]}, {"role": "assistant", "content": pair[1]}]
    return turns


def _prompt(item: Item) -> dict[str, Any]:
    texts = [turn["content"] for turn in item.turns]
    history = [list(pair) for pair in zip(texts[:-1:2], texts[1:-1:2], strict=False)]
    return {"instruction": texts[-1], "input": "", "system": item.system, "history": history}


def _pair(item: Item) -> dict[str, Any]:
    return _prompt(item) | {"chosen": item.answers[0], "rejected": item.answers[1]}


def _label(item: Item) -> dict[str, Any]:
    return _prompt(item) | {"output": item.answers[0], "kto_tag": only(item).value["thumbs"][0]}


def _demonstration(item: Item) -> dict[str, Any]:
    return _prompt(item) | {"output": item.answers[0]}


SHAPES = (
    Shape("pairs", _pair, _item, _PROMPT | {"chosen": str, "rejected": str}),
    Shape("labels", _label, _item, _PROMPT | {"output": str, "kto_tag": bool}),
    Shape("demonstrations", _demonstration, _item, _PROMPT | {"output": str}),
)
