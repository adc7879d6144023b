"""Prompts, one a line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Skipped, user
from .reading import text_rows

title = "Text, one prompt a line"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """A .txt file."""
    return path.suffix.lower() == ".txt"


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each line that is not blank."""
    for number, line in text_rows(path):
        yield Item(number, user(line.strip()))
