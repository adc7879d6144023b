"""What every format reads a file into: prompts with answers and what people said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...feedback.base import Message

MAX_NUMBER = 1e15
"""A number beyond this is a mistake in the file; every whole number below it is exact as a float."""


@dataclass(frozen=True)
class Said:
    """One judgement about the item's answers; `shown` are their places, in the order they were shown.

    key: the id that it has where it comes from, which tells it from another that says the same; "" where it has none.
    """

    kind: str
    value: Mapping[str, Any]
    shown: tuple[int, ...]
    annotator: str = ""
    comment: str = ""
    reasons: tuple[str, ...] = ()
    key: str = ""


@dataclass(frozen=True)
class Item:
    """A prompt, its answers, and what was said. `row` is where it stands in the file.

    key: what tells it from another row of the same content; "" where the same content is the same thing.
    source: what the answers are, such as "reference"; "" means that they came from the file as they are.
    """

    row: int
    turns: tuple[Message, ...]
    system: str = ""
    tags: tuple[str, ...] = ()
    answers: tuple[str, ...] = ()
    said: tuple[Said, ...] = field(default=())
    key: str = ""
    source: str = ""
    queued: bool = True


@dataclass(frozen=True)
class Skipped:
    """A row that was passed over, and why, in words."""

    row: int
    reason: str


class Unfit(Exception):
    """A row that cannot be read; the others can."""


def user(text: str) -> tuple[Message, ...]:
    """A conversation of one question."""
    return ({"role": "user", "content": text},)


def asked(instruction: str, about: str = "") -> str:
    """An instruction with what it is about under it, as one prompt."""
    return f"{instruction}\n\n{about}" if about.strip() else instruction


def text_of(row: Mapping[str, Any], name: str, default: str | None = None) -> str:
    """The text in a field. Raises Unfit when it is something else, or missing without a default."""
    value = row.get(name, default)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise Unfit(f"{name} is {_article(value)}, not text.")
    return value


def number_of(row: Mapping[str, Any], name: str) -> float | None:
    """The number in a field, None where there is none. Raises Unfit for anything else, NaN and infinities too."""
    value = row.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or not abs(value) <= MAX_NUMBER:
        raise Unfit(f"{name} is not a number.")
    return float(value)


def truth_of(row: Mapping[str, Any], name: str) -> bool:
    """The true or false in a field. Raises Unfit when it is anything else, 1 and 0 too."""
    value = row.get(name)
    if not isinstance(value, bool):
        raise Unfit(f"{name} is {_article(value)}, not true or false.")
    return value


def words_of(row: Mapping[str, Any], name: str) -> tuple[str, ...]:
    """The words in a field, none where it is missing."""
    words = row.get(name) or []
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise Unfit(f"{name} is not a list of words.")
    return tuple(words)


def words_in(value: Any) -> list[str]:
    """The words of a list that somebody else wrote; what is no word is passed over, and so is what is no list."""
    return [word for word in value if isinstance(word, str)] if isinstance(value, list) else []


def tags_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The row's tags."""
    return words_of(row, "tags")


def list_of(row: Mapping[str, Any], name: str) -> list[Any]:
    """The list in a field. Raises Unfit when it is something else."""
    value = row.get(name)
    if not isinstance(value, list):
        raise Unfit(f"{name} is {_article(value)}, not a list.")
    return value


def object_of(row: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The object in a field. Raises Unfit when it is something else."""
    value = row.get(name)
    if not isinstance(value, dict):
        raise Unfit(f"{name} is {_article(value)}, not an object.")
    return value


def reference(text: str) -> dict[str, Any]:
    """Fields of an Item whose one answer was written to be imitated."""
    value = {"of": None, "text": text, "pair": False, "demonstration": True}
    said = Said("edit", value, (0,), annotator="reference")
    # A reference is not an answer of a model, so nobody is asked to judge it.
    return {"answers": (text,), "said": (said,), "source": "reference", "queued": False}


def preference(chosen: str, rejected: str, margin: float | None = None, annotator: str = "") -> dict[str, Any]:
    """Fields of an Item of two answers of which the first was preferred; from a margin of 2 on it is much better."""
    margin = 1.0 if margin is None else margin
    if margin < 0:
        raise Unfit("margin is below zero, so the rejected answer would be the better one.")
    value: dict[str, Any] = {"choice": "a", "strength": 2 if margin >= 2 else 1}
    if margin != value["strength"]:
        value["margin"] = margin
    return {"answers": (chosen, rejected), "said": (Said("comparison", value, (0, 1), annotator),)}


def thumb(text: str, good: bool) -> dict[str, Any]:
    """Fields of an Item of one answer that was found good or bad."""
    return {"answers": (text,), "said": (Said("thumbs", {"thumbs": [good]}, (0,)),)}


def conversation(messages: Any, name: str) -> tuple[str, tuple[Message, ...]]:
    """System text and turns of a list of messages. Raises Unfit when it is no conversation."""
    if not isinstance(messages, list) or not messages:
        raise Unfit(f"{name} is {_article(messages)}, not a conversation.")
    turns = [_turn(message, name) for message in messages]
    system = turns.pop(0)["content"] if turns[0]["role"] in ("system", "developer") else ""
    if any(turn["role"] not in ("user", "assistant") for turn in turns):
        raise Unfit(f"{name} holds a message that is neither from the user nor from the assistant.")
    return system, tuple(turns)


def ended(messages: Any, name: str) -> tuple[str, tuple[Message, ...], str]:
    """System text, turns, and the answer that a conversation ends with. Raises Unfit when it does not."""
    system, turns = conversation(messages, name)
    if len(turns) < 2 or turns[-1]["role"] != "assistant":
        raise Unfit(f"{name} does not end with an answer.")
    return system, turns[:-1], turns[-1]["content"]


def one_prompt(
    chosen: tuple[str, tuple[Message, ...], str], rejected: tuple[str, tuple[Message, ...], str]
) -> tuple[str, tuple[Message, ...]]:
    """System text and turns that two conversations share but for their last answer. Raises Unfit when they do not."""
    if chosen[:2] != rejected[:2]:
        raise Unfit("chosen and rejected do not share a prompt.")
    return chosen[:2]


def messages_of(item: Item) -> list[Message]:
    """System text and turns as one conversation."""
    head: list[Message] = [{"role": "system", "content": item.system}] if item.system else []
    return [*head, *(dict(turn) for turn in item.turns)]


def _turn(message: Any, name: str) -> Message:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list) and content and all(_is_text_part(part) for part in content):
        content = "".join(part["text"] for part in content)
    if not isinstance(content, str) or not isinstance(message.get("role"), str):
        raise Unfit(f"{name} holds a message without a role or a text.")
    return {"role": message["role"], "content": content}


def _is_text_part(part: Any) -> bool:
    return isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str)


def keys_in(rows: Sequence[Any], *names: str) -> bool:
    """Whether one of the rows is an object with these fields: another may lack one and is passed over later."""
    return any(isinstance(row, dict) and all(name in row for name in names) for row in rows)


def _article(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "text"}
    return "missing" if value is None else names.get(type(value), f"a {type(value).__name__}")
