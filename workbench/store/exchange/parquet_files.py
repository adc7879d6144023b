"""The rows of Parquet files, in bounded memory: what a file claims and what it would become is looked at first."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from ...errors import WorkbenchError
from .arrow_tables import MAX_DECODED, MAX_ROWS, TooLarge, decoding, rows_of, weigh
from .text_files import NOTHING, opened

MAX_VALUES = 20_000_000
"""Values of one column in one row group."""
MAX_UNPACKED = 256 * 2**20
MAX_RATIO = 100
"""Text is packed to a tenth or so; a column that was a hundred times larger than in the file is none."""

_BATCH = 1024


def parquet_rows(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of a Parquet file, counted from 0. Raises WorkbenchError when it is damaged or would be enormous."""
    _check_sign(path)
    with decoding(path, "Parquet"):
        yield from enumerate(_rows(path))


def _check_sign(path: Path) -> None:
    with opened(path) as file:
        start = file.read(4)
    if start != b"PAR1":
        raise WorkbenchError(f"{path.name} is not a Parquet file, whatever its name says.", NOTHING)


def _rows(path: Path) -> Iterator[dict[str, Any]]:
    metadata = pq.read_metadata(path)
    _check_claims(metadata)
    suspect = sum(_most(metadata, place) for place in range(metadata.num_columns)) > MAX_DECODED
    if suspect and sum(weigh(batch) for batch in _batches(path, metadata)) > MAX_DECODED:
        raise TooLarge(f"more than {MAX_DECODED // 2**30} GB of text")
    yield from rows_of(_batches(path, metadata))


def _batches(path: Path, metadata: Any) -> Iterator[Any]:
    """A page at a time; a text that many rows share stays one text, because columns are read as dictionaries."""
    places = range(metadata.num_columns)
    plain = [metadata.schema.column(place).path for place in places if _is_plain(metadata, place)]
    texts = [metadata.schema.column(place).path for place in places if _is_text(metadata, place)]
    with pq.ParquetFile(path, read_dictionary=texts, pre_buffer=False) as file:
        # pyarrow cannot join the dictionaries of two row groups where the texts are inside lists.
        for group in range(metadata.num_row_groups):
            yield from file.iter_batches(_BATCH, row_groups=[group], columns=plain, use_threads=False)


def _check_claims(metadata: Any) -> None:
    if metadata.num_rows > MAX_ROWS:
        raise TooLarge(f"more than {MAX_ROWS:,} rows")
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            name = metadata.schema.column(place).path.split(".")[0]
            if chunk.num_values > MAX_VALUES:
                raise TooLarge(f"more than {MAX_VALUES:,} values of {name} in one row group")
            packed = max(chunk.total_compressed_size, 1)
            if chunk.total_uncompressed_size > max(MAX_UNPACKED, MAX_RATIO * packed):
                raise TooLarge(f"a column, {name}, that is packed more than a hundredfold")
            if "DELTA_BYTE_ARRAY" in chunk.encodings and _claimed(chunk) > MAX_DECODED:
                raise TooLarge(f"a column, {name}, that is saved as differences from row to row")


def _most(metadata: Any, place: int) -> int:
    """At most this many bytes are in a column: no text is longer than all that its row group has."""
    groups = range(metadata.num_row_groups)
    return (
        sum(_claimed(metadata.row_group(group).column(place)) for group in groups) if _is_text(metadata, place) else 0
    )


def _claimed(chunk: Any) -> int:
    return chunk.num_values * chunk.total_uncompressed_size


def _is_text(metadata: Any, place: int) -> bool:
    column = metadata.schema.column(place)
    return column.physical_type == "BYTE_ARRAY" and column.logical_type.type in ("STRING", "JSON", "ENUM")


def _is_plain(metadata: Any, place: int) -> bool:
    numbers = ("BOOLEAN", "INT32", "INT64", "FLOAT", "DOUBLE")
    return _is_text(metadata, place) or metadata.schema.column(place).physical_type in numbers
