"""Our side of `bench ppo`: the app's own PPO with an untrained reward model."""

from __future__ import annotations

import functools
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..events import Metrics
from ..lm.refs import ModelRef
from ..methods.base import Data, Job, options_from
from . import workload
from .turns import Turns

ALPHA = 2.0
"""LoRA's alpha as a multiple of its rank, on every side."""
TEMPERATURE = 0.7
LIMIT = 512


def make_reward(config: dict[str, Any], turns: Turns) -> None:
    """Write a reward model with a random head to `config["target"]`: what it says is noise, what it costs is not."""
    import torch

    from ..lm.devices import choose
    from ..lm.loading import load
    from ..lm.scoring import AdapterReward

    torch.manual_seed(0)
    rank = int(config["rank"])
    loaded = load(ModelRef(config["model"]), choose("cpu", "float32"))
    model = AdapterReward.fresh(loaded, rank=rank, alpha=ALPHA * rank, dropout=0.0, limit=LIMIT)
    torch.nn.init.normal_(model.weight, std=model.weight.shape[0] ** -0.5)
    model.save(Path(config["target"]), {})
    turns.start()


def run(config: dict[str, Any], turns: Turns) -> None:
    """Rounds of PPO, one each turn."""
    from ..lm.batching import Row
    from ..lm.devices import choose
    from ..lm.reading import gather
    from ..methods import ppo

    compute = choose(config["device"], config["dtype"])
    prompts = workload.prompts(config["prompts"])
    scorer = ModelRef(config["model"], adapter=config["reward"], kind="reward")
    job = Job(Path(config["folder"]), ModelRef(config["model"]), Data(prompts=prompts), scorer)
    learner = ppo.Run(job, options_from(ppo.Options, _knobs(config)), compute)
    ids = [learner.loaded.template.prompt_ids(prompt.messages, LIMIT) for prompt in prompts]
    written = _watch(learner, turns)
    turns.start(
        prompts_digest=workload.digest(ids),
        prompt_tokens=sum(map(len, ids)),
        distinct_tokens=gather(learner.loaded, [Row(tuple(own), ()) for own in ids]).ids.numel(),
        prompt_lengths=(min(map(len, ids)), max(map(len, ids))),
        dtype=compute.dtype_name,
        device=compute.name,
        **trained(learner),
    )
    while True:
        (metrics,) = (event for event in learner.round() if isinstance(event, Metrics))
        if learner.step == 1:
            turns.measure = functools.partial(_floor, metrics.values)
        turns.done(tokens=written.pop())


def _floor(values: Mapping[str, float | None]) -> dict[str, float | None]:
    """What rounding alone does, from the first round, in which the policy is the reference."""
    names = {"drift": "val/logprob_drift", "kl": "objective/kl", "ratio": "val/ratio_first"}
    return {name: values[key] for name, key in names.items()}


def _knobs(config: dict[str, Any]) -> dict[str, Any]:
    length = config["new_tokens"]
    return {
        "batch_size": config["prompts"],
        "max_new_tokens": length,
        "min_new_tokens": length,
        "epochs": config["epochs"],
        "minibatches": 1,
        "rank": config["rank"],
        "alpha": ALPHA * config["rank"],
        "temperature": TEMPERATURE,
        "max_prompt_tokens": LIMIT,
        "checkpoint_minutes": 0.0,
    } | config.get("knobs", {})


def _watch(learner: Any, turns: Turns) -> list[int]:
    """Time the parts of a round (all but writing and reading is learning), and keep how many tokens it wrote."""
    tokens: list[int] = []
    roll_out = learner.roll_out

    def counted() -> Any:
        begun = time.perf_counter()
        rollout = roll_out()
        tokens.append(int(rollout.mask.sum()))
        turns.add("score", time.perf_counter() - begun - turns.split["write"])
        return rollout

    learner.write = turns.timed("write", learner.write)
    learner.roll_out = counted
    return tokens


def trained(learner: Any) -> dict[str, Any]:
    """What is trained, by name with its number of weights, and what the count of FLOPs needs to know."""
    lora = sum(weight.numel() for weight in learner.policy.adapter_parameters())
    head = sum(weight.numel() for weight in learner.policy.value_head.parameters())
    layers = len(learner.loaded.layers)
    return {
        "trains": {f"LoRA r={learner.options.rank}": lora, "linear value head": head},
        "lora": lora,
        "reward_depth": getattr(learner.reward, "depth", layers) / layers,
    }
