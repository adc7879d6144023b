"""Rows of Arrow tables, whoever wrote them, in bounded memory.

A table can be tiny in a file and enormous as Python values: one long text that a million rows point to. So it is
weighed before it is turned into values, and columns that hold no text, number or truth value are passed over.
"""

from __future__ import annotations

import contextlib
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute

from ...errors import WorkbenchError
from .strict_json import MAX_DEPTH, checked
from .text_files import MAX_LINE, NOTHING, not_utf8

if TYPE_CHECKING:
    from pyarrow import DataType, RecordBatch

pc: Any = pyarrow.compute  # its functions are made when it is imported, where no checker sees them

MAX_ROWS = 10_000_000
MAX_DECODED = 8 * 2**30
"""Bytes of all rows together."""
_PIECE = 1024


class TooLarge(Exception):
    """Says in words what there is too much of."""


@contextlib.contextmanager
def decoding(path: Path, format: str) -> Iterator[None]:
    """What goes wrong with a file, as one sentence. Memory that ends is for the process to tell."""
    try:
        yield
    except TooLarge as error:
        raise WorkbenchError(f"{path.name} cannot be imported: it has {error}.", NOTHING) from error
    except UnicodeDecodeError as error:
        raise not_utf8(path.name) from error
    except MemoryError:  # pyarrow's own is an ArrowException too
        raise
    except (pa.ArrowException, OSError, RecursionError, struct.error) as error:
        raise WorkbenchError(f"{path.name} is damaged and cannot be read as {format}.", NOTHING) from error


def rows_of(batches: Iterable[RecordBatch]) -> Iterator[dict[str, Any]]:
    """Each row as a dict. Raises TooLarge, and RecursionError when a value is nested too deep."""
    seen = total = 0
    for batch in batches:
        kept = batch.select([name for name in batch.schema.names if is_plain(batch.schema.field(name).type)])
        kept.validate(full=True)
        seen += batch.num_rows
        if seen > MAX_ROWS:
            raise TooLarge(f"more than {MAX_ROWS:,} rows")
        for part in _parts(kept):
            weight = weigh(part)
            total += weight
            if weight > MAX_LINE:
                raise TooLarge(f"a row of more than {MAX_LINE // 2**20} MB")
            if total > MAX_DECODED:
                raise TooLarge(f"more than {MAX_DECODED // 2**30} GB of text")
            yield from (checked(row) for row in part.to_pylist())


def _parts(batch: RecordBatch) -> Iterator[RecordBatch]:
    """The batch in pieces that are small as values too, down to single rows."""
    if batch.num_rows <= 1 or (batch.num_rows <= _PIECE and weigh(batch) <= MAX_LINE):
        yield batch
        return
    half = batch.num_rows // 2
    yield from _parts(batch.slice(0, half))
    yield from _parts(batch.slice(half))


def weigh(batch: RecordBatch) -> int:
    """About how many bytes the batch's values are, each on its own."""
    return sum(_weight(column) for column in batch.columns)


def _weight(array: Any) -> int:
    type_ = array.type
    inside = 0
    if pa.types.is_dictionary(type_):
        inside = pc.sum(pc.take(_lengths(array.dictionary), array.indices)).as_py() or 0
    elif _is_list(type_):
        inside = _weight(array.flatten())
    elif pa.types.is_struct(type_):
        inside = sum(_weight(child) for child in array.flatten())
    elif _is_text(type_):
        inside = pc.sum(_lengths(array)).as_py() or 0
    return inside + 8 * len(array)


def _lengths(array: Any) -> Any:
    return pc.binary_length(array).cast(pa.int64())


def is_plain(type_: DataType, depth: int = 0) -> bool:
    """Whether a column of this type holds only texts, numbers and truth values, in lists and objects."""
    if depth > MAX_DEPTH:
        return False
    if _is_list(type_):
        return is_plain(type_.value_type, depth + 1)
    if pa.types.is_struct(type_):
        return all(is_plain(type_.field(place).type, depth + 1) for place in range(type_.num_fields))
    number = pa.types.is_integer(type_) or pa.types.is_floating(type_) or pa.types.is_boolean(type_)
    words = pa.types.is_dictionary(type_) and _is_text(type_.value_type)
    return words or number or _is_text(type_) or pa.types.is_null(type_)


def _is_list(type_: DataType) -> bool:
    return pa.types.is_list(type_) or pa.types.is_large_list(type_) or pa.types.is_fixed_size_list(type_)


def _is_text(type_: DataType) -> bool:
    return pa.types.is_string(type_) or pa.types.is_large_string(type_)
