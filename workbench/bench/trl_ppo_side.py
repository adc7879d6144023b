"""TRL's side of `bench ppo`: its PPOTrainer as its documentation uses it, stopped between iterations."""

from __future__ import annotations

import importlib
import time
from typing import Any

from ..lm.refs import ModelRef
from . import workload
from .ppo_side import ALPHA, LIMIT, TEMPERATURE
from .turns import Turns

ITERATIONS = 1000
"""More than are ever asked for: the parent ends the side."""


def run(config: dict[str, Any], turns: Turns) -> None:
    """The trainer's own loop; a callback holds it after each iteration."""
    from datasets import Dataset

    from ..lm.loading import load_tokenizer
    from ..lm.templates import Template

    # Its pad token is not its end token: this trainer masks by token id, and would drop real tokens.
    tokenizer = load_tokenizer(ModelRef(config["model"]))
    tokenizer.padding_side = "left"
    prompts = workload.prompts(config["prompts"])
    ids = [Template(tokenizer).prompt_ids(prompt.messages, LIMIT) for prompt in prompts]
    trainer = _trainer(config, tokenizer, Dataset.from_list([{"input_ids": row} for row in ids]))
    written = _watch(turns)
    facts = {
        "prompts_digest": workload.digest(ids),
        "prompt_tokens": sum(map(len, ids)),
        "device": str(trainer.accelerator.device),
        **_trained(trainer, config),
    }
    trainer.add_callback(hold(turns, facts, written))
    trainer.train()


def _trl() -> Any:
    # Only the older TRL has it, so an ordinary import would be an error to a type checker.
    return importlib.import_module("trl.experimental.ppo")


def _trainer(config: dict[str, Any], tokenizer: Any, dataset: Any) -> Any:
    import torch
    from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

    # The configuration's bf16 is ignored by this trainer without a word: the weights have to be loaded so.
    form = {"dtype": getattr(torch, config["dtype"]), "local_files_only": True}
    torch.manual_seed(0)
    policy = AutoModelForCausalLM.from_pretrained(config["model"], **form)
    judges = [
        AutoModelForSequenceClassification.from_pretrained(config["model"], num_labels=1, **form) for _ in range(2)
    ]
    for judge in judges:
        judge.config.pad_token_id = tokenizer.pad_token_id
    return _trl().PPOTrainer(
        args=_arguments(config),
        processing_class=tokenizer,
        model=policy,
        ref_model=None,
        reward_model=judges[0],
        value_model=judges[1],
        train_dataset=dataset,
        peft_config=lora(config, "CAUSAL_LM") if config["lora"] else None,
    )


def _arguments(config: dict[str, Any]) -> Any:
    return _trl().PPOConfig(
        output_dir=config["folder"],
        **quiet(config),
        bf16=False,
        gradient_checkpointing=False,
        per_device_train_batch_size=config["micro_batch"],
        gradient_accumulation_steps=-(-config["prompts"] // config["micro_batch"]),
        num_mini_batches=1,
        num_ppo_epochs=config["epochs"],
        local_rollout_forward_batch_size=config["prompts"],
        response_length=config["new_tokens"],
        temperature=TEMPERATURE,
        stop_token=None,
        num_sample_generations=0,
        total_episodes=config["prompts"] * ITERATIONS,
    )


def quiet(config: dict[str, Any]) -> dict[str, Any]:
    """Training arguments without reports, checkpoints and progress bars, on the device that was asked for."""
    from ..lm.devices import choose

    return {
        "report_to": "none",
        "save_strategy": "no",
        "eval_strategy": "no",
        "logging_strategy": "no",
        "disable_tqdm": True,
        "use_cpu": choose(config["device"]).device.type == "cpu",
        "seed": 17,
    }


def lora(config: dict[str, Any], task: str) -> Any:
    """The same adapter as ours: on every linear layer."""
    from peft import LoraConfig

    rank = config["rank"]
    saved = ["score"] if task == "SEQ_CLS" else None
    return LoraConfig(
        r=rank,
        lora_alpha=ALPHA * rank,  # type: ignore[arg-type]
        lora_dropout=0.0,
        target_modules="all-linear",
        task_type=task,
        modules_to_save=saved,
    )


def hold(turns: Turns, facts: dict[str, Any], written: list[int], steps: int = 1) -> Any:
    """A callback that makes every `steps` optimiser steps (as the trainer counts them) one turn."""
    from transformers import TrainerCallback

    class Hold(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            turns.start(**facts)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % steps == 0:
                turns.done(tokens=written.pop() if written else 0)

    return Hold()


def _watch(turns: Turns) -> list[int]:
    """Time the parts of an iteration by the functions that the trainer's file calls, and keep the tokens it wrote.

    Its scoring ends where it first runs the model with gradients, and the rest is the optimisation.
    """
    import torch

    file: Any = importlib.import_module("trl.experimental.ppo.ppo_trainer")
    tokens: list[int] = []
    begun = 0.0
    generate, forward = turns.timed("write", file.batch_generation), file.forward

    def counted(model: Any, queries: Any, *args: Any) -> Any:
        nonlocal begun
        found, logits = generate(model, queries, *args)
        tokens.append(int(found.shape[0] * (found.shape[1] - queries.shape[1])))
        begun = time.perf_counter()
        return found, logits

    def marked(*args: Any) -> Any:
        nonlocal begun
        if begun and torch.is_grad_enabled():
            turns.add("score", time.perf_counter() - begun)
            begun = 0.0
        return forward(*args)

    file.batch_generation, file.forward = counted, marked
    return tokens


def _trained(trainer: Any, config: dict[str, Any]) -> dict[str, Any]:
    policy, value = trainer.policy_model, trainer.value_model
    counts = [sum(weight.numel() for weight in model.parameters() if weight.requires_grad) for model in (policy, value)]
    name = f"LoRA r={config['rank']}" if config["lora"] else "whole policy"
    return {
        "trains": {name: counts[0], "separate value model": counts[1]},
        "lora": counts[0] if config["lora"] else 0,
        "dtype": dtypes(policy, value, trainer.reward_model),
    }


def dtypes(*models: Any) -> str:
    """The number format of most of the weights, and any other one beside it, as they really are."""
    counts: dict[str, int] = {}
    for model in models:
        for weight in model.parameters():
            name = str(weight.dtype).removeprefix("torch.")
            counts[name] = counts.get(name, 0) + weight.numel()
    ordered = sorted(counts, key=lambda name: -counts[name])
    return ordered[0] if len(ordered) == 1 else f"{ordered[0]}, adapters {', '.join(ordered[1:])}"
