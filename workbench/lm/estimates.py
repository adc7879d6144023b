"""How much memory a run will take, by part, from a model's shape and counts of tokens. No torch.

Everything follows from what the code keeps, so each figure says which tensors it stands for; `tests/lm` compares the
shapes with real models. Notation: t tokens of a micro-batch, h hidden, i intermediate, a = heads x head width,
k = key-value heads x head width, r LoRA rank, e bytes of a number.
"""

from __future__ import annotations

import dataclasses
import functools
import json
import math
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from .files import check_folder
from .gguf_header import read_header
from .refs import ModelRef

MIB = 1 << 20
BITS = {"4bit": 4, "8bit": 8}
"""Bits of a weight where it is quantised; "none" is not here."""
LOGIT_ROWS = 256
"""Rows of logits formed at once: logprobs.CHUNK, which cannot be imported without torch."""
LOGIT_COPIES = 2
"""float32 tensors [rows, vocabulary] that logprobs holds at its worst moment: logits and their log-softmax. From the
second chunk on the slope of the one before is a third."""
KEPT = 1 << 20
"""Probabilities of a layer that attention keeps on a CPU; if there are more it forms them again: attention.KEPT."""
DRAWING_COPIES = 4
"""The same while a token is drawn: logits, logits / T, probabilities and their running sum."""
FORWARD_TOKENS = {"cpu": 1024}
"""Tokens of a forward pass without gradients (devices.Compute.batch_tokens); 16 384 elsewhere."""
PROCESS = 450 * MIB
"""What Python, torch, transformers and peft take: 344 MiB with all of them imported, 22 for a tokenizer, and what the
first passes bring in. On a graphics card the context and its libraries take about as much (not measured here)."""
HEAP = 0.3
"""On a CPU, of what comes and goes, how much more the heap holds: freed blocks under 32 MiB stay with the process, and
those of one micro-batch seldom fit the next. Measured after the parts above, which it was chosen by: 24 to 42 % in
three short reward runs and in two PPO runs with ONEDNN_PRIMITIVE_CACHE_CAPACITY=8. Two PPO runs without that bound held
77 and 88 % after three and four rounds, one of them still growing: they take more than is estimated."""
MARGIN = 1.2
"""The estimate may be off by a fifth: what fits only without that is tight."""


