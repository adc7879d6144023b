"""What the status bar says of the machine: the memory that models live in, and how busy the processor is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import psutil


@dataclass(frozen=True)
class Reading:
    """A device's name, its memory in bytes, and its load from 0 to 1 where it is known."""

    name: str
    used: float
    total: float
    load: float | None = None


def read(session: Mapping[str, Any]) -> Reading:
    """The accelerator that holds the loaded model, as its child reported it; else this computer's own memory."""
    if session.get("device_kind") in ("cuda", "xpu"):
        return Reading(str(session["device"]), float(session["memory_used"]), float(session["memory_total"]))
    memory = psutil.virtual_memory()
    return Reading("CPU", float(memory.total - memory.available), float(memory.total), psutil.cpu_percent() / 100)
