"""What a run in another process has done since one last looked, from the store that it writes to, as events."""

from __future__ import annotations

import os
from collections.abc import Iterator

from ..events import Event, Failed, Finished, Metrics, Sample, Started, Stopped, Warned
from ..store import Run, Store, owners


def elsewhere(store: Store) -> list[str]:
    """The runs that go in another process that lives, newest first."""
    ids = [row["id"] for row in store.rows("SELECT id FROM runs WHERE status = 'running' ORDER BY rowid DESC")]
    return [id_ for id_ in ids if owners.owner_of(store, id_) not in (None, os.getpid())]


class Follower:
    """Tells of one run from the moment on at which it is made; what was before stands in the store."""

    def __init__(self, store: Store, run_id: str) -> None:
        self._store, self.run_id = store, run_id
        run = store.runs.find(run_id)
        self._total, self._step, self._told, self._seq = run.total, 0, set[str](), 0
        self._warned = set(store.runs.warnings(run_id))
        self._to_tell = True

    def look(self) -> Iterator[Event]:
        """What is new, and how it ended if it did."""
        run = self._store.runs.find(self.run_id)
        if self._to_tell or run.total != self._total or run.step < self._step:
            # Whoever shows it reads all of it: it began, or was taken back to a checkpoint.
            self._to_tell, self._total = False, run.total
            self._mark(run.step)
            yield Started(run.total, run.device, "", {"resumed": run.step})
        else:
            if run.step > self._step:
                yield from self._metrics()
            yield from self._samples()
        yield from self._warnings(run)
        if run.status != "running":
            yield _ending(run)

    def _mark(self, step: int) -> None:
        """All that stands in the store by now is known."""
        named = self._store.rows("SELECT name FROM metrics WHERE run_id = ? AND step = ?", [self.run_id, step])
        self._step, self._told = step, {row["name"] for row in named}
        sql = "SELECT MAX(seq) FROM run_samples WHERE run_id = ?"
        self._seq = self._store.value(sql, [self.run_id]) or 0

    def _metrics(self) -> Iterator[Event]:
        sql = "SELECT step, name, value FROM metrics WHERE run_id = ? AND step >= ? ORDER BY step"
        steps: dict[int, dict[str, float | None]] = {}
        for row in self._store.rows(sql, [self.run_id, self._step]):
            if row["step"] > self._step or row["name"] not in self._told:
                steps.setdefault(row["step"], {})[row["name"]] = row["value"]
        for step, values in steps.items():
            self._told = self._told | set(values) if step == self._step else set(values)
            self._step = step
            yield Metrics(step, values)

    def _samples(self) -> Iterator[Event]:
        sql = "SELECT COUNT(*) AS count, MAX(seq) AS last FROM run_samples WHERE run_id = ? AND seq > ?"
        (found,) = self._store.rows(sql, [self.run_id, self._seq])
        for sample in reversed(self._store.runs.samples(self.run_id, found["count"]) if found["count"] else []):
            yield Sample(sample.step, sample.prompt, sample.text, sample.scores, sample.prompt_id)
        self._seq = found["last"] or self._seq

    def _warnings(self, run: Run) -> Iterator[Event]:
        for topic, text in self._store.runs.warnings(self.run_id).items():
            if topic not in self._warned:
                self._warned.add(topic)
                yield Warned(run.step, text, topic)


def _ending(run: Run) -> Event:
    if run.status == "finished":
        return Finished(dict(run.summary))
    if run.status in ("failed", "interrupted"):
        return Failed(run.error, run.hint, run.details)
    return Stopped(run.step, dict(run.summary))
