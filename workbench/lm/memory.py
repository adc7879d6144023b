"""Running out of memory: how to tell, what to give back, and how to hold less."""

from __future__ import annotations

import functools
import gc
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.utils.checkpoint import checkpoint

from .devices import Compute
from .loading import Loaded

_WORDS = ("can't allocate memory", "out of memory", "not enough memory", "failed to allocate")


def out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory has run out. CPUs, MPS and some CUDA libraries say so in words alone."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    return isinstance(error, RuntimeError) and any(word in str(error).lower() for word in _WORDS)


def give_back(compute: Compute) -> None:
    """Return what is no longer referenced to the device. Call it outside `except`: a traceback holds tensors."""
    gc.collect()
    if compute.device.type == "cuda":
        torch.cuda.empty_cache()
    elif compute.device.type == "mps":
        torch.mps.empty_cache()
    elif compute.device.type == "xpu":
        torch.xpu.empty_cache()


@contextmanager
def checkpointed(loaded: Loaded, wanted: bool) -> Iterator[None]:
    """Within it, layers keep what goes into them alone and form the rest again in the backward pass (Chen et al. 2016).

    transformers does this in a layer that is in training; nothing else of the layer may be, or dropout would wake up.
    """
    layers: list[Any] = list(loaded.layers) if wanted else []
    for layer in layers:
        layer._gradient_checkpointing_func = functools.partial(checkpoint, use_reentrant=False)
        layer.gradient_checkpointing = layer.training = True
    try:
        yield
    finally:
        for layer in layers:
            layer.gradient_checkpointing = layer.training = False
