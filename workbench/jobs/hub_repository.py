"""What a repository on the hub holds that we would fetch: files with their sizes and published hashes.

Everything that the hub says is checked before it is used: a name that leads out of its folder, or a size that cannot
be, ends the work.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from fnmatch import fnmatch
from typing import Any
from urllib.parse import quote

from ..errors import WorkbenchError
from . import hub

WANTED = ["*.safetensors", "*.json", "*.model", "*.txt", "*.jinja", "LICENSE*", "README.md"]
"""Files of a hub model that we use. Pickled weights are not fetched at all."""
LARGEST = 1 << 44
"""Bytes that no file has: 16 TiB."""
COMMIT = re.compile(r"[0-9a-f]{40}")
WEIGHTS = re.compile(r"model(-\d+-of-\d+)?\.safetensors")
PART = re.compile(r"-\d{5}-of-\d{5}\.gguf$")
BYTES_EACH = {"F64": 8, "I64": 8, "F32": 4, "I32": 4, "F16": 2, "BF16": 2, "I16": 2}


@dataclass(frozen=True)
class RemoteFile:
    """A file of one commit. kind: "sha256" of its content, or "git" for the SHA-1 that git gives a blob."""

    path: str
    size: int
    digest: str
    kind: str

    def hasher(self) -> Any:
        """What its bytes are fed to, to compare the result with `digest`."""
        if self.kind == "sha256":
            return hashlib.sha256()
        return hashlib.sha1(b"blob %d\0" % self.size, usedforsecurity=False)


@dataclass(frozen=True)
class Repository:
    """A model on the hub at one commit. `files` are those of a model folder, `ggufs` those of which one is chosen."""

    id: str
    commit: str
    files: tuple[RemoteFile, ...] = ()
    ggufs: tuple[RemoteFile, ...] = ()
    parameters: int = 0
    licence: str = ""
    gated: bool = False
    downloads: int = 0
    likes: int = 0
    updated: str = ""
    trouble: str = ""
    """Why it cannot be used here, "" where it can."""
    config: Mapping[str, Any] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """Bytes that would be fetched: of a model folder, or of its smallest GGUF file."""
        if self.files:
            return sum(file.size for file in self.files)
        return min((file.size for file in self.ggufs), default=0)

    def chosen(self, name: str = "") -> tuple[RemoteFile, ...]:
        """The files to fetch; `name` is that of a GGUF file. Raises WorkbenchError when there is nothing for us."""
        if name:
            found = [file for file in self.ggufs if name in (file.path, file.path.rsplit("/", 1)[-1])]
            if not found:
                raise WorkbenchError(f"{self.id} has no GGUF file called {name}.", self._choices())
            return tuple(found[:1])
        if self.trouble:
            raise WorkbenchError(f"{self.id} {self.trouble}.", "Choose another one, with safetensors or GGUF.")
        if not self.files and len(self.ggufs) == 1:
            return self.ggufs
        if not self.files:
            raise WorkbenchError(f"{self.id} holds several GGUF files, of which one is used.", self._choices())
        return self.files

    def _choices(self) -> str:
        names = ", ".join(file.path for file in self.ggufs) or "none"
        return f"Name one of its GGUF files: {names}."


def look(hub_id: str, revision: str = "") -> Repository:
    """Ask the hub what a model holds now, or held at a revision. Raises WorkbenchError."""
    if not hub.HUB_ID.fullmatch(hub_id):
        raise WorkbenchError(f"{hub_id} is no name of a model on the hub.", "Write it as owner/name.")
    path = f"/api/models/{quote(hub_id)}" + (f"/revision/{quote(revision, safe='')}" if revision else "")
    return read_repository(hub_id, hub.ask(path, {"blobs": "true"}, hub_id))


def read_repository(hub_id: str, said: Any) -> Repository:
    """What the hub's answer means, with names and sizes checked."""
    if not isinstance(said, dict) or not COMMIT.fullmatch(str(said.get("sha", ""))):
        raise WorkbenchError(f"The hub's answer about {hub_id} is not whole.", "Try again later.")
    listed = said.get("siblings")
    siblings = [each for each in listed if isinstance(each, dict)] if isinstance(listed, list) else []
    for each in siblings:
        check_path(hub_id, each.get("rfilename"))
    facts = facts_of(said)
    files, ggufs = _wanted(hub_id, siblings), _ggufs(hub_id, siblings)
    return Repository(
        id=hub_id,
        commit=said["sha"],
        files=files,
        ggufs=ggufs,
        trouble="" if files or ggufs else _trouble([each["rfilename"] for each in siblings]),
        config=said["config"] if isinstance(said.get("config"), dict) else {},
        **{key: facts[key] for key in ("parameters", "licence", "gated", "downloads", "likes", "updated")},
    )


