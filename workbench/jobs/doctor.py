"""What this machine can do, and whether everything that is needed works."""

from __future__ import annotations

import importlib.util
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil

from .. import __version__, paths
from ..errors import WorkbenchError
from ..store import Store
from ..store.connecting import refuse_unsafe_sqlite
from . import compute, compute_trying, preparing


def examine(project: Path) -> dict[str, Any]:
    """{"ok", "version", "checks": [{"name", "ok", "text"}], "versions"}. Makes the project when it is not there."""
    checks: dict[str, Callable[[], str]] = {
        "Python": lambda: f"{platform.python_version()} on {platform.platform()}",
        "Memory and disk": lambda: _space(project),
        "SQLite": _sqlite,
        "Window": _window,
        "Compute": _compute,
        "Project": lambda: _project(project),
    }
    results = [_run(name, check) for name, check in checks.items()]
    return {
        "ok": all(result["ok"] for result in results),
        "version": __version__,
        "checks": results,
        "versions": preparing.versions(),
    }


def _run(name: str, check: Callable[[], str]) -> dict[str, Any]:
    try:
        return {"name": name, "ok": True, "text": check()}
    except WorkbenchError as error:
        return {"name": name, "ok": False, "text": str(error)}
    except (ImportError, OSError, subprocess.SubprocessError) as error:
        return {"name": name, "ok": False, "text": f"{type(error).__name__}: {error}"}


def _space(project: Path) -> str:
    place = project if project.exists() else paths.user_data()
    while not place.exists():
        place = place.parent
    free, memory = shutil.disk_usage(place).free, psutil.virtual_memory()
    if free < 1e9:
        raise WorkbenchError(f"Only {free / 1e9:.1f} GB are free on the disk.", "Free some space.")
    return f"{memory.total / 1e9:.1f} GB memory, {memory.available / 1e9:.1f} GB free; {free / 1e9:.0f} GB disk free"


def _sqlite() -> str:
    from pysqlite3 import dbapi2

    refuse_unsafe_sqlite()
    return f"{dbapi2.sqlite_version}"  # type: ignore[attr-defined]


def _window() -> str:
    # Looked up, not imported: whether a window opens depends on a display, which the command line has no need of.
    version = _pyside()
    if sys.version_info < (3, 12) and version.startswith("6.12"):
        raise WorkbenchError(f"PySide6 {version} damages Python 3.11.", 'Run: pip install "PySide6-Essentials<6.12".')
    return f"PySide6 {version}" if version else "PySide6 is here; it does not say which version."


def _pyside() -> str:
    """Its version; "" where a standalone app carries it without its metadata and it says none itself."""
    for package in ("PySide6-Essentials", "PySide6"):
        if found := compute.version_of(package):
            return found
    where = importlib.util.find_spec("PySide6")
    if where is None or not where.submodule_search_locations:
        raise WorkbenchError("PySide6 is missing, so no window can open.", "Install the app again.")
    try:
        said = Path(where.submodule_search_locations[0], "_config.py").read_text(encoding="utf-8")
    except OSError:  # the check says so in its words
        return ""
    found = re.search(r'^version = "([^"]+)"', said, re.MULTILINE)
    return found[1] if found else ""


def _compute() -> str:
    """Asked in a process of its own, as jobs are: a broken driver must not end the doctor."""
    compute.require()
    found = compute_trying.probe()
    memory = f"{found['memory'] / 1e9:.1f} GB"
    return f"PyTorch {found['torch']}, {found['device']} ({found['name']}), {found['dtype']}, {memory}"


def _project(project: Path) -> str:
    store = Store.open(project)
    try:
        return (
            f"{project}: {len(store.models.list())} models, {store.prompts.count()} prompts, "
            f"{store.responses.count()} answers, {sum(store.feedback.counts().values())} judgements"
        )
    finally:
        store.close()
