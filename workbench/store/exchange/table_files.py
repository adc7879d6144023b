"""The rows of Parquet and Arrow files, decoded in a process of its own (table_child)."""

from __future__ import annotations

import json
import logging
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

from ... import paths
from ...errors import WorkbenchError
from .columns import need_arrow
from .text_files import MAX_LINE, NOTHING, opened

log = logging.getLogger(__name__)

_LONGEST = 8 * MAX_LINE
"""A row as JSON; no row is longer than MAX_LINE before its control characters are spelled out."""
_GRACE = 2.0
_MOST_SAID = 20_000
"""Bytes of what a process that died had to say, for the log."""


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
    with tempfile.TemporaryFile() as said:
        process = _started(files, said)
        assert process.stdout is not None
        ended = False
        try:
            # A line without an end is the last word of a process that died.
            while (line := process.stdout.readline(_LONGEST)).endswith(b"\n"):
                yield line
            ended = True
        finally:
            process.stdout.close()
            code = _end(process, _GRACE if ended else 0.0)
        if ended:
            said.seek(0)
            words = said.read(_MOST_SAID).decode("utf-8", "replace")
            log.error("decoding %s ended with %s: %s", ", ".join(map(str, files)), code, words)


def _end(process: subprocess.Popen[bytes], grace: float) -> int:
    """Wait so many seconds for a process that ends by itself, then end it."""
    try:
        return process.wait(grace)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _started(files: Sequence[Path], said: IO[bytes]) -> subprocess.Popen[bytes]:
    need_arrow()
    return subprocess.Popen(
        paths.rows_command(files),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=said,
        env=paths.child_environment(),
        creationflags=paths.HIDDEN,
    )
