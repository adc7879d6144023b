"""Which process has something of a project in hand: the queue of runs, or one run. Of one that died, nothing counts."""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from ..errors import WorkbenchError

if TYPE_CHECKING:
    from .store import Store

log = logging.getLogger(__name__)

SLACK = 2.0
"""Seconds by which the beginning of one process is told differently, as when the clock was set."""


def own(store: Store, what: str) -> bool:
    """Take `what` into this process's hands; False when another process that lives has it."""
    with store.writing() as db:
        if owner_of(store, what) not in (None, os.getpid()):
            return False
        begun = psutil.Process().create_time()
        db.execute("INSERT OR REPLACE INTO owners(what, pid, begun) VALUES (?, ?, ?)", [what, os.getpid(), begun])
    return True


def disown(store: Store, what: str) -> None:
    """Let go of what this process has in hand."""
    with store.writing() as db:
        db.execute("DELETE FROM owners WHERE what = ? AND pid = ?", [what, os.getpid()])


def owner_of(store: Store, what: str) -> int | None:
    """The process that has it in hand, None when none that lives."""
    rows = store.rows("SELECT pid, begun FROM owners WHERE what = ?", [what])
    return rows[0]["pid"] if rows and lives(rows[0]["pid"], rows[0]["begun"]) else None


def is_told(store: Store, what: str) -> bool:
    """Whether a process, living or not, has said that it has this in hand."""
    return bool(store.rows("SELECT 1 FROM owners WHERE what = ?", [what]))


def lives(pid: int, begun: float) -> bool:
    """Whether the process that began then still runs: its number alone may be another's by now."""
    try:
        process = psutil.Process(pid)
        return process.status() != psutil.STATUS_ZOMBIE and abs(process.create_time() - begun) < SLACK
    except psutil.Error:
        return False


@contextmanager
def held(path: Path, busy: WorkbenchError) -> Iterator[None]:
    """Hold a file in this process's name while this is open. Raises `busy` while another that lives holds it."""
    if _holder_lives(path):
        raise busy
    path.write_text(json.dumps([os.getpid(), psutil.Process().create_time()]), encoding="utf-8")
    try:
        yield
    finally:
        path.unlink(missing_ok=True)


def _holder_lives(path: Path) -> bool:
    try:
        pid, begun = json.loads(path.read_text(encoding="utf-8"))
        return lives(int(pid), float(begun))
    except FileNotFoundError:
        return False
    except (OSError, ValueError, TypeError):
        log.info("a lock that cannot be read is taken as left behind: %s", path, exc_info=True)
        return False
