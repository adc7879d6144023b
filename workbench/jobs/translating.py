"""From a file to a job that translates it: its parts, its glossary, and what an earlier job has done of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from ..store import Run, Store
from ..store.document_reading import read_text
from ..store.task_templates import find
from ..store.words import language_of
from . import glossary, preparing
from .document_parts import kind_of, split, split_word
from .glossary import Term
from .spec import JobSpec
from .tasks.translate import TEMPLATE, WORD, Plan

LANGUAGES = {"zh": "Chinese", "ja": "Japanese"}
UNKNOWN = "its language"
"""What a model is told where nobody has said which language a document is in."""
LONGEST_TAG = 60


def prepare(
    store: Store,
    file: Path,
    target: str,
    *,
    model_id: str,
    source: str = "",
    terms_file: Path | None = None,
    out: Path | None = None,
    overwrite: bool = False,
    anew: bool = False,
    options: Mapping[str, Any] | None = None,
) -> tuple[Run, JobSpec]:
    """A run that translates a file, and how to run it.

    What the same model has translated of it before is not translated again (`anew`: it is), and where a person has
    corrected that, the correction stands. Raises WorkbenchError before anything is written.
    """
    file = file.expanduser()
    kind = kind_of(file.name)
    parts = split_word(file) if kind == "word" else split(read_text(file), kind)
    text = "\n\n".join(part.text for part in parts)
    target, source = target.strip(), source.strip() or LANGUAGES.get(language_of(text), UNKNOWN)
    if not target:
        raise WorkbenchError("The language to translate into is missing.", "Name one, such as French.")
    out = (out.expanduser() if out else out_for(file, target)).resolve()
    _check_place(store, file, out, overwrite)
    terms = glossary.read(terms_file) if terms_file else []
    keys = {part.text: key_of(part.text, source, target, terms) for part in parts if part.text}
    if not keys:
        raise WorkbenchError(f"{file.name} holds nothing to translate.", "Choose another file.")
    done = {} if anew else done_before(store, keys, model_id)
    plain = {"document": str(file.resolve()), "out": str(out), "source": source, "target": target}
    run, spec = preparing.prepare(store, "translate", {**plain, **dict(options or {})}, model_id=model_id)
    tags = (*find(TEMPLATE).tags, " ".join(file.name.split())[:LONGEST_TAG])
    folder = store.runs_folder / run.id
    if kind == "word":  # it is filled in at the end, and may have been changed by then
        _keep(file, folder / WORD)
    Plan(kind, tuple(parts), done, keys, tuple(terms), tags).write(folder)
    return run, spec


def _keep(file: Path, place: Path) -> None:
    try:
        shutil.copyfile(file, place)
    except OSError as error:
        raise WorkbenchError(f"The document cannot be prepared: {error.strerror}.", "Free some space.") from error


def out_for(file: Path, target: str) -> Path:
    """Where a translation is written unless somebody says another place: beside the document."""
    return file.with_name(f"{file.stem}.{'-'.join(target.lower().split())}{file.suffix}")


def _check_place(store: Store, file: Path, out: Path, overwrite: bool) -> None:
    """Only what an earlier translation has written, and nobody has changed since, is replaced unasked."""
    if out == file.resolve():
        raise WorkbenchError("The translation would replace the document.", "Choose another name for it.")
    if (file.suffix.lower() == ".docx") != (out.suffix.lower() == ".docx"):
        raise WorkbenchError(f"{file.name} is not written as {out.name}.", "Give both the same ending.")
    if out.exists() and not (overwrite or _written_here(store, out)):
        raise WorkbenchError(f"{out} is there already.", "Choose another name, or say that it may be overwritten.")
    if not out.parent.is_dir():
        raise WorkbenchError(f"There is no folder {out.parent}.", "Choose another place.")


def _written_here(store: Store, out: Path) -> bool:
    known = {run.summary.get("hash") for run in store.runs.list("translate")}
    return out.is_file() and hashlib.sha256(out.read_bytes()).hexdigest() in known


def key_of(text: str, source: str, target: str, terms: Iterable[Term]) -> str:
    """What tells a paragraph with its languages and the terms that stand in it, wherever it stands."""
    own = [[each.source, each.target] for each in glossary.occurring(text, list(terms))]
    return hashlib.sha256(json.dumps([text, source, target, own], ensure_ascii=False).encode()).hexdigest()


def done_before(store: Store, keys: Mapping[str, str], model_id: str) -> dict[str, str]:
    """What this model has made of texts before, the newest of each; a person's correction stands for it."""
    model = store.models.find(model_id)
    base_id, adapter_id = store.models.base_of(model).id, None if model.kind == "base" else model.id
    sql = """SELECT f.key, r.id, r.text FROM fillings f JOIN responses r ON r.prompt_id = f.prompt_id
        WHERE f.key IN (SELECT value FROM json_each(:keys)) AND r.model_id = :base AND r.adapter_id IS :adapter
        ORDER BY r.rowid"""
    params = {"keys": json.dumps(sorted(set(keys.values()))), "base": base_id, "adapter": adapter_id}
    found = {row["key"]: row for row in store.rows(sql, params)}
    edits = _corrections(store, [row["id"] for row in found.values()])
    said = {key: str(edits.get(row["id"], row["text"])) for key, row in found.items()}
    return {text: said[key] for text, key in keys.items() if key in said and said[key].strip()}


def _corrections(store: Store, response_ids: Iterable[str]) -> dict[str, str]:
    """What people have made of answers, the newest of each."""
    sql = """SELECT s.response_id, f.value ->> 'text' AS text FROM feedback f JOIN shown s ON s.feedback_id = f.id
        WHERE f.kind = 'edit' AND f.retracted_at IS NULL AND s.position = f.value ->> 'of'
        AND s.response_id IN (SELECT value FROM json_each(?)) ORDER BY f.seq"""
    return {row["response_id"]: row["text"] for row in store.rows(sql, [json.dumps(list(response_ids))])}
