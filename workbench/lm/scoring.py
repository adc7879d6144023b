"""Reward models: a scalar for a prompt and an answer, from an adapter and a head on a base, or a classifier."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

import torch
from peft.tuners.lora import LoraLayer
from safetensors.torch import load_file
from torch import nn
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from ..errors import WorkbenchError
from ..feedback.base import Message
from .batching import Row, by_length
from .devices import Compute
from .files import check_safetensors, describe
from .heads import fit_head
from .loading import REWARD, Loaded, add_new_adapter, add_saved_adapter, load, prepare_training
from .policy import use_adapter
from .reading import gather, hidden_states
from .refs import ModelRef
from .saving import save_reward_adapter, whole_folder
from .tastes import Tastes
from .templates import Template


class RewardModel(Protocol):
    """What scores answers. Raw scores are trained; `standard` ones have mean 0 and deviation 1 on its training data."""

    mean: float
    std: float
    compute: Compute

    def encode(self, messages: Sequence[Message], text: str) -> Any:
        """A prompt and an answer as this model's tokens."""
        ...

    def length(self, item: Any) -> int:
        """Tokens of an encoded item."""
        ...

    def scores(self, items: Sequence[Any]) -> torch.Tensor:
        """Raw scores [n] in float32; gradients flow where they are enabled."""
        ...

    def train_groups(self, rate: float) -> list[dict[str, Any]]:
        """Parameter groups for the optimiser; also makes the model ready to be trained."""
        ...

    def to_score(self) -> None:
        """Make the model ready to score: what training drops or switches is put back until `train_groups`."""
        ...

    def state(self) -> list[torch.Tensor]:
        """The tensors that training changes (to keep the best of them)."""
        ...

    def save(self, target: Path, info: dict[str, Any]) -> None:
        """Write the model, whole or not at all."""
        ...


