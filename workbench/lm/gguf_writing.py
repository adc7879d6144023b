"""A model in memory as a GGUF file, one weight after another: no second copy of the model is made."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from gguf import (
    GGML_QUANT_SIZES,
    GGML_QUANT_VERSION,
    GGMLQuantizationType,
    GGUFType,
    GGUFWriter,
    LlamaFileType,
    TensorNameMap,
    get_tensor_name_map,
    quants,
)

from ..errors import WorkbenchError
from .gguf_shapes import NeedsConverter, extra_tensors, shape_of
from .gguf_words import write_words
from .loading import Loaded

NUMBERS = {
    "float32": (GGMLQuantizationType.F32, LlamaFileType.ALL_F32),
    "float16": (GGMLQuantizationType.F16, LlamaFileType.MOSTLY_F16),
    "bfloat16": (GGMLQuantizationType.BF16, LlamaFileType.MOSTLY_BF16),
    "q8_0": (GGMLQuantizationType.Q8_0, LlamaFileType.MOSTLY_Q8_0),
}
LARGEST_HALF = 65504.0


@dataclass(frozen=True)
class About:
    """What the file says of the model besides its shape. source: the hub id of the base."""

    name: str = ""
    licence: str = ""
    source: str = ""


@dataclass(frozen=True)
class _Entry:
    """A weight as it will be written."""

    name: str
    key: str
    weight: torch.Tensor
    kind: GGMLQuantizationType

    @property
    def nbytes(self) -> int:
        """Bytes in the file."""
        block, size = GGML_QUANT_SIZES[self.kind]
        return self.weight.numel() // block * size


def write_gguf(loaded: Loaded, path: Path, dtype: str, about: About) -> Iterator[tuple[int, int]]:
    """Write the file; yields (weights written, weights in all) before the first and after each. The adapter must be
    merged. Raises WorkbenchError for a model that cannot be written so, with nothing begun."""
    config = loaded.causal.config
    shape = shape_of(config)
    kind, file_type = NUMBERS[dtype]
    entries = _entries(loaded, get_tensor_name_map(shape.arch, config.num_hidden_layers), kind)
    writer = GGUFWriter(path, _arch_name(shape.arch))
    try:
        _describe(writer, about)
        shape.describe(writer, config)
        writer.add_file_type(file_type)
        writer.add_quantization_version(GGML_QUANT_VERSION)
        write_words(writer, loaded, loaded.causal.get_input_embeddings().weight.shape[0])
        for entry in entries:
            laid = shape.relay(entry.key, entry.weight, config).shape
            writer.add_tensor_info(entry.name, laid, np.dtype(np.float32), entry.nbytes, raw_dtype=entry.kind)
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_ti_data_to_file()
        yield 0, len(entries)
        for done, entry in enumerate(entries, 1):
            weight = shape.relay(entry.key, entry.weight.detach().float(), config)
            _put(writer, _encoded(entry, weight.contiguous().numpy()))
            yield done, len(entries)
    finally:
        writer.close()


def _put(writer: GGUFWriter, values: np.ndarray) -> None:
    try:
        writer.write_tensor_data(values)
    except OSError as error:
        if error.errno is None:  # numpy says only how much was not written
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)) from error
        raise


def _arch_name(arch: object) -> str:
    from gguf import MODEL_ARCH_NAMES

    return MODEL_ARCH_NAMES[arch]  # type: ignore[index]


def _describe(writer: GGUFWriter, about: About) -> None:
    writer.add_type(GGUFType.MODEL)
    if about.name:
        writer.add_name(about.name)
    if about.licence:
        writer.add_license(about.licence)
    if about.source:
        owner, _, name = about.source.rpartition("/")
        writer.add_base_model_count(1)
        writer.add_base_model_name(0, name)
        writer.add_base_model_organization(0, owner)
        writer.add_base_model_repo_url(0, f"https://huggingface.co/{about.source}")


def _entries(loaded: Loaded, names: TensorNameMap, kind: GGMLQuantizationType) -> list[_Entry]:
    """Every weight under its name in the file, in the model's order."""
    state = dict(loaded.causal.state_dict())
    if loaded.causal.config.tie_word_embeddings:
        state.pop("lm_head.weight", None)
    entries = []
    for key, weight in state.items():
        name = names.get_name(key, try_suffixes=(".weight", ".bias"))
        if name is None:
            raise NeedsConverter(f"A {loaded.causal.config.model_type} model with {key}")
        entries.append(_Entry(name, key, weight, _kind(name, weight, kind)))
    entries += [
        _Entry(name, name, weight, GGMLQuantizationType.F32) for name, weight in extra_tensors(loaded.causal.config)
    ]
    return entries


def _kind(name: str, weight: torch.Tensor, kind: GGMLQuantizationType) -> GGMLQuantizationType:
    """llama.cpp reads vectors and norms as float32 alone; blocks of 32 must fill a row, of what is transposed too."""
    if weight.ndim < 2 or name.endswith("_norm.weight") or name == "position_embd.weight":
        return GGMLQuantizationType.F32
    if kind == GGMLQuantizationType.Q8_0 and any(size % 32 for size in weight.shape):
        return GGMLQuantizationType.F16
    return kind


def _encoded(entry: _Entry, values: np.ndarray) -> np.ndarray:
    largest = float(np.abs(values).max(initial=0.0))
    if not np.isfinite(largest):
        raise WorkbenchError(f"{entry.key} holds numbers that are not finite.", "Choose an earlier model.")
    if entry.kind == GGMLQuantizationType.F16 and largest > LARGEST_HALF:
        raise WorkbenchError("The weights do not fit into float16.", "Choose bf16 or f32.")
    return quants.quantize(values, entry.kind)
