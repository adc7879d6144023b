"""Prompts with an answer to imitate, as TRL has them: {"prompt", "completion"}, or {"messages": [...]}.

Holds no person, no comment and no tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .columns import MESSAGES
from .items import Item, Skipped, ended, keys_in, messages_of, reference
from .preferences import answer_message, answer_of, prompt_of
from .reading import each
from .shapes import Shape

title = "Demonstrations (TRL)"

_COLUMNS = {"prompt": MESSAGES, "completion": MESSAGES, "split": str}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a prompt and a completion, or with messages."""
    return keys_in(first_rows, "prompt", "completion") or keys_in(first_rows, "messages")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each prompt with its completion as a demonstration."""
    return each(path, _item, _COLUMNS | {"messages": MESSAGES})


def _item(number: int, row: dict[str, Any]) -> Item:
    if row.get("messages") is not None:
        return of_messages(number, row)
    system, turns = prompt_of(row)
    return Item(number, turns, system, **reference(answer_of(row.get("completion"), "completion")))


def of_messages(number: int, row: dict[str, Any]) -> Item:
    """The last message as a demonstration of how to go on after the others."""
    system, turns, answer = ended(row.get("messages"), "messages")
    return Item(number, turns, system, **reference(answer))


def _row(item: Item) -> dict[str, Any]:
    return {"prompt": messages_of(item), "completion": answer_message(item.answers[0])}


SHAPES = (Shape("demonstrations", _row, _item, _COLUMNS),)
