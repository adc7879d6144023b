"""TRL's side of `bench preferences` for DPO: its DPOTrainer, stopped after a pass over some pairs."""

from __future__ import annotations

from typing import Any

from ..lm.refs import ModelRef
from . import workload
from .reward_side import WARMUP, mean_tokens, pairs_of
from .trl_ppo_side import dtypes, hold, lora, quiet
from .turns import Turns


def run(config: dict[str, Any], turns: Turns) -> None:
    """The trainer's own loop; a callback holds it after each pass."""
    from ..lm.loading import load_tokenizer
    from ..lm.templates import Template

    tokenizer = load_tokenizer(ModelRef(config["model"]))
    template = Template(tokenizer)
    train, held = ([_example(template, pair) for pair in pairs] for pairs in pairs_of(config))
    trainer = _trainer(config, tokenizer, train)
    rows = [[each["prompt_ids"] + each[f"{side}_ids"] for side in ("chosen", "rejected")] for each in train]
    count = sum(weight.numel() for weight in trainer.model.parameters() if weight.requires_grad)
    before = _gaps(trainer, held, config["batch"])  # of the reference: a fresh adapter adds nothing
    turns.measure = lambda: {"accuracy": _accuracy(_gaps(trainer, held, config["batch"]), before)}
    facts = {
        "pairs_digest": workload.digest([row for pair in rows for row in pair]),
        "tokens": mean_tokens(rows, config["pairs"]),
        "dtype": dtypes(trainer.model),
        "device": str(trainer.accelerator.device),
        "trains": {f"LoRA r={config['rank']}": count},
    }
    trainer.add_callback(hold(turns, facts, [], steps=config["pairs"] // config["batch"]))
    trainer.train()


def _example(template: Any, pair: Any) -> dict[str, list[int]]:
    sides = {f"{side}_ids": template.answer_ids(getattr(pair, side)) for side in ("chosen", "rejected")}
    return {"prompt_ids": template.prompt_ids(pair.messages)} | sides


def _trainer(config: dict[str, Any], tokenizer: Any, train: list[dict[str, list[int]]]) -> Any:
    import torch
    from datasets import Dataset
    from transformers import AutoModelForCausalLM
    from trl.trainer.dpo_config import DPOConfig
    from trl.trainer.dpo_trainer import DPOTrainer

    class Tokenised(DPOTrainer):
        """Its data are the tokens that every side learns from."""

        def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
            return dataset

    arguments = DPOConfig(
        output_dir=config["folder"],
        **quiet(config),
        bf16=False,
        gradient_checkpointing=config["checkpointing"],
        learning_rate=config["rate"],
        lr_scheduler_type="cosine",
        warmup_steps=WARMUP,
        beta=config["beta"],
        per_device_train_batch_size=config["batch"],
        num_train_epochs=1,
        max_length=None,
        train_sampling_strategy="sequential",
    )
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(
        config["model"], dtype=getattr(torch, config["dtype"]), local_files_only=True
    )
    return Tokenised(
        model=model,
        args=arguments,
        train_dataset=Dataset.from_list(train),
        processing_class=tokenizer,
        peft_config=lora(config, "CAUSAL_LM"),
    )


def _gaps(trainer: Any, held: list[dict[str, list[int]]], batch: int) -> list[float]:
    """By how much each chosen answer is likelier than the rejected one, in nats."""
    import torch

    trainer.model.eval()
    gaps: list[float] = []
    for start in range(0, len(held), batch):
        inputs = trainer.data_collator(held[start : start + batch])
        inputs = {key: value.to(trainer.accelerator.device) for key, value in inputs.items()}
        with torch.no_grad():
            output = trainer.model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"])
        told = output.logits[:, :-1].float().log_softmax(-1)
        read = told.gather(-1, inputs["input_ids"][:, 1:, None]).squeeze(-1)
        chosen, rejected = (read * inputs["completion_mask"][:, 1:]).sum(1).chunk(2)
        gaps += (chosen - rejected).tolist()
    trainer.model.train()
    return gaps


def _accuracy(gaps: list[float], before: list[float]) -> float:
    """How often the better answer was raised more than the other, as DPO's implicit reward has it; ties count half."""
    points = [1.0 if now > was else 0.5 if now == was else 0.0 for now, was in zip(gaps, before, strict=True)]
    return sum(points) / len(points)
