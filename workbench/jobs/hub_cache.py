"""Models that are on this computer already: in the Hugging Face cache, and in folders that a person points at."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import paths, settings
from ..errors import WorkbenchError
from ..lm import files
from .hub_partial import origin_of

log = logging.getLogger(__name__)

DEPTH = 3
"""Folders inside folders that are looked into."""
MOST = 500
SKIPPED = (".", "__")


@dataclass(frozen=True)
class Local:
    """A model that could be added without copying. `place`: "cache", "fetched" (by this app), or the folder
    that was pointed at.

    trouble: why it cannot be added, "" where it can.
    """

    name: str
    path: str
    size: int
    kind: str
    place: str
    trouble: str = ""
    commit: str = ""


def everything(cache: Path | None = None) -> list[Local]:
    """The cache, what was fetched for any project, and every folder of the settings."""
    found = cached(cache)
    if paths.shared_models().is_dir():
        found += [_named(each) for each in in_folder(paths.shared_models())]
    for folder in settings.load().model_folders:
        found += in_folder(Path(folder))
    return found


def _named(each: Local) -> Local:
    """One of the models that we fetched, by the name that it has on the hub."""
    origin = origin_of(Path(each.path))
    if origin is None:
        return replace(each, place="fetched")
    return replace(each, place="fetched", name=origin.name if origin.file else origin.hub_id, commit=origin.commit)


def cached(cache: Path | None = None) -> list[Local]:
    """Models in the Hugging Face cache, the newest revision of each; `cache` where it lies elsewhere."""
    from huggingface_hub import constants, scan_cache_dir
    from huggingface_hub.errors import CacheNotFound

    place = Path(cache or constants.HF_HUB_CACHE)
    try:
        told = scan_cache_dir(place)
    except (CacheNotFound, OSError, ValueError) as error:
        log.info("no Hugging Face cache: %s", error)
        return []
    for warning in told.warnings:
        log.info("in the Hugging Face cache: %s", warning)
    found = [each for repo in told.repos if repo.repo_type == "model" for each in _of_repo(repo)]
    known = {each.name for each in found}
    broken = [_broken(folder) for folder in place.glob("models--*") if _name_of(folder) not in known]
    return sorted([*found, *broken], key=lambda each: each.name.lower())


def _name_of(folder: Path) -> str:
    return folder.name.removeprefix("models--").replace("--", "/")


def _broken(folder: Path) -> Local:
    partial = any((folder / "blobs").glob("*.incomplete"))
    trouble = "Its download broke off." if partial else "Its files in the cache are not whole."
    return Local(_name_of(folder), str(folder), files.folder_size(folder), "model", "cache", trouble)


def _of_repo(repo: Any) -> Iterator[Local]:
    if not repo.revisions:
        return
    newest = max(repo.revisions, key=lambda each: ("main" in each.refs, each.last_modified))
    snapshot, commit = Path(newest.snapshot_path), str(newest.commit_hash)
    ggufs = sorted(snapshot.rglob("*.gguf"))
    partial = any((Path(repo.repo_path) / "blobs").glob("*.incomplete"))
    if not ggufs or (snapshot / "config.json").exists():
        yield _local(repo.repo_id, snapshot, "cache", commit, partial)
    for path in ggufs:
        yield _local(f"{repo.repo_id}, {path.stem}", path, "cache", commit, partial)


def in_folder(folder: Path) -> list[Local]:
    """Models, adapters and GGUF files in a folder, some levels deep. One that is not there is one line that says so."""
    if not folder.is_dir():
        return [Local(folder.name, str(folder), 0, "model", str(folder), "The folder is not there.")]
    return [_local(path.stem if path.is_file() else path.name, path, str(folder)) for path in _models_in(folder, DEPTH)]


def _models_in(folder: Path, depth: int) -> list[Path]:
    if (folder / "config.json").is_file() or (folder / "adapter_config.json").is_file():
        return [folder]
    try:
        inside = sorted(folder.iterdir(), key=lambda path: path.name.lower())
    except OSError:
        log.info("%s cannot be read", folder, exc_info=True)
        return []
    found = [path for path in inside if path.suffix.lower() == ".gguf" and path.is_file()]
    for path in inside:
        if depth and path.is_dir() and not path.is_symlink() and not path.name.startswith(SKIPPED):
            found += _models_in(path, depth - 1)
    return found[:MOST]


def _local(name: str, path: Path, place: str, commit: str = "", partial: bool = False) -> Local:
    kind = "gguf" if path.suffix.lower() == ".gguf" and path.is_file() else "model"
    trouble = ""
    try:
        if kind == "gguf":
            files.check_gguf(path)
        elif files.is_adapter(path):
            kind = "adapter"
            files.adapter_base(path)
        else:
            files.check_folder(path)
            _check_parts(path)
    except (WorkbenchError, OSError) as error:
        trouble = _why(error, partial)
    return Local(name, str(path), _size(path), kind, place, trouble, commit)


def _why(error: Exception, partial: bool) -> str:
    if partial:
        return "Its download broke off."
    return error.text if isinstance(error, WorkbenchError) else f"It cannot be read: {error.strerror}."  # type: ignore[attr-defined]


def _check_parts(path: Path) -> None:
    """Raises WorkbenchError when a part of weights that were cut into several is not here."""
    for file in path.glob("*-of-*.safetensors"):
        total = int(file.stem.rsplit("-", 1)[-1]) if file.stem.rsplit("-", 1)[-1].isdigit() else 0
        here = len(list(path.glob(f"*-of-{file.stem.rsplit('-', 1)[-1]}.safetensors")))
        if total and here < total:
            raise WorkbenchError(f"{here} of its {total} files of weights are here.", "Get the rest.")
        return


def _size(path: Path) -> int:
    try:
        return os.stat(path).st_size if path.is_file() else files.folder_size(path)
    except OSError:  # a link in the cache to a file that was deleted
        return 0
