"""What a run will take, without loading anything: memory by part from the model's shape, time from runs that were.

The memory is an estimate and is called one: adapters on every linear layer are taken as 18 hidden sizes wide, which
is right for Llama's shape and near for others, activations as 34 bytes a hidden unit, token and layer (Korthikanti
et al. 2022, without attention scores).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from ..methods.base import Data
from ..store import Model, Run

LORA_WIDTH = 18
ACTIVATION_BYTES = 34
CHARACTERS_A_TOKEN = 3.5


@dataclass(frozen=True)
class Part:
    """A part of the memory: "model", "adapters" or "activations"."""

    key: str
    size: float


def memory(method: str, base: Model, options: Mapping[str, Any], data: Data, bytes_each: int) -> list[Part]:
    """The parts, largest last named; empty when the model's shape is not known."""
    hidden, layers = int(base.info.get("hidden_size") or 0), int(base.info.get("layers") or 0)
    if not (base.parameters and hidden and layers):
        return []
    rank = int(options.get("rank", 0))
    adapter = LORA_WIDTH * hidden * layers * rank
    # A copy in the model's format, its gradient, and master weights with two moments in fp32.
    adapters = adapter * (2 * bytes_each + 12)
    tokens = _tokens_at_once(method, options, data)
    activations = tokens * layers * hidden * ACTIVATION_BYTES * bytes_each / 2
    if "max_new_tokens" in options:  # on-policy: the logits of a micro-batch, and their softmax, in fp32
        activations += tokens * int(base.info.get("vocab_size") or 0) * 8
    return [Part("model", base.parameters * bytes_each), Part("adapters", adapters), Part("activations", activations)]


def _tokens_at_once(method: str, options: Mapping[str, Any], data: Data) -> float:
    batch = int(options.get("micro_batch", 1))
    if "max_new_tokens" in options:
        longest = max((_length(item.messages) for item in data.prompts), default=0)
        prompt = min(longest / CHARACTERS_A_TOKEN, options.get("max_prompt_tokens", math.inf))
        return batch * (prompt + options["max_new_tokens"])
    texts = [_length(pair.messages) + max(len(pair.chosen), len(pair.rejected)) for pair in data.pairs]
    longest = min(max(texts, default=0) / CHARACTERS_A_TOKEN, options.get("max_tokens", math.inf))
    return 2 * batch * longest  # both answers of a pair


def _length(messages: Sequence[Mapping[str, str]]) -> int:
    return sum(len(message["content"]) for message in messages)


def planned_units(options: Mapping[str, Any], data: Data) -> float:
    """How much a run will work through: answers of an on-policy run, or examples times epochs."""
    if "steps" in options:
        return options["steps"] * options.get("batch_size", 1)
    examples = max(len(data.pairs), len(data.labels), len(data.demonstrations), len(data.rankings))
    return examples * options.get("epochs", 1)


def seconds_a_unit(runs: Sequence[Run], method: str, model_id: str | None) -> tuple[float, int] | None:
    """Median seconds a unit of past runs of this method on this model, and how many runs that rests on."""
    found = []
    for run in runs:
        if run.method != method or run.model_id != model_id or not (run.started_at and run.ended_at and run.step):
            continue
        batch = run.options.get("batch_size", 1)
        seconds = (datetime.fromisoformat(run.ended_at) - datetime.fromisoformat(run.started_at)).total_seconds()
        if seconds > 0 and run.status in ("finished", "stopped"):
            found.append(seconds / (run.step * batch))
    return (median(found), len(found)) if found else None


def bytes_of(options: Mapping[str, Any], runs: Sequence[Run]) -> int:
    """Bytes of a weight: as chosen, or as the newest run found best for this machine, or 4 to be safe."""
    chosen = options.get("dtype", "auto")
    if chosen != "auto":
        return 2 if chosen == "bfloat16" else 4
    for run in runs:
        if run.device.endswith(("bfloat16", "float32")):
            return 2 if run.device.endswith("bfloat16") else 4
    return 4


def most_used(metrics: Mapping[str, Sequence[tuple[int, float | None]]]) -> float | None:
    """The most memory that a run reported, in bytes."""
    values = [value for _, value in metrics.get("perf/memory_bytes", ()) if value]
    return max(values) if values else None
