"""Presets of a run: a few knobs each, by method and by how much there is to learn from.

A method's file names its own in PRESETS, and may say in `sized` what more data change; "balanced" begins from its
defaults. With few examples each is seen more often, with many less often and more in one step, so that a run has
enough steps and still ends: the best weights on held-out prompts are kept, so one pass too many costs time and nothing
else. On few prompts an on-policy run is cut short, as its policy would learn the reward model's mistakes on them by
heart.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .base import Data, kind_of, knobs

QUICK, BALANCED, THOROUGH = NAMES = ("quick", "balanced", "thorough")
FEW, MANY = 200, 2_000
"""Examples from which a set is no longer small, and from which it is large."""
MOST_ANSWERS, FEWEST_ROUNDS = 40, 4
"""Answers to one prompt in a whole on-policy run, and rounds that it has at least."""

Presets = Mapping[str, Mapping[str, Any]]


def stored(rate: float, epochs: int = 4) -> Presets:
    """Of a method that learns from stored judgements; `rate`: that of the thorough one, below the method's default."""
    return {
        QUICK: {"epochs": 1, "evaluations": 4},
        BALANCED: {},
        THOROUGH: {"epochs": epochs, "learning_rate": rate, "evaluations": 16, "patience": 4},
    }


def rounds(steps: int = 120, **more: Any) -> Presets:
    """Of an on-policy method; `steps`: rounds of the thorough one."""
    return {
        QUICK: {"steps": 10, "batch_size": 8},
        BALANCED: {},
        THOROUGH: {"steps": steps, "batch_size": 32, "learning_rate": 1e-4} | more,
    }


def amount(method: Any, data: Data) -> int:
    """How many training examples of its first kind a method has."""
    return sum(item.split == "train" for item in getattr(data, kind_of(method)))


def values(method: Any, name: str, count: int = 0) -> dict[str, Any]:
    """The knobs that a preset changes. count: training examples, or bytes of plain text; 0: not known."""
    found = dict(method.PRESETS[name])
    usual = {knob.name: knob.default for knob in knobs(method.Options)} | found
    if not count:
        return found
    if hasattr(method, "sized"):
        return found | method.sized(count)
    if "steps" in usual:
        return found | _fewer_rounds(usual, count)
    return found | _passes(usual, count)


def _fewer_rounds(usual: Mapping[str, Any], prompts: int) -> dict[str, Any]:
    most = max(FEWEST_ROUNDS, MOST_ANSWERS * prompts // usual["batch_size"])
    return {"steps": most} if most < usual["steps"] else {}


def _passes(usual: Mapping[str, Any], examples: int) -> dict[str, Any]:
    if examples < FEW:
        return {"epochs": 2 * usual["epochs"]}
    if examples < MANY:
        return {}
    size = usual["batch_size"] * (2 if examples < 10 * MANY else 4)
    return {"epochs": max(1, usual["epochs"] // 2), "batch_size": size}
