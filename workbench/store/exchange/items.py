"""What every format reads a file into: prompts with answers and what people said about them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...feedback.base import Message


@dataclass(frozen=True)
class Said:
    """One judgement about the item's answers; `shown` are their places, in the order they were shown."""

    kind: str
    value: Mapping[str, Any]
    shown: tuple[int, ...]
    annotator: str = ""
    comment: str = ""


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


def tags_of(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The row's tags."""
    tags = row.get("tags") or []
    if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
        raise Unfit("tags is not a list of words.")
    return tuple(tags)


def reference(text: str) -> dict[str, Any]:
    """Fields of an Item whose one answer was written to be imitated."""
    value = {"of": None, "text": text, "pair": False, "demonstration": True}
    said = Said("edit", value, (0,), annotator="reference")
    # A reference is not an answer of a model, so nobody is asked to judge it.
    return {"answers": (text,), "said": (said,), "source": "reference", "queued": False}


def conversation(messages: Any, name: str) -> tuple[str, tuple[Message, ...]]:
    """System text and turns of a list of messages. Raises Unfit when it is no conversation."""
    if not isinstance(messages, list) or not messages:
        raise Unfit(f"{name} is {_article(messages)}, not a conversation.")
    turns = []
    for message in messages:
        if not isinstance(message, dict) or not all(isinstance(message.get(key), str) for key in ("role", "content")):
            raise Unfit(f"{name} holds a message without a role or a text.")
        turns.append({"role": message["role"], "content": message["content"]})
    system = turns.pop(0)["content"] if turns[0]["role"] == "system" else ""
    if any(turn["role"] not in ("user", "assistant") for turn in turns):
        raise Unfit(f"{name} holds a message that is neither from the user nor from the assistant.")
    return system, tuple(turns)


def keys_in(rows: Sequence[Any], *names: str) -> bool:
    """Whether one of the rows is an object with these fields: another may lack one and is passed over later."""
    return any(isinstance(row, dict) and all(name in row for name in names) for row in rows)


def _article(value: Any) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", list: "a list", dict: "an object", str: "text"}
    return "missing" if value is None else names.get(type(value), f"a {type(value).__name__}")