class AdapterReward:
    """A LoRA adapter and a linear head on a causal base.

    The head reads the last token and the mean of the answer after `depth` layers, two thirds of them unless told
    otherwise: see `heads` for why.
    """

    def __init__(self, loaded: Loaded, *, limit: int = 1024, depth: int = 0) -> None:
        self.loaded = loaded
        self.template = loaded.template
        self.compute = loaded.compute
        self.limit = limit
        self.depth = depth or max(1, round(len(loaded.layers) * 2 / 3))
        self.mean, self.std = 0.0, 1.0
        width, device = 2 * loaded.hidden_size, loaded.compute.device
        self.weight = nn.Parameter(torch.zeros(width, device=device))
        self.scale = torch.ones(width, device=device)
        self.ensemble: torch.Tensor | None = None
        self.offset = torch.zeros(0)
        self.tastes: Tastes | None = None
        self.person = ""
        """Whose taste `scores` goes by; "" for nobody's in particular."""

    @classmethod
    def fresh(cls, loaded: Loaded, *, rank: int, alpha: float, dropout: float, limit: int) -> AdapterReward:
        """A reward model that has learned nothing yet: every score is 0."""
        prepare_training(loaded)
        add_new_adapter(loaded, REWARD, rank=rank, alpha=alpha, dropout=dropout)
        return cls(loaded, limit=limit)

    @classmethod
    def saved(cls, loaded: Loaded, folder: Path, info: dict[str, Any]) -> AdapterReward:
        """The reward model in `folder`, on a base that is already in memory."""
        add_saved_adapter(loaded, str(folder), REWARD)
        model = cls(loaded, limit=int(info.get("limit", 1024)), depth=int(info.get("depth", 0)))
        model.mean, model.std = float(info.get("mean", 0.0)), float(info.get("std", 1.0))
        stored = load_file(folder / "reward_head.safetensors")
        if stored["weight"].shape != model.weight.shape:
            raise WorkbenchError(f"The reward model in {folder} belongs to another base.", "Train one on this base.")
        model.weight.data.copy_(stored["weight"])
        model.scale.copy_(stored["scale"])
        if "ensemble" in stored:
            model.ensemble, model.offset = stored["ensemble"], stored["offset"]
        if "places" in stored:
            tastes = model.meet(info["knows"], stored["places"].shape[1])
            tastes.load_state_dict({name: stored[name] for name in ("places", "directions")})
        return model

    def meet(self, names: Sequence[str], size: int) -> Tastes:
        """Let tastes of these people differ, by `size` numbers each."""
        self.tastes = Tastes(names, size, self.weight.shape[0]).to(self.weight.device)
        return self.tastes

    def encode(self, messages: Sequence[Message], text: str) -> Row:
        """Prompt and answer as a row that ends with the end token; a long prompt loses its beginning."""
        answer = self.template.answer_ids(text, self.limit // 2)
        prompt = self.template.prompt_ids(messages, self.limit - len(answer))
        return Row(tuple(prompt), tuple(answer))

    def length(self, item: Row) -> int:
        """Tokens of an encoded item."""
        return len(item)

    def features(self, items: Sequence[Row]) -> torch.Tensor:
        """What the head reads of each item: [n, 2h] in float32. The reward adapter must be the active one."""
        batch = gather(self.loaded, list(items))
        hidden = hidden_states(self.loaded, batch, self.depth)
        inside = batch.mask[..., None]
        answers = hidden[batch.places].float().where(inside, 0.0)
        means = answers.sum(1) / inside.sum(1).clamp(min=1)
        ends = hidden[batch.last].float()
        return torch.cat([ends, means], dim=1)

    def scores(self, items: Sequence[Row]) -> torch.Tensor:
        """Raw scores [n] in float32. The reward adapter must be the active one."""
        general, leanings = self.read(self.features(items))
        if not self.person or self.tastes is None:
            return general
        return general + leanings @ self.tastes.place_of(self.person)

    def lean_to(self, person: str) -> None:
        """Score by a person's taste from now on; "" for nobody's in particular.

        Raises WorkbenchError when the model does not know them.
        """
        if person:
            if self.tastes is None:
                raise WorkbenchError("This reward model does not tell people apart.", "Train one with tastes.")
            self.tastes.place_of(person)
        self.person = person

    def read(self, features: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """From features [n, 2h]: scores for nobody in particular [n], and what tastes read of each answer [n, k]."""
        scaled = features * self.scale
        return scaled @ self.weight, scaled @ self.tastes.directions.T if self.tastes else scaled[:, :0]

    @torch.no_grad()
    def all_features(
        self, items: Sequence[Row], check: Callable[[], None] = lambda: None, rows: int = 64
    ) -> torch.Tensor:
        """What the head reads of many items, [n, 2h] on the CPU; an item that stands there twice is read once."""
        places = {row: place for place, row in enumerate(dict.fromkeys(items))}
        unique = list(places)
        found = torch.zeros(len(unique), self.weight.shape[0])
        self.to_score()
        for group in by_length([len(item) for item in unique], rows, budget=self.loaded.compute.batch_tokens):
            check()
            found[group] = self.features([unique[index] for index in group]).cpu()
        return found[[places[item] for item in items]]

    def set_ensemble(self, weights: torch.Tensor, features: torch.Tensor) -> None:
        """Keep heads [k, 2h] that were fitted on scaled features, each standardised over the answers of `features`."""
        scores = (features * self.scale.cpu()) @ weights.T
        std = scores.std(0).clamp(min=1e-3)
        self.ensemble, self.offset = weights / std[:, None], scores.mean(0) / std

    def each(self, features: torch.Tensor) -> torch.Tensor:
        """The standardised score of every head of the ensemble, [n, k], from `all_features`."""
        if self.ensemble is None:
            raise WorkbenchError("This reward model has one head.", "Train one with more than one head.")
        return (features * self.scale.cpu()) @ self.ensemble.T - self.offset

    def spread(self, items: Sequence[Row], check: Callable[[], None] = lambda: None) -> torch.Tensor:
        """How unsure the model is of each item's score, [n]: the deviation of the standardised score over its heads."""
        return self.each(self.all_features(items, check)).std(1)

    def warm_start(
        self,
        pairs: Sequence[tuple[Row, Row]],
        groups: Sequence[object],
        check: Callable[[], None],
        rows: int,
        people: Sequence[str] = (),
    ) -> float:
        """Fit the head on the features of the base as it is, and return the regularisation that was chosen.

        people: who judged each pair, where tastes may differ.
        """
        found = self.all_features([row for pair in pairs for row in pair], check, rows)
        weight, scale, strength = fit_head(found[0::2], found[1::2], groups)
        self.weight.data.copy_(weight)
        self.scale.copy_(scale)
        if self.tastes is not None:
            self.tastes.fit(((found[0::2] - found[1::2]) * scale).numpy(), people, strength)
        return strength

    def train_groups(self, rate: float) -> list[dict[str, Any]]:
        """The adapter, and the head at the same rate."""
        self._use(train=True)
        return [{"params": self.adapter(), "lr": rate}, {"params": self._head(), "lr": rate}]

    def _head(self) -> list[nn.Parameter]:
        return [self.weight, *(self.tastes.parameters() if self.tastes else ())]

    def to_score(self) -> None:
        """The reward adapter is the active one, and whole."""
        self._use(train=False)

    def _use(self, *, train: bool) -> None:
        use_adapter(self.loaded, REWARD, train=train)
        for layer in self.loaded.layers:
            for module in layer.modules():
                if isinstance(module, LoraLayer):
                    module.train(train)  # type: ignore[attr-defined]  # dropout, which belongs to training alone

    def adapter(self) -> list[nn.Parameter]:
        """The adapter's weights in the layers that the head can see."""
        return [
            parameter
            for index, layer in enumerate(self.loaded.layers)
            if index < self.depth
            for key, parameter in layer.named_parameters()
            if f".{REWARD}." in key
        ]

    def state(self) -> list[torch.Tensor]:
        """The adapter's and the head's weights."""
        return [*self.adapter(), *self._head()]

    def save(self, target: Path, info: dict[str, Any]) -> None:
        """Write adapter, head and reward.json."""
        about = {
            "architecture": "adapter",
            "base": self.loaded.ref.base,
            "format": self.loaded.ref.format,
            "base_hash": self.loaded.ref.base_hash,
            "template_hash": self.template.hash,
            "mean": self.mean,
            "std": self.std,
            "limit": self.limit,
            "depth": self.depth,
        }
        head = {"weight": self.weight.data, "scale": self.scale}
        if self.ensemble is not None:
            head |= {"ensemble": self.ensemble, "offset": self.offset}
        if self.tastes is not None:
            head |= dict(self.tastes.state_dict())
            about["knows"] = list(self.tastes.names)
        save_reward_adapter(self.loaded, REWARD, head, target, about | info)


class ClassifierReward:
    """A sequence-classification model with one output (BERT-like encoders too), trained whole."""

    def __init__(self, model: Any, tokenizer: Any, compute: Compute, *, limit: int = 512) -> None:
        self.model = model
        self.tokenizer = tokenizer
        self.compute = compute
        self.limit = min(limit, getattr(model.config, "max_position_embeddings", limit) or limit)
        self.mean, self.std = 0.0, 1.0
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token
        model.config.pad_token_id = tokenizer.pad_token_id

    @classmethod
    def open(cls, folder: str, compute: Compute, *, limit: int = 512, offline: bool = True) -> ClassifierReward:
        """Any model folder or hub id that transformers can give a classification head of one output."""
        common: dict[str, Any] = {"trust_remote_code": False, "local_files_only": offline}
        try:
            # fp32: an encoder is small, and its whole weights are trained.
            model = AutoModelForSequenceClassification.from_pretrained(
                folder, num_labels=1, use_safetensors=True, dtype=torch.float32, ignore_mismatched_sizes=True, **common
            )
            tokenizer = AutoTokenizer.from_pretrained(folder, **common)
        except (OSError, ValueError, KeyError) as error:
            raise WorkbenchError(
                f"{folder} cannot be opened as a classifier.", "Choose a sequence-classification or encoder model."
            ) from error
        return cls(model.to(compute.device), tokenizer, compute, limit=limit)

    def encode(self, messages: Sequence[Message], text: str) -> list[int]:
        """Prompt and answer as a pair of segments, the prompt cut first when both are too long."""
        prompt = "\n".join(message["content"] for message in messages)
        tokens = self.tokenizer(prompt, text, truncation=True, max_length=self.limit)
        return list(tokens["input_ids"])

    def length(self, item: list[int]) -> int:
        """Tokens of an encoded item."""
        return len(item)

    def scores(self, items: Sequence[list[int]]) -> torch.Tensor:
        """Raw scores [n] in float32."""
        batch = self.tokenizer.pad({"input_ids": [list(item) for item in items]}, return_tensors="pt")
        logits = self.model(**{key: value.to(self.compute.device) for key, value in batch.items()}).logits
        return logits.squeeze(-1).float()

    def train_groups(self, rate: float) -> list[dict[str, Any]]:
        """The whole model."""
        self.model.train()
        return [{"params": [weight for weight in self.model.parameters() if weight.requires_grad], "lr": rate}]

    def to_score(self) -> None:
        """Nothing is dropped."""
        self.model.eval()

    def state(self) -> list[torch.Tensor]:
        """All weights."""
        return list(self.model.parameters())

    def save(self, target: Path, info: dict[str, Any]) -> None:
        """Write the model in transformers' own format, and reward.json."""
        about = {"architecture": "classifier", "mean": self.mean, "std": self.std, "limit": self.limit}
        with whole_folder(target) as folder:
            self.model.save_pretrained(folder)
            self.tokenizer.save_pretrained(folder)
            (folder / "reward.json").write_text(json.dumps(about | info, indent=2, default=str), encoding="utf-8")


def fresh_reward(
    ref: ModelRef, compute: Compute, *, rank: int, alpha: float, dropout: float, limit: int
) -> AdapterReward | ClassifierReward:
    """A reward model on `ref` that has learned nothing yet: an adapter where it generates, else a classifier."""
    if not describe(ref)["generates"]:
        return ClassifierReward.open(ref.base, compute, limit=limit)
    return AdapterReward.fresh(load(ref, compute), rank=rank, alpha=alpha, dropout=dropout, limit=limit)


def reward_to_train_on(ref: ModelRef, compute: Compute, *, limit: int) -> AdapterReward | ClassifierReward:
    """The reward model that `ref` names, to be trained on: with the rank of its adapter and without its ensemble, which
    the next training fits anew. Raises WorkbenchError when it cannot be loaded."""
    model = load_reward(ref, compute)
    assert isinstance(model, AdapterReward | ClassifierReward)
    model.limit = min(limit, model.limit) if isinstance(model, ClassifierReward) else limit
    if isinstance(model, AdapterReward):
        prepare_training(model.loaded)
        model.ensemble, model.offset = None, torch.zeros(0)
    return model


def reward_info(folder: Path) -> dict[str, Any]:
    """reward.json of a trained reward model. Raises WorkbenchError when the folder holds none."""
    try:
        info = json.loads((folder / "reward.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"{folder} holds no reward model.", "Train one, or choose another.") from error
    if not isinstance(info, dict) or info.get("architecture") not in ("adapter", "classifier"):
        raise WorkbenchError(f"The reward.json in {folder} is not ours.", "Train a reward model here.")
    return info


def load_reward(
    ref: ModelRef, compute: Compute, share: Loaded | None = None, *, offline: bool = True, quantize: str = "none"
) -> RewardModel:
    """The reward model that `ref` names (its folder is ref.adapter), on `share`'s base when that is the same base."""
    folder = Path(ref.adapter)
    info = reward_info(folder)
    if info["architecture"] == "classifier":
        model = ClassifierReward.open(str(folder), compute, limit=int(info.get("limit", 512)))
        model.mean, model.std = float(info["mean"]), float(info["std"])
        model.model.eval()
        return model
    check_safetensors(folder / "reward_head.safetensors")
    if share is None or not _same_base(info, share.ref):
        base = replace(ref, adapter="", base=str(info["base"]), format=str(info["format"]))
        share = load(base, compute, offline=offline, quantize=quantize)
    model = AdapterReward.saved(share, folder, info)
    if ref.template != share.ref.template:  # it reads answers as it has learned to, whoever wrote them
        model.template = Template(share.tokenizer, ref.template)
    return model


def _same_base(info: dict[str, Any], ref: ModelRef) -> bool:
    if info.get("base_hash") and ref.base_hash:
        return info["base_hash"] == ref.base_hash
    return info["base"] == ref.base


@torch.no_grad()
def score_all(
    model: RewardModel,
    items: Sequence[Any],
    *,
    rows: int = 64,
    check: Callable[[], None] = lambda: None,
    standard: bool = True,
) -> torch.Tensor:
    """Scores [n] of encoded items, in batches of similar length; standardised unless told not to."""
    found = torch.zeros(len(items))
    model.to_score()
    for group in by_length([model.length(item) for item in items], rows, budget=model.compute.batch_tokens):
        check()
        found[group] = model.scores([items[index] for index in group]).cpu()
    return (found - model.mean) / model.std if standard else found


def encode_all(model: RewardModel, pairs: Iterable[tuple[Sequence[Message], str]]) -> list[Any]:
    """Encoded items of (messages, text) pairs."""
    return [model.encode(messages, text) for messages, text in pairs]
