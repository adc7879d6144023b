"""Judgements with their prompt and answers: the form of samples/judgements.jsonl.

{"kind", "prompt", "system"?, "answers": [...], "value": {...}, "comment"?, "reasons"?, "annotator"?, "tags"?, "id"?}

The prompt is a text or a conversation; the id tells a judgement from another that says the same. Holds every kind of
judgement whole; not when it was made, or how long it took.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .columns import JSON, MESSAGES
from .items import Item, Said, Skipped, Unfit, keys_in, messages_of, object_of, tags_of, text_of, words_of
from .preferences import prompt_of
from .reading import each
from .shapes import Shape, only

title = "Judgements"

_COLUMNS = {
    "id": str,
    "kind": str,
    "prompt": MESSAGES,
    "answers": [str],
    "value": JSON,
    "comment": str,
    "reasons": [str],
    "annotator": str,
    "tags": [str],
}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a kind, a prompt, answers and a value."""
    return keys_in(first_rows, "kind", "prompt", "answers", "value")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each judgement; whether its value fits its kind is checked where it is stored."""
    return each(path, _item, _COLUMNS)


def _item(number: int, row: dict[str, Any]) -> Item:
    answers = row.get("answers")
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise Unfit("answers is not a list of texts.")
    said = Said(
        text_of(row, "kind"),
        object_of(row, "value"),
        tuple(range(len(answers))),
        text_of(row, "annotator", ""),
        text_of(row, "comment", ""),
        words_of(row, "reasons"),
        text_of(row, "id", ""),
    )
    system, turns = prompt_of(row)
    # What was written to be imitated, and not answered, is nothing to judge.
    aside = {"source": "reference", "queued": False} if said.annotator == "reference" else {}
    return Item(number, turns, system, tags_of(row), tuple(answers), (said,), **aside)


def _row(item: Item) -> dict[str, Any]:
    said = only(item)
    about = {
        "id": said.key,
        "kind": said.kind,
        "value": dict(said.value),
        "comment": said.comment,
        "annotator": said.annotator,
    }
    lists = {"answers": list(item.answers), "reasons": list(said.reasons), "tags": list(item.tags)}
    return {"prompt": messages_of(item), **about, **lists}


SHAPES = (Shape("judgements", _row, _item, _COLUMNS, frozenset({"margin", "who", "comment", "reasons", "tags"})),)
