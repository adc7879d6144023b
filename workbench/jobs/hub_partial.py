"""Downloads on the disk: begun, broken off, whole.

A download lies in a hidden folder beside the models, which gets its final name when every file in it is verified: under
that name a model is whole or absent. What it is of, pinned to one commit, is written into the folder before its first
byte, so that it can be gone on with after any end of the process and never mixes two revisions.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..lm.folders import sync_entries
from ..store.owners import held
from ..store.rows import now
from . import hub
from .hub_repository import RemoteFile, Repository, look, read_file

log = logging.getLogger(__name__)

ORIGIN = ".origin"
"""Not *.json: a model's hash is over its weights and its *.json."""
LOCK = ".lock"
PART = ".part-"
INCOMPLETE = ".incomplete"
SPARE = 256 << 20
"""Bytes that a download leaves free on the disk."""


@dataclass(frozen=True)
class Origin:
    """What a download is of. `file`: the GGUF file that was chosen, "" for a model folder."""

    hub_id: str
    commit: str
    revision: str = ""
    file: str = ""
    endpoint: str = ""
    licence: str = ""
    parameters: int = 0
    begun: str = ""
    files: tuple[RemoteFile, ...] = field(default_factory=tuple)

    @property
    def name(self) -> str:
        """What people call it."""
        return self.file.rsplit("/", 1)[-1].removesuffix(".gguf") or self.hub_id.rsplit("/", 1)[-1]

    @property
    def size(self) -> int:
        """Bytes of all files."""
        return sum(file.size for file in self.files)

    def named(self, file: str) -> bool:
        """Whether a person means this one's GGUF file: its path, or its name alone."""
        return file in (self.file, self.file.rsplit("/", 1)[-1])

    @property
    def folder_name(self) -> str:
        """The name of its folder, of which there is one for each commit where two are kept."""
        stem = self.file.removesuffix(".gguf").replace("/", "--")
        return self.hub_id.replace("/", "--") + (f"--{stem}" if stem else "")

    def to_info(self) -> dict[str, str]:
        """What a project keeps with the model."""
        return {"id": self.hub_id, "commit": self.commit, "revision": self.revision or "main", "from": self.endpoint}


