"""The rows of Parquet and Arrow files, decoded in a process of its own (table_child)."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ... import paths
from ...errors import WorkbenchError
from .text_files import MAX_LINE, NOTHING, opened

_LONGEST = 8 * MAX_LINE
"""A row as JSON; no row is longer than MAX_LINE before its control characters are spelled out."""


def table_rows(files: Sequence[Path]) -> Iterator[tuple[int, dict[str, Any]]]:
    """The rows of the files, counted from 0 through all of them.

    Raises WorkbenchError when a file is damaged, or would be enormous.
    """
    for file in files:
        opened(file).close()
    number = 0
    for line in _lines(files):
        value = json.loads(line)
        if isinstance(value, dict):
            yield number, value
            number += 1
        elif value[0] == "end":
            return
        else:
            raise WorkbenchError(value[1], value[2])
    names = ", ".join(file.name for file in files[:3])
    raise WorkbenchError(f"{names} is damaged: it cannot be decoded.", NOTHING)


def _lines(files: Sequence[Path]) -> Iterator[bytes]:
    """What the process says; nothing more when it dies."""
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    process = subprocess.Popen(
        paths.rows_command(files),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=paths.child_environment(),
        creationflags=flags,
    )
    assert process.stdout is not None
    try:
        # A line without an end is the last word of a process that died.
        while (line := process.stdout.readline(_LONGEST)).endswith(b"\n"):
            yield line
    finally:
        process.kill()
        process.stdout.close()
        process.wait()
