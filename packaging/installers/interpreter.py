"""A CPython that runs from wherever it is put: copied, its libraries beside it, what no bundle needs left out.

Linux: a Python that was built here (pyenv, Debian) is made relocatable with patchelf; python-build-standalone already
is, and its files are not touched. Windows and macOS: python-build-standalone only.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .systems import PYTHON, System

LEFT_OUT = ("test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "__pycache__")
LEFT_OUT += ("config-*", "turtle.py", "curses", "pydoc_data", "wininst-*.exe")
MODULES_LEFT_OUT = ("_test*", "_xxtest*", "xxlimited*", "_tkinter*", "_ctypes_test*", "_curses*", "readline*")
MODULES_LEFT_OUT += ("nis.*", "ossaudiodev*", "_crypt.*", "_dbm.*", "_gdbm.*")
"""Modules that test CPython, that nothing here uses, or, as readline, whose library asks for another licence (GPL)."""
BESIDE = re.compile(r"lib(ssl|crypto|ffi|sqlite3|bz2|lzma|z|uuid)\.so\.")
"""What a Python of this machine takes from it and another machine may have in another version."""


def copy(base: Path, target: Path, system: System) -> None:
    """Put the Python at `base` into `target`. Raises FileNotFoundError when there is none of the right version."""
    if system.name == "windows":
        _copy_windows(base, target)
        return
    program = base / "bin" / f"python{PYTHON}"
    if not program.is_file():
        raise FileNotFoundError(f"{base} holds no bin/python{PYTHON}")
    _copy_library(base / "lib" / f"python{PYTHON}", target / "lib" / f"python{PYTHON}")
    shutil.copytree(base / "include" / f"python{PYTHON}", target / "include" / f"python{PYTHON}")
    (target / "bin").mkdir()
    shutil.copy2(program, target / "bin" / program.name)
    for library in sorted((base / "lib").glob(f"libpython{PYTHON}.*")):
        if library.suffix != ".a" and not library.is_symlink():
            shutil.copy2(library, target / "lib" / library.name)
    if system.name == "linux":
        _relocate(target)


def _copy_library(source: Path, target: Path) -> None:
    shutil.copytree(source, target, symlinks=False, ignore=shutil.ignore_patterns(*LEFT_OUT))
    (target / "site-packages").mkdir()
    for pattern in MODULES_LEFT_OUT:
        for module in (target / "lib-dynload").glob(pattern):
            module.unlink()


def _copy_windows(base: Path, target: Path) -> None:
    if not (base / "python.exe").is_file():
        raise FileNotFoundError(f"{base} holds no python.exe")
    leave = shutil.ignore_patterns(*LEFT_OUT, "*.pdb", "_test*.pyd", "_tkinter.pyd", "tcl*", "tk8*", "Scripts", "libs")
    shutil.copytree(base, target, ignore=leave)
    (target / "Lib" / "site-packages").mkdir(parents=True, exist_ok=True)


def _relocate(python: Path) -> None:
    """Have a Python that looks for its libraries at the place where it was built look beside itself."""
    programs = [python / "bin" / f"python{PYTHON}", *sorted((python / "lib").rglob("*.so*"))]
    if _runpath(programs[0]).startswith("$ORIGIN"):  # python-build-standalone
        return
    for name, found in sorted({*_needed(programs)}):
        if BESIDE.match(name):
            shutil.copy2(found, python / "lib" / name)
    for program in [*programs, *sorted((python / "lib").glob("*.so.*"))]:
        up = "../.." if program.parent.name == "lib-dynload" else "../lib" if program.parent.name == "bin" else "."
        subprocess.run(["patchelf", "--set-rpath", f"$ORIGIN/{up}", str(program)], check=True)


def strip(folder: Path) -> None:
    """Take what only a debugger reads out of the libraries in a folder; a hard link to a cache keeps its content."""
    program = shutil.which("strip")
    for library in folder.rglob("*.so*") if program else ():
        if not library.is_symlink() and b"\0.debug_info\0" in library.read_bytes()[-100_000:]:
            smaller = library.with_name(library.name + ".stripped")
            subprocess.run([str(program), "--strip-unneeded", "-o", str(smaller), str(library)], check=True)
            shutil.copymode(library, smaller)
            smaller.replace(library)


def _runpath(program: Path) -> str:
    done = subprocess.run(["patchelf", "--print-rpath", str(program)], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def _needed(programs: list[Path]) -> Iterator[tuple[str, Path]]:
    for program in programs:
        done = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False)
        for line in done.stdout.splitlines():
            name, arrow, rest = line.strip().partition(" => ")
            if arrow and rest.startswith("/"):
                yield name, Path(rest.split(" (")[0]).resolve()


def newest_glibc(bundle: Path) -> str:
    """The newest version of the C library that anything in a Linux bundle asks for, and the file that does."""
    newest: tuple[tuple[int, ...], str] = ((), "")
    for library in [*bundle.rglob("*.so*"), bundle / "python/bin" / f"python{PYTHON}"]:
        if library.is_file():
            found = re.findall(rb"GLIBC_(\d+)\.(\d+)\0", library.read_bytes())
            newest = max([newest, *(((int(major), int(minor)), str(library)) for major, minor in found)])
    version, where = newest
    return f"GLIBC_{'.'.join(map(str, version))} ({Path(where).relative_to(bundle)})" if version else "none"
