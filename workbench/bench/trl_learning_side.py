"""TRL's sides of `bench learn`: its GRPOTrainer and RLOOTrainer on the same rule, stopped between steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ..lm.refs import ModelRef
from . import learning_rule, workload
from .ppo_side import LIMIT
from .trl_ppo_side import dtypes, lora, quiet
from .turns import Turns

GROUP = 4
"""Answers to one prompt, which are compared with each other."""
_NAMES = (
    "learning_rate lr_scheduler_type beta num_generations num_iterations epsilon loss_type scale_rewards "
    "normalize_advantages temperature max_completion_length max_grad_norm weight_decay gradient_checkpointing bf16"
)
TOLD = _NAMES.split()
"""Arguments that matter to what is learned, as the trainer really has them."""


def grpo(config: dict[str, Any], turns: Turns) -> None:
    """GRPO, a step each turn."""
    from trl.trainer.grpo_config import GRPOConfig
    from trl.trainer.grpo_trainer import GRPOTrainer

    _learn(GRPOTrainer, GRPOConfig, config, turns)


def rloo(config: dict[str, Any], turns: Turns) -> None:
    """RLOO, a step each turn."""
    from trl.trainer.rloo_config import RLOOConfig
    from trl.trainer.rloo_trainer import RLOOTrainer

    _learn(RLOOTrainer, RLOOConfig, config, turns)


def _learn(trainer_class: Any, config_class: Any, config: dict[str, Any], turns: Turns) -> None:
    """The trainer's own loop; a callback holds it after each step."""
    from datasets import Dataset
    from transformers import AutoModelForCausalLM

    from ..lm.devices import choose
    from ..lm.loading import load_tokenizer

    tokenizer: Any = load_tokenizer(ModelRef(config["model"]))
    messages = [[dict(message) for message in workload.messages(text)] for text in learning_rule.TRAIN]
    ids = [list(tokenizer.apply_chat_template(item, add_generation_prompt=True)["input_ids"]) for item in messages]
    rewards: list[float] = []

    def rule(completions: list[list[dict[str, str]]], **_: Any) -> list[float]:
        scores = [learning_rule.score(completion[0]["content"]) for completion in completions]
        rewards.append(sum(scores) / len(scores))
        return scores

    form = {"dtype": choose(config["device"], config["dtype"]).dtype, "local_files_only": True}
    trainer = trainer_class(
        model=AutoModelForCausalLM.from_pretrained(config["model"], **form),
        reward_funcs=rule,
        args=_arguments(config_class, config),
        train_dataset=Dataset.from_list([{"prompt": item} for item in messages]),
        processing_class=tokenizer,
        peft_config=lora(config, "CAUSAL_LM"),
    )
    turns.measure = lambda: _save(trainer, config)
    facts = {
        "prompts_digest": workload.digest([row[-LIMIT:] for row in ids]),
        "dtype": dtypes(trainer.model),
        "about": {key: _plain(getattr(trainer.args, key)) for key in TOLD if hasattr(trainer.args, key)},
        "trains": {f"LoRA r={config['rank']}": sum(w.numel() for w in trainer.model.parameters() if w.requires_grad)},
    }
    trainer.add_callback(_hold(turns, facts, rewards))
    trainer.train()


def _arguments(config_class: Any, config: dict[str, Any]) -> Any:
    passes = config["passes_theirs"]
    return config_class(
        output_dir=config["folder"],
        **quiet(config) | {"seed": config["seed"]},
        bf16=False,
        gradient_checkpointing=False,
        learning_rate=config["rate_theirs"],
        lr_scheduler_type="constant",
        per_device_train_batch_size=config["samples"],
        gradient_accumulation_steps=1,
        num_generations=GROUP,
        num_iterations=passes,
        max_steps=config["iterations"] * passes,
        max_completion_length=config["new_tokens"],
        temperature=config["temperature"],
        beta=config["beta"],
    )


def _save(trainer: Any, config: dict[str, Any]) -> dict[str, Any]:
    target = Path(config["folder"]) / f"iteration-{trainer.state.global_step // config['passes_theirs']}"
    trainer.model.save_pretrained(str(target))
    return {"adapter": str(target)}


def _hold(turns: Turns, facts: dict[str, Any], rewards: list[float]) -> Any:
    """A callback that makes everything done with one batch of answers one turn."""
    from transformers import TrainerCallback

    class Hold(TrainerCallback):
        def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            turns.start(**facts)

        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            if state.global_step % args.num_iterations == 0:
                turns.done(reward=rewards[-1])

    return Hold()


def _plain(value: Any) -> Any:
    return value if isinstance(value, (bool, int, float, str, type(None))) else str(value)
