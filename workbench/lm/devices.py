"""The one place that chooses a device and a number format."""

from __future__ import annotations

import importlib.util
import platform
import sys
import time
from dataclasses import dataclass, replace
from functools import cache

import psutil
import torch

from ..errors import WorkbenchError

DEVICES = ("auto", "cuda", "xpu", "mps", "cpu")
DTYPES = ("auto", "bfloat16", "float32")
_PROBE, _PROBES = 512, 6
"""Rows of the square matrices whose product is timed, and how often; the first also loads the library."""


@dataclass(frozen=True)
class Compute:
    """Where tensors live and in which format weights are kept. ROCm devices answer to the name "cuda" in torch."""

    device: torch.device
    dtype: torch.dtype
    name: str
    total_bytes: int

    @property
    def batch_tokens(self) -> int:
        """Tokens of one forward pass without gradients: on a CPU few, so that "stop" is heard within two seconds."""
        return 1024 if self.device.type == "cpu" else 16384

    @property
    def train_tokens(self) -> int:
        """Tokens of one forward and backward pass, as a start: out of memory halves it."""
        return 1024 if self.device.type == "cpu" else 8192

    @property
    def dtype_name(self) -> str:
        """ "bfloat16" or "float32"."""
        return str(self.dtype).removeprefix("torch.")


def choose(device: str = "auto", dtype: str = "auto") -> Compute:
    """The compute that was asked for, or the best there is.

    Raises WorkbenchError when the device named is not on this machine.
    """
    kind = _available()[0] if device == "auto" else device
    if kind not in _available():
        raise WorkbenchError(f"This machine has no {kind} device that PyTorch can use.", "Choose auto or cpu.")
    chosen = torch.device(kind)
    form = _fast_dtype(kind) if dtype == "auto" else getattr(torch, dtype)
    return Compute(chosen, form, _name(kind), _memory(kind))


def check_bits(compute: Compute, quantize: str, *, gguf: bool = False, installed: bool | None = None) -> None:
    """Raises WorkbenchError where weights cannot be kept in "4bit" or "8bit". `installed`: bitsandbytes; None looks
    for it."""
    word = f"{quantize.removesuffix('bit')}-bit weights"
    if quantize == "8bit" and compute.device.type != "cuda":
        raise WorkbenchError(f"{word} need an NVIDIA or AMD card.", "Choose another device, or unquantised weights.")
    if compute.device.type not in ("cuda", "cpu"):
        raise WorkbenchError(
            f"{word} need an NVIDIA or AMD card, or a CPU.", "Choose another device, or unquantised weights."
        )
    if gguf:
        raise WorkbenchError(
            f"{word} need the model as a safetensors folder, and this one is a GGUF file.",
            "Convert it in Models, or choose unquantised weights.",
        )
    found = importlib.util.find_spec("bitsandbytes") is not None if installed is None else installed
    if not found:
        raise WorkbenchError(
            f"{word} need bitsandbytes, which is not installed.",
            "Run: pip install bitsandbytes, or choose unquantised weights.",
        )


def in_dtype(compute: Compute, dtype: str) -> Compute:
    """The same in another number format; "auto" changes nothing. Raises WorkbenchError where it cannot compute so."""
    if dtype == "auto":
        return compute
    if dtype == "float16" and compute.device.type == "cpu":
        raise WorkbenchError("A CPU does not compute in float16.", "Choose bfloat16, float32 or auto.")
    return replace(compute, dtype=getattr(torch, dtype))


def check_attention(compute: Compute, kernel: str, installed: bool | None = None) -> None:
    """Raises WorkbenchError where this attention kernel cannot be used. `installed`: flash-attn; None looks for it."""
    if kernel != "flash_attention_2":
        return
    if compute.device.type != "cuda":
        raise WorkbenchError("Flash attention needs an NVIDIA or AMD card.", "Choose auto, sdpa or eager.")
    found = importlib.util.find_spec("flash_attn") is not None if installed is None else installed
    if not found:
        raise WorkbenchError("Flash attention is not installed.", "Run: pip install flash-attn, or choose auto.")
    if compute.dtype == torch.float32:
        raise WorkbenchError("Flash attention does not compute in float32.", "Choose bfloat16, or the kernel auto.")


def _available() -> list[str]:
    found = []
    if torch.cuda.is_available():
        found.append("cuda")
    if hasattr(torch, "xpu") and torch.xpu.is_available():
        found.append("xpu")
    if torch.backends.mps.is_available():
        found.append("mps")
    return [*found, "cpu"]


def _fast_dtype(kind: str) -> torch.dtype:
    if kind == "cuda":
        return torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float32
    if kind == "xpu":
        return torch.bfloat16
    if kind == "mps":
        return torch.bfloat16 if torch.backends.mps.is_macos_or_newer(14, 0) else torch.float32
    return torch.bfloat16 if _cpu_is_faster_in_bf16() else torch.float32


def _cpu_is_faster_in_bf16() -> bool:
    """With tiles (AMX) by four times and more. With AVX-512's instructions alone it depends on the processor: AMD's
    run at twice the rate of float32, those of Intel's tiled ones, where a hypervisor hides the tiles, at half. Without
    either bfloat16 is emulated."""
    if getattr(torch.cpu, "_is_amx_tile_supported", lambda: False)():
        return True
    return getattr(torch.cpu, "_is_avx512_bf16_supported", lambda: False)() and _measured_faster_in_bf16()


@cache
def _measured_faster_in_bf16() -> bool:
    """Whether a product takes less time in bfloat16 here; about 30 ms, once a process."""
    inputs = [(torch.ones(_PROBE, _PROBE, dtype=dtype),) * 2 for dtype in (torch.float32, torch.bfloat16)]
    fastest = [float("inf")] * 2
    for _ in range(_PROBES):  # in turns, so that other work on the machine slows both
        for place, (left, right) in enumerate(inputs):
            begun = time.perf_counter()
            torch.mm(left, right)
            fastest[place] = min(fastest[place], time.perf_counter() - begun)
    return fastest[1] < fastest[0]


def _name(kind: str) -> str:
    if kind == "cuda":
        return torch.cuda.get_device_name()
    if kind == "xpu":
        return torch.xpu.get_device_name()
    if kind == "mps":
        return "Apple GPU"
    return f"CPU, {torch.get_num_threads()} threads, {platform.machine()}"


def _memory(kind: str) -> int:
    if kind == "cuda":
        return torch.cuda.get_device_properties(0).total_memory
    if kind == "xpu":
        return torch.xpu.get_device_properties(0).total_memory
    return psutil.virtual_memory().total


def memory_peak(compute: Compute) -> int:
    """The most bytes that were in use so far, counted as in memory_used()."""
    if compute.device.type == "cuda":
        return torch.cuda.max_memory_allocated()
    if compute.device.type != "cpu":
        return memory_used(compute)  # MPS keeps no peak
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def memory_used(compute: Compute) -> int:
    """Bytes in use: of the accelerator by this process, or of this process on a CPU."""
    if compute.device.type == "cuda":
        return torch.cuda.memory_allocated()
    if compute.device.type == "mps":
        return torch.mps.driver_allocated_memory()
    return psutil.Process().memory_info().rss
