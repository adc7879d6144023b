"""Conversations as ShareGPT and LLaMA-Factory have them: {"conversations": [{"from", "value"}, ...], "system"?}.

The last answer is one to imitate, or good or bad by "kto_tag"; with "chosen" and "rejected" the conversation ends with
the question. Holds no margin, no person, no comment and no tags.
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
    conversation,
    ended,
    keys_in,
    list_of,
    preference,
    reference,
    text_of,
    thumb,
    truth_of,
)
from .reading import each
from .shapes import Shape, only

title = "Conversations (ShareGPT)"

_TURN = {"from": str, "value": str}
_PROMPT = {"conversations": [_TURN], "system": str}
_COLUMNS = _PROMPT | {"chosen": _TURN, "rejected": _TURN, "kto_tag": bool}
_ROLES = {
    **dict.fromkeys(("human", "user"), "user"),
    **dict.fromkeys(("gpt", "assistant", "chatgpt", "bing", "bard"), "assistant"),
    "system": "system",
}
_NAMES = {"user": "human", "assistant": "gpt"}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with conversations."""
    return keys_in(first_rows, "conversations")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each conversation, with its last answer as a demonstration or with what was said of it."""
    return each(path, _item, _COLUMNS)


def _item(number: int, row: dict[str, Any]) -> Item:
    messages = [_message(turn) for turn in list_of(row, "conversations")]
    if row.get("chosen") is not None or row.get("rejected") is not None:
        inside, turns = conversation(messages, "conversations")
        said = preference(_answer(row, "chosen"), _answer(row, "rejected"))
    else:
        inside, turns, answer = ended(messages, "conversations")
        said = thumb(answer, truth_of(row, "kto_tag")) if row.get("kto_tag") is not None else reference(answer)
    return Item(number, turns, inside or text_of(row, "system", ""), **said)


def _message(turn: Any) -> Message:
    who, text = (turn.get("from"), turn.get("value")) if isinstance(turn, dict) else (None, None)
    if not isinstance(who, str) or not isinstance(text, str):
        raise Unfit("conversations holds a turn without a speaker or a text.")
    if who not in _ROLES:
        raise Unfit(f"conversations holds a turn of {who[:40]}, who is neither human nor gpt.")
    return {"role": _ROLES[who], "content": text}


def _answer(row: dict[str, Any], name: str) -> str:
    if isinstance(row.get(name), str):
        return row[name]
    message = _message(row.get(name))
    if message["role"] != "assistant":
        raise Unfit(f"{name} is not an answer.")
    return message["content"]


def _turn(role: str, text: str) -> dict[str, str]:
    return {"from": _NAMES[role], "value": text}


def _prompt(item: Item, *answers: str) -> dict[str, Any]:
    turns = [_turn(turn["role"], turn["content"]) for turn in item.turns]
    return {"conversations": turns + [_turn("assistant", answer) for answer in answers], "system": item.system}


def _pair(item: Item) -> dict[str, Any]:
    chosen, rejected = item.answers
    return _prompt(item) | {"chosen": _turn("assistant", chosen), "rejected": _turn("assistant", rejected)}


def _label(item: Item) -> dict[str, Any]:
    return _prompt(item, item.answers[0]) | {"kto_tag": only(item).value["thumbs"][0]}


def _demonstration(item: Item) -> dict[str, Any]:
    return _prompt(item, item.answers[0])


SHAPES = (
    Shape("pairs", _pair, _item, _PROMPT | {"chosen": _TURN, "rejected": _TURN}),
    Shape("labels", _label, _item, _PROMPT | {"kto_tag": bool}),
    Shape("demonstrations", _demonstration, _item, _PROMPT),
)
