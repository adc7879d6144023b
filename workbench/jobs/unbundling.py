"""A bundle from anywhere made into a project of its own, whose one run is that of the bundle.

A bundle is a stranger's file. Only what its manifest names is read, with the size and hash that it says, into places
that are chosen here; nothing in it is executed.
"""

from __future__ import annotations

import hashlib
import json
import re
import shutil
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..lm import files
from ..methods import METHODS
from ..methods.base import options_from
from ..store import Run, Store
from . import chat_templates, frozen
from .bundling import DATA, MANIFEST, METRICS, RUN, VERSION, blocks, check_rewards, readable
from .preparing import reference, versions
from .spec import JobSpec

NAME = re.compile(r"(run\.json|metrics\.json|data\.jsonl|answers\.jsonl|models/\d{1,3}/[\w-][\w.-]{0,200})")
MOST = 64 << 20
"""Bytes of a member that is read into memory at once."""
RATIO = 100
"""How much smaller than its content a member may be: text is not, bombs are."""
Curves = Mapping[str, list[list[Any]]]


@dataclass(frozen=True)
class Unbundled:
    """A run that waits to be run, and the curves that it had where it came from."""

    run: Run
    spec: JobSpec
    curves: Curves


def unbundle(path: Path, out: Path, model: Path | None = None) -> tuple[Store, Unbundled]:
    """Make the bundle at `path` a project in `out`, a folder that is new or empty, and open it.

    `model`: where its base lies, if the bundle has it not. Raises WorkbenchError, and leaves no folder, when the bundle
    is damaged or hostile, or a model is not to be found or another one than it was.
    """
    fresh = not out.exists()
    if not fresh and any(out.iterdir()):
        raise WorkbenchError(f"{out} is not empty.", "Give a new folder with --out.")
    store = None
    try:
        with readable(path), zipfile.ZipFile(path) as archive:
            members = _checked(path, archive, out)
            about = json.loads(_read(path, archive, members, RUN))
            curves = json.loads(_read(path, archive, members, METRICS)) if METRICS in members else {}
            store = Store.open(out)
            made = _make(store, path, archive, members, about, model)
            return store, Unbundled(made, JobSpec.from_line(json.dumps(made.spec)), curves)
    except BaseException:
        if store is not None:
            store.close()
        if fresh:
            shutil.rmtree(out, ignore_errors=True)
        raise


def _checked(path: Path, archive: zipfile.ZipFile, out: Path) -> dict[str, dict[str, Any]]:
    """The members that the manifest names, which are those that there are, of a size that there is room for."""
    infos = {info.filename: info for info in archive.infolist()}
    if MANIFEST not in infos or infos[MANIFEST].file_size > MOST:
        raise WorkbenchError(f"{path.name} is not a bundle of a run.", "Make one with: workbench runs export.")
    manifest = json.loads(archive.read(MANIFEST))
    if manifest["workbench_bundle"] > VERSION:
        raise WorkbenchError(f"{path.name} was written by a newer Workbench.", "Update the app to run it.")
    members = manifest["members"]
    if {*members, MANIFEST} != set(infos) or len(infos) != len(archive.infolist()) or {RUN, DATA} - set(members):
        raise WorkbenchError(f"{path.name} does not hold what its manifest says.", "Export the run again.")
    for name, told in members.items():
        if not NAME.fullmatch(name) or ".." in name:
            raise WorkbenchError(f"{path.name} holds a file that is none of a bundle: {name!r}.", "It was not opened.")
        info = infos[name]
        if info.file_size != told["size"] or info.file_size > max(BIG, RATIO * info.compress_size):
            raise WorkbenchError(f"{path.name} would be far larger than it says: {name}.", "It was not opened.")
    size = sum(told["size"] for told in members.values())
    free = shutil.disk_usage(next(each for each in (out, *out.absolute().parents) if each.exists())).free
    if size > free - BIG:
        raise WorkbenchError(
            f"{path.name} needs {size / 1e6:,.0f} MB and {free / 1e6:,.0f} MB are free.", "Free some space."
        )
    return members


BIG = 16 << 20
"""Bytes that do no harm, however they were packed; and that stay free."""


def _read(path: Path, archive: zipfile.ZipFile, members: Mapping[str, Any], name: str) -> bytes:
    if members[name]["size"] > MOST:
        raise WorkbenchError(f"{path.name} would be far larger than it says: {name}.", "It was not opened.")
    content = archive.read(name)
    _compare(path, name, members, hashlib.sha256(content).hexdigest(), len(content))
    return content


def _extract(path: Path, archive: zipfile.ZipFile, members: Mapping[str, Any], name: str, target: Path) -> None:
    digest, size = hashlib.sha256(), 0
    target.parent.mkdir(parents=True, exist_ok=True)
    with archive.open(name) as reading, target.open("xb") as writing:
        for block in blocks(reading):  # zipfile gives no more than the size that was checked
            digest.update(block)
            size += len(block)
            writing.write(block)
    _compare(path, name, members, digest.hexdigest(), size)


