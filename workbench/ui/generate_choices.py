"""Which columns Generate begins with, what it keeps for next time, and what to say about memory."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QCoreApplication

from ..jobs.tasks.generate import Options
from ..lm.refs import SERVER
from ..store import Model, Store
from .generate_answers import ColumnChoice
from .generate_sampling import Sampling

SETTING = "generate"


@dataclass(frozen=True)
class Kept:
    """What was chosen the last time: columns as (model id, sampling), and the rest of the panel."""

    columns: list[tuple[str, Sampling]] = field(default_factory=list)
    samples: int = Options.samples
    seed: int = Options.seed
    same_seed: bool = True
    reward_id: str = ""
    queue_at_once: bool = True


def read_kept(store: Store) -> Kept:
    """What the project keeps, or the usual values."""
    values: dict[str, Any] = store.setting(SETTING) or {}
    if not values:
        return Kept()
    columns = [(str(item["model"]), Sampling.from_json(item["sampling"])) for item in values.get("columns", ())]
    usual = Kept()
    names = ("samples", "seed", "same_seed", "reward_id", "queue_at_once")
    return Kept(columns, **{name: values.get(name, getattr(usual, name)) for name in names})


def write_kept(store: Store, kept: Kept) -> None:
    """Keep this for next time."""
    values = {name: getattr(kept, name) for name in ("samples", "seed", "same_seed", "reward_id", "queue_at_once")}
    columns = [{"model": model_id, "sampling": sampling.to_json()} for model_id, sampling in kept.columns]
    store.set_setting(SETTING, values | {"columns": columns})


def writing_models(store: Store) -> list[Model]:
    """Models that can write answers and whose files are there: the newest adapters first, then bases, then servers."""
    found = [model for model in store.models.list() if model.kind != "reward" and _can_write(store, model)]
    kinds = {kind: [model for model in found if model.kind == kind] for kind in ("adapter", "base", SERVER)}
    return [*reversed(kinds["adapter"]), *kinds["base"], *kinds[SERVER]]


def _can_write(store: Store, model: Model) -> bool:
    if model.kind == SERVER:
        return True
    base = store.models.base_of(model)
    if not base.info.get("generates", True):
        return False
    return os.path.exists(base.location) and (model is base or os.path.exists(model.location))


def first_columns(store: Store, kept: Kept, loaded: Model | None) -> list[ColumnChoice]:
    """The columns of last time that still can write; else the loaded model, or the newest there is."""
    models = {model.id: model for model in writing_models(store)}
    columns = [ColumnChoice(models[id_], sampling) for id_, sampling in kept.columns if id_ in models]
    if columns:
        return columns
    if loaded is not None and loaded.id in models:
        return [ColumnChoice(models[loaded.id], Sampling())]
    return [ColumnChoice(model, Sampling()) for model in list(models.values())[:1]]


def note_on_memory(store: Store, models: Sequence[Model]) -> str:
    """What several columns mean for memory; "" for one column."""
    models = [model for model in models if model.kind != SERVER]
    if len(models) < 2:
        return ""
    base_of = {model.id: store.models.base_of(model).id for model in models}
    for place, first in enumerate(models):
        for second in models[place + 1 :]:
            if first.id != second.id and base_of[first.id] == base_of[second.id]:
                text = QCoreApplication.translate(
                    "Generate",
                    "{first} and {second} stand on the same weights, so together they need no more memory than one.",
                )
                return text.format(first=first.name, second=second.name)
    return QCoreApplication.translate(
        "Generate",
        "Models are kept side by side as far as memory allows. One that has no room waits, or takes the place of one "
        "that rests.",
    )
