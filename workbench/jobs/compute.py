"""The compute engines of the standalone app: the one it came with and those that were added, and which of them is used.

An engine is a folder of packages (torch, transformers, trl and what they need) that a job's process finds before the
app's own. Which one is a name in one small file, replaced in one step; the engine before it is remembered beside it.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import os
import re
import shutil
import sys
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import NoEngine, WorkbenchError
from ..lm.folders import sync_entries

log = logging.getLogger(__name__)

ABOUT = "engine.json"
BUILT_IN = "built-in"
TITLES = {"cpu": "Processor", "cu130": "NVIDIA (CUDA 13)", "rocm": "AMD (ROCm)", "mps": "Apple (Metal)"}
"""Kinds of device that an engine can be for. Names of files in locks/ and of `workbench engines add`."""
_SYSTEMS = {"cpu": ("linux", "win32"), "cu130": ("linux", "win32"), "rocm": ("linux",), "mps": ("darwin",)}
_GROWTH = {"cpu": 4.4, "cu130": 1.95, "rocm": 4.4, "mps": 4.4}
"""How many times larger an engine is on the disk, compiled, than when it is fetched: measured for cpu (PyTorch 2.13),
guessed for the others; CUDA's libraries are hardly compressible."""
_LEAVING = ".leaving-"


@dataclass(frozen=True)
class Engine:
    """An engine that is installed. `bytes`: on the disk; `device` and `torch`: what it found when it was tried."""

    name: str
    variant: str
    folder: Path
    torch: str = ""
    transformers: str = ""
    device: str = ""
    bytes: int = 0
    installed: str = ""
    active: bool = False

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES.get(self.variant, self.variant)

    @property
    def built_in(self) -> bool:
        """Whether it came with the app, and so cannot be removed."""
        return self.name == BUILT_IN

    def to_json(self) -> dict[str, Any]:
        """All of it, with the folder as text."""
        return asdict(self) | {"folder": str(self.folder)}


@dataclass(frozen=True)
class Variant:
    """An engine that can be added: exact versions with hashes. Bytes are 0 where the lock does not say, nor can it be
    estimated."""

    name: str
    lock: Path
    download_bytes: int = 0
    installed_bytes: int = 0
    estimated: bool = False
    """Whether installed_bytes is a guess by what is fetched."""

    @property
    def title(self) -> str:
        """What people call it."""
        return TITLES.get(self.name, self.name)

    @property
    def torch(self) -> str:
        """The version of PyTorch that it has."""
        found = re.search(r"^torch==([^\s;\\]+)", self.lock.read_text(encoding="utf-8"), re.MULTILINE)
        return found[1] if found else ""

    @property
    def engine_name(self) -> str:
        """The folder of what this lock installs: the same versions have the same name."""
        digest = hashlib.sha256(self.lock.read_bytes()).hexdigest()[:12]
        return f"{self.name}-{digest}-py{sys.version_info.major}{sys.version_info.minor}"


def require() -> None:
    """Raises NoEngine when there is nothing to compute with."""
    if not paths.has_engine():
        raise NoEngine


def variants() -> list[Variant]:
    """What can be added on this system: the locks that came with the app."""
    found = []
    for name, systems in _SYSTEMS.items():
        lock = paths.locks() / f"{name}.txt"
        if sys.platform in systems and lock.is_file():
            head = lock.read_text(encoding="utf-8")[:4000]
            fetched, stated = _stated(head, "download-bytes"), _stated(head, "installed-bytes")
            installed = stated or round(fetched * _GROWTH[name])
            found.append(Variant(name, lock, fetched, installed, bool(installed and not stated)))
    return found


def variant(name: str) -> Variant:
    """What can be added under this name. Raises WorkbenchError when there is no such engine for this system."""
    offered = variants()
    for each in offered:
        if each.name == name:
            return each
    names = ", ".join(each.name for each in offered) or "none"
    raise WorkbenchError(f"There is no engine {name!r} for this system.", f"There are: {names}.")


def _stated(text: str, what: str) -> int:
    found = re.search(rf"^# {what}: (\d+)$", text, re.MULTILINE)
    return int(found[1]) if found else 0


