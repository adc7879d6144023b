"""Rounds: judgements that came since teach the reward model more, and the trained model goes on against that one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..feedback import NO_JUDGEMENT
from ..store import Run, Store

ENDED = ("finished", "stopped")


@dataclass(frozen=True)
class Round:
    """What the next round would do: the reward model to teach, by the options that taught it, with so many judgements
    that it has not seen."""

    reward_id: str
    options: Mapping[str, Any]
    new: int


def next_round(store: Store, run: Run) -> Round | None:
    """The round after a run that pleased a reward model; None where it has made nothing, or nothing new was judged."""
    if not run.reward_id or not run.result_id:
        return None
    teacher = store.models.find(run.reward_id).run_id
    sql = """SELECT COUNT(*) FROM feedback WHERE retracted_at IS NULL AND kind NOT IN (SELECT value FROM json_each(?))
        AND id NOT IN (SELECT feedback_id FROM run_feedback WHERE run_id = ?)"""
    new = store.value(sql, [json.dumps(NO_JUDGEMENT), teacher or ""])
    if not new:
        return None
    return Round(run.reward_id, store.runs.find(teacher).options if teacher else {}, new)


def policy_before(store: Store, reward_id: str) -> str | None:
    """The model that a run against this reward model should start from: what the round before it made. None where there
    was none: this reward model did not learn from where another was."""
    before = store.models.find(reward_id).info.get("started_from")
    found = [run for run in store.runs.list() if before and run.reward_id == before and run.status in ENDED]
    return next((run.result_id for run in found if run.result_id), None)
