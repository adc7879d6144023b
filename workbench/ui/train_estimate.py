"""What a run will take, without loading anything: memory by part from its plan, time from runs that were."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from statistics import median
from typing import Any

from ..lm.estimates import Estimate
from ..lm.refs import ModelRef
from ..methods.base import Data, kind_of
from ..methods.planning import BYTES_A_TOKEN, new_shape, plan
from ..store import Model, Run
from .models_machine import Machine


@dataclass(frozen=True)
class Room:
    """Where a run computes, and how much memory there is: in all, and free now. 0 while that is not known."""

    device: str = "cpu"
    total: int = 0
    free: int = 0


def room_of(machine: Machine | None, device: str) -> Room:
    """The memory that a run on `device` ("auto" for the best there is) lives in."""
    if machine is None:
        return Room("cpu" if device == "auto" else device)
    card = machine.card if machine.card_in_use else None
    if card is None or device == "cpu":
        return Room("cpu", machine.memory_total, machine.memory_free)
    kind = "mps" if card.name == "Apple GPU" else "cuda"
    return Room(kind if device == "auto" else device, card.total, card.free)


def memory(
    base: Model | None, reward: Model | None, reward_base: Model | None, options: Mapping[str, Any], data: Data,
    bytes_each: int, device: str = "cpu",
) -> Estimate | None:  # fmt: skip
    """The estimate for a run from `base`, or from nothing, with a reward model; None when the model's files do not tell
    its shape."""
    ref = ModelRef(base.location, base.format, base_hash=base.hash) if base else None
    scorer = None
    if reward is not None and reward_base is not None:
        scorer = ModelRef(reward_base.location, reward_base.format, reward.location, base_hash=reward_base.hash)
    found = plan(options, data, ref, scorer, bytes_each=bytes_each, device=device)
    return found.estimate if found else None


def rows_of(estimate: Estimate) -> list[tuple[str, int]]:
    """The parts as they are shown, (key, bytes): what comes and goes within a round is one part."""
    parts = estimate.parts()
    passing = ("activations", "logits", "cache", "writing", "heap")
    shown = {key: size for key, size in parts.items() if key not in passing}
    libraries = shown.pop("process", 0)
    key = "learning" if estimate.learns_most else "writing"
    rows = {**shown, key: sum(parts.get(each, 0) for each in passing), "process": libraries}
    return [(key, size) for key, size in rows.items() if size]


def planned_units(method: Any, options: Mapping[str, Any], amount: int) -> float:
    """How much a run will work through: answers of an on-policy run, examples times epochs, or of text tokens times
    weights, as models of any size may be made of it. amount: training examples, or bytes of text."""
    if "steps" in options:
        return options["steps"] * options.get("batch_size", 1)
    if kind_of(method) == "documents":
        return amount / BYTES_A_TOKEN * options["epochs"] * new_shape(options).parameters
    return amount * options.get("epochs", 1)


def _units_of(run: Run) -> float:
    """How much a run has worked through."""
    if "batch_tokens" in run.options:
        return run.step * run.options["batch_tokens"] * new_shape(run.options).parameters
    return run.step * run.options.get("batch_size", 1)


def seconds_a_unit(runs: Sequence[Run], method: str, model_id: str | None) -> tuple[float, int] | None:
    """Median seconds a unit of past runs of this method on this model, and how many runs that rests on."""
    found = []
    for run in runs:
        if run.method != method or run.model_id != model_id or not (run.started_at and run.ended_at and run.step):
            continue
        seconds = (datetime.fromisoformat(run.ended_at) - datetime.fromisoformat(run.started_at)).total_seconds()
        if seconds > 0 and run.status in ("finished", "stopped"):
            found.append(seconds / _units_of(run))
    return (median(found), len(found)) if found else None


def bytes_of(options: Mapping[str, Any], runs: Sequence[Run], device: str = "cpu") -> int:
    """Bytes of a weight: as chosen, or as the newest run found best for this machine, or as is likely."""
    chosen = options.get("dtype", "auto")
    if chosen != "auto":
        return 2 if chosen == "bfloat16" else 4
    for run in runs:
        if run.device.endswith(("bfloat16", "float32")):
            return 2 if run.device.endswith("bfloat16") else 4
    return 2 if device != "cpu" or _cpu_is_faster_in_bf16() else 4


@cache
def _cpu_is_faster_in_bf16() -> bool:
    """What devices.choose will find, without torch: it measures where the instructions alone decide nothing. Only Linux
    says so in a file."""
    try:
        flags = set(Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").split())
    except OSError:
        return False
    return "amx_tile" in flags or {"avx512_bf16", "AuthenticAMD"} <= flags


def most_used(metrics: Mapping[str, Sequence[tuple[int, float | None]]]) -> float | None:
    """The most memory that a run reported, in bytes."""
    values = [value for _, value in metrics.get("perf/memory_bytes", ()) if value]
    return max(values) if values else None


def estimated(run: Run) -> float | None:
    """The memory that a run was estimated to take when it began, in bytes."""
    value = run.summary.get("estimate_bytes")
    return float(value) if isinstance(value, int | float) else None
