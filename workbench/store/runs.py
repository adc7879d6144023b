"""Rows of runs, their metrics and samples. Metrics are append-only: a reopened plot reads the same rows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import psutil

from ..errors import WorkbenchError
from . import owners
from .records import Feedback, Run, RunSample
from .rows import new_id, now, to_json

if TYPE_CHECKING:
    from .store import Store

CUT_OFF_HINT = "Go on from its newest checkpoint, or start it again. What it had saved is usable."

_JSON = ("options", "spec", "versions", "summary")


class RunRows:
    """Every run of every method, and of evaluations and batch generation."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def add(self, *, name: str, method: str, options: Mapping[str, Any], by: object = None, **fields: Any) -> Run:
        """Add a waiting run and return it."""
        run = Run(new_id(), name, method, "waiting", options, created_at=now(), **fields)
        row = dataclasses.asdict(run)
        row |= {key: to_json(dict(row[key])) for key in _JSON}
        with self._store.writing() as db:
            db["runs"].insert(row)  # type: ignore[union-attr]
        self._store.changed("runs", by)
        return run

    def update(self, run_id: str, by: object = None, **fields: Any) -> None:
        """Set fields of a run."""
        values = {key: to_json(dict(value)) if key in _JSON else value for key, value in fields.items()}
        sets = ", ".join(f"{key} = :{key}" for key in values)
        with self._store.writing() as db:
            db.execute(f"UPDATE runs SET {sets} WHERE id = :id", values | {"id": run_id})
        self._store.changed("runs", by)

    def find(self, id_or_name: str) -> Run:
        """The run with this id, or the newest with this name. Raises WorkbenchError when there is none."""
        rows = self._store.rows(
            "SELECT * FROM runs WHERE id = :key OR name = :key ORDER BY rowid DESC LIMIT 1", {"key": id_or_name}
        )
        if not rows:
            raise WorkbenchError(f"This project has no run called {id_or_name}.", "See the Train pane for its runs.")
        return _run(rows[0])

    def list(self, method: str | None = None) -> list[Run]:
        """Runs, newest first."""
        sql = "SELECT * FROM runs WHERE :method IS NULL OR method = :method ORDER BY rowid DESC"
        return [_run(row) for row in self._store.rows(sql, {"method": method})]

    def freeze(self, run_id: str, feedback_ids: Iterable[str], data_hash: str) -> None:
        """Record exactly which judgements a run learns from, people's and, where they were asked for, judges'."""
        wanted = set(feedback_ids)
        verdicts = self._store.judges.known(wanted)
        with self._store.writing() as db:
            db.conn.executemany(
                "INSERT OR IGNORE INTO run_feedback(run_id, feedback_id) VALUES (?, ?)",
                [(run_id, feedback_id) for feedback_id in wanted - verdicts],
            )
            db.conn.executemany(
                "INSERT OR IGNORE INTO run_verdicts(run_id, verdict_id) VALUES (?, ?)",
                [(run_id, verdict_id) for verdict_id in verdicts],
            )
            db.execute("UPDATE runs SET data_hash = ? WHERE id = ?", [data_hash, run_id])

    def feedback_of(self, run_id: str) -> list[Feedback]:
        """The judgements that a run learned from, in order."""
        sql = "SELECT feedback_id FROM run_feedback WHERE run_id = ?"
        wanted = {row["feedback_id"] for row in self._store.rows(sql, [run_id])}
        return [item for item in self._store.feedback.list(retracted=True) if item.id in wanted]

    def sources_of(self, run_id: str) -> list[str]:
        """The ids of all that a run learned from, people's judgements and judges' verdicts, as freeze() takes them."""
        sql = """SELECT feedback_id AS id FROM run_feedback WHERE run_id = :run
            UNION ALL SELECT verdict_id FROM run_verdicts WHERE run_id = :run"""
        return [row["id"] for row in self._store.rows(sql, {"run": run_id})]

    def count_feedback(self, run_id: str) -> int:
        """How many judgements went into a run."""
        return self._store.value("SELECT COUNT(*) FROM run_feedback WHERE run_id = ?", [run_id])

    def runs_of(self, feedback_id: str) -> list[Run]:
        """The runs that learned from a judgement, newest first."""
        sql = "SELECT runs.* FROM runs JOIN run_feedback ON run_id = runs.id WHERE feedback_id = ? "
        return [_run(row) for row in self._store.rows(sql + "ORDER BY runs.rowid DESC", [feedback_id])]

    def add_metrics(self, run_id: str, step: int, values: Mapping[str, float | None]) -> None:
        """Append one step's numbers. A step that is written twice (after a resume) keeps the later numbers."""
        with self._store.writing() as db:
            db.conn.executemany(
                "INSERT OR REPLACE INTO metrics(run_id, name, step, value) VALUES (?, ?, ?, ?)",
                [(run_id, name, step, value) for name, value in values.items()],
            )
            db.execute("UPDATE runs SET step = MAX(step, ?) WHERE id = ?", [step, run_id])

    def rewind(self, run_id: str, step: int) -> None:
        """Take a run back to a step that it goes on from: what it told of later steps will be told again."""
        with self._store.writing() as db:
            for table in ("metrics", "run_samples", "run_warnings"):
                db.execute(f"DELETE FROM {table} WHERE run_id = ? AND step > ?", [run_id, step])
            db.execute("UPDATE runs SET step = ?, summary = '{}' WHERE id = ?", [step, run_id])
        self._store.changed("runs")

    def metrics(self, run_id: str) -> dict[str, list[tuple[int, float | None]]]:
        """Every curve of a run: name -> [(step, value), ...], in steps."""
        curves: dict[str, list[tuple[int, float | None]]] = {}
        sql = "SELECT name, step, value FROM metrics WHERE run_id = ? ORDER BY name, step"
        for row in self._store.rows(sql, [run_id]):
            curves.setdefault(row["name"], []).append((row["step"], row["value"]))
        return curves

    def add_warning(self, run_id: str, step: int, topic: str, text: str) -> None:
        """Keep what a run warned of; a topic is said once."""
        with self._store.writing() as db:
            db.execute(
                "INSERT OR IGNORE INTO run_warnings(run_id, topic, step, text) VALUES (?, ?, ?, ?)",
                [run_id, topic or text, step, text],
            )

    def warnings(self, run_id: str) -> dict[str, str]:
        """What a run warned of, by topic, in the order of its steps."""
        sql = "SELECT topic, text FROM run_warnings WHERE run_id = ? ORDER BY step, topic"
        return {row["topic"]: row["text"] for row in self._store.rows(sql, [run_id])}

    def add_sample(self, sample: RunSample) -> None:
        """Append an answer that the run showed."""
        row = dataclasses.asdict(sample) | {"scores": to_json(dict(sample.scores))}
        with self._store.writing() as db:
            db["run_samples"].insert(row)  # type: ignore[union-attr]

    def samples(self, run_id: str, limit: int = 200) -> list[RunSample]:
        """The newest answers that the run showed, newest first."""
        sql = "SELECT run_id, step, prompt, text, scores, prompt_id FROM run_samples WHERE run_id = ? "
        rows = self._store.rows(sql + "ORDER BY seq DESC LIMIT ?", [run_id, limit])
        return [RunSample(**row | {"scores": json.loads(row["scores"])}) for row in rows]

    def interrupt_orphans(self) -> list[Run]:
        """Mark runs that say they are going although the app that ran them is gone, and return them."""
        going = [run for run in self.list() if run.status == "running" or (run.status == "waiting" and run.pid)]
        orphans = [run for run in going if not self._has_owner(run)]
        for run in orphans:
            self.update(
                run.id,
                status="interrupted",
                ended_at=now(),
                error="The app closed while this run was going.",
                hint=CUT_OFF_HINT,
            )
        return orphans

    def _has_owner(self, run: Run) -> bool:
        if owners.is_told(self._store, run.id):
            return owners.owner_of(self._store, run.id) is not None
        return psutil.pid_exists(run.pid)  # a run of an older version


def _run(row: dict[str, Any]) -> Run:
    return Run(**row | {key: json.loads(row[key]) for key in _JSON})
