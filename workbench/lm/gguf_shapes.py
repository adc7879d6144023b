"""The architectures that are written as GGUF here: their hyperparameters, and how llama.cpp wants their weights laid.

Sources: https://github.com/ggml-org/ggml/blob/master/docs/gguf.md for the keys; llama.cpp's src/llama-model.cpp for
what it reads.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from gguf import MODEL_ARCH, GGUFWriter, RopeScalingType

from ..errors import WorkbenchError

Relay = Callable[[str, torch.Tensor, Any], torch.Tensor]

GET_CONVERTER = (
    "Get llama.cpp's source code, and set LLAMA_CPP to its folder or give --llama-cpp: its convert_hf_to_gguf.py is "
    "then used."
)


class NeedsConverter(WorkbenchError):
    """What only llama.cpp's own converter can write."""

    def __init__(self, what: str) -> None:
        super().__init__(f"{what} cannot be written as GGUF here.", GET_CONVERTER)


@dataclass(frozen=True)
class Shape:
    """One architecture: its name in GGUF, its hyperparameters, and its weights in llama.cpp's layout."""

    arch: MODEL_ARCH
    describe: Callable[[GGUFWriter, Any], None]
    relay: Relay


def shape_of(config: Any) -> Shape:
    """How a model of this configuration is written. Raises NeedsConverter for one that may come out wrong."""
    shape = SHAPES.get(config.model_type)
    if shape is None:
        raise NeedsConverter(f"A {config.model_type} model")
    _check_kind(config)
    _check_rope(config)
    return shape


def _check_kind(config: Any) -> None:
    name = config.model_type
    scalar = getattr(config, "query_pre_attn_scalar", None)
    if scalar is not None and scalar != config.head_dim:
        raise NeedsConverter(f"A {name} model with its own attention scale")
    if name.startswith("qwen") and getattr(config, "use_sliding_window", False):
        raise NeedsConverter(f"A {name} model with a sliding window")
    if name == "gpt2" and (config.add_cross_attention or config.scale_attn_by_inverse_layer_idx):
        raise NeedsConverter("A GPT-2 with another attention")
    if name == "gpt2" and config.activation_function not in ("gelu_new", "gelu_pytorch_tanh", "gelu_fast"):
        raise NeedsConverter(f"A GPT-2 with {config.activation_function}")
    if (types := getattr(config, "layer_types", None)) and name in FULL_EVERY:
        expected = [(place + 1) % FULL_EVERY[name] == 0 for place in range(len(types))]
        if expected != [each == "full_attention" for each in types]:
            raise NeedsConverter(f"A {name} model with another order of layers")
    usual = ("gelu_pytorch_tanh", "gelu", None) if name.startswith("gemma") else ("silu", None)
    act = getattr(config, "hidden_activation", None) or getattr(config, "hidden_act", None)
    if name != "gpt2" and act not in usual:
        raise NeedsConverter(f"A {name} model with {act}")


FULL_EVERY = {"gemma2": 2, "gemma3_text": 6}
"""Every how many layers llama.cpp expects one that sees everything."""

YARN = {"rope_type", "rope_theta", "factor", "original_max_position_embeddings"}
ROPES = {"llama": ("default", "linear", "yarn", "llama3"), "gemma3_text": ("default", "linear")}


def _check_rope(config: Any) -> None:
    kinds = ROPES.get(config.model_type, ("default", "linear", "yarn"))
    kinds = ("default",) if config.model_type in ("phi3", "gemma", "gemma2") else kinds
    kind = rope(config).get("rope_type", "default")
    if kind not in kinds or (kind == "yarn" and set(rope(config)) - YARN):
        raise NeedsConverter(f"A {config.model_type} model with {kind} positions")


def rope(config: Any, layers: str = "full_attention") -> dict[str, Any]:
    """The rotary positions of a kind of layer, as transformers keeps them."""
    found = getattr(config, "rope_parameters", None) or {}
    return found.get(layers, found) if isinstance(found.get(layers, found), dict) else found


# -- hyperparameters


def _common(writer: GGUFWriter, config: Any) -> None:
    writer.add_vocab_size(config.vocab_size)
    writer.add_block_count(config.num_hidden_layers)
    writer.add_embedding_length(config.hidden_size)
    writer.add_head_count(config.num_attention_heads)


