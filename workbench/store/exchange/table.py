"""Prompts in a CSV table: a column `prompt`, and `system` and `tags` where there are any."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from .csv_files import EXTRA, csv_rows
from .items import Item, Skipped, user

title = "Table with a column prompt"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """A .csv file."""
    return path.suffix.lower() == ".csv"


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each row that has a prompt. Tags are separated by commas or semicolons."""
    for number, row in csv_rows(path):
        if "prompt" not in row:
            if number == 2:
                raise WorkbenchError(f"{path.name} has no column called prompt.", "Name it in the first row.")
            yield Skipped(number, "The row has no prompt.")
        elif EXTRA in row:
            yield Skipped(number, "The row has more cells than the table has columns.")
        elif not row["prompt"].strip():
            yield Skipped(number, "The prompt is empty.")
        else:
            tags = tuple(tag.strip() for tag in re.split("[,;]", row.get("tags", "")) if tag.strip())
            yield Item(number, user(row["prompt"]), row.get("system", ""), tags)
