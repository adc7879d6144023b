"""Files as lines of UTF-8 text, of bounded length. One sentence when a file is bad."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ...errors import WorkbenchError

MAX_LINE = 64 * 2**20
"""Bytes of one line, and of one row of a JSON array."""
NOTHING = "Nothing was imported."


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


def text_lines(path: Path, file: BinaryIO, *, ends: bool = False) -> Iterator[tuple[int, str]]:
    """Numbered lines, with or without their ends. Only \\n ends a line: U+2028 and its like are text."""
    number = 0
    while line := file.readline(MAX_LINE + 1):
        number += 1
        where = f"Line {number} of {path.name}"
        if len(line) > MAX_LINE:
            raise WorkbenchError(f"{where} is longer than {MAX_LINE // 2**20} MB.", NOTHING)
        if b"\0" in line:
            raise no_text(where)
        text = decoded(line if ends else line.rstrip(b"\r\n"), where)
        yield number, text.removeprefix("\ufeff") if number == 1 else text


def decoded(data: bytes, where: str) -> str:
    """The text. Raises WorkbenchError when it is not UTF-8."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise not_utf8(where) from error


def not_utf8(where: str) -> WorkbenchError:
    """What to say of bytes that are no UTF-8."""
    return WorkbenchError(f"{where} is not UTF-8 text.", "Save the file as UTF-8 and try again.")


def no_text(where: str) -> WorkbenchError:
    """What to say of a byte that no text has."""
    return WorkbenchError(f"{where} holds a NUL byte, so this is not a text file.", NOTHING)
