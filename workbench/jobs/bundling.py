"""A run in one file, to be run anywhere: its data, knobs, versions and curves, and what it needs of its models.

A bundle is a zip with `manifest.json` (size and sha256 of every other member), `run.json`, `data.jsonl`,
`metrics.json`, and the files of models in `models/<number>/`. Adapters travel along, because they are nowhere else; a
base is named with its hash, unless its files are asked for.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from ..errors import WorkbenchError
from ..lm.folders import reason
from ..methods import METHODS
from ..store import Model, Run, Store
from . import frozen
from .learned import judges_of

VERSION = 1
MANIFEST, RUN, DATA, METRICS = "manifest.json", "run.json", "data.jsonl", "metrics.json"
SUFFIXES = (".safetensors", ".json", ".model", ".txt", ".jinja", ".gguf")
"""Files of a model that travel. Nothing that could be a program is among them."""
BLOCK = 1 << 20


def write(store: Store, run_id: str, path: Path, with_models: bool = False) -> Path:
    """Write a run into a bundle at `path` and return it; with_models: the files of its bases too.

    Raises WorkbenchError when the run's data or a model's files are gone, or the file cannot be written.
    """
    run = store.runs.find(run_id)
    folder = store.runs_folder / run.id
    if run.method not in METHODS:
        raise WorkbenchError(f"{run.name} is no training run.", "Only what has learned can be taken along.")
    check_rewards(run.name, run.options)
    if not (folder / DATA).is_file():
        raise WorkbenchError(f"What {run.name} learned from is no longer there.", "It was in its run's folder.")
    models = _models(store, run)
    place = path.with_name(f"{path.name}.part")
    try:
        with zipfile.ZipFile(place, "w", zipfile.ZIP_DEFLATED, allowZip64=True) as archive:
            _fill(_Writing(archive), store, run, models, with_models)
        place.replace(path)
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be written: {reason(error)}.", "Choose another folder.") from error
    finally:
        place.unlink(missing_ok=True)
    return path


def check_rewards(name: str, options: Mapping[str, Any]) -> None:
    """Raises WorkbenchError for a run that would execute somebody's Python, or send answers and a key to a server that
    somebody named: a bundle is a stranger's file."""
    for knob, what in (("function", "a function of one's own"), ("judge_url", "a judge on a server")):
        if options.get(knob):
            raise WorkbenchError(
                f"{name} is rewarded by {what}, which does not travel in a bundle.",
                "Start a new run with the same settings where it is wanted.",
            )


def _fill(writing: _Writing, store: Store, run: Run, models: list[Model], with_models: bool) -> None:
    folder = store.runs_folder / run.id
    writing.text(RUN, _told(store, run, models))
    writing.text(METRICS, store.runs.metrics(run.id))
    for name in (DATA, frozen.ANSWERS):
        if (folder / name).exists():
            writing.file(name, folder / name)
    for number, model in enumerate(models):
        if with_models or model.kind != "base":
            for file in model_files(model):
                writing.file(f"models/{number}/{file.name}", file)
    writing.manifest()


class _Writing:
    """A zip that knows what was put into it."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._members: dict[str, dict[str, Any]] = {}

    def text(self, name: str, value: Any) -> None:
        content = json.dumps(value, ensure_ascii=False, indent=1).encode()
        self._members[name] = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
        self._archive.writestr(name, content)

    def file(self, name: str, source: Path) -> None:
        # Weights do not get smaller, and take long.
        info = zipfile.ZipInfo.from_file(source, name, strict_timestamps=False)
        info.compress_type = zipfile.ZIP_DEFLATED if source.suffix in (".json", ".jsonl") else zipfile.ZIP_STORED
        digest, size = hashlib.sha256(), 0
        with source.open("rb") as reading, self._archive.open(info, "w", force_zip64=True) as target:
            for block in blocks(reading):
                digest.update(block)
                size += len(block)
                target.write(block)
        self._members[name] = {"size": size, "sha256": digest.hexdigest()}

    def manifest(self) -> None:
        content = json.dumps({"workbench_bundle": VERSION, "members": self._members}, indent=1)
        self._archive.writestr(MANIFEST, content)


def blocks(file: IO[bytes]) -> Iterator[bytes]:
    """A file in pieces."""
    while block := file.read(BLOCK):
        yield block


def _models(store: Store, run: Run) -> list[Model]:
    """The models that a run needs and what they stand on, parents first."""
    found: dict[str, Model] = {}
    for id_ in (run.model_id, run.reward_id):
        for model in store.models.lineage(store.models.find(id_)) if id_ else ():
            found[model.id] = model
    return list(found.values())


def model_files(model: Model) -> list[Path]:
    """The files that make a model. Raises WorkbenchError when there are none."""
    place = Path(model.location)
    files = [place] if place.is_file() else sorted(each for each in place.glob("*") if each.suffix in SUFFIXES)
    if not files:
        raise WorkbenchError(f"The files of {model.name} are gone from {place}.", "Add the model again.")
    return files


def _told(store: Store, run: Run, models: list[Model]) -> dict[str, Any]:
    numbers = {model.id: number for number, model in enumerate(models)}
    return {
        "name": run.name,
        "method": run.method,
        "options": dict(run.options),
        "seed": run.options.get("seed"),
        "spec": {key: value for key, value in run.spec.items() if key not in ("folder", "data", "model", "reward")},
        "versions": dict(run.versions),
        "device": run.device,
        "status": run.status,
        "step": run.step,
        "created_at": run.created_at,
        "feedback_ids": [item.id for item in store.runs.feedback_of(run.id)],
        "judges": judges_of(store, run),
        "data_sha256": run.data_hash,
        "model": numbers.get(run.model_id or ""),
        "reward": numbers.get(run.reward_id or ""),
        "templates": {key: (run.spec.get(key) or {}).get("template", "") for key in ("model", "reward")},
        "models": [_model_told(model, numbers) for model in models],
    }


def _model_told(model: Model, numbers: dict[str, int]) -> dict[str, Any]:
    return {
        "name": model.name,
        "kind": model.kind,
        "format": model.format,
        "hash": model.hash,
        "parent": numbers.get(model.parent_id or ""),
        "location": model.location,
        "file": Path(model.location).name if Path(model.location).is_file() else "",
        "note": model.note,
        "licence": model.licence,
        "parameters": model.parameters,
        "info": dict(model.info),
    }


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Turn what a broken or hostile zip raises into one sentence."""
    try:
        yield
    except WorkbenchError:
        raise
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be read: {reason(error)}.", "Choose another file or folder.") from error
    except Exception as error:  # zipfile raises some ten kinds, on every level
        raise WorkbenchError(f"{path.name} is damaged, or not a bundle.", "Export the run again.") from error
