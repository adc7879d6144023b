"""The header of a GGUF file: its plain values and the sizes of its tensors, without the seconds that it takes to read
a vocabulary of a hundred thousand words. Layout: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md"""

from __future__ import annotations

import mmap
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from .files import check_gguf

_PLAIN = {0: "B", 1: "b", 2: "H", 3: "h", 4: "I", 5: "i", 6: "f", 7: "?", 10: "Q", 11: "q", 12: "d"}
_TEXT, _LIST = 8, 9


@dataclass
class _Cursor:
    """A place in the file that moves on as it is read. A length that leads past the end ends in an error."""

    data: mmap.mmap
    at: int = 24

    def take(self, form: str) -> Any:
        (value,) = struct.unpack_from(f"<{form}", self.data, self.at)
        self.at += struct.calcsize(f"<{form}")
        return value

    def text(self) -> bytes:
        length = self.take("Q")
        self.at += length
        if self.at > len(self.data):
            raise ValueError("a text leads past the end")
        return self.data[self.at - length : self.at]

    def value(self, kind: int) -> Any:
        """A value; lists are passed over and are None."""
        if kind in _PLAIN:
            return self.take(_PLAIN[kind])
        if kind == _TEXT:
            return self.text().decode("utf-8", "replace")
        if kind != _LIST:
            raise ValueError(f"there is no value of kind {kind}")
        inner, count = self.take("I"), self.take("Q")
        if inner in _PLAIN:
            self.at += count * struct.calcsize(f"<{_PLAIN[inner]}")
            return None
        for _ in range(count):
            self.value(inner)
        return None


def read_header(path: Path) -> tuple[dict[str, Any], dict[str, list[int]]]:
    """The plain values by key, and the sizes of the tensors by name. Raises WorkbenchError for a damaged file."""
    check_gguf(path)
    try:
        with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _read(_Cursor(data), *struct.unpack_from("<QQ", data, 8))
    except (ValueError, struct.error, OverflowError, RecursionError) as error:
        raise WorkbenchError(f"{path.name} is damaged: {error}.", "Get the file again.") from error


def _read(cursor: _Cursor, tensors: int, keys: int) -> tuple[dict[str, Any], dict[str, list[int]]]:
    values: dict[str, Any] = {}
    for _ in range(keys):
        key = cursor.text().decode("utf-8", "replace")
        values[key] = cursor.value(cursor.take("I"))
    sizes: dict[str, list[int]] = {}
    for _ in range(tensors):
        name = cursor.text().decode("utf-8", "replace")
        sizes[name] = [cursor.take("Q") for _ in range(cursor.take("I"))]
        cursor.take("I")
        cursor.take("Q")
    return values, sizes
