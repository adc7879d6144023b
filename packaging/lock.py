"""Write packaging/locks: every requirement of the window, of each engine and of the build, with its hashes.

    python packaging/lock.py                                   what can be reached; what cannot is named at the end
    python packaging/lock.py cpu --find-links /opt/wheels      one of them, with wheels that lie in a folder
    python packaging/lock.py cu130 rocm --index https://...    another index beside the usual one

Engines are locked against the window's own versions, so that both sides of a child agree. All engines hold one version
of torch. A release changes it here, in TORCH, and runs this again where PyTorch's indexes are reachable.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "packaging" / "locks"
TORCH = "2.13.0"
UV = "0.13.9"
PYTHON = "3.11"

ENGINE = (
    "accelerate",
    "datasets",
    "gguf",
    "peft",
    "sacrebleu",
    "safetensors",
    "tokenizers",
    "transformers",
    "trl",
)
"""What a job needs and the window does not, but for safetensors, which both read.

rouge-score has no wheel, so it is built into the app, and a person's computer never builds anything; what it needs
comes with the engine.
"""
SHARED = ("safetensors",)
NEEDED_BY_ROUGE = ("absl-py", "nltk", "six")
LEFT_OUT = ("pip", "hf-xet", "absl-py", "nltk", "joblib", "regex", "defusedxml")
"""Left out of the app: what would install plugins of sqlite-utils, another way to download, and rouge-score's needs."""
EXTRAS = ("documents", "servers")
"""Extras of pyproject.toml that an installed window has."""


@dataclass(frozen=True)
class Lock:
    """One file: where it stands, for which system, what it asks beside the shared requirements, and from where."""

    path: str
    platform: str
    torch: str = ""
    more: tuple[str, ...] = ()
    index: str = ""

    @property
    def name(self) -> str:
        """`cpu`, `app`, ..."""
        return Path(self.path).stem


LINUX, WINDOWS, MACOS = "x86_64-manylinux_2_34", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"
INDEX = "https://download.pytorch.org/whl/"
FOUR_BIT = ("bitsandbytes>=0.50",)

ALL = (
    Lock("linux/app.txt", LINUX),
    Lock("windows/app.txt", WINDOWS),
    Lock("macos/app.txt", MACOS),
    Lock("linux/cpu.txt", LINUX, f"{TORCH}+cpu", index=f"{INDEX}cpu"),
    Lock("windows/cpu.txt", WINDOWS, TORCH),  # PyPI's torch for Windows is the one without CUDA
    Lock("macos/mps.txt", MACOS, TORCH),
    Lock("linux/cu130.txt", LINUX, TORCH, FOUR_BIT),  # PyPI's torch for Linux is the one with CUDA
    Lock("windows/cu130.txt", WINDOWS, f"{TORCH}+cu130", FOUR_BIT, index=f"{INDEX}cu130"),
    Lock("linux/rocm.txt", LINUX, f"{TORCH}+rocm7.2", index=f"{INDEX}rocm7.2"),
)


