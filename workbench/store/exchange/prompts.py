"""Prompts as objects: {"prompt", "system"?, "tags"?}; the form of samples/prompts.jsonl."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Skipped, conversation, keys_in, tags_of, text_of, user
from .reading import each

title = "Prompts"

_OTHERS = {"chosen", "rejected", "completion", "answers", "answer", "output", "response", "responses"}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a prompt and no answer."""
    return keys_in(first_rows, "prompt") and not any(_OTHERS & set(row) for row in first_rows if isinstance(row, dict))


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each prompt; a list of messages is a conversation."""
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    if isinstance(row.get("prompt"), list):
        system, turns = conversation(row["prompt"], "prompt")
        return Item(number, turns, system, tags_of(row))
    return Item(number, user(text_of(row, "prompt")), text_of(row, "system", ""), tags_of(row))
