"""What the Models pane knows of each model: memory it takes, when it was used, what it grew from. No widgets."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field
from typing import Any

from ..errors import WorkbenchError
from ..store import Model, Store
from ..store.browsing import RULE
from ..store.judges import is_judge

CACHE_TOKENS = 2048
"""Tokens that the estimate keeps in the key-value cache: a few answers at once."""


@dataclass(frozen=True)
class Memory:
    """Estimated bytes to generate with a model."""

    weights: int
    adapter: int
    cache: int

    @property
    def total(self) -> int:
        """All of it."""
        return self.weights + self.adapter + self.cache


@dataclass(frozen=True)
class Entry:
    """A model of the project with what is known around it."""

    model: Model
    base: Model
    last_used: str = ""
    missing: bool = False

    @property
    def mine(self) -> bool:
        """Whether a run of this project made it."""
        return self.model.run_id is not None

    @property
    def writes(self) -> bool:
        """Whether it can write answers: reward models and encoders only score."""
        return self.model.kind != "reward" and bool(self.base.info.get("generates", True))

    def memory(self, bytes_each: int = 2) -> Memory | None:
        """What it needs to generate with `bytes_each` per weight; None while its size is not known."""
        if not self.base.parameters:
            return None
        weights = self.base.parameters * bytes_each
        adapter = self.model.size_bytes if self.model.id != self.base.id else 0
        layers, width = int(self.base.info.get("layers") or 0), int(self.base.info.get("hidden_size") or 0)
        cache = 2 * layers * width * bytes_each * CACHE_TOKENS or weights // 10
        return Memory(weights, adapter, cache)


def entries(store: Store) -> list[Entry]:
    """Every model of the project, newest of the trained ones first, bases in the order they were added."""
    used = _last_used(store)
    models = store.models.list()
    found = [_entry(model, store.models.base_of(model), used.get(model.id, "")) for model in models]
    trained = [entry for entry in found if entry.mine]
    return [*reversed(trained), *(entry for entry in found if not entry.mine)]


def tree(shown: Sequence[Entry]) -> list[tuple[Entry, int]]:
    """The entries as a tree, (entry, depth) from the top: what a model grew from stands over it, the oldest first.

    A model that learned from a reward model stands under that; one of whose parents none is shown stands at the top.
    """
    known = {entry.model.id for entry in shown}
    below: dict[str, list[Entry]] = {}
    for entry in sorted(shown, key=lambda entry: entry.model.created_at):
        below.setdefault(_over(entry.model, known), []).append(entry)
    found: list[tuple[Entry, int]] = []
    waiting = [(entry, 0) for entry in reversed(below.pop("", []))]
    while waiting:
        entry, depth = waiting.pop()
        found.append((entry, depth))
        waiting += [(each, depth + 1) for each in reversed(below.pop(entry.model.id, []))]
    # What merging left in a ring has no top.
    return [*found, *((entry, 0) for each in below.values() for entry in each)]


def _over(model: Model, known: Set[str]) -> str:
    said = (model.info.get("reward_id"), model.info.get("started_from"), model.parent_id)
    return next((str(id_) for id_ in said if id_ in known and id_ != model.id), "")


def _entry(model: Model, base: Model, used: str) -> Entry:
    if model.kind == "server":
        return Entry(model, base, used)
    return Entry(model, base, used, not (os.path.exists(model.location) and os.path.exists(base.location)))


def _last_used(store: Store) -> dict[str, str]:
    """When each model last wrote an answer or took part in a run."""
    sql = """SELECT id, MAX(at) AS at FROM (
        SELECT COALESCE(adapter_id, model_id) AS id, MAX(created_at) AS at FROM responses
            WHERE model_id IS NOT NULL GROUP BY COALESCE(adapter_id, model_id)
        UNION ALL SELECT model_id, MAX(COALESCE(started_at, created_at)) FROM runs
            WHERE model_id IS NOT NULL GROUP BY model_id
        UNION ALL SELECT reward_id, MAX(COALESCE(started_at, created_at)) FROM runs
            WHERE reward_id IS NOT NULL GROUP BY reward_id) GROUP BY id"""
    return {row["id"]: row["at"] for row in store.rows(sql)}


@dataclass(frozen=True)
class Node:
    """One line of a lineage: a model, or the judgements that made the next one ("people")."""

    kind: str
    model: Model | None = None
    run_id: str = ""
    counts: Mapping[str, int] = field(default_factory=dict)
    reward_name: str = ""
    more: int = 0
    who: tuple[str, ...] = ()
    """Who judged, most judgements first."""

    @property
    def human(self) -> bool:
        """Whether a person is among those who judged: only then is it drawn as people's."""
        return bool(self.people)

    @property
    def people(self) -> tuple[str, ...]:
        """Those of them who are no rules and no judges."""
        return tuple(name for name in self.who if not name.startswith(RULE) and not is_judge(name))


