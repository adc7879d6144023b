"""The rows of Arrow files, which is how `datasets` saves: a stream of batches, some with an index behind it."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa

from .arrow_tables import TooLarge, decoding, rows_of
from .text_files import opened

_SIGN = b"ARROW1\0\0"
_HEADER, _DATA, _COMPRESSION = 2, 1, 3
"""Where the fields of Message, DictionaryBatch and RecordBatch are, in Arrow's Message.fbs."""


def arrow_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of an Arrow file, counted from 0. Raises WorkbenchError when it is damaged or would be enormous."""
    with decoding(path, "Arrow"):
        yield from enumerate(rows_of(_batches(path)))


def _batches(path: Path) -> Iterator[Any]:
    with opened(path) as file:
        start = len(_SIGN) if file.read(len(_SIGN)) == _SIGN else 0
    # Mapped, a batch takes no memory until it is looked at, and one that claims to be longer than the file is an error.
    with pa.memory_map(str(path)) as source:
        source.seek(start)
        for message in pa.ipc.MessageReader.open_stream(source):
            if message.type in ("record batch", "dictionary") and _is_packed(message):
                raise TooLarge("compressed batches, whose size cannot be told beforehand")
        source.seek(start)
        yield from pa.ipc.open_stream(source)


def _is_packed(message: Any) -> bool:
    """Whether the buffers of a batch are compressed, so that they may be of any size."""
    data = memoryview(message.metadata)
    header = _inside(data, _inside(data, 0, None), _HEADER)
    batch = _inside(data, header, _DATA) if message.type == "dictionary" else header
    return bool(_field(data, batch, _COMPRESSION))


def _inside(data: memoryview, table: int, field: int | None) -> int:
    """Where the table begins that a field points to; the root without a field. Offsets as flatbuffers has them."""
    at = 0 if field is None else _field(data, table, field)
    return at + struct.unpack_from("<I", data, at)[0]


def _field(data: memoryview, table: int, field: int) -> int:
    """Where a field of a table is, 0 where it is not given."""
    index = table - struct.unpack_from("<i", data, table)[0]
    size = struct.unpack_from("<H", data, index)[0]
    place = 4 + 2 * field
    given = struct.unpack_from("<H", data, index + place)[0] if place < size else 0
    return table + given if given else 0
