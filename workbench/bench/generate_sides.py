"""Both sides of `bench generate`: our sampling and transformers' generate(), greedy, all answers of one length."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from ..lm.refs import ModelRef
from . import workload
from .ppo_side import LIMIT
from .turns import Turns, synchronise

Write = Callable[[list[list[int]]], list[list[int]]]


def ours(config: dict[str, Any], turns: Turns) -> None:
    """lm.generating, as every pane and method uses it."""
    from ..lm.generating import Sampler, sample_all

    loaded = _loaded(config)
    length = config["new_tokens"]
    sampler = Sampler(0.0, top_p=1.0, top_k=0, max_new_tokens=length, min_new_tokens=length)

    def write(prompts: list[list[int]]) -> list[list[int]]:
        return [draft.ids for draft in sample_all(loaded, prompts, sampler, [0] * len(prompts))]

    _take_turns(config, turns, loaded, write)


def theirs(config: dict[str, Any], turns: Turns) -> None:
    """model.generate of transformers, on the same weights."""
    import torch
    from transformers import GenerationConfig

    loaded = _loaded(config)
    length, pad, device = config["new_tokens"], loaded.pad_id, loaded.compute.device
    plan = GenerationConfig(
        do_sample=False,
        max_new_tokens=length,
        min_new_tokens=length,
        pad_token_id=pad,
        eos_token_id=sorted(loaded.stop_ids),
    )

    def write(prompts: list[list[int]]) -> list[list[int]]:
        width = max(map(len, prompts))
        ids = torch.tensor([[pad] * (width - len(row)) + row for row in prompts], device=device)
        real = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device)
        with torch.no_grad():
            found = loaded.model.generate(input_ids=ids, attention_mask=real, generation_config=plan)
        return found[:, width:].tolist()

    _take_turns(config, turns, loaded, write)


def _loaded(config: dict[str, Any]) -> Any:
    from ..lm.devices import choose
    from ..lm.loading import load

    return load(ModelRef(config["model"]), choose(config["device"], config["dtype"]))


def _take_turns(config: dict[str, Any], turns: Turns, loaded: Any, write: Write) -> None:
    """Each turn writes one batch of each size. Answers are compared by their digest in fp32 only: in bf16 two paths
    that are both right choose different tokens now and then."""
    compute = loaded.compute
    batches = {size: [_ids(loaded, prompt) for prompt in workload.prompts(size)] for size in config["batches"]}
    turns.start(
        prompts_digest=workload.digest([row for rows in batches.values() for row in rows]),
        prompt_tokens={str(size): sum(map(len, rows)) for size, rows in batches.items()},
        dtype=compute.dtype_name,
        device=compute.name,
    )
    while True:
        sizes, answers = {}, []
        for size, rows in batches.items():
            begun = time.perf_counter()
            found = write(rows)
            synchronise()
            sizes[str(size)] = {"seconds": time.perf_counter() - begun, "tokens": sum(map(len, found))}
            answers += found
        turns.done(batches=sizes, answers_digest=workload.digest(answers))


def _ids(loaded: Any, prompt: Any) -> list[int]:
    return loaded.template.prompt_ids(prompt.messages, LIMIT)
