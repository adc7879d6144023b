"""Whether a model of the hub would run on this computer, before anything of it is fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..lm.estimates import HEAP, PROCESS, Estimate, Shape, Work, cache_bytes, weight_bytes, writing_bytes

CONTEXT = 4096
"""Tokens of prompt and answer that are counted."""
PROMPT = 1024


def shape_of(config: Mapping[str, Any], parameters: int) -> Shape | None:
    """The shape that a config.json tells, with the hub's count of parameters; None where it does not tell."""
    told = {**config, **(config.get("text_config") or {})} if isinstance(config, Mapping) else {}

    def first(*names: str) -> int:
        return next((n for name in names if isinstance(n := told.get(name), int) and 0 < n < 1 << 31), 0)

    hidden, heads = first("hidden_size", "n_embd"), first("num_attention_heads", "n_head")
    layers, vocabulary = first("num_hidden_layers", "n_layer"), first("vocab_size")
    if not (hidden and heads and layers and vocabulary and parameters):
        return None
    kv_heads, head_dim = first("num_key_value_heads") or heads, first("head_dim") or max(1, hidden // heads)
    inside = first("intermediate_size", "n_inner", "ffn_dim") or 4 * hidden
    attention = hidden * head_dim * (2 * heads + 2 * kv_heads)
    # A gated layer has three matrices; with them the whole must not be larger than it is.
    gated = layers * (attention + 3 * hidden * inside) + vocabulary * hidden <= 1.05 * parameters
    linear = 4 * hidden + head_dim * (2 * heads + 2 * kv_heads) + (3 if gated else 2) * (hidden + inside)
    return Shape(layers, hidden, heads, kv_heads, head_dim, inside, vocabulary, parameters, linear, gated)


def running(parameters: int, shape: Shape | None = None, *, bytes_each: int = 2, device: str = "cpu") -> Estimate:
    """The memory to write one answer with a model; without its shape the cache is taken as a tenth of the weights."""
    work = Work(tokens=PROMPT, longest=PROMPT, rows=1, prompt=PROMPT, new=CONTEXT - PROMPT)
    weights = weight_bytes(shape, bytes_each) if shape else parameters * bytes_each
    return Estimate(
        weights=weights,
        adapters=0,
        optimiser=0,
        process=PROCESS,
        cache=cache_bytes(shape, 1, CONTEXT, bytes_each) if shape else weights // 10,
        writing=writing_bytes(shape, work, bytes_each) if shape else 0,
        activations=0,
        logits=0,
        heap_share=HEAP if device == "cpu" else 0.0,
    )
