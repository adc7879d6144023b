"""Llama 3's positions, which transformers leaves out of what it reads of a GGUF file: the file has factors, and
transformers keeps the settings that they follow from."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gguf import GGUFReader

from ..errors import WorkbenchError
from .gguf_header import read_header
from .gguf_shapes import head_size, rope, slowed

FACTORS = "rope_freqs.weight"
CONTEXTS = [1 << power for power in range(5, 21)]
"""Lengths that a model may have been trained on before its positions were slowed down."""


def restore(model: Any, path: Path) -> None:
    """Give a Llama that was read from a file the positions that the file says, if it says any.

    Raises WorkbenchError where they are none that transformers has: without them it would write nonsense.
    """
    if model.config.model_type != "llama" or FACTORS not in read_header(path)[1]:
        return
    factors = next(tensor.data for tensor in GGUFReader(path).tensors if tensor.name == FACTORS).tolist()
    if max(factors) == min(factors) == 1:
        return
    model.config.rope_parameters = settings_of(factors, model.config, path.name)
    model.model.rotary_emb = type(model.model.rotary_emb)(model.config)


def settings_of(factors: Sequence[float], config: Any, name: str) -> dict[str, Any]:
    """The settings by which each pair of positions is slowed down so."""
    about = {"rope_type": "llama3", "rope_theta": float(rope(config).get("rope_theta", 10000.0))}
    about |= {"factor": float(max(factors)), "low_freq_factor": 1.0, "high_freq_factor": 4.0}
    for context in CONTEXTS:
        found = about | {"original_max_position_embeddings": context}
        made = slowed(found, head_size(config))
        if len(made) == len(factors) and all(map(_near, made, factors)):
            return found
    raise WorkbenchError(
        f"{name} slows its positions down in a way that transformers does not have.",
        "Run it with llama.cpp, or get the model as a safetensors folder.",
    )


def _near(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=1e-3)
