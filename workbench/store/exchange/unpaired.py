"""Single answers with a verdict, as TRL has them: {"prompt", "completion", "label": true or false, "rating"?}.

Our own rows have the stars beside the label, 4 and 5 as true and 1 and 2 as false; 3 are neither and are left out.
Holds no pairs, no person, no comment and no tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .columns import MESSAGES
from .items import Item, Said, Skipped, keys_in, messages_of, number_of, thumb, truth_of
from .preferences import answer_message, answer_of, prompt_of
from .reading import each
from .shapes import Shape, is_good, only

title = "Labels (TRL)"

_COLUMNS = {"prompt": MESSAGES, "completion": MESSAGES, "label": bool, "rating": float, "split": str}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a prompt, a completion and a label."""
    return keys_in(first_rows, "prompt", "completion", "label")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each answer with thumbs up or down, or with its stars where there are some."""
    return each(path, _item, _COLUMNS)


def _item(number: int, row: dict[str, Any]) -> Item:
    system, turns = prompt_of(row)
    answer, good = answer_of(row.get("completion"), "completion"), truth_of(row, "label")
    stars = number_of(row, "rating")
    if stars in (1, 2, 4, 5):
        said = Said("rating", {"ratings": [int(stars)]}, (0,))
        return Item(number, turns, system, answers=(answer,), said=(said,))
    return Item(number, turns, system, **thumb(answer, good))


def _row(item: Item) -> dict[str, Any]:
    value = only(item).value
    stars = value["ratings"][0] if "ratings" in value else None
    row = {"prompt": messages_of(item), "completion": answer_message(item.answers[0]), "label": is_good(value)}
    return row | {"rating": None if stars is None else float(stars)}


SHAPES = (Shape("labels", _row, _item, _COLUMNS, frozenset({"stars"})),)
