"""PandaLM's human test set: two answers a row, compared by several people (1 the first, 2 the second, 0 equal)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Said, Skipped, Unfit, asked, keys_in, text_of, user
from .reading import each

title = "PandaLM comparisons"

_CHOICES = {0: {"choice": "tie"}, 1: {"choice": "a"}, 2: {"choice": "b"}}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with an instruction, two responses and an annotator."""
    return keys_in(first_rows, "instruction", "response1", "response2", "annotator1")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each row with the comparisons of all its annotators, counted from 0.

    A row that repeats an earlier one was judged anew, so every row is an item of its own.
    """
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    answers = (text_of(row, "response1"), text_of(row, "response2"))  # an empty one is an answer too
    said = []
    while (name := f"annotator{len(said) + 1}") in row:
        verdict = row[name]
        if isinstance(verdict, bool) or not isinstance(verdict, int) or verdict not in _CHOICES:
            raise Unfit(f"{name} is neither 0, 1 nor 2.")
        said.append(Said("comparison", _CHOICES[verdict], (0, 1), f"pandalm-{len(said) + 1}"))
    app = text_of(row, "motivation_app", "").strip().lower()
    prompt = user(asked(text_of(row, "instruction"), text_of(row, "input", "")))
    return Item(number, prompt, "", (app,) if app else (), answers, tuple(said), key=str(number))
