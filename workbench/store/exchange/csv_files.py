"""The rows of CSV files, to the letter: a line break inside a cell stays the one it is."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from ..prompts import MAX_TEXT
from .text_files import opened, text_lines

EXTRA = "\0"
"""The name of cells that have no column: one that no column can have."""


def csv_rows(path: Path, *, lower: bool = True) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a CSV file, counted as a spreadsheet does: the header is row 1.

    A row is a dict of texts by column; cells beyond the header are a list under EXTRA. `lower`: with the names in
    lower case. The separator is a comma, a semicolon or a tab, whichever the header has most of.
    """
    csv.field_size_limit(MAX_TEXT + 1)
    with opened(path) as file:
        text = (line for _, line in text_lines(path, file, ends=True))
        header = next(text, "")
        separator = max(",;\t", key=header.count)
        try:
            names = [name.strip() for name in next(csv.reader([header], delimiter=separator, strict=True), [])]
            names = [name.lower() for name in names] if lower else names
            for number, cells in enumerate(csv.reader(text, delimiter=separator, strict=True), 2):
                if any(cell.strip() for cell in cells):
                    yield number, _row(names, cells)
        except csv.Error as error:
            raise _no_table(path, str(error)) from error


def _row(names: list[str], cells: list[str]) -> dict[str, Any]:
    row: dict[str, Any] = {name: cell for name, cell in zip(names, cells, strict=False) if name}
    beyond = [cell for cell in cells[len(names) :] if cell.strip()]
    return row | {EXTRA: beyond} if beyond else row


def _no_table(path: Path, reason: str) -> WorkbenchError:
    if "field limit" in reason:
        return WorkbenchError(f"{path.name} has a cell of more than 10 million characters.", "Shorten it.")
    return WorkbenchError(f"{path.name} is not a table: {reason}.", "Save it again as CSV (UTF-8).")
