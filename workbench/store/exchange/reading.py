"""Files into rows, strictly: UTF-8, JSON without NaN, nothing nested too deep. One sentence when a file is bad."""

from __future__ import annotations

import csv
import itertools
import json
import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import WorkbenchError
from ..prompts import MAX_TEXT
from ..rows import well_formed
from .items import Item, Skipped, Unfit

MAX_DEPTH = 64
MAX_LINE = 64 * 2**20
MAX_WHOLE = 512 * 2**20
"""A JSON array is read at once; lines are not, so a JSONL file has no such limit."""

_FIRST = 5


def first_rows(path: Path) -> list[Any]:
    """The first rows of a file, to tell its format by: objects of JSON, dicts of CSV, else lines of text."""
    rows = {".csv": csv_rows, ".json": json_rows, ".jsonl": json_rows, ".ndjson": json_rows}
    return [row for _, row in itertools.islice(rows.get(path.suffix.lower(), text_rows)(path), _FIRST)]


def each(path: Path, parse: Callable[[int, dict[str, Any]], Item]) -> Iterator[Item | Skipped]:
    """Every object of a JSON file through `parse`; a row for which it raises Unfit is passed over."""
    for number, row in json_rows(path):
        if not isinstance(row, dict):
            raise WorkbenchError(
                f"Row {number} of {path.name} is not an object with names and values.", "Nothing was imported."
            )
        try:
            yield parse(number, row)
        except Unfit as unfit:
            yield Skipped(number, str(unfit))


def json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The rows of a JSONL file, counted from 1 by lines, or of a JSON array, counted from 0.

    Raises WorkbenchError at the first thing that is not JSON.
    """
    with opened(path) as file:
        start = file.read(4096).removeprefix(b"\xef\xbb\xbf").lstrip()
        file.seek(0)
        if start.startswith(b"["):
            yield from enumerate(_array(path, file))
            return
        for number, line in text_lines(path, file):
            if line.strip():
                yield number, _parsed(line, f"Line {number} of {path.name}")


def _array(path: Path, file: BinaryIO) -> list[Any]:
    data = file.read(MAX_WHOLE + 1)
    if len(data) > MAX_WHOLE:
        raise WorkbenchError(
            f"{path.name} is larger than {MAX_WHOLE // 2**20} MB.", "Save it as JSONL, one object a line."
        )
    return _parsed(_decoded(data, path.name), path.name)


def csv_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a CSV file as dicts with lower-case names, counted as a spreadsheet does: the header is row 1."""
    csv.field_size_limit(MAX_TEXT + 1)
    with opened(path) as file:
        text = (line + "\n" for _, line in text_lines(path, file))
        header = next(text, "")
        separator = max(",;\t", key=header.count)
        names = [name.strip().lower() for name in next(csv.reader([header], delimiter=separator), [])]
        try:
            for number, cells in enumerate(csv.reader(text, delimiter=separator, strict=True), 2):
                if any(cell.strip() for cell in cells):
                    yield number, dict(zip(names, cells, strict=False))
        except csv.Error as error:
            raise WorkbenchError(f"{path.name} is not a table: {error}.", "Save it again as CSV (UTF-8).") from error


def text_rows(path: Path) -> Iterator[tuple[int, str]]:
    """The lines of a text file that are not blank, counted from 1."""
    with opened(path) as file:
        for number, line in text_lines(path, file):
            if line.strip():
                yield number, line


def opened(path: Path) -> BinaryIO:
    """The file. Raises WorkbenchError when it cannot be read."""
    try:
        return path.open("rb")
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be read: {error.strerror}.", "Choose another file.") from error


def text_lines(path: Path, file: BinaryIO) -> Iterator[tuple[int, str]]:
    """Numbered lines without their ends. Only \\n ends a line: U+2028 and its like are text."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        where = f"Line {number} of {path.name}"
        if len(line) > MAX_LINE:
            raise WorkbenchError(f"{where} is longer than {MAX_LINE // 2**20} MB.", "Nothing was imported.")
        if b"\0" in line:
            raise WorkbenchError(f"{where} holds a NUL byte, so this is not a text file.", "Nothing was imported.")
        yield number, _decoded(line.rstrip(b"\r\n"), where)


def _decoded(data: bytes, where: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise WorkbenchError(f"{where} is not UTF-8 text.", "Save the file as UTF-8 and try again.") from error


def _parsed(text: str, where: str) -> Any:
    try:
        value = json.loads(text, parse_constant=_no_constant, parse_float=_finite)
        if _is_deep(value):
            raise RecursionError
        return _cleaned(value)
    except RecursionError as error:
        raise WorkbenchError(f"{where} is nested more than {MAX_DEPTH} deep.", "Nothing was imported.") from error
    except ValueError as error:
        reason = getattr(error, "msg", str(error))
        line = f", line {error.lineno}" if isinstance(error, json.JSONDecodeError) and error.lineno > 1 else ""
        raise WorkbenchError(f"{where} is not JSON: {reason}{line}.", "Correct it; nothing was imported.") from error


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is too large")
    return number


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _cleaned(value: Any) -> Any:
    # JSON can spell half a surrogate pair, which no file can hold.
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value
