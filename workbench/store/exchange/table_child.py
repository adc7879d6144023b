"""The process that decodes Parquet and Arrow: rows as lines of JSON, then ["end"], or ["error", sentence, hint].

pyarrow aborts on some damaged files, and what a page unpacks to is known only when it has. So files from anywhere are
decoded apart from the window, with a limit to the memory.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from .arrow_files import arrow_rows
from .parquet_files import parquet_rows
from .text_files import NOTHING

MAX_MEMORY = 4 * 2**30
"""Bytes of address space, of which Python and pyarrow take one gigabyte before they begin."""


def main(paths: list[str]) -> int:
    """Entry point: decode the files in order."""
    _limit_memory()
    out, sys.stdout = sys.stdout.buffer, sys.stderr  # a library's print must not get between the lines
    try:
        for row in rows_of([Path(path) for path in paths]):
            out.write(_line(row))
        out.write(_line(["end"]))
        out.flush()
    except WorkbenchError as error:
        out.write(_line(["error", error.text, error.hint]))
        out.flush()
    except MemoryError:
        out.write(_line(["error", f"{Path(paths[0]).name} would take too much memory.", NOTHING]))
        out.flush()
    except BrokenPipeError:  # enough was read
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stdout__.fileno())  # type: ignore[union-attr]
    return 0


def rows_of(files: Iterable[Path]) -> Iterator[Mapping[str, Any]]:
    """The rows of Parquet and Arrow files, one file after the other."""
    for file in files:
        found = arrow_rows(file) if file.suffix.lower() == ".arrow" or _is_arrow(file) else parquet_rows(file)
        yield from (row for _, row in found)


def _is_arrow(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(6) == b"ARROW1"


def _line(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False) + "\n").encode("utf-8", "replace")


def _limit_memory() -> None:
    if sys.platform != "win32":
        import resource

        soft, hard = resource.getrlimit(resource.RLIMIT_AS)
        if soft == resource.RLIM_INFINITY or soft > MAX_MEMORY:
            resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY, hard))
