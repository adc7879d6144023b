"""The rows of JSONL and JSON files, one in memory at a time."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO

from ...errors import WorkbenchError
from .strict_json import MAX_DEPTH, checked, decoder, parse
from .text_files import MAX_LINE, NOTHING, decoded, no_text, not_utf8, opened, text_lines


def json_rows(path: Path) -> Iterator[tuple[int, Any]]:
    """The rows of a JSONL file, counted from 1 by lines, or of a JSON array, counted from 0.

    A .json file that is one object over several lines is one row. Raises WorkbenchError at the first thing that is
    not JSON.
    """
    with opened(path) as file:
        start = file.read(4096).removeprefix(codecs.BOM_UTF8).lstrip()
        file.seek(0)
        if start.startswith(b"["):
            yield from enumerate(_array(_Window(path, file)))
        elif path.suffix.lower() == ".json" and not start.split(b"\n")[0].rstrip().endswith(b"}"):
            yield from _one_object(path, file)
        else:
            for number, line in text_lines(path, file):
                if line.strip():
                    yield number, _parsed(line.removeprefix("\ufeff"), f"Line {number} of {path.name}")


def _one_object(path: Path, file: BinaryIO) -> Iterator[tuple[int, Any]]:
    data = file.read(MAX_LINE + 1)
    if len(data) > MAX_LINE:
        raise WorkbenchError(
            f"{path.name} is one object of more than {MAX_LINE // 2**20} MB.", "Save it as JSONL, one object a line."
        )
    if text := decoded(data, path.name).removeprefix("\ufeff").strip():
        yield 0, _parsed(text, path.name)


def _array(window: _Window) -> Iterator[Any]:
    window.skip()
    while window.peek() != "]":
        yield window.value()
        if window.peek() == ",":
            window.skip()
        elif window.peek() != "]":
            raise window.error("a comma is missing" if window.peek() else "it ends too early")
    window.skip()
    if window.peek():
        raise window.error("more follows after its end")


class _Window:
    """The part of a long JSON text that is being read."""

    def __init__(self, path: Path, file: BinaryIO) -> None:
        self._name, self._file = path.name, file
        self._json, self._utf8 = decoder(), codecs.getincrementaldecoder("utf-8-sig")()
        self._text, self._at, self._line = "", 0, 1
        self._ended = False

    def peek(self) -> str:
        """The next character that is not white space, "" at the end."""
        while True:
            while self._at < len(self._text) and self._text[self._at] in " \t\r\n":
                self._at += 1
            if self._at < len(self._text) or self._ended:
                return self._text[self._at : self._at + 1]
            self._read(2**20)

    def skip(self) -> None:
        """Go past the character that `peek` shows."""
        self._at += len(self.peek())

    def value(self) -> Any:
        """The next value. Raises WorkbenchError when there is none."""
        self.peek()
        size = 2**20
        while True:
            try:
                value, end = self._json.raw_decode(self._text, self._at)
                # A number at the very end may have more digits to come.
                if end < len(self._text) or self._ended:
                    self._at = end
                    return checked(value)
            except RecursionError as error:
                raise _too_deep(self._name) from error
            except json.JSONDecodeError as error:
                if self._ended or len(self._text) - self._at > MAX_LINE:
                    raise self.error(error.msg, error.pos) from error
            except ValueError as error:
                raise self.error(str(error)) from error
            self._read(size)
            size *= 2  # so that a long value is begun anew a few times and not a thousand

    def error(self, reason: str, at: int | None = None) -> WorkbenchError:
        """What is wrong, and in which line."""
        return _no_json(self._name, reason, self._line + self._text.count("\n", 0, self._at if at is None else at))

    def _read(self, size: int) -> None:
        data = self._file.read(size)
        self._ended = len(data) < size
        if b"\0" in data:
            raise no_text(self._name)
        self._line += self._text.count("\n", 0, self._at)
        try:
            self._text = self._text[self._at :] + self._utf8.decode(data, self._ended)
        except UnicodeDecodeError as error:
            raise not_utf8(self._name) from error
        self._at = 0


def _parsed(text: str, where: str) -> Any:
    try:
        return parse(text)
    except RecursionError as error:
        raise _too_deep(where) from error
    except ValueError as error:
        raise _no_json(where, getattr(error, "msg", str(error)), getattr(error, "lineno", 1)) from error


def _too_deep(where: str) -> WorkbenchError:
    return WorkbenchError(f"{where} is nested more than {MAX_DEPTH} deep.", NOTHING)


def _no_json(where: str, reason: str, line: int) -> WorkbenchError:
    place = f", line {line}" if line > 1 else ""
    return WorkbenchError(f"{where} is not JSON: {reason}{place}.", "Correct it; nothing was imported.")
