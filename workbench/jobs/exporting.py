"""A model of a project for other programs: merged and written by a child, as it loads the whole model; or its adapter
alone, which is copied."""

from __future__ import annotations

import dataclasses
import json
import logging
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Failed, Finished, Progress, Stopped
from ..lm.folders import clear_left, whole_folder
from ..methods.base import options_from
from ..store import Model, Store
from . import model_cards, preparing
from .process import Child
from .spec import JobSpec
from .tasks import export

log = logging.getLogger(__name__)

FORMATS = (*export.FORMATS, "adapter")
BYTES = {"float32": 4.0, "float16": 2.0, "bfloat16": 2.0, "q8_0": 34 / 32}
BESIDE = 20_000_000
"""Bytes for the tokenizer, the card and the like."""


def export_model(
    store: Store,
    model_id: str,
    target: Path,
    *,
    format: str = "folder",
    take: Callable[[Child], None] = lambda child: None,
    **knobs: Any,
) -> Iterator[Event]:
    """Write a model for other programs, whole or not at all, with a card that says how it was made.

    format: "folder", "gguf", "ollama" or "adapter". take: is given the child, which may then be stopped or killed; the
    last event is then Stopped, and nothing is left. knobs: dtype, shard_mb and llama_cpp of the task. Raises
    WorkbenchError for a reward model, a target that is there already, and whatever stops the writing.
    """
    model, target = store.models.find(model_id), target.expanduser().resolve()
    if model.kind == "reward":
        raise WorkbenchError(f"{model.name} scores answers and writes none.", "Choose a model that writes.")
    if model.kind == "server":
        raise WorkbenchError(f"{model.name} is on a server, and its files are not here.", "Choose another model.")
    if target.exists():
        raise WorkbenchError(f"{target} is there already.", "Choose another folder: nothing is overwritten.")
    clear_left(target)
    check_room(target, bytes_needed(store, model, format, str(knobs.get("dtype", "auto"))))
    if format == "adapter":
        yield from _copy_adapter(store, model, target)
        return
    values = {"target": str(target), "format": format} | _about(store, model, format) | knobs
    options = dataclasses.asdict(options_from(export.Options, values))
    reference = preparing.reference(store, model.id)
    with tempfile.TemporaryDirectory(prefix="workbench-export-") as scratch:
        child = Child(
            JobSpec("export", export.name, options, scratch, model=reference), paths.user_logs() / "export.log"
        )
        take(child)
        try:
            yield from events_of(child)
        finally:
            child.close()
            clear_left(target)


def events_of(child: Child) -> Iterator[Event]:
    """A child's events, with Stopped at the end of one that was killed. Raises WorkbenchError where it failed."""
    for event in child.events():
        if isinstance(event, Failed):
            if not child.killed:
                raise WorkbenchError(event.text, event.hint)
            event = Stopped()
        yield event


def _about(store: Store, model: Model, format: str) -> dict[str, Any]:
    base = store.models.base_of(model)
    return {
        "card": model_cards.card(store, model, form=format),
        "title": model.name,
        "licence": model.licence or base.licence,
        "source": model_cards.hub_id(base),
        "system": common_system(store) if format == "ollama" else "",
    }


def common_system(store: Store) -> str:
    """The system text of a project: what stands before each of its prompts; "" where they differ."""
    found = [row["system"] for row in store.rows("SELECT DISTINCT system FROM prompts", [])]
    return found[0] if len(found) == 1 else ""


# -- room


def bytes_needed(store: Store, model: Model, format: str, dtype: str) -> int:
    """About how many bytes will be written."""
    if format == "adapter":
        return model.size_bytes + BESIDE
    base = store.models.base_of(model)
    each = BYTES.get(dtype)
    if each is None:
        each = 2.0 if base.format == "gguf" or not base.parameters else base.size_bytes / base.parameters
    count = base.parameters or base.size_bytes / 2
    return round(count * each) + BESIDE


def check_room(target: Path, needed: int) -> None:
    """Raises WorkbenchError where a disk has no room for so many bytes."""
    free = free_bytes(target)
    if free < needed:
        raise WorkbenchError(
            f"{target.parent} has {free / 1e9:.1f} GB free, and about {needed / 1e9:.1f} GB are needed.",
            "Free some space, choose another place, or a smaller number format.",
        )


def free_bytes(target: Path) -> int:
    """Free space where a target would be."""
    place = target.parent
    while not place.exists() and place != place.parent:
        place = place.parent
    return shutil.disk_usage(place).free


# -- the adapter alone


def _copy_adapter(store: Store, model: Model, target: Path) -> Iterator[Event]:
    """The adapter in peft's form, with its base's name in the place of its path on this computer."""
    if model.kind != "adapter":
        raise WorkbenchError(f"{model.name} has no adapter of its own.", "Choose the format folder or gguf.")
    preparing.reference(store, model.id)
    source, base = Path(model.location), store.models.base_of(model)
    yield Progress(0, 1, "Copying the adapter")
    with whole_folder(target) as folder:
        shutil.copyfile(source / "adapter_model.safetensors", folder / "adapter_model.safetensors")
        config = json.loads((source / "adapter_config.json").read_text(encoding="utf-8"))
        config["base_model_name_or_path"] = model_cards.hub_id(base) or base.name
        (folder / "adapter_config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        card = model_cards.card(store, model, form="adapter")
        (folder / export.CARD).write_text(card, encoding="utf-8")
    yield Finished({"target": str(target), "format": "adapter", "dtype": ""})