@dataclass(frozen=True)
class Shape:
    """What a transformer is made of. `linear`: inputs plus outputs of all linear layers of one layer, for LoRA."""

    layers: int
    hidden: int
    heads: int
    kv_heads: int
    head_dim: int
    intermediate: int
    vocabulary: int
    parameters: int
    linear: int
    gated: bool = True

    @classmethod
    def of_llama(cls, *, layers: int, width: int, heads: int, vocabulary: int) -> Shape:
        """A small Llama as fresh.new_llama makes it: as many key heads as heads, one matrix for both embeddings. The
        gated layer has about as many weights as an ungated one four times as wide (Shazeer 2020)."""
        inside = max(32, round(8 * width / 3 / 32) * 32)
        layer = 4 * width * width + 3 * width * inside + 2 * width
        parameters = vocabulary * width + layers * layer + width
        linear = 4 * 2 * width + 3 * (width + inside)
        return cls(layers, width, heads, heads, width // heads, inside, vocabulary, parameters, linear)

    @property
    def queries(self) -> int:
        """Width of a layer's queries."""
        return self.heads * self.head_dim

    @property
    def keys(self) -> int:
        """Width of a layer's keys, and of its values."""
        return self.kv_heads * self.head_dim


@dataclass(frozen=True)
class Work:
    """What a run holds at once, in numbers.

    tokens: of a micro-batch, what rows share counted once; longest: of its longest row; logits: answer tokens in it
    whose logits are formed, 0 for none; theirs: bytes of logits that another library forms in its own way. rows:
    answers written side by side, 0 for none; prompt, new: tokens of the longest prompt and of an answer. depth: share
    of the layers that are run. checkpointing: keep one hidden state a layer and form the rest again. dropout: on the
    inputs of the adapter. adapter_ranks: of all adapters in memory; trained_rank: of the one that learns, 0 for the
    matrices of the layers themselves; value_rank: of one that the value function learns with, 0 for none;
    kept_copies: of what is trained, beside the newest. beside: bytes of other models in memory.
    """

    tokens: int
    longest: int
    logits: int = 0
    theirs: int = 0
    rows: int = 0
    prompt: int = 0
    new: int = 0
    depth: float = 1.0
    checkpointing: bool = False
    dropout: bool = False
    adapter_ranks: tuple[int, ...] = (16,)
    trained_rank: int = 16
    value_rank: int = 0
    kept_copies: int = 0
    beside: int = 0


@dataclass(frozen=True)
class Estimate:
    """Bytes by part. Writing answers and learning from them follow one another, so the larger of the two counts."""

    weights: int
    adapters: int
    optimiser: int
    process: int
    cache: int
    writing: int
    activations: int
    logits: int
    heap_share: float = 0.0

    @property
    def fixed(self) -> int:
        """What is there all the time."""
        return self.weights + self.adapters + self.optimiser + self.process

    @property
    def learns_most(self) -> bool:
        """Whether learning takes more than writing."""
        return self.activations + self.logits >= self.cache + self.writing

    @property
    def total(self) -> int:
        """The most that is taken at any moment."""
        return self.fixed + self._passing + self.heap

    @property
    def _passing(self) -> int:
        return max(self.activations + self.logits, self.cache + self.writing)

    @property
    def heap(self) -> int:
        """What the heap keeps of blocks that were freed."""
        return round(self._passing * self.heap_share)

    def parts(self) -> dict[str, int]:
        """What is taken at the worst moment, by part, without parts that take nothing."""
        moment = ("activations", "logits") if self.learns_most else ("cache", "writing")
        names = ("weights", "adapters", "optimiser", *moment, "heap", "process")
        return {name: size for name in names if (size := getattr(self, name))}

    def fit(self, free: int, total: int) -> str:
        """ "fits" beside what is in memory now, "tight" when something else must go or it is close, or "too large"; ""
        when the memory is not known."""
        if total <= 0:
            return ""
        if self.total > total:
            return "too large"
        return "fits" if self.total * MARGIN <= free else "tight"


def estimate(shape: Shape, work: Work, *, bytes_each: int, device: str = "cpu", quantised_bits: int = 0) -> Estimate:
    """The memory of a run on a model of this shape. `quantised_bits`: 4 or 8 where the linear layers are stored so."""
    trained = shape.layers * _layer_parameters(shape)
    if work.trained_rank:
        trained = round(work.depth * adapter_numbers(shape, work.trained_rank))
    adapters = sum(adapter_numbers(shape, rank) for rank in work.adapter_ranks)
    # float32 master, first and second moment; the gradient in the weights' format; copies of the best weights, or of
    # what they were before training.
    learning = trained + adapter_numbers(shape, work.value_rank)
    optimiser = learning * (12 + bytes_each) + work.kept_copies * trained * bytes_each
    forward = FORWARD_TOKENS.get(device, 16384)
    return Estimate(
        weights=weight_bytes(shape, bytes_each, quantised_bits) + work.beside,
        adapters=adapters * bytes_each,
        optimiser=optimiser,
        process=PROCESS,
        cache=cache_bytes(shape, work.rows, work.prompt + work.new, bytes_each),
        writing=writing_bytes(shape, work, bytes_each) if work.rows else 0,
        activations=max(
            activation_bytes(shape, work, bytes_each), passing_bytes(shape, min(work.tokens, forward), bytes_each)
        ),
        logits=logit_bytes(shape, work.logits) + work.theirs,
        heap_share=HEAP if device == "cpu" else 0.0,
    )


def adapter_numbers(shape: Shape, rank: int) -> int:
    """Numbers in a LoRA adapter on every linear layer: A is [r, in], B is [out, r]."""
    return shape.layers * rank * shape.linear


def weight_bytes(shape: Shape, bytes_each: int, bits: int = 0) -> int:
    """Bytes of the base. In 4 bits a block of 64 weights has a scale of one byte and 256 scales a float32 of their own
    (loading.py), in 8 bits a row has a float32; embeddings, norms and the output layer stay as they are."""
    if not bits:
        return shape.parameters * bytes_each
    inside = shape.layers * _layer_parameters(shape)
    scales = inside / 64 * (1 + 4 / 256) if bits == 4 else shape.layers * shape.linear * 4
    return round(inside * bits / 8 + scales) + max(0, shape.parameters - inside) * bytes_each


def _layer_parameters(shape: Shape) -> int:
    attention = shape.hidden * (2 * shape.queries + 2 * shape.keys)
    return attention + shape.hidden * shape.intermediate * (3 if shape.gated else 2)


def cache_bytes(shape: Shape, rows: int, tokens: int, bytes_each: int) -> int:
    """The key-value cache of `rows` answers of `tokens` each; one layer's is copied while it grows."""
    return (2 * shape.layers + 1) * shape.keys * rows * tokens * bytes_each


def writing_bytes(shape: Shape, work: Work, bytes_each: int) -> int:
    """What drawing tokens takes beside the cache: logits, or before them the reading of the prompts."""
    drawing = work.rows * shape.vocabulary * 4 * DRAWING_COPIES
    return max(drawing, passing_bytes(shape, work.rows * work.prompt, bytes_each))


def passing_bytes(shape: Shape, tokens: int, bytes_each: int) -> int:
    """A forward pass that keeps nothing: the residual and the widest moment of one layer (gate, up and their product,
    or queries, keys and values gathered by rows)."""
    wide = (3 if shape.gated else 2) * shape.intermediate
    return tokens * (2 * shape.hidden + max(wide, 3 * (shape.queries + 2 * shape.keys))) * bytes_each


def kept_a_token(shape: Shape, rank: int, bytes_each: int, *, dropout: bool = False) -> int:
    """Bytes that one layer keeps of one token for the backward pass when only adapters are trained.

    The two norms keep what comes in (2h) and 1/rms in float32; attention keeps q, k, v (a + 2k) and forms its
    probabilities again; the gated layer keeps gate and up (2i; i without a gate); each LoRA layer its r inner numbers
    and its input: that is one tensor for q, k, v (h), one for gate and up (h), a for the output layer and i for the
    last. With dropout each of the seven keeps its own dropped input and the noise that made it.
    """
    h, a, i = shape.hidden, shape.queries, shape.intermediate
    above = 2 if shape.gated else 1
    fed = 2 * ((3 + above) * h + a + i) if dropout else 2 * h + a + i
    return (2 * h + a + 2 * shape.keys + above * i + fed + (5 + above) * rank) * bytes_each + 8


def activation_bytes(shape: Shape, work: Work, bytes_each: int) -> int:
    """What a micro-batch keeps for its backward pass, and what the backward pass of one layer takes on top.

    With checkpointing a layer keeps its input alone, and one layer at a time is formed again.
    """
    layers = max(1, round(shape.layers * work.depth))
    each = work.tokens * kept_a_token(shape, work.trained_rank, bytes_each, dropout=work.dropout)
    chances = shape.heads * work.tokens * work.longest
    each += chances * bytes_each if chances <= KEPT else 0
    if work.checkpointing:
        return layers * work.tokens * shape.hidden * bytes_each + each + layer_back_bytes(shape, work, bytes_each)
    return layers * each + layer_back_bytes(shape, work, bytes_each)


def logit_bytes(shape: Shape, answers: int) -> int:
    """What forming the log-probabilities of so many answer tokens takes for a moment, in chunks of LOGIT_ROWS."""
    copies = LOGIT_COPIES + (answers > LOGIT_ROWS)
    return min(answers, LOGIT_ROWS) * shape.vocabulary * 4 * copies


def layer_back_bytes(shape: Shape, work: Work, bytes_each: int) -> int:
    """The backward pass of one layer: either the gated part (gradients of gate, up and product, silu and what it is
    multiplied with: 5i, with h of the residual) or attention (probabilities, their gradient and the mask of each row:
    3 times heads x longest a token, and q, k, v with their gradients by rows)."""
    gated = 5 * shape.intermediate + 3 * shape.hidden
    attention = 3 * shape.heads * work.longest + 3 * (shape.queries + 2 * shape.keys) + 2 * shape.hidden
    return work.tokens * max(gated, attention) * bytes_each


def tokens_that_fit(shape: Shape, work: Work, room: int, **given: Any) -> int:
    """The most tokens in a micro-batch with which the run takes at most `room` bytes; 0 when not even one row fits."""
    low, high = 0, 1 << 17
    while low < high:
        middle = (low + high + 1) // 2
        share = work.logits / work.tokens if work.tokens else 1.0
        trial = dataclasses.replace(work, tokens=middle, logits=math.ceil(middle * share))
        low, high = (middle, high) if estimate(shape, trial, **given).total <= room else (low, middle - 1)
    return low if low >= work.longest else 0


# --- the shape, from files ------------------------------------------------------------------------------------------


def shape_of(ref: ModelRef) -> Shape | None:
    """The shape of the base that `ref` names, from its config and headers; None where they do not tell."""
    path = Path(ref.base).expanduser()
    try:
        stat = (path / "config.json" if path.is_dir() else path).stat()
        return _read(path, ref.format == "gguf", stat.st_mtime_ns)
    except (OSError, WorkbenchError, ValueError, KeyError, TypeError, ZeroDivisionError):
        return None  # a hub id that is not here, or a folder that says it in another way


@functools.lru_cache(maxsize=64)
def _read(path: Path, gguf: bool, changed: int) -> Shape | None:
    about, tensors = _gguf_facts(path) if gguf else _folder_facts(path)
    return _shape(about, tensors)


def _folder_facts(path: Path) -> tuple[dict[str, Any], dict[str, list[int]]]:
    config = check_folder(path)
    config = config | (config.get("text_config") or {})
    tensors: dict[str, list[int]] = {}
    for file in sorted(path.glob("*.safetensors")):
        with file.open("rb") as handle:
            header = json.loads(handle.read(struct.unpack("<Q", handle.read(8))[0]))
        tensors |= {name: entry["shape"] for name, entry in header.items() if name != "__metadata__"}

    def first(*names: str) -> int:
        return next((int(config[name]) for name in names if config.get(name)), 0)

    hidden, heads = first("hidden_size", "n_embd"), first("num_attention_heads", "n_head")
    about = {
        "layers": first("num_hidden_layers", "n_layer"),
        "hidden": hidden,
        "heads": heads,
        "kv_heads": first("num_key_value_heads") or heads,
        "head_dim": first("head_dim") or hidden // heads,
        "intermediate": first("intermediate_size", "n_inner", "ffn_dim") or 4 * hidden,
        "vocabulary": first("vocab_size"),
    }
    return about, tensors


def _gguf_facts(path: Path) -> tuple[dict[str, Any], dict[str, list[int]]]:
    fields, tensors = read_header(path)
    kind = fields["general.architecture"]
    hidden, heads = int(fields[f"{kind}.embedding_length"]), int(fields[f"{kind}.attention.head_count"])
    about = {
        "layers": int(fields[f"{kind}.block_count"]),
        "hidden": hidden,
        "heads": heads,
        "kv_heads": int(fields.get(f"{kind}.attention.head_count_kv", heads)),
        "head_dim": int(fields.get(f"{kind}.attention.key_length", hidden // heads)),
        "intermediate": int(fields[f"{kind}.feed_forward_length"]),
        "vocabulary": max(tensors["token_embd.weight"]),
    }
    return about, tensors


def _shape(about: Mapping[str, Any], tensors: Mapping[str, list[int]]) -> Shape | None:
    """With what the tensors' own sizes say: a matrix inside a numbered layer is a linear layer."""
    inside = [size for name, size in tensors.items() if len(size) == 2 and re.search(r"\.\d+\.", name)]
    if not (inside and about["layers"] and about["vocabulary"]):
        return None
    return Shape(
        **about,
        parameters=sum(math.prod(size) for size in tensors.values()),
        linear=round(sum(sum(size) for size in inside) / about["layers"]),
        gated=any("gate" in name for name in tensors),
    )
