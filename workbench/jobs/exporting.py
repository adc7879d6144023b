"""A model of a project as a folder of its own, for other programs: written by a child, as it loads the whole model."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Failed
from ..methods.base import options_from
from ..store import Store
from . import model_cards, preparing
from .process import Child
from .spec import JobSpec
from .tasks import export


def export_model(store: Store, model_id: str, target: Path, **knobs: Any) -> Iterator[Event]:
    """Write a model with its adapter merged, its tokenizer and its card into a new folder, whole or not at all.

    knobs: dtype and shard_mb of the task. Raises WorkbenchError for a reward model, a folder that is there already, and
    whatever stops the writing.
    """
    model = store.models.find(model_id)
    if model.kind == "reward":
        raise WorkbenchError(f"{model.name} scores answers and writes none.", "Choose a model that writes.")
    if model.kind == "server":
        raise WorkbenchError(f"{model.name} is on a server, and its files are not here.", "Choose another model.")
    values = {"target": str(target.resolve()), "card": model_cards.card(store, model)} | knobs
    options = dataclasses.asdict(options_from(export.Options, values))
    reference = preparing.reference(store, model.id)
    with tempfile.TemporaryDirectory(prefix="workbench-export-") as scratch:
        child = Child(
            JobSpec("export", export.name, options, scratch, model=reference), paths.user_logs() / "export.log"
        )
        for event in child.events():
            if isinstance(event, Failed):
                raise WorkbenchError(event.text, event.hint)
            yield event
