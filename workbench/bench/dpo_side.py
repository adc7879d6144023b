"""Our side of `bench preferences` for DPO: the app's own run, its examples in the order in which they come."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..events import Metrics
from ..lm.refs import ModelRef
from ..methods.base import Data, Job, options_from
from . import workload
from .ppo_side import ALPHA
from .reward_side import WARMUP, mean_tokens, pairs_of
from .turns import Turns


def run(config: dict[str, Any], turns: Turns) -> None:
    """Steps of training, as many a turn as its pairs make; the reading of the reference belongs to the set-up."""
    from ..lm.devices import choose
    from ..methods import dpo

    class InOrder(dpo.Run):
        def make_batches(self) -> list[list[int]]:
            size = config["batch"]
            return [list(range(start, start + size)) for start in range(0, len(self.train) - size + 1, size)]

    compute = choose(config["device"], config["dtype"])
    train, held = pairs_of(config)
    knobs = {
        "epochs": 1,
        "learning_rate": config["rate"],
        "batch_size": config["batch"],
        "checkpoint_minutes": 0.0,
        "max_tokens": config["limit"],
        "rank": config["rank"],
        "alpha": ALPHA * config["rank"],
        "beta": config["beta"],
        "warmup": WARMUP,
        "evaluations": 1,
        "shown": 0,
    }
    job = Job(Path(config["folder"]), ModelRef(config["model"]), Data(pairs=train + held))
    learner = InOrder(job, options_from(dpo.Options, knobs), compute)
    steps = (event for event in learner.steps() if isinstance(event, Metrics))
    next(steps)  # what is measured before the first step
    rows = [
        [example.fields["prompt_ids"] + example.fields[f"{side}_ids"] for side in ("chosen", "rejected")]
        for example in learner.train
    ]
    count = sum(weight.numel() for weight in learner.weights)
    turns.measure = lambda: {"accuracy": learner.measure()["accuracy/held_out"]}
    turns.start(
        pairs_digest=workload.digest([row for pair in rows for row in pair]),
        tokens=mean_tokens(rows, config["pairs"]),
        dtype=compute.dtype_name,
        device=compute.name,
        trains={f"LoRA r={config['rank']}": count},
    )
    while True:
        for _ in range(config["pairs"] // config["batch"]):
            next(steps)
        turns.done(tokens=0)
