"""How much memory a run will take, before it begins: from a method's options and data to what estimates ask for."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..feedback.base import Message
from ..lm.estimates import Estimate, Shape, Work, estimate, shape_of, tokens_that_fit, weight_bytes
from ..lm.refs import ModelRef
from .base import Data, Job

BYTES_A_TOKEN = 4.0
"""Of text in UTF-8. English has 4 to 4.5, Chinese 3 to 4 (a character or a little more), code 3."""
OPENING = 24
"""Tokens with which a chat template opens every prompt, computed once for all rows: a default system text."""
EACH_MESSAGE = 5
"""Tokens that a chat template puts around a message."""
LOGIT_TENSORS, TILE_TENSORS = 4, 8
"""Of logits in float32 that TRL has at once: of all tokens in ORPO and CPO (with two of softmax and the gradient), of a
tile elsewhere on a CPU: measured in DPO's backward pass on SmolLM2-135M. Accelerators have one tile alone."""
TILE = (4096, 32768)
"""Tokens and words of such a tile."""
REWARD_DEPTH = 2 / 3
"""Share of the layers that a reward model reads: scoring.AdapterReward."""


@dataclass(frozen=True)
class Plan:
    """What a run is estimated to take, and how many tokens its micro-batches may have."""

    estimate: Estimate
    work: Work
    shape: Shape
    bytes_each: int


def train_tokens(device: str) -> int:
    """Tokens of a micro-batch unless told otherwise: devices.Compute.train_tokens."""
    return 1024 if device == "cpu" else 8192


def plan(
    options: Mapping[str, Any],
    data: Data,
    model: ModelRef | None,
    reward: ModelRef | None,
    *,
    bytes_each: int,
    device: str = "cpu",
) -> Plan | None:
    """The plan of a run, of one without a model by the shape in its options; None where the model's files do not tell
    its shape."""
    shape = new_shape(options) if model is None else shape_of(model)
    if shape is None:
        return None
    if model is None:
        work = beginning_work(options, device, shape, bytes_each)
    elif "labels" in options:
        work = labelling_work(options, data, device)
    elif "target_modules" in options:
        work = imitating_work(options, data, device, shape.vocabulary)
    elif "max_new_tokens" in options:
        work = writing_work(options, data, device, _others(options, model, reward, shape, bytes_each))
    else:
        work = judging_work(options, data, device)
    found = estimate(shape, work, bytes_each=bytes_each, device=device, quantised_bits=_bits(options))
    return Plan(found, work, shape, bytes_each)


def _bits(options: Mapping[str, Any]) -> int:
    return {"4bit": 4, "8bit": 8}.get(str(options.get("quantize")), 0)


def plan_of(job: Job, options: Mapping[str, Any], *, bytes_each: int, device: str) -> Plan | None:
    """The plan of a job that is about to begin."""
    return plan(options, job.data, job.model, job.reward, bytes_each=bytes_each, device=device)


# --- methods that write answers and learn from them ------------------------------------------------------------------


@dataclass(frozen=True)
class _Beside:
    """What else is in memory: the ranks of other adapters on the base, and bytes of another model."""

    ranks: tuple[int, ...] = ()
    size: int = 0


def writing_work(options: Mapping[str, Any], data: Data, device: str, beside: _Beside = _Beside()) -> Work:
    """PPO and its like: every answer is taken to be as long as it may, the prompts to be the longest there are."""
    most = float(options.get("max_prompt_tokens", math.inf))
    prompts = [min(count_tokens(item.messages), most) for item in data.split("train").prompts]
    rows, new = int(options["batch_size"]), int(options["max_new_tokens"])
    part = math.ceil(rows / int(options.get("minibatches", 1)))
    tokens, count = _micro_batch([prompt + new for prompt in prompts], rows, part, options, device)
    longest = OPENING + round(max(prompts, default=0))
    rank = int(options.get("rank", 0))
    whole = options.get("train") == "full"
    own_value = rank if options.get("value") == "adapter" else 0
    ours = ((0 if whole else rank), own_value)
    return Work(
        tokens=tokens,
        longest=longest + new,
        logits=count * new,
        rows=rows,
        prompt=longest,
        new=new,
        checkpointing=options.get("checkpointing") == "on",
        adapter_ranks=tuple(each for each in (*ours, *beside.ranks) if each),
        trained_rank=ours[0],
        value_rank=own_value,
        kept_copies=int(whole),  # what the weights were: the reference
        beside=beside.size,
    )


