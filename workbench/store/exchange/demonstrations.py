"""Prompts with an answer to imitate, as TRL has them: {"prompt", "completion"}, or {"messages": [...]}."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Skipped, Unfit, conversation, keys_in, reference
from .preferences import answer_of, prompt_of
from .reading import each

title = "Demonstrations (TRL)"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a prompt and a completion, or with messages."""
    return keys_in(first_rows, "prompt", "completion") or keys_in(first_rows, "messages")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each prompt with its completion as a demonstration."""
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    if "messages" in row:
        system, turns = conversation(row["messages"], "messages")
        if len(turns) < 2 or turns[-1]["role"] != "assistant":
            raise Unfit("messages does not end with an answer.")
        return Item(number, turns[:-1], system, **reference(turns[-1]["content"]))
    system, turns = prompt_of(row)
    return Item(number, turns, system, **reference(answer_of(row.get("completion"), "completion")))
