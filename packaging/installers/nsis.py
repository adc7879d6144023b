"""Windows: a per-user setup that NSIS makes, on Windows or on Linux."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from . import signing
from .systems import PACKAGING

SCRIPT = PACKAGING / "windows" / "installer.nsi"
SIGNED = (".exe", ".dll", ".pyd")


def defines(bundle: Path, icon: Path, target: Path, version: str, edition: str, fast: bool) -> dict[str, str]:
    """What the script is told."""
    numbers = ".".join([*version.split(".")[:3], "0"])
    told = {"FILES": str(bundle / "*"), "ICON": str(icon), "OUT": str(target), "VERSION": version, "NUMBERS": numbers}
    kib = sum(file.stat().st_size for file in bundle.rglob("*") if file.is_file()) // 1024
    return {**told, "EDITION": edition, "KIB": str(kib), **({"FAST": "1"} if fast else {})}


def build(bundle: Path, icon: Path, edition: str, version: str, out: Path, fast: bool) -> Path:
    """Make the setup; its programs are signed before they go in, and it is itself."""
    makensis = shutil.which("makensis")
    if makensis is None:
        raise FileNotFoundError("makensis is not installed: apt-get install nsis, or choco install nsis")
    signing.sign(file for file in sorted(bundle.rglob("*")) if file.suffix.lower() in SIGNED)
    target = out / f"Feedback-Workbench-{edition}-{version}-setup.exe"
    told = defines(bundle, icon, target.resolve(), version, edition, fast)
    flags = [f"-D{name}={text}" for name, text in told.items()]
    subprocess.run([makensis, "-V2", "-INPUTCHARSET", "UTF8", *flags, str(SCRIPT)], check=True)
    signing.sign([target])
    return target