def _rotary(writer: GGUFWriter, config: Any) -> None:
    """What every model since Llama says of itself."""
    _common(writer, config)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count_kv(getattr(config, "num_key_value_heads", None) or config.num_attention_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_freq_base(float(rope(config).get("rope_theta", 10000.0)))
    if getattr(config, "head_dim", None):
        writer.add_key_length(config.head_dim)
        writer.add_value_length(config.head_dim)
    _scaled(writer, rope(config))


def _scaled(writer: GGUFWriter, found: dict[str, Any]) -> None:
    if found.get("rope_type") == "linear":
        writer.add_rope_scaling_type(RopeScalingType.LINEAR)
        writer.add_rope_scaling_factor(float(found["factor"]))
    if found.get("rope_type") == "yarn":
        writer.add_rope_scaling_type(RopeScalingType.YARN)
        writer.add_rope_scaling_factor(float(found["factor"]))
        writer.add_rope_scaling_orig_ctx_len(int(found["original_max_position_embeddings"]))


def _llama(writer: GGUFWriter, config: Any) -> None:
    _rotary(writer, config)
    writer.add_rope_dimension_count(head_size(config))
    # llama.cpp knows no window here, but within the window there is no difference.
    writer.add_context_length(min(config.max_position_embeddings, getattr(config, "sliding_window", None) or 1 << 40))


def _qwen(writer: GGUFWriter, config: Any) -> None:
    _rotary(writer, config)
    writer.add_context_length(config.max_position_embeddings)


def _gemma(writer: GGUFWriter, config: Any) -> None:
    _rotary(writer, config)
    writer.add_context_length(config.max_position_embeddings)
    if config.model_type == "gemma2":
        writer.add_attn_logit_softcapping(config.attn_logit_softcapping)
        writer.add_final_logit_softcapping(config.final_logit_softcapping)
    if config.model_type == "gemma3_text":
        writer.add_rope_freq_base_swa(float(rope(config, "sliding_attention").get("rope_theta", 10000.0)))
    if config.model_type != "gemma":
        writer.add_sliding_window(config.sliding_window)


def _phi3(writer: GGUFWriter, config: Any) -> None:
    _rotary(writer, config)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_rope_scaling_orig_ctx_len(config.max_position_embeddings)
    writer.add_rope_dimension_count(int(head_size(config) * float(rope(config).get("partial_rotary_factor") or 1.0)))
    writer.add_sliding_window(config.sliding_window or 0)


def _gpt2(writer: GGUFWriter, config: Any) -> None:
    _common(writer, config)
    writer.add_context_length(config.n_positions)
    writer.add_feed_forward_length(config.n_inner or 4 * config.n_embd)
    writer.add_layer_norm_eps(config.layer_norm_epsilon)


def head_size(config: Any) -> int:
    """Width of one head."""
    return int(getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads)


# -- weights


def _same(name: str, weight: torch.Tensor, config: Any) -> torch.Tensor:
    return weight


def _side_by_side(name: str, weight: torch.Tensor, config: Any) -> torch.Tensor:
    """llama.cpp rotates pairs that lie side by side, transformers pairs that lie half a head apart."""
    counts = {"q_proj": config.num_attention_heads, "k_proj": config.num_key_value_heads}
    heads = next((count for part, count in counts.items() if f".{part}." in name), 0)
    if not heads:
        return weight
    halves = weight.reshape(heads, 2, weight.shape[0] // heads // 2, *weight.shape[1:])
    return halves.transpose(1, 2).reshape(weight.shape)


def _one_more(name: str, weight: torch.Tensor, config: Any) -> torch.Tensor:
    """Gemma's norms multiply by 1 + w, llama.cpp's by w."""
    return weight + 1 if name.endswith("norm.weight") else weight


def _turned(name: str, weight: torch.Tensor, config: Any) -> torch.Tensor:
    """GPT-2 keeps its matrices as [in, out]."""
    inside = (".c_attn.weight", ".c_proj.weight", ".c_fc.weight")
    return weight.T if name.endswith(inside) else weight


def extra_tensors(config: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """Tensors that the model has only as settings: by what Llama 3 slows each pair of its positions down."""
    found = rope(config)
    if found.get("rope_type") == "llama3":
        yield "rope_freqs.weight", torch.tensor(slowed(found, head_size(config)), dtype=torch.float32)


def slowed(found: dict[str, Any], size: int) -> list[float]:
    """By wave length: none of the short ones, `factor` for the long ones, and a blend between."""
    factor, low, high = (float(found[key]) for key in ("factor", "low_freq_factor", "high_freq_factor"))
    context = float(found["original_max_position_embeddings"])
    result = []
    for pair in range(0, size, 2):
        length = 2 * math.pi * float(found["rope_theta"]) ** (pair / size)
        share = (context / length - low) / (high - low)
        result.append(1 / ((1 - min(max(share, 0.0), 1.0)) / factor + min(max(share, 0.0), 1.0)))
    return result


SHAPES = {
    "llama": Shape(MODEL_ARCH.LLAMA, _llama, _side_by_side),
    "mistral": Shape(MODEL_ARCH.LLAMA, _llama, _side_by_side),
    "qwen2": Shape(MODEL_ARCH.QWEN2, _qwen, _same),
    "qwen3": Shape(MODEL_ARCH.QWEN3, _qwen, _same),
    "gemma": Shape(MODEL_ARCH.GEMMA, _gemma, _one_more),
    "gemma2": Shape(MODEL_ARCH.GEMMA2, _gemma, _one_more),
    "gemma3_text": Shape(MODEL_ARCH.GEMMA3, _gemma, _one_more),
    "phi3": Shape(MODEL_ARCH.PHI3, _phi3, _same),
    "gpt2": Shape(MODEL_ARCH.GPT2, _gpt2, _turned),
}
"""By transformers' model type."""
