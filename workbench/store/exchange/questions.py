"""Questions with a worked answer, as GSM8K has them: {"question", "answer"}."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Skipped, keys_in, reference, text_of, user
from .reading import each

title = "Questions and answers (GSM8K)"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a question and an answer."""
    return keys_in(first_rows, "question", "answer")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each question, its answer kept to the letter as a demonstration."""
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    return Item(number, user(text_of(row, "question")), **reference(text_of(row, "answer")))
