"""Judgements with their prompt and answers: the form of samples/judgements.jsonl.

{"kind", "prompt", "system"?, "answers": [...], "value": {...}, "comment"?, "annotator"?, "tags"?}
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Said, Skipped, Unfit, keys_in, tags_of, text_of, user
from .reading import each

title = "Judgements"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a kind, a prompt, answers and a value."""
    return keys_in(first_rows, "kind", "prompt", "answers", "value")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each judgement; whether its value fits its kind is checked where it is stored."""
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    answers, value = row.get("answers"), row.get("value")
    if not isinstance(answers, list) or not all(isinstance(answer, str) for answer in answers):
        raise Unfit("answers is not a list of texts.")
    if not isinstance(value, dict):
        raise Unfit("value is not an object.")
    said = Said(
        text_of(row, "kind"),
        value,
        tuple(range(len(answers))),
        text_of(row, "annotator", ""),
        text_of(row, "comment", ""),
    )
    prompt = user(text_of(row, "prompt"))
    return Item(number, prompt, text_of(row, "system", ""), tags_of(row), tuple(answers), (said,))