def facts_of(said: Mapping[str, Any]) -> dict[str, Any]:
    """What a listing and a model's own page both say."""
    tensors, gguf = said.get("safetensors"), said.get("gguf")
    counts = tensors.get("parameters") if isinstance(tensors, dict) else None
    counts = {str(kind): whole(number) for kind, number in counts.items()} if isinstance(counts, dict) else {}
    total = whole(tensors.get("total")) if isinstance(tensors, dict) else 0
    tags = [str(tag) for tag in said["tags"]] if isinstance(said.get("tags"), list) else []
    return {
        "parameters": total or sum(counts.values()) or (whole(gguf.get("total")) if isinstance(gguf, dict) else 0),
        "weights": sum(number * BYTES_EACH.get(kind, 1) for kind, number in counts.items()),
        "licence": next((tag.removeprefix("license:") for tag in tags if tag.startswith("license:")), ""),
        "gated": bool(said.get("gated")),
        "downloads": whole(said.get("downloads")),
        "likes": whole(said.get("likes")),
        "updated": str(said.get("lastModified") or "")[:10],
        "gguf": isinstance(gguf, dict) or "gguf" in tags,
    }


def whole(value: Any) -> int:
    """A count from elsewhere: 0 where it is none."""
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < LARGEST else 0


def check_path(hub_id: str, path: Any) -> str:
    """A file's name as the hub lists it. Raises WorkbenchError for one that may lead out of the model's folder."""
    parts = path.split("/") if isinstance(path, str) else [""]
    odd = any(part in ("", ".", "..") or part != part.strip() for part in parts)
    if odd or re.search(r'[\\:*?"<>|\x00-\x1f\x7f]', str(path)):
        raise WorkbenchError(
            f"{hub_id} lists a file under a name that is not written here: {path!r}.", "Nothing of it was fetched."
        )
    return path


def read_file(hub_id: str, each: Mapping[str, Any]) -> RemoteFile:
    """One file with its size and hash. Raises WorkbenchError where the hub does not give both."""
    path, lfs = check_path(hub_id, each.get("rfilename")), each.get("lfs")
    lfs = lfs if isinstance(lfs, dict) else {}
    size = lfs.get("size", each.get("size"))
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < LARGEST:
        raise WorkbenchError(f"{hub_id} gives {path} a size that cannot be: {size!r}.", "Nothing of it was fetched.")
    digest, kind = (str(lfs.get("sha256", "")), "sha256") if lfs else (str(each.get("blobId", "")), "git")
    if not re.fullmatch(r"[0-9a-f]{64}" if kind == "sha256" else r"[0-9a-f]{40}", digest):
        raise WorkbenchError(
            f"The hub gives no hash of {path} in {hub_id}, so it could not be checked.", "Nothing of it was fetched."
        )
    return RemoteFile(path, size, digest, kind)


def _wanted(hub_id: str, siblings: Sequence[Mapping[str, Any]]) -> tuple[RemoteFile, ...]:
    """Files of the model's own folder that we use; none when there are no weights among them."""
    names = {each["rfilename"] for each in siblings if "/" not in each["rfilename"]}
    weights = _weights(names)
    chosen = {name for name in names if any(fnmatch(name, pattern) for pattern in WANTED)}
    chosen = {name for name in chosen if not name.endswith(".safetensors")} | weights
    if not weights:
        return ()
    return tuple(
        sorted(
            (read_file(hub_id, each) for each in siblings if each["rfilename"] in chosen),
            key=lambda file: (file.size, file.path),
        )
    )


def _weights(names: Iterable[str]) -> set[str]:
    """The safetensors that make one model: other number formats and layouts of it may lie beside them."""
    every = {name for name in names if name.endswith(".safetensors")}
    if "model.safetensors" in every:
        return {"model.safetensors"}
    parts = {name for name in every if WEIGHTS.fullmatch(name)}
    return parts or {name for name in every if name.startswith("adapter_model")} or every


def _ggufs(hub_id: str, siblings: Sequence[Mapping[str, Any]]) -> tuple[RemoteFile, ...]:
    """Those that are one file each: what is cut into parts is not opened here."""
    found = [each for each in siblings if each["rfilename"].lower().endswith(".gguf")]
    whole_ones = [each for each in found if not PART.search(each["rfilename"])]
    return tuple(sorted((read_file(hub_id, each) for each in whole_ones), key=lambda file: file.size))


def _trouble(names: Sequence[str]) -> str:
    if any(name.endswith((".bin", ".pt", ".pth", ".ckpt")) for name in names):
        return "has only pickled weights, which can run code"
    if any(PART.search(name) for name in names):
        return "has its GGUF files cut into parts, which are not opened here"
    return "has no weights that are opened here"


def to_json(file: RemoteFile) -> dict[str, Any]:
    """A file as it is written beside a download."""
    return asdict(file)
