"""The side of `bench head`: linear reward heads on cached features, refitted after every judgement."""

from __future__ import annotations

import time
from typing import Any

from ..evaluation import heads
from .turns import Turns

NOISE = 0.5
"""Deviation of what a judge adds to the planted preference, against a deviation of one."""
PER_PROMPT = 4


def run(config: dict[str, Any], turns: Turns) -> None:
    """Each turn takes one more judgement and refits the ensemble from where it was."""
    import numpy as np

    count, rounds, strength = config["judgements"], config["turns"], heads.MIDDLE
    draw = np.random.default_rng(0)
    # A model's features are far from equal: a few directions hold most of what differs between two answers.
    size = 1 / np.sqrt(1 + np.arange(config["width"]))
    planted = draw.standard_normal(config["width"])
    planted /= np.linalg.norm(planted * size)
    differences = draw.standard_normal((2 * count + rounds, config["width"])) * size
    margins = differences @ planted + NOISE * draw.standard_normal(len(differences))
    differences = np.where(margins[:, None] > 0, differences, -differences).astype(np.float32)
    differences *= heads.scales_of(differences[:count])
    train, held = differences[: count + rounds], differences[count + rounds :]
    groups = [number // PER_PROMPT for number in range(len(train))]

    begun = time.perf_counter()
    strength = heads.choose_strength(train[:count], groups[:count])
    chosen = time.perf_counter() - begun
    weights = heads.fit_ensemble(train[:count], groups[:count], strength=strength)
    cold = time.perf_counter() - begun - chosen
    turns.measure = lambda: {"accuracy": float((heads.Ensemble(weights).scores(held)[0] > 0).mean())}
    turns.start(cold_seconds=cold, strength_seconds=chosen, heads=len(weights))
    for judgements in range(count + 1, count + rounds + 1):
        weights = heads.fit_ensemble(train[:judgements], groups[:judgements], strength=strength, start=weights)
        turns.done(judgements=judgements)
