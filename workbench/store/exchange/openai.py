"""What OpenAI's fine-tuning takes: {"messages"}, or {"input": {"messages"}, "preferred_output": [...], ...}.

The other of two outputs is "non_preferred_output".

Holds no margin, no person, no comment and no tags.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .columns import MESSAGES
from .demonstrations import of_messages
from .items import Item, Skipped, conversation, keys_in, messages_of, object_of, preference
from .preferences import answer_message, answer_of
from .reading import each
from .shapes import Shape

title = "Fine-tuning (OpenAI)"

_PAIR = {"input": {"messages": MESSAGES}, "preferred_output": MESSAGES, "non_preferred_output": MESSAGES}


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with an input and two outputs; messages alone are demonstrations in TRL's form too."""
    return keys_in(first_rows, *_PAIR)


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each pair as a comparison that the preferred output won, each conversation as a demonstration."""
    return each(path, _item, _PAIR | {"messages": MESSAGES})


def _item(number: int, row: dict[str, Any]) -> Item:
    if row.get("messages") is not None:
        return of_messages(number, row)
    system, turns = conversation(object_of(row, "input").get("messages"), "input")
    preferred, other = (answer_of(row.get(name), name) for name in list(_PAIR)[1:])
    return Item(number, turns, system, **preference(preferred, other))


def _pair(item: Item) -> dict[str, Any]:
    preferred, other = map(answer_message, item.answers)
    return {"input": {"messages": messages_of(item)}, "preferred_output": preferred, "non_preferred_output": other}


def _demonstration(item: Item) -> dict[str, Any]:
    return {"messages": messages_of(item) + answer_message(item.answers[0])}


SHAPES = (
    Shape("pairs", _pair, _item, _PAIR),
    Shape("demonstrations", _demonstration, _item, {"messages": MESSAGES}),
)