def requirements(lock: Lock) -> list[str]:
    """The lines that a lock answers, taken from pyproject.toml."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    core: list[str] = project["dependencies"]
    if lock.torch:
        return [f"torch=={lock.torch}", *(line for line in core if named(line) in ENGINE), *NEEDED_BY_ROUGE, *lock.more]
    extras = [line for extra in EXTRAS for line in project["optional-dependencies"][extra]]
    own = [line for line in core if named(line) not in (*ENGINE, "torch") or named(line) in SHARED]
    return sorted({*own, *extras}, key=str.lower)


def named(line: str) -> str:
    """The package of a requirement: `trl` of `trl>=1.16`."""
    found = re.match(r"[A-Za-z0-9._-]+", line)
    assert found, line
    return found[0].lower()


def compile_lock(uv: str, lock: Lock, find_links: list[str], indexes: list[str]) -> str:
    """Write one lock. Returns why not, or nothing."""
    target = LOCKS / lock.path
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        asked, found = Path(name) / "asked.in", Path(name) / "found.txt"
        asked.write_text("\n".join(requirements(lock)) + "\n", encoding="utf-8")
        command = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate"]
        command += ["--only-binary", ":all:"] if lock.torch else []
        command += [] if lock.torch else [f"--no-emit-package={package}" for package in LEFT_OUT]
        command += ["--python-version", PYTHON, "--python-platform", lock.platform]
        command += ["--index-strategy", "unsafe-best-match"]
        for folder in find_links:
            command += ["--find-links", folder]
        for index in indexes:
            command += ["--index", index]
        if lock.torch:
            command += ["--constraints", str(LOCKS / Path(lock.path).parent / "app.txt")]
        sizes = Path(name) / "pylock.toml"
        for output in (found, sizes):
            more = ["--output-file", str(output), str(asked)]
            done = subprocess.run([*command, *more], env=environment(), capture_output=True, text=True, check=False)
            if done.returncode:
                return done.stderr.strip()
        text = head(lock, download(sizes, find_links)) + found.read_text(encoding="utf-8")
        target.write_text(text, encoding="utf-8", newline="\n")
    return ""


def head(lock: Lock, bytes_: int) -> str:
    """The first lines of a lock: what wrote it, what a person waits for, and the index of its torch if not PyPI."""
    text = f"# {lock.path}, for Python {PYTHON}: packaging/lock.py writes this.\n# download-bytes: {bytes_}\n"
    return text + (f"--extra-index-url {lock.index}\n" if lock.index else "")


def download(pylock: Path, find_links: list[str]) -> int:
    """Bytes of the wheels that a system takes, the largest where several would do."""
    total = 0
    for package in tomllib.loads(pylock.read_text(encoding="utf-8"))["packages"]:
        files = package.get("wheels") or [package.get("sdist", {})]
        total += max(file.get("size") or _size_here(file, find_links) for file in files)
    return total


def _size_here(file: dict[str, Any], find_links: list[str]) -> int:
    name = str(file.get("name") or file.get("path") or file.get("url") or "").rpartition("/")[2]
    here = [Path(folder) / unquote(name) for folder in find_links]
    return next((place.stat().st_size for place in here if name and place.is_file()), 0)


def environment() -> dict[str, str]:
    """What uv reads: the wheels of torch for macOS ask for 14.0, and uv assumes 13.0 unless told."""
    return {**os.environ, "MACOSX_DEPLOYMENT_TARGET": "14.0"}


def compile_build_tools(uv: str) -> str:
    """Write build.txt: uv, which is installed from it for every system, and what builds rouge-score's wheel."""
    command = [uv, "pip", "compile", "--quiet", "--generate-hashes", "--no-header", "--no-annotate", "--universal"]
    done = subprocess.run([*command, "-"], input=f"uv=={UV}\nsetuptools\n", capture_output=True, text=True, check=False)
    if done.returncode == 0:
        text = "# build.txt: packaging/lock.py writes this.\n" + done.stdout
        (LOCKS / "build.txt").write_text(text, encoding="utf-8", newline="\n")
    return done.stderr.strip() if done.returncode else ""


def main() -> int:
    """Write the chosen locks, or all; returns 1 when one was asked for by name and cannot be written."""
    parser = argparse.ArgumentParser(description="Write packaging/locks.")
    parser.add_argument("names", nargs="*", help="app, cpu, mps, cu130, rocm, build, or a path such as linux/cpu.txt")
    parser.add_argument("--find-links", action="append", default=[], metavar="DIR")
    parser.add_argument("--index", action="append", default=[], metavar="URL")
    parser.add_argument("--uv", default="uv")
    chosen = parser.parse_args()
    failures = {}
    if not chosen.names or "build" in chosen.names:
        failures["build.txt"] = compile_build_tools(chosen.uv)
    for lock in ALL:
        if not chosen.names or lock.name in chosen.names or lock.path in chosen.names:
            indexes = chosen.index or ([lock.index] if lock.index and not chosen.find_links else [])
            failures[lock.path] = compile_lock(chosen.uv, lock, chosen.find_links, indexes)
            print(f"{lock.path}: {'not written' if failures[lock.path] else 'written'}", flush=True)
    for path, why in failures.items():
        if why:
            print(f"\n{path} was not written:\n{why}", file=sys.stderr)
    return int(bool(chosen.names) and any(failures.values()))


if __name__ == "__main__":
    sys.exit(main())