def _others(
    options: Mapping[str, Any], model: ModelRef, reward: ModelRef | None, shape: Shape, bytes_each: int
) -> _Beside:
    """The reward model: an adapter on the same base, or a base of its own under it, or a classifier in float32."""
    if reward is None:
        return _Beside()
    rank = _rank(Path(reward.adapter)) if reward.adapter else 0
    if (reward.base_hash and reward.base_hash == model.base_hash) or reward.base == model.base:
        return _Beside((rank,))
    other = shape_of(reward)
    if other is None:
        return _Beside()
    if not rank:
        return _Beside((), weight_bytes(other, 4))
    adapter = other.layers * rank * other.linear * bytes_each
    return _Beside((), weight_bytes(other, bytes_each, _bits(options)) + adapter)


def _rank(folder: Path) -> int:
    try:
        return int(json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))["r"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0  # a classifier


# --- methods that learn from judged answers --------------------------------------------------------------------------


def judging_work(options: Mapping[str, Any], data: Data, device: str) -> Work:
    """Reward models: a prompt is computed once for its answers; the best weights are kept beside the newest."""
    most = float(options.get("max_tokens", math.inf))
    pairs = []
    for pair in data.split("train").pairs:
        prompt = count_tokens(pair.messages)
        answers = [text_tokens(text) + EACH_MESSAGE for text in (pair.chosen, pair.rejected)]
        pairs.append((min(prompt + sum(answers), 2 * most), min(prompt + max(answers), most)))
    rows = int(options.get("batch_size", 1))
    tokens, _ = _micro_batch([size for size, _ in pairs], rows, rows, options, device)
    rank = int(options.get("rank", 0))
    return Work(
        tokens=tokens,
        longest=OPENING + round(max((longest for _, longest in pairs), default=0)),
        depth=REWARD_DEPTH,
        checkpointing=options.get("checkpointing") == "on",
        dropout=bool(options.get("dropout")),
        adapter_ranks=(rank,),
        trained_rank=rank,
        kept_copies=1,
    )


def labelling_work(options: Mapping[str, Any], data: Data, device: str) -> Work:
    """Classification: prompts padded to the longest beside them, and a few logits each."""
    train = data.split("train")
    labelled = train.prompts if options["labels"] == "tags" else train.demonstrations
    sizes = [min(count_tokens(item.messages), float(options["max_tokens"])) for item in labelled]
    rows, rank = int(options["batch_size"]), 0 if options["train"] == "full" else int(options["rank"])
    tokens, _ = _micro_batch(sizes, rows, rows, options, device)
    return Work(
        tokens=tokens,
        longest=OPENING + round(max(sizes, default=0)),
        checkpointing=options["checkpointing"] == "on",
        dropout=bool(options["dropout"]),
        adapter_ranks=(rank,) if rank else (),
        trained_rank=rank,
        kept_copies=1,
    )


def imitating_work(options: Mapping[str, Any], data: Data, device: str, vocabulary: int) -> Work:
    """SFT, DPO and their like: rows are padded to the longest beside them, and a prompt is read again for each answer.

    Which examples, and whether all logits are kept, is told by the method's own knobs.
    """
    train = data.split("train")
    judged: list[tuple[Sequence[Message], tuple[str, ...]]]
    if "good_rating" in options:
        judged = [(item.messages, (item.text,)) for item in train.demonstrations]
    elif "good_from" in options:  # an answer, and another in its place for the KL
        judged = [(item.messages, (item.text, item.text)) for item in train.labels]
    else:
        judged = [(item.messages, (item.chosen, item.rejected)) for item in train.pairs]
    most, rows = float(options["max_tokens"]), int(options["batch_size"])
    sizes = [
        (len(texts), min(OPENING + count_tokens(messages) + max(map(text_tokens, texts)) + EACH_MESSAGE, most))
        for messages, texts in judged
    ]
    examples = [each * size for each, size in sizes]
    tokens, _ = _micro_batch(examples, rows, rows, options, device)
    budget = int(options["micro_tokens"]) or train_tokens(device)
    if examples and tokens < budget < _longest_of(examples, rows, rows):
        tokens = budget  # with their padding rows fill it
    if {"imitation", "odds_ratio"} & set(options):
        logits = LOGIT_TENSORS * tokens * vocabulary * 4
    else:
        logits = (TILE_TENSORS if device == "cpu" else 1) * min(tokens, TILE[0]) * min(vocabulary, TILE[1]) * 4
    rank = 0 if options["train"] == "full" else int(options["rank"])
    return Work(
        tokens=tokens,
        longest=round(max((size for _, size in sizes), default=0)),
        checkpointing=options["checkpointing"] == "on",
        dropout=bool(options["dropout"]),
        adapter_ranks=(rank,) if rank else (),
        trained_rank=rank,
        kept_copies=1,
        theirs=logits,
    )


# --- methods that begin from nothing ----------------------------------------------------------------------------------


def new_shape(options: Mapping[str, Any]) -> Shape:
    """The Llama that fresh.new_llama makes of these options."""
    sizes = {key: int(options[key]) for key in ("layers", "width", "heads", "vocabulary")}
    return Shape.of_llama(**sizes)


def beginning_work(options: Mapping[str, Any], device: str, shape: Shape, bytes_each: int) -> Work:
    """Pretraining: all weights learn, the embeddings too; logits of a whole micro-batch, their softmax and gradient."""
    budget = int(options["micro_tokens"]) or train_tokens(device)
    longest = int(options["context_length"])
    tokens = max(longest, min(budget, int(options["batch_tokens"])) // longest * longest)
    embeddings = shape.vocabulary * shape.hidden
    return Work(
        tokens=tokens,
        longest=longest,
        checkpointing=options["checkpointing"] == "on",
        adapter_ranks=(),
        trained_rank=0,
        kept_copies=1,
        beside=3 * tokens * shape.vocabulary * 4 + embeddings * (12 + 2 * bytes_each),
    )


# --- counts ----------------------------------------------------------------------------------------------------------


def text_tokens(text: str) -> float:
    """About how many tokens a text has. A tokenizer would tell, and takes a second to load."""
    return len(text.encode("utf-8", "replace")) / BYTES_A_TOKEN


def count_tokens(messages: Sequence[Message]) -> float:
    """About how many tokens a prompt has beside the opening of the template."""
    return sum(text_tokens(message["content"]) + EACH_MESSAGE for message in messages) + EACH_MESSAGE


def _micro_batch(
    lengths: Sequence[float], batch: int, part: int, options: Mapping[str, Any], device: str
) -> tuple[int, int]:
    """Tokens and rows of the largest micro-batch to be expected.

    lengths: of all rows there are, without the opening that they share. `batch` of them are drawn at a time, and the
    longest `part` of those make an optimiser step, as does every other part of that size.
    """
    if not lengths:
        return 0, 0
    budget = int(options.get("micro_tokens", 0)) or train_tokens(device)
    rows = 1
    while rows < part and OPENING + _longest_of(lengths, batch, rows + 1) <= budget:
        rows += 1
    return OPENING + round(_longest_of(lengths, batch, rows)), rows


def _longest_of(lengths: Sequence[float], batch: int, rows: int) -> float:
    """The sum of the longest `rows` of `batch` lengths drawn at random: that share of the longest, and two standard
    errors for the draw that is the worst of many; never more than the longest of all."""
    ordered = sorted(lengths, reverse=True)
    pool = ordered[: max(rows, math.ceil(len(ordered) * rows / max(batch, rows)))]
    middle = sum(pool) / len(pool)
    spread = math.sqrt(sum((length - middle) ** 2 for length in pool) / len(pool))
    most = sum(ordered[place % len(ordered)] for place in range(rows))
    return min(rows * middle + 2 * spread * math.sqrt(rows), most)


def micro_tokens_that_fit(found: Plan, room: int, device: str) -> int:
    """The largest micro-batch, in tokens, with which a run stays within `room` bytes; 0 when not even one row fits."""
    return tokens_that_fit(found.shape, found.work, room, bytes_each=found.bytes_each, device=device)
