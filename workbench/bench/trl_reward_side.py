"""TRL's side of `bench reward`: its RewardTrainer, stopped between passes over some pairs."""

from __future__ import annotations

from typing import Any

from ..feedback.base import Pair
from ..lm.refs import ModelRef
from . import workload
from .reward_side import CENTER, WARMUP, mean_tokens, pairs_of
from .trl_ppo_side import dtypes, hold, lora, quiet
from .turns import Turns


def run(config: dict[str, Any], turns: Turns) -> None:
    """The trainer's own loop; a callback holds it after each pass."""
    from datasets import Dataset

    from ..lm.loading import load_tokenizer
    from ..lm.templates import Template

    tokenizer = load_tokenizer(ModelRef(config["model"]))
    template = Template(tokenizer)
    train, held = ([_rows(template, pair, config["limit"]) for pair in pairs] for pairs in pairs_of(config))
    data = Dataset.from_list([{"chosen_ids": chosen, "rejected_ids": rejected} for chosen, rejected in train])
    trainer = _trainer(config, tokenizer, data)
    weights = [weight for weight in trainer.model.parameters() if weight.requires_grad]
    count = sum(weight.numel() for weight in weights)
    turns.measure = lambda: {"accuracy": _accuracy(trainer, held, config["batch"])}
    facts = {
        "pairs_digest": workload.digest([row for pair in train for row in pair]),
        "tokens": mean_tokens(train, config["pairs"]),
        "dtype": dtypes(trainer.model) + (" (bf16 autocast)" if config["autocast"] else ""),
        "device": str(trainer.accelerator.device),
        "trains": {f"LoRA r={config['rank']} and head" if config["lora"] else "whole model": count},
        "lora": count if config["lora"] else 0,
    }
    trainer.add_callback(hold(turns, facts, [], steps=config["pairs"] // config["batch"]))
    trainer.train()


def _rows(template: Any, pair: Pair, limit: int) -> list[list[int]]:
    rows = []
    for text in (pair.chosen, pair.rejected):
        answer = template.answer_ids(text, limit // 2)
        rows.append(template.prompt_ids(pair.messages, limit - len(answer)) + answer)
    return rows


def _trainer(config: dict[str, Any], tokenizer: Any, data: Any) -> Any:
    import torch
    from transformers import AutoModelForSequenceClassification
    from trl.trainer.reward_config import RewardConfig
    from trl.trainer.reward_trainer import RewardTrainer

    arguments = RewardConfig(
        output_dir=config["folder"],
        **quiet(config),
        bf16=config["autocast"],
        gradient_checkpointing=config["checkpointing"],
        learning_rate=config["rate"],
        lr_scheduler_type="cosine",  # as ours
        warmup_steps=WARMUP,
        per_device_train_batch_size=config["batch"],
        num_train_epochs=1,
        max_length=config["limit"],
        center_rewards_coefficient=CENTER,
        train_sampling_strategy="sequential",
    )
    torch.manual_seed(0)
    model = AutoModelForSequenceClassification.from_pretrained(
        config["model"], num_labels=1, dtype=getattr(torch, config["dtype"]), local_files_only=True
    )
    return RewardTrainer(
        model=model,
        args=arguments,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=lora(config, "SEQ_CLS") if config["lora"] else None,
    )


def _accuracy(trainer: Any, held: list[list[list[int]]], batch: int) -> float:
    """How often it scores the better answer of a held-out pair higher; ties count half."""
    import torch

    trainer.model.eval()
    points = 0.0
    for start in range(0, len(held), batch):
        part = held[start : start + batch]
        inputs = trainer.data_collator([{"chosen_ids": chosen, "rejected_ids": rejected} for chosen, rejected in part])
        inputs = {key: value.to(trainer.accelerator.device) for key, value in inputs.items()}
        with torch.no_grad(), trainer.compute_loss_context_manager():
            scores = trainer.model(**inputs).logits.squeeze(-1).float()
        gaps = scores[: len(part)] - scores[len(part) :]
        points += float((gaps > 0).sum() + 0.5 * (gaps == 0).sum())
    trainer.model.train()
    return points / len(held)