def engines() -> list[Engine]:
    """Every engine that is installed, the built-in one first."""
    active = paths.active_engine()
    found = []
    if (built_in := paths.built_in_engine()) is not None:
        found.append(_read(built_in, BUILT_IN, active))
    folders = sorted(paths.engines().iterdir()) if paths.engines().is_dir() else []
    return found + [
        _read(folder, folder.name, active)
        for folder in folders
        if (folder / "torch").is_dir() and folder.name[0] != "."
    ]


def find(name: str) -> Engine:
    """An engine by name. Raises WorkbenchError when it is not there."""
    there = engines()
    for engine in there:
        if engine.name == name:
            return engine
    names = ", ".join(engine.name for engine in there) or "none"
    raise WorkbenchError(f"No engine {name!r} is installed.", f"There are: {names}.")


def active() -> Engine | None:
    """The engine that jobs run on; None where there is none, or where pip installed us and its torch is used."""
    return next((engine for engine in engines() if engine.active), None)


def _read(folder: Path, name: str, active: Path | None) -> Engine:
    try:
        said = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        log.info("%s does not say what it is", folder, exc_info=True)
        said = {}
    keys = ("variant", "torch", "transformers", "device", "bytes", "installed")
    usual = "mps" if sys.platform == "darwin" else "cpu"
    known: dict[str, Any] = {"variant": usual} | {key: said[key] for key in keys if key in said}
    return Engine(name=name, folder=folder, active=folder == active, **known)


def use(name: str) -> Engine:
    """Have jobs that begin from now on run on this engine. Raises WorkbenchError when it is not there."""
    engine, before = find(name), active()
    if before is None or before.name != name:
        _point({"engine": name, "previous": before.name if before else ""})
    return find(engine.name)


def previous() -> str:
    """The name of the engine that was used before this one, where it is still there; else ""."""
    name = str(_pointer().get("previous", ""))
    return name if any(engine.name == name for engine in engines()) else ""


def roll_back() -> Engine:
    """Go back to the engine that was used before. Raises WorkbenchError when there is none."""
    name = previous()
    if not name:
        raise WorkbenchError("There is no earlier engine to go back to.", "Add one, or go on with this one.")
    return use(name)


def remove(name: str) -> None:
    """Delete an added engine; if it is the one in use, the one before it (or the built-in one) is used from now on.

    Raises WorkbenchError for the built-in one, and for one that cannot be deleted.
    """
    engine = find(name)
    if engine.built_in:
        raise WorkbenchError("The built-in engine is part of the app.", "It goes when the app is uninstalled.")
    if engine.active:
        before = previous()
        _point({"engine": before if before != name else "", "previous": ""})
    leaving = engine.folder.with_name(f"{_LEAVING}{engine.name}")
    try:
        shutil.rmtree(leaving, ignore_errors=True)
        engine.folder.rename(leaving)  # gone in one step, whatever becomes of the deletion
        shutil.rmtree(leaving)
    except OSError as error:
        raise WorkbenchError(
            f"{name} could not be deleted: {error.strerror}.", "Stop the jobs that run on it and try again."
        ) from error


def _pointer() -> Mapping[str, Any]:
    try:
        said = json.loads(paths.current_engine().read_text(encoding="utf-8"))
        return said if isinstance(said, dict) else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError):
        log.warning("%s is damaged; the built-in engine is used", paths.current_engine(), exc_info=True)
        return {}


def _point(to: dict[str, str]) -> None:
    """Replace the pointer in one step."""
    file = paths.current_engine()
    new = file.with_name(f"{file.name}.new")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as out:
            json.dump(to, out)
            out.flush()
            os.fsync(out.fileno())
        os.replace(new, file)
        sync_entries(file.parent)
    except OSError as error:
        raise WorkbenchError(
            f"The choice of engine cannot be written to {file}: {error.strerror}.", "The engine before it stays in use."
        ) from error


def has(module: str) -> bool:
    """Whether jobs find a package, without importing it."""
    engine = paths.active_engine()
    return bool(engine and (engine / module).is_dir()) or importlib.util.find_spec(module) is not None


def version_of(package: str) -> str | None:
    """The version of a package that jobs run with, read without importing it; None where it is absent."""
    from importlib import metadata

    engine = paths.active_engine()
    where = [str(engine)] if engine else []
    found = next(iter(metadata.distributions(name=package, path=[*where, *sys.path])), None)
    return found.version if found else None
