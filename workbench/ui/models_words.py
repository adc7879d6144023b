"""Words about models that several places show."""

from __future__ import annotations

import datetime
from collections.abc import Mapping

from PySide6.QtCore import QCoreApplication, QDate, QLocale, QTime

from ..errors import WorkbenchError
from ..jobs.run import worker
from ..store import Model
from . import figures
from .models_library import Entry
from .models_providers import name_of

LICENCES = {
    "apache-2.0": "Apache 2.0",
    "mit": "MIT",
    "gemma": "Gemma",
    "llama3.2": "Llama 3.2",
    "cc-by-4.0": "CC BY 4.0",
}
ICONS = {"base": "box", "adapter": "puzzle", "reward": "scale", "server": "zap"}


def icon_of(model: Model) -> str:
    """The icon of a model: its kind, or for a base where it came from."""
    if model.kind == "base":
        return {"gguf": "file-box", "local": "folder"}.get(model.source, "box")
    return ICONS.get(model.kind, "box")


def method_title(model: Model) -> str:
    """The name of the method that made a model, "" when none did."""
    name = str(model.info.get("method") or "")
    if not name:
        return ""
    try:
        return str(worker(name).title)
    except WorkbenchError:  # a method of a newer version
        return name


def origin(model: Model) -> str:
    """Where a model came from."""
    words = {
        "hub": QCoreApplication.translate("Models", "Hugging Face Hub"),
        "gguf": QCoreApplication.translate("Models", "GGUF file"),
        "starter": QCoreApplication.translate("Models", "Starter"),
        "run": QCoreApplication.translate("Models", "Made by a run"),
    }
    return words.get(model.source, QCoreApplication.translate("Models", "Local folder"))


def parameters(count: int) -> str:
    """A number of parameters: 135 M, 1.24 B."""
    if count <= 0:
        return ""
    if count >= 1_000_000_000:
        return f"{figures.figure(count / 1e9)} B"
    if count >= 1_000_000:
        return f"{figures.figure(count / 1e6)} M"
    return figures.count(count)


def summary(entry: Entry) -> str:
    """The second line of a model's row."""
    model = entry.model
    if model.kind == "reward":
        return _reward_summary(model)
    if model.kind == "adapter":
        method = method_title(model)
        if method:
            text = QCoreApplication.translate("Models", "{method} on {base}")
            return text.format(method=method, base=entry.base.name)
        return QCoreApplication.translate("Models", "Adapter on {base}").format(base=entry.base.name)
    if model.kind == "server":
        return name_of(model.location)
    size = parameters(model.parameters)
    parts = [origin(model), licence(model)]
    if size:
        parts.append(QCoreApplication.translate("Models", "{size} parameters").format(size=size))
    return ", ".join(part for part in parts if part)


def _reward_summary(model: Model) -> str:
    accuracy = model.info.get("accuracy")
    if isinstance(accuracy, int | float):
        text = QCoreApplication.translate("Models", "Reward model, {share} accuracy")
        return text.format(share=f"{figures.figure(100 * accuracy)}%")
    return QCoreApplication.translate("Models", "Reward model")


def licence(model: Model) -> str:
    """A licence as people write it: Apache 2.0 for apache-2.0."""
    return licence_named(model.licence)


def licence_named(name: str) -> str:
    """The same for a name by itself."""
    return LICENCES.get(name.lower(), name)


def form(entry: Entry) -> str:
    """How the weights are stored."""
    model = entry.model
    if model.kind == "server":
        return QCoreApplication.translate("Models", "Server")
    if model.kind != "base":
        return "LoRA"
    if model.format == "gguf":
        return str(model.info.get("quantisation") or "GGUF")
    return model.format


def moment(stamp: str) -> str:
    """A time as people say it: 09:46 today, Monday within a week, else 12 Nov; an en dash for none."""
    if not stamp:
        return "\u2013"
    local = datetime.datetime.fromisoformat(stamp).astimezone()
    days = (datetime.datetime.now().astimezone().date() - local.date()).days
    if days <= 0:
        return QLocale().toString(QTime(local.hour, local.minute), "HH:mm")
    date = QDate(local.year, local.month, local.day)
    if days < 7:
        return QLocale().toString(date, "dddd")
    return QLocale().toString(date, "d MMM" if days < 300 else "d MMM yyyy")


def judgements(counts: Mapping[str, int]) -> str:
    """Counts of judgements in words: 57 edits, 143 ratings."""
    one = {
        "rating": QCoreApplication.translate("Models", "1 rating"),
        "comparison": QCoreApplication.translate("Models", "1 comparison"),
        "ranking": QCoreApplication.translate("Models", "1 ranking"),
        "edit": QCoreApplication.translate("Models", "1 edit"),
    }
    many = {
        "rating": QCoreApplication.translate("Models", "{count} ratings"),
        "comparison": QCoreApplication.translate("Models", "{count} comparisons"),
        "ranking": QCoreApplication.translate("Models", "{count} rankings"),
        "edit": QCoreApplication.translate("Models", "{count} edits"),
    }
    other = QCoreApplication.translate("Models", "{count} judgements")
    parts = [
        one[kind] if number == 1 and kind in one else many.get(kind, other).format(count=figures.count(number))
        for kind, number in counts.items()
    ]
    return ", ".join(parts)
