"""Prompts as objects: {"prompt", "system"?, "tags"?}; the form of samples/prompts.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .columns import MESSAGES
from .items import Item, Skipped, keys_in, messages_of, tags_of
from .preferences import prompt_of
from .reading import each
from .shapes import Shape

title = "Prompts"

_COLUMNS = {"prompt": MESSAGES, "tags": [str]}
_OTHERS = {"chosen", "rejected", "completion", "answers", "answer", "output", "response", "responses"}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a prompt and no answer."""
    return keys_in(first_rows, "prompt") and not any(_OTHERS & set(row) for row in first_rows if isinstance(row, dict))


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each prompt; a list of messages is a conversation."""
    return each(path, _item, _COLUMNS)


def _item(number: int, row: dict[str, Any]) -> Item:
    system, turns = prompt_of(row)
    return Item(number, turns, system, tags_of(row))


def _row(item: Item) -> dict[str, Any]:
    return {"prompt": messages_of(item), "tags": list(item.tags)}


SHAPES = (Shape("prompts", _row, _item, _COLUMNS, frozenset({"tags"})),)