def lineage(store: Store, model: Model) -> list[Node]:
    """From the base through every model that this one was trained from, and on to what grew from it."""
    nodes: list[Node] = []
    for each in _ancestors(store, model):
        nodes += _with_people(store, each)
    grown = _grown(store, model)
    if len(grown) == 1:
        nodes += _with_people(store, grown[0])
    elif grown:
        nodes.append(Node("more", more=len(grown)))
    return nodes


def _ancestors(store: Store, model: Model) -> list[Model]:
    """Like models.lineage, with the models that each run started from in between."""
    line = [model]
    while True:
        before = str(line[0].info.get("started_from") or "") or line[0].parent_id
        if not before or before in {each.id for each in line}:
            return line
        try:
            line.insert(0, store.models.find(before))
        except WorkbenchError:  # merged from another project without its parent
            return line


def _grown(store: Store, model: Model) -> list[Model]:
    return [
        each
        for each in store.models.list()
        if each.id != model.id and (str(each.info.get("started_from") or "") or each.parent_id) == model.id
    ]


def _with_people(store: Store, model: Model) -> list[Node]:
    run_id, reward_name = model.run_id or "", _reward_name(store, model.info)
    counts = _counts(store, run_id) if run_id else {}
    if run_id and not counts and reward_name:  # PPO learns from people through its reward model
        run_id = store.models.find(str(model.info["reward_id"])).run_id or ""
        counts = _counts(store, run_id) if run_id else {}
    node = Node("model", model, reward_name=reward_name)
    judged = Node("people", run_id=run_id, counts=counts, who=_who(store, run_id)) if counts else None
    return [judged, node] if judged else [node]


def _reward_name(store: Store, info: Mapping[str, Any]) -> str:
    if not info.get("reward_id"):
        return ""
    try:
        return store.models.find(str(info["reward_id"])).name
    except WorkbenchError:
        return ""


_LEARNED = """SELECT f.kind, f.annotator FROM run_feedback u JOIN feedback f ON f.id = u.feedback_id
    WHERE u.run_id = :run UNION ALL SELECT v.kind, j.name FROM run_verdicts u
    JOIN judge_verdicts v ON v.id = u.verdict_id JOIN judges j ON j.id = v.judge_id WHERE u.run_id = :run"""
"""What a run learned from: people's judgements, and those of the judges that it was told to."""


def _counts(store: Store, run_id: str) -> dict[str, int]:
    """How many judgements of each kind a run learned from, most first."""
    sql = f"SELECT kind, COUNT(*) AS n FROM ({_LEARNED}) GROUP BY kind ORDER BY n DESC, kind"
    return {row["kind"]: row["n"] for row in store.rows(sql, {"run": run_id})}


def _who(store: Store, run_id: str) -> tuple[str, ...]:
    sql = f"SELECT annotator, COUNT(*) AS n FROM ({_LEARNED}) GROUP BY annotator ORDER BY n DESC, annotator"
    return tuple(row["annotator"] for row in store.rows(sql, {"run": run_id}))