@dataclass(frozen=True)
class Partial:
    """A download that has begun."""

    folder: Path
    origin: Origin

    @property
    def done(self) -> int:
        """Bytes that are here."""
        return sum(self.have(file) for file in self.origin.files)

    def have(self, file: RemoteFile) -> int:
        """Bytes that are here of one file."""
        for path in (self.folder / file.path, self.incomplete(file)):
            try:
                return path.stat().st_size
            except OSError:
                continue
        return 0

    def incomplete(self, file: RemoteFile) -> Path:
        """Where a file lies until it is verified."""
        return self.folder / (file.path + INCOMPLETE)

    def check_room(self) -> None:
        """Raises WorkbenchError when the rest does not fit on the disk."""
        check_room(self.origin, self.origin.size - self.done)

    def discard(self) -> None:
        """Throw away what is here. Raises WorkbenchError while another process is at it."""
        if self.folder.exists():
            with self.locked():
                pass
        shutil.rmtree(self.folder, ignore_errors=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Only this one works at the download. Raises WorkbenchError while another does."""
        text = f"{self.origin.name} is being downloaded already."
        with held(self.folder / LOCK, WorkbenchError(text, "Wait for it, or pause it in the other window.")):
            yield


def begin(hub_id: str, file: str = "", revision: str = "") -> Partial:
    """Begin a download or find the one that was begun, without fetching anything of it yet.

    A download that was begun keeps its commit; another revision than the one it was begun with is another download.
    Raises WorkbenchError when there is no such model, it has nothing for us, or it does not fit on the disk.
    """
    for known in partials():
        if (known.origin.hub_id, known.origin.revision) == (hub_id, revision) and known.origin.named(file):
            return known
    return begin_with(look(hub_id, revision), file, revision)


def begin_with(repository: Repository, file: str = "", revision: str = "") -> Partial:
    """Begin a download of what the hub said it holds."""
    files = repository.chosen(file)
    origin = Origin(
        hub_id=repository.id,
        commit=repository.commit,
        revision=revision,
        file=files[0].path if files[0] in repository.ggufs else "",
        endpoint=hub.endpoint().url,
        licence=repository.licence,
        parameters=repository.parameters,
        begun=now(),
        files=files,
    )
    partial = Partial(paths.shared_models() / f"{PART}{origin.folder_name}@{origin.commit[:12]}", origin)
    if not partial.folder.exists():
        check_room(origin, origin.size)
    partial.folder.mkdir(parents=True, exist_ok=True)
    write_origin(partial.folder, origin)
    return partial


def check_room(origin: Origin, needed: int) -> None:
    """Raises WorkbenchError when so many bytes do not fit on the disk of the models folder."""
    place = next(each for each in (paths.shared_models(), *paths.shared_models().parents) if each.exists())
    free = shutil.disk_usage(place).free
    if needed + SPARE > free:
        raise WorkbenchError(
            f"{origin.name} needs {hub.bytes_text(needed)} more, and the disk has {hub.bytes_text(free)} free.",
            "Free some space and go on, or choose a smaller model. Nothing was lost.",
        )


def write_origin(folder: Path, origin: Origin) -> None:
    """Write down what a folder is of; on disk when this returns."""
    writing = folder / f"{ORIGIN}.new"
    with writing.open("w", encoding="utf-8") as out:
        json.dump(asdict(origin), out, indent=1)
        out.flush()
        os.fsync(out.fileno())
    os.replace(writing, folder / ORIGIN)
    sync_entries(folder)


def read_origin(folder: Path) -> Origin | None:
    """What a folder is of, None where it does not say. Names and sizes are checked as if the hub had just told them."""
    try:
        said = json.loads((folder / ORIGIN).read_text(encoding="utf-8"))
        files = tuple(_read_file(said["hub_id"], each) for each in said.pop("files"))
        return replace(Origin(**said), files=files)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError, WorkbenchError):
        log.info("what %s was downloaded from cannot be read", folder, exc_info=True)
        return None


def origin_of(path: Path) -> Origin | None:
    """What a model folder or a GGUF file was downloaded from; None where it was not."""
    around = [path] if path.is_dir() else list(path.parents)[:2]
    return next((found for folder in around if (found := read_origin(folder)) is not None), None)


def _read_file(hub_id: str, said: dict[str, Any]) -> RemoteFile:
    told: dict[str, Any] = {"rfilename": said["path"], "size": said["size"]}
    if said["kind"] == "sha256":
        told["lfs"] = {"sha256": said["digest"], "size": said["size"]}
    return read_file(hub_id, told | {"blobId": said["digest"]})


def partials() -> list[Partial]:
    """Downloads that were begun and are not whole, oldest first."""
    found = []
    for folder in paths.shared_models().glob(f"{PART}*"):
        origin = read_origin(folder)
        if origin is not None:
            found.append(Partial(folder, origin))
    return sorted(found, key=lambda each: each.origin.begun)


def place_of(origin: Origin) -> Path:
    """Where the model will lie: never over another revision of it."""
    plain = paths.shared_models() / origin.folder_name
    own = plain.with_name(f"{plain.name}@{origin.commit[:12]}")
    for place in (plain, own):
        if not place.exists() or is_whole(place, origin):
            return place
    if read_origin(plain) is None:  # fetched by an earlier version, which wrote nothing down
        return own
    raise WorkbenchError(f"There is something else in {own}.", "Move it away and go on; what was downloaded is kept.")


def is_whole(place: Path, origin: Origin) -> bool:
    """Whether a folder under its final name holds exactly this: it got the name after all was verified."""
    there = read_origin(place)
    if there is None or (there.commit, there.files) != (origin.commit, origin.files):
        return False
    return all(
        (place / file.path).is_file() and (place / file.path).stat().st_size == file.size for file in there.files
    )
