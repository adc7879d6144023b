"""What this computer has, seen without torch: processor, graphics card, memory, disk."""

from __future__ import annotations

import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

import psutil

_QUERY = ["--query-gpu=name,memory.total,memory.free", "--format=csv,noheader,nounits"]
MIB = 1 << 20


@dataclass(frozen=True)
class Card:
    """A graphics card, with its memory in bytes."""

    name: str
    total: int
    free: int


@dataclass(frozen=True)
class Machine:
    """What there is. `card` is None where no card was seen; `torch` is the version that is installed, "" for none."""

    cpu: str
    threads: int
    memory_total: int
    memory_free: int
    disk_free: int
    torch: str
    card: Card | None = None

    @property
    def card_in_use(self) -> bool:
        """Whether the installed PyTorch can compute on the card: a "+cpu" build cannot."""
        return self.card is not None and not self.torch.endswith("+cpu")

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
    memory = psutil.virtual_memory()
    return Machine(
        cpu=_cpu_name(),
        threads=psutil.cpu_count() or 1,
        memory_total=memory.total,
        memory_free=memory.available,
        disk_free=shutil.disk_usage(folder).free,
        torch=_torch_version(),
        card=_card(memory.total, memory.available),
    )


def _torch_version() -> str:
    try:
        return metadata.version("torch")
    except metadata.PackageNotFoundError:
        return ""


def _cpu_name() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:  # not Linux
        pass
    return platform.processor() or platform.machine()


def _card(total: int, free: int) -> Card | None:
    if sys.platform == "darwin" and platform.machine() == "arm64":
        return Card("Apple GPU", total, free)  # shares the computer's memory
    command = shutil.which("nvidia-smi")
    if command is None:
        return None
    flags = subprocess.CREATE_NO_WINDOW if sys.platform == "win32" else 0
    try:
        done = subprocess.run(
            [command, *_QUERY], capture_output=True, text=True, timeout=10, check=False, creationflags=flags
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return card_of(done.stdout) if done.returncode == 0 else None


def card_of(listing: str) -> Card | None:
    """The first card of what nvidia-smi lists: "NVIDIA GeForce RTX 4070, 12282, 11022"."""
    for line in listing.splitlines():
        parts = [part.strip() for part in line.rsplit(",", 2)]
        if len(parts) == 3 and parts[1].isdigit() and parts[2].isdigit():
            return Card(parts[0], int(parts[1]) * MIB, int(parts[2]) * MIB)
    return None