def _compare(path: Path, name: str, members: Mapping[str, Any], digest: str, size: int) -> None:
    if (digest, size) != (members[name]["sha256"], members[name]["size"]):
        raise WorkbenchError(
            f"{name} in {path.name} is not what it was: its hash differs.", "Copy or export the bundle again."
        )


def _make(
    store: Store,
    path: Path,
    archive: zipfile.ZipFile,
    members: Mapping[str, Any],
    about: Mapping[str, Any],
    model: Path | None,
) -> Run:
    method = METHODS.get(about["method"])
    if method is None:
        raise WorkbenchError(f"This version has no method called {about['method']!r}.", "Update the app to run it.")
    options_from(method.Options, about["options"])
    check_rewards(str(about["name"]), about["options"])
    ids: list[str] = []
    for number, told in enumerate(about["models"]):
        place = _place(store, path, archive, members, number, told, model)
        ids.append(_add_model(store, told, place, ids))
    chosen = {key: ids[about[key]] if about[key] is not None else None for key in ("model", "reward")}
    for key, id_ in chosen.items():
        if id_:
            _use_template(store, id_, str(about.get("templates", {}).get(key, "")))
    run = store.runs.add(
        name=str(about["name"]),
        method=method.name,
        options=about["options"],
        model_id=chosen["model"],
        reward_id=chosen["reward"],
    )
    folder = store.runs_folder / run.id
    for name in (DATA, frozen.ANSWERS):
        if name in members:
            _extract(path, archive, members, name, folder / name)
    frozen.read(folder / DATA)
    store.runs.freeze(run.id, (), frozen.digest(folder / DATA))
    spec = JobSpec.from_line(
        json.dumps(
            about["spec"]
            | {"run_id": run.id, "method": method.name, "options": about["options"], "folder": str(folder)}
            | {"data": str(folder / DATA), "model": None, "reward": None, "resumes": False, "changed": []}
            | {key: reference(store, id_).to_json() for key, id_ in chosen.items() if id_}
        )
    )
    store.runs.update(run.id, spec=spec.to_json(), log_path=str(folder / "log.txt"), versions=versions())
    return store.runs.find(run.id)


def _place(
    store: Store,
    path: Path,
    archive: zipfile.ZipFile,
    members: Mapping[str, Any],
    number: int,
    told: Mapping[str, Any],
    model: Path | None,
) -> Path:
    """Where a model of the run is: in the bundle, where the person says, or where it was; and it is the same one."""
    inside = [name for name in members if name.startswith(f"models/{number}/")]
    place = store.models_folder / f"{number}"
    for name in inside:
        _extract(path, archive, members, name, place / name.rsplit("/", 1)[1])
    if inside and told["file"]:
        place = place / inside[0].rsplit("/", 1)[1]
    if not inside:
        asked = model if model is not None and told["kind"] == "base" and told["parent"] is None else None
        place = asked or Path(told["location"])
        # A place on another computer would be asked for over the network.
        if str(place).startswith(("//", "\\\\")) or not place.exists():
            raise WorkbenchError(f"The bundle names the model {told['name']}, and {place} is not here.", _HINT)
    if told["hash"] and files.folder_hash(place) != told["hash"]:
        raise WorkbenchError(f"{place} is not the model {told['name']} that the run used: its hash differs.", _HINT)
    return place.absolute()


def _use_template(store: Store, model_id: str, text: str) -> None:
    """The chat template that the run had its model with. It is a stranger's, and is rendered as every template is."""
    model = store.models.find(model_id)
    if text != chat_templates.choice_of(store, model).text:
        chat_templates.choose(store, model, chat_templates.named_by(text))


_HINT = "Say where it is with --model PATH, or export the bundle again --with-models."


def _add_model(store: Store, told: Mapping[str, Any], place: Path, ids: list[str]) -> str:
    fields = {key: told[key] for key in ("format", "hash", "note", "licence", "parameters")}
    parent = ids[told["parent"]] if told["parent"] is not None else None
    return store.models.add(
        name=str(told["name"]), kind=told["kind"], source="local", location=str(place), parent_id=parent,
        size_bytes=files.folder_size(place), info=dict(told["info"]), **fields,
    ).id  # fmt: skip


TIMED = "perf/"
"""Metrics that tell of the machine."""


def differences(store: Store, run: Run, curves: Curves) -> list[str]:
    """The metrics that are not, at every step and to the last bit, those that the run had where it came from."""
    here = {name: [list(point) for point in points] for name, points in store.runs.metrics(run.id).items()}
    names = sorted({*here, *curves})
    return [name for name in names if not name.startswith(TIMED) and here.get(name) != curves.get(name)]
