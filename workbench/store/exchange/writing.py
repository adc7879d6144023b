"""Rows into files: JSONL, JSON, CSV, Parquet, or a folder that `datasets` loads. Whole or not at all."""

from __future__ import annotations

import contextlib
import csv
import io
import itertools
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from ..rows import new_id, to_json
from .columns import Columns, arrow_schema, flattened, to_cells
from .folders import write_about

Rows = Iterable[Mapping[str, Any]]

SUFFIXES = {".jsonl": "jsonl", ".json": "json", ".csv": "csv", ".parquet": "parquet"}
CONTAINERS = (*SUFFIXES.values(), "datasets")
"""What rows can be written into; "datasets" is a folder."""

_BATCH = 1000
_ARROW_FILE = "data-00000-of-00001.arrow"


def container_for(path: Path) -> str:
    """What a path's name asks for; JSONL where it asks for nothing."""
    return SUFFIXES.get(path.suffix.lower(), "jsonl")


def write_rows(path: Path, rows: Rows, container: str, columns: Columns | None) -> int:
    """Write the rows and return how many. `columns`: what a table of them holds; None where there is none.

    Raises WorkbenchError when the place cannot be written, or the container cannot hold such rows.
    """
    if columns is None and container not in ("json", "jsonl"):
        raise WorkbenchError(f"Rows of this format do not fit into {container}.", "Choose JSONL or JSON.")
    counter = itertools.count()
    counted = (row for row, _ in zip(rows, counter, strict=False))
    with replacing(path) as writing:
        _WRITERS[container](writing, counted, columns or {})
    return next(counter)


@contextlib.contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Another name to write under; what is there at the end is moved into place, and gone after an error.

    A folder is not written over. Raises WorkbenchError when the disk does not take it.
    """
    if path.is_dir():
        raise WorkbenchError(f"There is a folder {path} already.", "Choose another name.")
    writing = path.with_name(f"{path.name}.{new_id()[:8]}.part")
    try:
        yield writing
        os.replace(writing, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise WorkbenchError(f"{path} cannot be written: {reason}.", "Choose another place.") from error
    finally:
        if writing.is_dir():
            shutil.rmtree(writing, ignore_errors=True)
        writing.unlink(missing_ok=True)


def write_lines(path: Path, lines: Iterable[str], encoding: str = "utf-8") -> None:
    """Write lines with \\n at their ends, and wait until they are on disk."""
    with path.open("w", encoding=encoding, newline="") as file:
        for line in lines:
            file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def csv_line(cells: Iterable[str]) -> str:
    """One row of CSV, without the line feed at its end."""
    # Only a line break that is in the terminator is put in quotes, so both are in it.
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\n")


def _write_jsonl(path: Path, rows: Rows, columns: Columns) -> None:
    write_lines(path, (to_json(row) for row in rows))


def _write_json(path: Path, rows: Rows, columns: Columns) -> None:
    lines = (f"{',' if number else '['}\n{to_json(row)}" for number, row in enumerate(rows))
    write_lines(path, itertools.chain(["["] if (first := next(lines, None)) is None else [first], lines, ["]"]))


def _write_csv(path: Path, rows: Rows, columns: Columns) -> None:
    cells = (to_cells(row, columns) for row in rows)
    write_lines(path, (csv_line(_checked(line)) for line in itertools.chain([list(columns)], cells)))


def _checked(cells: list[str]) -> list[str]:
    if any("\0" in cell for cell in cells):
        raise WorkbenchError("A text holds a NUL character, which CSV has no way to write.", "Choose JSONL or Parquet.")
    return cells


def _write_parquet(path: Path, rows: Rows, columns: Columns) -> None:
    import pyarrow.parquet as pq

    schema = arrow_schema(columns)
    with path.open("wb") as file:
        with pq.ParquetWriter(file, schema, compression="zstd") as writer:
            for batch in _batches(rows, columns, schema):
                writer.write_batch(batch)
        file.flush()
        os.fsync(file.fileno())


def _write_datasets(path: Path, rows: Rows, columns: Columns) -> None:
    import pyarrow as pa

    schema = arrow_schema(columns)
    path.mkdir()
    with (path / _ARROW_FILE).open("wb") as file:
        with pa.ipc.new_stream(file, schema) as writer:
            for batch in _batches(rows, columns, schema):
                writer.write_batch(batch)
        file.flush()
        os.fsync(file.fileno())
    write_about(path, _ARROW_FILE, new_id())


def _batches(rows: Rows, columns: Columns, schema: Any) -> Iterator[Any]:
    import pyarrow as pa

    flat = (flattened(row, columns) for row in rows)
    while batch := list(itertools.islice(flat, _BATCH)):
        yield pa.RecordBatch.from_pylist(batch, schema)


_WRITERS: dict[str, Callable[[Path, Rows, Columns], None]] = {
    "jsonl": _write_jsonl,
    "json": _write_json,
    "csv": _write_csv,
    "parquet": _write_parquet,
    "datasets": _write_datasets,
}
