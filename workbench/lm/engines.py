"""Which engine writes the answers of an on-policy run: our own loop, transformers' continuous batching, or vLLM.

Chosen before anything is loaded, from what is installed and what fits. The engines themselves are in `writing`.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import torch

from ..errors import WorkbenchError
from .devices import Compute
from .estimates import Estimate
from .files import check_folder
from .generating import Sampler
from .refs import ModelRef

ENGINES = ("auto", "own", "continuous", "vllm")
TITLES = {"own": "its own loop", "continuous": "continuous batching", "vllm": "vLLM"}
BESIDE = 2 << 30
"""Bytes that vLLM takes beside weights and cache: its context, its graphs and a trial batch (not measured here)."""
SPARE_CACHE = 1.25
"""vLLM's cache comes in blocks, and the last one of an answer is seldom full."""


@dataclass(frozen=True)
class Choice:
    """An engine and, in one sentence, why it."""

    name: str
    why: str


def installed(module: str) -> bool:
    """Whether a package is there, without importing it."""
    return importlib.util.find_spec(module) is not None


def memory_free(compute: Compute) -> int:
    """Bytes that nobody uses at the moment."""
    if compute.device.type == "cuda":
        return int(torch.cuda.mem_get_info()[0])
    return int(psutil.virtual_memory().available)


def choose_engine(
    wanted: str,
    compute: Compute,
    ref: ModelRef,
    sampler: Sampler,
    *,
    estimate: Estimate | None,
    free_bytes: int,
    installed: Callable[[str], bool] = installed,
    quantised: bool = False,
    whole: bool = False,
) -> Choice:
    """The engine that writes. `estimate`: of the run, where the model's files tell it; `quantised`: the base is in 4
    or 8 bits; `whole`: the base's own weights are trained. Raises WorkbenchError when the one that was asked for cannot
    run here."""
    against_vllm = _against_vllm(compute, ref, estimate, free_bytes, installed, quantised, whole)
    against_continuous = _against_continuous(sampler)
    against = {"vllm": against_vllm, "continuous": against_continuous}
    if problem := against.get(wanted):
        raise WorkbenchError(f"Answers cannot be written with {TITLES[wanted]}: {problem}", _hint(wanted, installed))
    if wanted != "auto":
        return Choice(wanted, f"Answers are written with {TITLES[wanted]}, as asked.")
    if compute.device.type != "cuda":
        return Choice("own", "Answers are written with its own loop: the other engines are made for CUDA.")
    if not against_vllm and estimate is not None:
        return Choice("vllm", "Answers are written with vLLM: it is installed, and its copy of the base fits.")
    slow = against_continuous or _slow_continuous(compute, ref, installed)
    if not slow:
        return Choice("continuous", "Answers are written with continuous batching on flash attention.")
    no_vllm = against_vllm or "how much memory the model takes is not known."
    return Choice("own", f"Answers are written with its own loop. vLLM: {no_vllm} Continuous batching: {slow}")


def vllm_bytes(estimate: Estimate) -> int:
    """What vLLM takes beside the run: a base of its own, its cache and its working memory."""
    return estimate.weights + round(SPARE_CACHE * estimate.cache) + estimate.writing + BESIDE


def _against_vllm(
    compute: Compute,
    ref: ModelRef,
    estimate: Estimate | None,
    free_bytes: int,
    installed: Callable[[str], bool],
    quantised: bool,
    whole: bool,
) -> str:
    """Why vLLM cannot write, as a sentence; "" when it can."""
    if compute.device.type != "cuda":
        return "it needs a CUDA device."
    if not installed("vllm"):
        return "it is not installed."
    if ref.format == "gguf":
        return "it needs the base in safetensors, and this is GGUF."
    if quantised:
        return "it would hold the base in full beside the quantised one."
    if whole:
        return "it takes the policy as an adapter, and this run trains the weights themselves."
    if compute.dtype == torch.float32:
        return "it runs adapters in 16 bits only, and this run is in float32."
    if estimate is not None and (wants := estimate.fixed + vllm_bytes(estimate)) > free_bytes:
        return f"it holds the base a second time, {_gib(wants)} in all, and {_gib(free_bytes)} are free."
    return ""


def _against_continuous(sampler: Sampler) -> str:
    if 0 < sampler.min_new_tokens < sampler.max_new_tokens:
        return "it cannot set a shortest answer."
    if sampler.repetition_penalty != 1.0:
        return "it has no repetition penalty."
    return ""


def _slow_continuous(compute: Compute, ref: ModelRef, installed: Callable[[str], bool]) -> str:
    """Why it would be slower than our own loop. Without flash attention it builds a mask of all tokens against the
    whole cache at every step, and goes without CUDA graphs."""
    if not installed("flash_attn"):
        return "flash-attn is not installed."
    if compute.dtype == torch.float32:
        return "flash attention needs 16 bits."
    return "" if takes_flash(ref) else "this model has no flash attention."


def takes_flash(ref: ModelRef) -> bool:
    """Whether transformers has flash attention for the model in this folder. Asked of its class; nothing is loaded."""
    import transformers

    try:
        names: Any = check_folder(Path(ref.base).expanduser()).get("architectures") or []
    except WorkbenchError:  # a GGUF file or a hub id
        return False
    kind = getattr(transformers, str(names[0]), None) if names else None
    return bool(getattr(kind, "_supports_flash_attn", False))


def _hint(wanted: str, installed: Callable[[str], bool]) -> str:
    if wanted == "vllm" and not installed("vllm"):
        return 'Choose auto, or install it with pip install "feedback-workbench[vllm]" where there is a CUDA device.'
    return "Choose auto or own."


def _gib(size: int) -> str:
    return f"{size / (1 << 30):.1f} GiB"
