"""Reward functions of a person's own: Python that runs only after they have confirmed it, and as they confirmed it."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..methods.base import FUNCTION_FILE
from ..store import Store

SETTING = "trusted_functions"


_HINT = "Read it, and confirm that it may run: when you start the run, or with --trust-function."


class Untrusted(WorkbenchError):
    """A function that the person has not confirmed, or that was changed since. `path` is its file."""

    def __init__(self, path: Path, changed: bool) -> None:
        what = "was changed since you confirmed it" if changed else "has not been confirmed by you"
        super().__init__(f"The reward function {path.name} {what}.", _HINT)
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
    path = place_of(store, name)
    key, digest, known = _key(store, path), _digest(path), _known(store)
    store.set_setting(SETTING, known | {key: [*(each for each in known.get(key, ()) if each != digest), digest]})


def check(store: Store, name: str) -> Path:
    """The file of a function that may run. Raises Untrusted for one that was not confirmed as it is."""
    path = place_of(store, name)
    confirmed = _known(store).get(_key(store, path), ())
    if _digest(path) not in confirmed:
        raise Untrusted(path, bool(confirmed))
    return path


def check_chosen(store: Store, options: Mapping[str, Any]) -> None:
    """Raises Untrusted when a run's options name a function that may not run."""
    if options.get("function"):
        check(store, str(options["function"]))


def freeze(store: Store, options: Mapping[str, Any], folder: Path) -> None:
    """Put the function that a run's options name into its folder. Raises Untrusted."""
    if options.get("function"):
        shutil.copyfile(check(store, str(options["function"])), folder / FUNCTION_FILE)


def check_frozen(store: Store, options: Mapping[str, Any], folder: Path) -> None:
    """Raises WorkbenchError when the function in a run's folder is none that was ever confirmed."""
    if not options.get("function"):
        return
    place = folder / FUNCTION_FILE
    confirmed = {digest for digests in _known(store).values() for digest in digests}
    if not place.is_file() or _digest(place) not in confirmed:
        raise WorkbenchError(
            "The reward function of this run is gone, or is not the one that you confirmed.",
            f"It was in {place}. Start a new run.",
        )


def _known(store: Store) -> dict[str, list[str]]:
    """The sha256 of every version of each file that was confirmed."""
    return dict(store.setting(SETTING) or {})


def _key(store: Store, path: Path) -> str:
    return path.relative_to(store.folder.resolve()).as_posix()


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
