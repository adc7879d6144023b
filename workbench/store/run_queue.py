"""Runs that wait for their turn, in order, and what a person wants of the one that goes.

One process at a time works through the queue: the one that owns QUEUE (see owners.py). A paused run waits too, first
in line, and goes on from its checkpoint.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..errors import WorkbenchError
from . import owners
from .records import Run
from .rows import now

if TYPE_CHECKING:
    from .store import Store

QUEUE = "queue"
WISHES = ("pause", "stop", "discard")
"""What can be wanted of a run that goes: wait with a checkpoint, end and keep what it has, end and keep nothing."""


def waiting(store: Store) -> list[Run]:
    """The runs that wait, in the order in which they will go."""
    ids = [row["run_id"] for row in store.rows("SELECT run_id FROM run_queue ORDER BY place")]
    return [store.runs.find(id_) for id_ in ids]


def place_of(store: Store, run_id: str) -> int | None:
    """A run's place in line, from 1; None when it is not in it."""
    sql = "SELECT 1 + (SELECT COUNT(*) FROM run_queue b WHERE b.place < a.place) FROM run_queue a WHERE run_id = ?"
    return store.value(sql, [run_id])


def put(store: Store, run_id: str, place: int | None = None, by: object = None) -> None:
    """Let a run wait, at a place from 1, or last. Its place changes when it waits already."""
    with store.writing():
        if store.runs.find(run_id).status == "running":
            raise WorkbenchError("This run is going already.", "Pause it first.")
        _insert(store, run_id, place, by)


def put_back(store: Store, run_id: str) -> None:
    """A run that goes pauses: it is the next in line."""
    _insert(store, run_id, 1, None)


def _insert(store: Store, run_id: str, place: int | None, by: object) -> None:
    with store.writing() as db:
        ids = [run.id for run in waiting(store) if run.id != run_id]
        ids.insert(len(ids) if place is None else max(0, place - 1), run_id)
        db.execute("DELETE FROM run_queue")
        db.conn.executemany("INSERT INTO run_queue(place, run_id) VALUES (?, ?)", list(enumerate(ids)))
        db.execute("DELETE FROM run_wishes WHERE run_id = ?", [run_id])
        store.runs.update(run_id, by, status="waiting", pid=0, ended_at=None, error="", hint="", details="")


def move(store: Store, run_id: str, steps: int, by: object = None) -> bool:
    """Move a run that waits by so many places (-1: up); False when it cannot go further. Raises WorkbenchError."""
    with store.writing():
        before = _placed(store, run_id)
        after = min(max(1, before + steps), len(waiting(store)))
        if after != before:
            put(store, run_id, after, by)
    return after != before


def take_out(store: Store, run_id: str, by: object = None) -> int:
    """Take a run out of the queue and return the place that it had; put() undoes it. Raises WorkbenchError."""
    with store.writing() as db:
        place = _placed(store, run_id)
        db.execute("DELETE FROM run_queue WHERE run_id = ?", [run_id])
        store.runs.update(run_id, by, status="stopped", ended_at=now())
    return place


def _placed(store: Store, run_id: str) -> int:
    place = place_of(store, run_id)
    if place is None:
        raise WorkbenchError(f"{store.runs.find(run_id).name} does not wait.", "See: workbench runs list.")
    return place


def take_next(store: Store) -> Run | None:
    """The run whose turn it is, in the hands of this process from now on.

    When none waits, None, and the queue is let go of at the same moment: whoever lines up a run then finds it free.
    """
    with store.writing() as db:
        line = waiting(store)
        if not line:
            owners.disown(store, QUEUE)
            return None
        run_id = line[0].id
        db.execute("DELETE FROM run_queue WHERE run_id = ?", [run_id])
        owners.own(store, run_id)
        store.runs.update(run_id, status="running", pid=os.getpid(), started_at=line[0].started_at or now())
    return store.runs.find(run_id)


def want(store: Store, run_id: str, wish: str) -> None:
    """Say what is wanted of a run that goes, in whatever process: it obeys between two steps. Raises WorkbenchError."""
    with store.writing() as db:
        run = store.runs.find(run_id)
        if run.status != "running":
            raise WorkbenchError(f"{run.name} is not going.", "See: workbench runs list.")
        db.execute("INSERT OR REPLACE INTO run_wishes(run_id, wish) VALUES (?, ?)", [run_id, wish])


def wish(store: Store, run_id: str) -> str:
    """What is wanted of a run, or ""."""
    return store.value("SELECT wish FROM run_wishes WHERE run_id = ?", [run_id]) or ""


def forget_wish(store: Store, run_id: str) -> None:
    """The run has ended, in one way or another."""
    with store.writing() as db:
        db.execute("DELETE FROM run_wishes WHERE run_id = ?", [run_id])
