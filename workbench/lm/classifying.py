"""A model that tells which of a few labels a conversation has: any base with a fresh head, or one that was trained."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ..errors import WorkbenchError
from ..feedback.base import Message
from .devices import Compute
from .files import check_folder
from .loading import Loaded, forget_gguf, guarded, source_of
from .refs import ModelRef
from .saving import save_whole
from .templates import Template

HEADS = ("score", "classifier", "classification_head", "pre_classifier")
"""What transformers calls the layers on top of the trunk that tell labels."""


@dataclass
class Classifier:
    """A sequence-classification model with what turns text into its tokens. `labels` by the number of their output."""

    loaded: Loaded
    labels: tuple[str, ...]
    limit: int

    @classmethod
    def fresh(cls, ref: ModelRef, compute: Compute, labels: Sequence[str], limit: int) -> Classifier:
        """A base with a head that knows nothing yet. Raises WorkbenchError when transformers has none for it."""
        names = dict(enumerate(labels))
        told = {"id2label": names, "label2id": {label: place for place, label in names.items()}}
        return cls._made(ref, compute, limit, num_labels=len(labels), ignore_mismatched_sizes=True, **told)

    @classmethod
    def trained(cls, folder: Path, compute: Compute) -> Classifier:
        """One that was saved. Raises WorkbenchError when the folder holds none."""
        config = check_folder(folder)
        if not any(str(name).endswith("ForSequenceClassification") for name in config.get("architectures") or []):
            raise WorkbenchError(f"{folder} holds no model that tells labels.", "Train one: workbench train classify.")
        try:
            limit = int(json.loads((folder / "workbench.json").read_text(encoding="utf-8"))["limit"])
        except (OSError, ValueError, KeyError, TypeError):
            limit = 512  # not one of ours
        return cls._made(ModelRef(str(folder), name=folder.name), compute, limit)

    @classmethod
    def _made(cls, ref: ModelRef, compute: Compute, limit: int, **about: Any) -> Classifier:
        source = source_of(ref, offline=True)
        safe = None if "gguf_file" in source else True
        about |= {"dtype": compute.dtype, "use_safetensors": safe}
        model = guarded(ref, lambda: AutoModelForSequenceClassification.from_pretrained(**source, **about))
        tokenizer = guarded(ref, lambda: AutoTokenizer.from_pretrained(**source))
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token_id = tokenizer.eos_token_id
        forget_gguf(model)
        model.config.pad_token_id = tokenizer.pad_token_id
        template = Template(tokenizer, ref.template)
        loaded = Loaded(model.to(compute.device).eval(), tokenizer, template, compute, ref)
        labels = [str(model.config.id2label[place]) for place in range(model.config.num_labels)]
        longest = getattr(model.config, "max_position_embeddings", None) or limit
        return cls(loaded, tuple(labels), min(limit, longest))

    def learnable(self, *, whole: bool, rank: int, alpha: float, dropout: float) -> list[torch.nn.Parameter]:
        """What is to be trained: all weights, or a fresh adapter on the trunk and the head."""
        model = self.loaded.model
        if whole:
            return list(model.parameters())
        head = [weight for key, weight in model.named_parameters() if key.split(".")[0] in HEADS]
        shape: dict[str, Any] = {"r": rank, "lora_alpha": alpha, "lora_dropout": dropout}
        config = LoraConfig(target_modules="all-linear", exclude_modules=list(HEADS), **shape)
        self.loaded.model = PeftModel(model, config, autocast_adapter_dtype=False)
        return [*head, *(weight for key, weight in self.loaded.model.named_parameters() if "lora_" in key)]

    def encode(self, messages: Sequence[Message]) -> list[int]:
        """Tokens of a conversation, as the model's chat template or its tokenizer writes it. Too long a one is cut."""
        if self.loaded.template.own:
            return self.loaded.template.prompt_ids(messages, self.limit)
        text = "\n".join(message["content"] for message in messages)
        return list(self.loaded.tokenizer(text, truncation=True, max_length=self.limit)["input_ids"])  # type: ignore[arg-type]

    def logits(self, rows: Sequence[Sequence[int]]) -> torch.Tensor:
        """Logits [n, labels] in float32 of encoded conversations; gradients flow where they are enabled."""
        batch = self.loaded.tokenizer.pad({"input_ids": [list(row) for row in rows]}, return_tensors="pt")
        device = self.loaded.compute.device
        about = {key: batch[key].to(device) for key in ("input_ids", "attention_mask")}  # type: ignore[union-attr]
        return self.loaded.model(**about).logits.float()

    @torch.no_grad()
    def tell(self, messages: Sequence[Message]) -> dict[str, float]:
        """The probability of each label, the likeliest first."""
        shares = self.logits([self.encode(messages)])[0].softmax(-1).tolist()
        return dict(sorted(zip(self.labels, shares, strict=True), key=lambda each: -each[1]))

    def save(self, target: Path, info: dict[str, Any]) -> None:
        """Write it as a model by itself: an adapter becomes part of the weights."""
        if isinstance(self.loaded.model, PeftModel):
            self.loaded.model = self.loaded.model.merge_and_unload()  # type: ignore[operator]
        save_whole(self.loaded, target, info | {"limit": self.limit})
