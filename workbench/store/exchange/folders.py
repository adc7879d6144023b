"""Folders of data: as `datasets` saves them, or with files of one kind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from .strict_json import parse
from .text_files import NOTHING, opened

_SHARDS = (".parquet", ".arrow", ".jsonl", ".ndjson", ".json", ".csv")
_ABOUT = ("dataset_info.json", "dataset_infos.json", "dataset_dict.json", "state.json")
_MOST = 16 * 2**20


def files_in(folder: Path) -> list[Path]:
    """The files that hold the folder's rows, in order. Raises WorkbenchError when it is none, or damaged."""
    if (folder / "dataset_dict.json").is_file():
        splits = _json(folder / "dataset_dict.json").get("splits")
        files = [file for split in _names(folder, splits) for file in _saved(folder / split)]
    else:
        files = _saved(folder) if (folder / "state.json").is_file() else _shards(folder)
    if not files:
        raise WorkbenchError(
            f"{folder} holds no data that can be imported.",
            "Choose a folder that `datasets` saved, or one with Parquet, JSONL or CSV files.",
        )
    return files


def _saved(folder: Path) -> list[Path]:
    if not (folder / "state.json").is_file():
        raise WorkbenchError(f"{folder} has no state.json, so the dataset in it is not whole.", NOTHING)
    found = _json(folder / "state.json").get("_data_files")
    names = [item.get("filename") for item in found if isinstance(item, dict)] if isinstance(found, list) else None
    files = [folder / name for name in _names(folder, names)]
    if missing := next((file for file in files if not file.is_file()), None):
        raise WorkbenchError(f"{folder} has no {missing.name}, so the dataset in it is not whole.", NOTHING)
    return files


def _shards(folder: Path) -> list[Path]:
    places = [place for place in (folder, folder / "data") if place.is_dir()]
    files = sorted(
        file for place in places for file in place.iterdir()
        if file.suffix.lower() in _SHARDS and file.name not in _ABOUT and not file.name.startswith(".")
    )  # fmt: skip
    kinds = {file.suffix.lower() for file in files}
    if len(kinds) > 1:
        raise WorkbenchError(f"{folder} holds files of several kinds: {', '.join(sorted(kinds))}.", "Choose one file.")
    return files


def _json(path: Path) -> dict[str, Any]:
    with opened(path) as file:
        data = file.read(_MOST)
    try:
        value = parse(data.decode())
    except (ValueError, RecursionError) as error:
        raise WorkbenchError(f"{path} is not JSON, so the dataset in it is not whole.", NOTHING) from error
    if not isinstance(value, dict):
        raise WorkbenchError(f"{path} is not what `datasets` writes.", NOTHING)
    return value


def _names(folder: Path, names: Any) -> list[str]:
    """Names of files or folders directly in the folder, and of nothing elsewhere."""
    if not isinstance(names, list) or not all(isinstance(name, str) and _is_inside(name) for name in names):
        raise WorkbenchError(f"{folder} does not say which files its data is in.", NOTHING)
    return names


def _is_inside(name: str) -> bool:
    return Path(name).name == name and name not in ("", ".", "..")


def write_about(folder: Path, file_name: str, marker: str) -> None:
    """What `datasets` wants beside a file of rows to load it from this folder."""
    state = {
        "_data_files": [{"filename": file_name}],
        "_fingerprint": marker,
        "_format_columns": None,
        "_format_kwargs": {},
        "_format_type": None,
        "_output_all_columns": False,
        "_split": None,
    }
    (folder / "state.json").write_text(json.dumps(state, indent=2), encoding="utf-8")
    (folder / "dataset_info.json").write_text("{}", encoding="utf-8")
