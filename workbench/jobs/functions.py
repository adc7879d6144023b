"""Reward functions of a person's own: Python that runs only after they have confirmed it, and as they confirmed it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..methods.rewarding import FUNCTION_FILE
from ..store import Store

SETTING = "trusted_functions"


class Untrusted(WorkbenchError):
    """A function that the person has not confirmed, or that was changed since. `path` is its file."""

    def __init__(self, path: Path, changed: bool) -> None:
        what = "was changed since you confirmed it" if changed else "has not been confirmed by you"
        super().__init__(f"The reward function {path.name} {what}.", "Read it, and confirm that it may run.")
        self.path = path


def place_of(store: Store, name: str) -> Path:
    """The file of a function. Raises WorkbenchError when it is not in the project's folder."""
    folder = store.folder.resolve()
    path = (folder / name).resolve()
    if not path.is_relative_to(folder):
        raise WorkbenchError(f"{name} is not in the project's folder.", f"Put it into {folder}.")
    if not path.is_file():
        raise WorkbenchError(f"There is no file {name} in the project's folder.", f"Put it into {folder}.")
    return path


def trust(store: Store, name: str) -> None:
    """Confirm that a function may run, as it is now."""
    known = dict(store.setting(SETTING) or {})
    path = place_of(store, name)
    store.set_setting(SETTING, known | {_key(store, path): _digest(path)})


def check(store: Store, name: str) -> Path:
    """The file of a function that may run. Raises Untrusted for one that was not confirmed as it is."""
    path = place_of(store, name)
    confirmed = (store.setting(SETTING) or {}).get(_key(store, path))
    if confirmed != _digest(path):
        raise Untrusted(path, confirmed is not None)
    return path


def freeze(store: Store, options: Mapping[str, Any], folder: Path) -> None:
    """Put the function that a run's options name into its folder. Raises Untrusted."""
    if options.get("function"):
        shutil.copyfile(check(store, str(options["function"])), folder / FUNCTION_FILE)


def _key(store: Store, path: Path) -> str:
    return path.relative_to(store.folder.resolve()).as_posix()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
