"""Instructions with an answer to imitate, as Alpaca has them: {"instruction", "input", "output"}."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Skipped, asked, keys_in, reference, text_of, user
from .reading import each

title = "Instructions (Alpaca)"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with an instruction and an output."""
    return keys_in(first_rows, "instruction", "output")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each instruction with its output as a demonstration; an empty output leaves a prompt."""
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    prompt = user(asked(text_of(row, "instruction"), text_of(row, "input", "")))
    output = text_of(row, "output", "")
    return Item(number, prompt, text_of(row, "system", ""), **reference(output) if output.strip() else {})
