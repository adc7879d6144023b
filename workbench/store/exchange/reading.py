"""Any file or folder into rows, and rows into items. One sentence when a file is bad."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from . import table_files
from .columns import JSON, Columns, from_table
from .csv_files import EXTRA, csv_rows
from .folders import files_in
from .items import Item, Skipped, Unfit
from .json_files import json_rows
from .text_files import NOTHING, opened, text_rows

__all__ = ["each", "first_rows", "json_rows", "kind_of", "rows"]

_FIRST = 5
_KINDS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".json": "json",
    ".jsonl": "json",
    ".ndjson": "json",
    ".parquet": "parquet",
    ".arrow": "arrow",
    ".txt": "text",
}
_SIGNS = ((b"PAR1", "parquet"), (b"ARROW1", "arrow"), (b"{", "json"), (b"[", "json"))
_TABLES = ("parquet", "arrow")

Parsed = Item | Skipped | Iterable[Item | Skipped]


def kind_of(path: Path) -> str:
    """How the file holds its rows: "csv", "json", "parquet", "arrow" or "text"; "folder" for a folder."""
    if path.is_dir():
        return "folder"
    if kind := _KINDS.get(path.suffix.lower()):
        return kind
    with opened(path) as file:
        start = file.read(64).removeprefix(b"\xef\xbb\xbf").lstrip()
    return next((kind for sign, kind in _SIGNS if start.startswith(sign)), "text")


def first_rows(path: Path) -> list[Any]:
    """The first rows of a file, to tell its format by: objects, or lines of text."""
    found = text_rows(path) if kind_of(path) == "text" else rows(path)
    return [row for _, row in itertools.islice(found, _FIRST)]


def rows(path: Path, columns: Columns | None = None, *, lower: bool = True) -> Iterator[tuple[int, Any]]:
    """The rows of any file or folder, with the number that each has there.

    columns: what a table's cells hold; texts without it. lower: the names in a CSV file's header in lower case.
    """
    kind, columns = kind_of(path), columns or {}
    if kind == "folder":
        yield from _folder_rows(path, columns, lower)
    elif kind in _TABLES:
        yield from _table_rows([path], columns)
    elif kind == "csv":
        yield from ((number, from_table(row, columns)) for number, row in csv_rows(path, lower=lower))
    else:
        yield from json_rows(path)


def _table_rows(files: Sequence[Path], columns: Columns) -> Iterator[tuple[int, Any]]:
    texts = {name: type_ for name, type_ in columns.items() if type_ == JSON}  # the others have their types already
    return ((number, from_table(row, texts)) for number, row in table_files.table_rows(files))


def _folder_rows(path: Path, columns: Columns, lower: bool) -> Iterator[tuple[int, Any]]:
    files = files_in(path)
    if kind_of(files[0]) in _TABLES:
        return _table_rows(files, columns)
    return enumerate(row for file in files for _, row in rows(file, columns, lower=lower))


def each(
    path: Path,
    parse: Callable[[int, dict[str, Any]], Parsed],
    columns: Columns | None = None,
    *,
    lower: bool = True,
) -> Iterator[Item | Skipped]:
    """Every row through `parse`; one for which it raises Unfit is passed over. columns and lower: see `rows`."""
    for number, row in rows(path, columns, lower=lower):
        if not isinstance(row, dict):
            raise WorkbenchError(f"Row {number} of {path.name} is not an object with names and values.", NOTHING)
        try:
            if EXTRA in row:
                raise Unfit("The row has more cells than the table has columns.")
            found = parse(number, row)
            yield from (found,) if isinstance(found, Item | Skipped) else found
        except Unfit as unfit:
            yield Skipped(number, str(unfit))
