"""The rows that a run learns from, frozen in a JSONL file: what is judged afterwards does not reach the run."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..feedback.base import Demonstration, Document, Label, Pair, Prompt, Ranking
from ..methods.base import Data

ANSWERS = "answers.jsonl"

_KINDS: dict[str, type] = {
    "prompts": Prompt,
    "pairs": Pair,
    "rankings": Ranking,
    "labels": Label,
    "demonstrations": Demonstration,
    "documents": Document,
}


def write(data: Data, path: Path) -> str:
    """Write the rows and return the sha256 of the file."""
    lines = [
        json.dumps({"kind": kind, **dataclasses.asdict(item)}, ensure_ascii=False, sort_keys=True)
        for kind in _KINDS
        for item in getattr(data, kind)
    ]
    content = "".join(f"{line}\n" for line in lines).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise WorkbenchError(f"The run's data could not be written: {error.strerror}.", "Free some space.") from error
    return hashlib.sha256(content).hexdigest()


def digest(path: Path) -> str:
    """The sha256 of a file, as write() gave it."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read(path: Path) -> Data:
    """The rows that write() wrote. Raises WorkbenchError when the file is missing or damaged."""
    rows: dict[str, list[Any]] = {kind: [] for kind in _KINDS}
    try:
        for line in path.read_text(encoding="utf-8").split("\n"):
            if line:
                fields = json.loads(line)
                kind = fields.pop("kind")
                rows[kind].append(_KINDS[kind](**{key: _frozen(value) for key, value in fields.items()}))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise WorkbenchError(f"The run's data in {path} cannot be read.", "Start the run again.") from error
    return Data(**{kind: tuple(items) for kind, items in rows.items()})


def write_answers(answers: Iterable[Mapping[str, Any]], folder: Path) -> None:
    """Write the answers that a job is to read, into its run's folder."""
    try:
        with (folder / ANSWERS).open("w", encoding="utf-8") as file:
            file.writelines(json.dumps(answer, ensure_ascii=False) + "\n" for answer in answers)
    except OSError as error:
        raise WorkbenchError(f"The run's data could not be written: {error.strerror}.", "Free some space.") from error


def read_answers(folder: Path) -> list[dict[str, Any]]:
    """The answers that write_answers() wrote. Raises WorkbenchError when the file is missing or damaged."""
    try:
        return [json.loads(line) for line in (folder / ANSWERS).read_text(encoding="utf-8").split("\n") if line]
    except (OSError, ValueError) as error:
        raise WorkbenchError(f"The run's answers in {folder} cannot be read.", "Start the run again.") from error


def _frozen(value: Any) -> Any:
    return tuple(_frozen(item) for item in value) if isinstance(value, list) else value
