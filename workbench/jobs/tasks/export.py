"""Write a model as a folder that anything reads: the adapter merged into its base, in shards, with a model card."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import WorkbenchError
from ...events import Event, Finished, Progress, Started
from ...lm.refs import ModelRef
from ...methods.base import Data, Job, knob

if TYPE_CHECKING:
    import torch

name = "export"
title = "Export"
text = "Writes a model, merged with its adapter, as a safetensors folder."
CARD = "README.md"


@dataclass(frozen=True)
class Options:
    """Where to, and in which format."""

    target: str = knob("", "The folder to make.", path="folder")
    dtype: str = knob(
        "auto", "Number format; auto keeps the base's own.", label="Number format",
        choices=("auto", "bfloat16", "float16", "float32"),
    )  # fmt: skip
    shard_mb: int = knob(5000, "Most megabytes in one file.", label="Shard size", low=50, high=1_000_000)
    card: str = knob("", "The text of the model card.")


def lacks(data: Data) -> str:
    """An export needs no examples."""
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Load in float32, merge, write whole or not at all. Raises WorkbenchError when the folder is there already."""
    import torch

    from ...lm.devices import Compute
    from ...lm.folders import whole_folder
    from ...lm.loading import load, merge_adapter

    assert job.model is not None
    target = Path(options.target)
    if target.exists():
        raise WorkbenchError(f"{target} is there already.", "Choose another folder: nothing is overwritten.")
    yield Started(3)
    yield Progress(0, 3, "Loading the model")
    # A sum of a 16-bit weight and an adapter is rounded once here, at the end.
    loaded = load(job.model, Compute(torch.device("cpu"), torch.float32, "CPU", 0))
    job.check()
    yield Progress(1, 3, "Merging the adapter")
    merge_adapter(loaded)
    job.check()
    yield Progress(2, 3, "Writing safetensors")
    dtype = getattr(torch, options.dtype) if options.dtype != "auto" else own_dtype(job.model)
    model = loaded.causal.to(dtype)
    if not all(bool(torch.isfinite(weight).all()) for weight in model.parameters()):
        raise WorkbenchError(
            f"The weights do not fit into {str(dtype).removeprefix('torch.')}.", "Choose bfloat16 or float32."
        )
    with whole_folder(target) as folder:
        model.save_pretrained(folder, max_shard_size=f"{options.shard_mb}MB")
        loaded.template.save_tokenizer(folder)
        if options.card:
            (folder / CARD).write_text(options.card, encoding="utf-8")
    yield Finished({"target": str(target), "dtype": str(dtype).removeprefix("torch.")})


def own_dtype(ref: ModelRef) -> torch.dtype:
    """The number format of a base's files; bfloat16 for a GGUF file, as conversion makes it that."""
    import torch
    from transformers import AutoConfig

    from ...lm.loading import source_of

    found = AutoConfig.from_pretrained(**source_of(ref, offline=True)).dtype
    return found if isinstance(found, torch.dtype) else torch.bfloat16
