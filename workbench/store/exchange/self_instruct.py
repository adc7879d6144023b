"""Self-Instruct tasks: {"instruction", "instances": [{"input", "output"}, ...]}."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Skipped, Unfit, asked, keys_in, reference, text_of, user
from .reading import each

title = "Instructions (Self-Instruct)"


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with an instruction and instances."""
    return keys_in(first_rows, "instruction", "instances")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each instance of each task, with its output as a demonstration and its application as a tag."""
    return each(path, _items)


def _items(number: int, row: dict[str, Any]) -> list[Item]:
    instances = row.get("instances")
    if not isinstance(instances, list) or not all(isinstance(instance, dict) for instance in instances):
        raise Unfit("instances is not a list of inputs and outputs.")
    instruction, app = text_of(row, "instruction"), text_of(row, "motivation_app", "").strip()
    items = []
    for instance in instances:
        prompt = user(asked(instruction, text_of(instance, "input", "")))
        output = text_of(instance, "output", "")
        about = reference(output) if output.strip() else {}
        items.append(Item(number, prompt, tags=(app.lower(),) if app else (), **about))
    return items
