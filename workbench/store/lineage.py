"""Where a judgement went: the runs that learned from it, the models they made, and what was trained on those."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .records import Run

if TYPE_CHECKING:
    from .store import Store

MOST = 60


@dataclass(frozen=True)
class Use:
    """A run that learned from a judgement, or from a model that did. depth: 0 for the first kind.

    via: the run whose model it used as `role`, "reward" or "model". result: the name of the model that it made,
    "" when it made none.
    """

    run: Run
    depth: int = 0
    via: Run | None = None
    role: str = ""
    result: str = ""


def uses(store: Store, feedback_id: str) -> list[Use]:
    """Every run that a judgement has reached, each once, below the one that it came through; oldest first."""
    runs = store.runs.list()[::-1]
    models = {row["id"]: row["name"] for row in store.rows("SELECT id, name FROM models")}  # removed ones too
    direct = {run.id for run in store.runs.runs_of(feedback_id)}
    seen: set[str] = set(direct)
    found: list[Use] = []
    for run in (each for each in runs if each.id in direct):
        found.append(Use(run, result=models.get(run.result_id or "", "")))
        found += _beyond(run, runs, models, seen, 1)
    return found[:MOST]


def _beyond(run: Run, runs: list[Run], models: dict[str, str], seen: set[str], depth: int) -> Iterator[Use]:
    if run.result_id is None:
        return
    for other in runs:
        role = "reward" if other.reward_id == run.result_id else "model" if other.model_id == run.result_id else ""
        if role and other.id not in seen and len(seen) < MOST:
            seen.add(other.id)
            yield Use(other, depth, run, role, models.get(other.result_id or "", ""))
            yield from _beyond(other, runs, models, seen, depth + 1)
