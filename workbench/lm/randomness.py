"""The state of every random number generator that a run may draw from, as uint8 tensors."""

from __future__ import annotations

import torch

PREFIX = "random/"


def capture() -> dict[str, torch.Tensor]:
    """The state of PyTorch's generators: the CPU's, and of each accelerator that was used."""
    found = {f"{PREFIX}cpu": torch.get_rng_state()}
    if torch.cuda.is_available() and torch.cuda.is_initialized():
        found |= {f"{PREFIX}cuda{index}": state for index, state in enumerate(torch.cuda.get_rng_state_all())}
    if hasattr(torch, "xpu") and torch.xpu.is_available() and torch.xpu.is_initialized():
        found |= {f"{PREFIX}xpu{index}": state for index, state in enumerate(torch.xpu.get_rng_state_all())}
    if torch.backends.mps.is_available():
        found[f"{PREFIX}mps"] = torch.mps.get_rng_state()
    return {name: state.cpu().clone() for name, state in found.items()}


def put_back(tensors: dict[str, torch.Tensor]) -> list[str]:
    """Restore what capture() gave, and return the names of generators that this machine does not have.

    Raises KeyError when it was not all captured.
    """
    torch.set_rng_state(tensors[f"{PREFIX}cpu"])
    missing = []
    for name, state in tensors.items():
        kind = name.removeprefix(PREFIX)
        if kind in (name, "cpu"):
            continue
        if kind == "mps" and torch.backends.mps.is_available():
            torch.mps.set_rng_state(state)
        elif kind.startswith("cuda") and _count(torch.cuda) > int(kind[4:]):
            torch.cuda.set_rng_state(state, int(kind[4:]))
        elif kind.startswith("xpu") and hasattr(torch, "xpu") and _count(torch.xpu) > int(kind[3:]):
            torch.xpu.set_rng_state(state, int(kind[3:]))
        else:
            missing.append(kind)
    return missing


def _count(accelerator: object) -> int:
    return accelerator.device_count() if accelerator.is_available() else 0  # type: ignore[attr-defined]
