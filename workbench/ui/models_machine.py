"""What this computer has, seen without torch: processor, graphics card, memory, disk."""

from __future__ import annotations

import logging
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import psutil

from .. import paths
from ..jobs import compute

log = logging.getLogger(__name__)

_QUERY = ["--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
MIB = 1 << 20
AMD = "0x1002"
DISPLAYS = Path("/sys/class/drm")
SMALLEST = 4e9
"""Bytes of memory from which on a card of AMD is one of its own, and not a part of the processor."""


@dataclass(frozen=True)
class Card:
    """A graphics card, with its memory in bytes. `engine`: the kind of compute engine that is made for it."""

    name: str
    total: int
    free: int
    engine: str = "cu130"


@dataclass(frozen=True)
class Machine:
    """What there is. `card` is None where no card was seen; `torch` is the version that jobs run on, "" for
    none; `engine` the kind of engine of the standalone app that it is in, "" where pip installed it."""

    cpu: str
    threads: int
    memory_total: int
    memory_free: int
    disk_free: int
    torch: str
    card: Card | None = None
    engine: str = ""

    @property
    def card_in_use(self) -> bool:
        """Whether the PyTorch that is used can compute on the card: a "+cpu" build cannot."""
        if self.card is None or not self.torch:
            return False
        if self.engine:
            return self.engine == self.card.engine
        return "+rocm" in self.torch if self.card.engine == "rocm" else "+cpu" not in self.torch

    @property
    def total(self) -> int:
        """Memory that models have at most: the card's, or the computer's."""
        return self.card.total if self.card is not None and self.card_in_use else self.memory_total

    @property
    def free(self) -> int:
        """Memory that is free for models now."""
        return self.card.free if self.card is not None and self.card_in_use else self.memory_free


def look(folder: Path) -> Machine:
    """Look at this computer; `folder` says which disk. Takes up to some seconds where a card's driver is slow."""
    memory, engine = psutil.virtual_memory(), compute.active()
    return Machine(
        cpu=_cpu_name(),
        threads=psutil.cpu_count() or 1,
        memory_total=memory.total,
        memory_free=memory.available,
        disk_free=shutil.disk_usage(folder).free,
        torch=(compute.version_of("torch") or "") if paths.has_engine() else "",
        card=find_card(),
        engine=engine.variant if engine else "",
    )


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()


def find_card() -> Card | None:
    """The graphics card that an engine can be made for; asks a driver, which may take seconds."""
    if sys.platform == "darwin" and platform.machine() == "arm64":
        memory = psutil.virtual_memory()
        return Card("Apple GPU", memory.total, memory.available, "mps")  # shares the computer's memory
    return _nvidia_card() or amd_card(DISPLAYS)


def _nvidia_card() -> Card | None:
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    asked = [command, *_QUERY]
    try:
        done = subprocess.run(
            asked, capture_output=True, text=True, timeout=10, check=False, creationflags=paths.HIDDEN
        )
    except (OSError, subprocess.TimeoutExpired):
        log.info("no NVIDIA card is read", exc_info=True)
        return None
    return card_of(done.stdout) if done.returncode == 0 else None


def amd_card(displays: Path) -> Card | None:
    """A card of AMD among what Linux lists in a folder."""
    for device in sorted(displays.glob("card*/device")):
        if _said(device / "vendor") == AMD and (total := _bytes(device / "mem_info_vram_total")) >= SMALLEST:
            name = _said(device / "product_name") or "AMD graphics card"
            return Card(name, total, total - _bytes(device / "mem_info_vram_used"), "rocm")
    return None


def _said(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:  # not every driver says everything
        return ""


def _bytes(file: Path) -> int:
    said = _said(file)
    return int(said) if said.isdecimal() else 0


def card_of(listing: str) -> Card | None:
    """The first card of what nvidia-smi lists: "NVIDIA GeForce RTX 4070, 12282, 11022"."""
    for line in listing.splitlines():
        parts = [part.strip() for part in line.rsplit(",", 2)]
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            return Card(parts[0], int(parts[1]) * MIB, int(parts[2]) * MIB)
    return None
