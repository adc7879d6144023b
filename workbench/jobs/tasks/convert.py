"""Turn a GGUF file into a safetensors folder once, so that it loads fast and can be trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ...events import Event, Finished, Progress, Started
from ...lm.refs import ModelRef
from ...methods.base import Data, Job, knob

name = "convert"
title = "Convert"
text = "Turns a GGUF file into safetensors."


@dataclass(frozen=True)
class Options:
    """Where from and where to."""

    source: str = knob("", "The .gguf file.")
    target: str = knob("", "The folder to make.")


def lacks(data: Data) -> str:
    """Conversion needs no examples."""
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Load, dequantise to bf16, save whole or not at all."""
    import torch

    from ...lm.devices import Compute
    from ...lm.folders import whole_folder
    from ...lm.loading import load

    yield Started(2)
    yield Progress(0, 2, "Reading the GGUF file")
    compute = Compute(torch.device("cpu"), torch.bfloat16, "CPU", 0)
    loaded = load(ModelRef(options.source, "gguf", name=Path(options.source).stem), compute)
    job.check()
    yield Progress(1, 2, "Writing safetensors")
    with whole_folder(Path(options.target)) as folder:
        loaded.model.save_pretrained(folder)
        loaded.tokenizer.save_pretrained(folder)
    yield Finished({"target": options.target})
