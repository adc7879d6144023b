"""The systems that installers are built for, and where their bundles keep things."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGING = ROOT / "packaging"
LOCKS = PACKAGING / "locks"
PYTHON = "3.11"


@dataclass(frozen=True)
class System:
    """One system: its name here, the platform that uv resolves for, and the places inside its bundle."""

    name: str
    platform: str
    uv: str
    built_in: str
    """The engine in the full edition."""
    site_packages: str
    executable: str
    scripts: str
    """The ending of programs."""

    @property
    def native(self) -> bool:
        """Whether this computer runs the system's programs."""
        return self.name == this_system()


LINUX = System(
    "linux",
    "linux-x86_64",
    "x86_64-manylinux_2_34",
    "cpu",
    "python/lib/python3.11/site-packages",
    "python/bin/python3.11",
    "",
)
WINDOWS = System(
    "windows",
    "windows-x86_64",
    "x86_64-pc-windows-msvc",
    "cpu",
    "python/Lib/site-packages",
    "python/python.exe",
    ".exe",
)
MACOS = System(
    "macos",
    "macos-arm64",
    "aarch64-apple-darwin",
    "mps",
    "python/lib/python3.11/site-packages",
    "python/bin/python3.11",
    "",
)
OF_TARGET = {"deb": LINUX, "tar": LINUX, "nsis": WINDOWS, "app": MACOS}


def this_system() -> str:
    """`linux`, `windows` or `macos`; another kind of processor than the bundles are for is no system at all."""
    if platform.machine().lower() not in ("x86_64", "amd64", "arm64"):
        return platform.machine()
    return {"linux": "linux", "win32": "windows", "darwin": "macos"}.get(sys.platform, sys.platform)
