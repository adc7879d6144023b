"""Our side of `bench reward`: the app's own reward training, a pass over some pairs each turn."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ..events import Metrics
from ..feedback.base import Pair
from ..jobs import frozen
from ..lm.refs import ModelRef
from ..methods.base import Data, Job, options_from
from . import workload
from .ppo_side import ALPHA
from .turns import Turns

CENTER, WARMUP = 0.01, 0.1
SEEDS = {"train": 1, "held_out": 2}


def pairs_of(config: dict[str, Any]) -> tuple[tuple[Pair, ...], tuple[Pair, ...]]:
    """Pairs to learn from, in the order in which every side takes them, and held-out ones.

    One batch more than is ever asked for, so that no side comes to the end of its run within a turn. They are those of
    the file "data" where the configuration names one.
    """
    if "data" in config:
        data = frozen.read(Path(config["data"]))
        given = data.split("train").pairs
        return (*given, *given[: config["batch"]]), data.split("held_out").pairs
    count = config["pairs"] * config["turns"] + config["batch"]
    train = workload.pairs(count, seed=SEEDS["train"], words=tuple(config["words"]))
    held = workload.pairs(config["held_out"], seed=SEEDS["held_out"], split="held_out", words=tuple(config["words"]))
    return train, held


def run(config: dict[str, Any], turns: Turns) -> None:
    """Steps of training, as many a turn as its pairs make."""
    from ..lm.devices import choose
    from ..methods import reward

    compute = choose(config["device"], config["dtype"])
    train, held = pairs_of(config)
    job = Job(Path(config["folder"]), ModelRef(config["model"]), Data(pairs=train + held))
    learner = reward.Run(job, options_from(reward.Options, _knobs(config)), compute)
    learner.shuffled = lambda order: list(range(len(train)))  # type: ignore[method-assign]
    learner.warm_start = turns.timed("warm_start", learner.warm_start)  # type: ignore[method-assign]
    steps = _only_metrics(learner.steps())
    before = next(steps)
    warm_start = turns.split.get("warm_start", 0.0)
    turns.measure = lambda: {"accuracy": learner.measure()["accuracy/held_out"]}
    rows = [[list(item.prompt + item.answer) for item in pair] for pair in learner.items]
    turns.start(
        pairs_digest=workload.digest([row for pair in rows for row in pair]),
        tokens=mean_tokens(rows, config["pairs"]),
        distinct_tokens=distinct_tokens(learner, config),
        dtype=compute.dtype_name,
        device=compute.name,
        warm_start_seconds=warm_start,
        head_accuracy=before.values["accuracy/held_out"],
        **_trained(learner),
    )
    while True:
        for _ in range(config["pairs"] // config["batch"]):
            next(steps)
        turns.done(tokens=0)


def _only_metrics(events: Iterator[Any]) -> Iterator[Metrics]:
    return (event for event in events if isinstance(event, Metrics))


def mean_tokens(rows: list[list[list[int]]], pairs: int) -> int:
    """Tokens of a turn, each pair as two whole rows."""
    return round(sum(len(row) for pair in rows for row in pair) / len(rows) * pairs)


def distinct_tokens(learner: Any, config: dict[str, Any]) -> int:
    """Tokens of a turn, what the answers of a batch share counted once."""
    from ..lm.reading import gather

    size, items = config["batch"], learner.items
    batches = [items[start : start + size] for start in range(0, len(items) - size + 1, size)]
    counts = [gather(learner.model.loaded, [row for pair in some for row in pair]).ids.numel() for some in batches]
    return round(sum(counts) / len(counts) * config["pairs"] / size)


def _knobs(config: dict[str, Any]) -> dict[str, Any]:
    return {
        "epochs": 1,
        "learning_rate": config["rate"],
        "warm_start": config["warm_start"],
        "batch_size": config["batch"],
        "checkpoint_minutes": 0.0,
        "max_tokens": config["limit"],
        "rank": config["rank"],
        "alpha": ALPHA * config["rank"],
        "dropout": 0.0,
        "center": CENTER,
        "warmup": WARMUP,
        "evaluations": 1,
    } | config.get("knobs", {})


def _trained(learner: Any) -> dict[str, Any]:
    model = learner.model
    lora = sum(weight.numel() for weight in model.adapter())
    depth, layers = model.depth, len(model.loaded.layers)
    return {
        "trains": {f"LoRA r={learner.options.rank} on {depth} of {layers} layers": lora, "head": model.weight.numel()},
        "lora": lora,
        "depth": depth / layers,
    }
