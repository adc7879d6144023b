"""Preferences: one dataclass, one file. Unknown keys of a newer version are kept."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from . import paths

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Settings:
    """What a person chose once for every project."""

    theme: str = "system"
    text_size: int = 100
    """Per cent, 90 to 150."""
    letters: bool = True
    """Whether single keys act (WCAG 2.1.4)."""
    keys: dict[str, str] = field(default_factory=dict)
    """Keys that the person has changed, by action; see ui/keys.py."""
    closing: str = "ask"
    """What becomes of a run when the window closes: "ask", "keep" (it goes on without a window) or "pause"."""
    annotator: str = "you"
    last_project: str = ""
    track: str = ""
    """Other tools that a run's curves go to as well, separated by commas; see jobs/tracking.py."""
    hub_endpoint: str = ""
    """The address of a mirror of the Hugging Face Hub; "" for what HF_ENDPOINT says, or the hub itself."""
    model_folders: list[str] = field(default_factory=list)
    """Folders in which models lie that may be added to a project; written by `keep_model_folders` alone, because a
    window holds a copy of all this."""
    llama_cpp: str = ""
    """The folder of llama.cpp's source code, whose converter then writes GGUF files; see jobs/llama_cpp.py. Written by
    `keep_llama_cpp` alone, too."""


def _file() -> Path:
    return paths.user_config() / "settings.json"


def _stored() -> dict[str, Any]:
    try:
        found = json.loads(_file().read_text(encoding="utf-8"))
        return found if isinstance(found, dict) else {}
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        log.warning("settings cannot be read and the usual ones are used: %s", error)
        return {}


def load() -> Settings:
    """The stored preferences; a value of the wrong type falls back to its default."""
    stored, usual = _stored(), Settings()
    known = {
        item.name: stored[item.name]
        for item in fields(Settings)
        if item.name in stored and type(stored[item.name]) is type(getattr(usual, item.name))
    }
    chosen = {action: key for action, key in known.get("keys", {}).items() if isinstance(key, str)}
    folders = [place for place in known.get("model_folders", []) if isinstance(place, str)]
    return replace(usual, **known | {"keys": chosen, "model_folders": folders})


def save(settings: Settings) -> None:
    """Store preferences. One that cannot be written is logged: it must not stop the work."""
    values = asdict(settings)
    del values["model_folders"], values["llama_cpp"]
    _write(values)


def keep_model_folders(folders: list[str]) -> None:
    """Store in which folders models are looked for."""
    _write({"model_folders": folders})


def keep_llama_cpp(folder: str) -> None:
    """Store where llama.cpp's source code is."""
    _write({"llama_cpp": folder})


def _write(values: dict[str, Any]) -> None:
    try:
        _file().parent.mkdir(parents=True, exist_ok=True)
        temporary = _file().with_suffix(".tmp")
        temporary.write_text(json.dumps(_stored() | values, indent=2, ensure_ascii=False), encoding="utf-8")
        temporary.replace(_file())
    except OSError as error:
        log.warning("settings cannot be written: %s", error)
