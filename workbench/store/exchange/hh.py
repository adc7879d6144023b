"""Preferences as Anthropic's HH has them: {"chosen", "rejected"}, two transcripts that differ in their last answer.

A transcript is "\\n\\nHuman: ...\\n\\nAssistant: ..."; what stands before it is the system text. Holds no margin, no
person, no comment and no tags, and no text that has "\\n\\nHuman:" or "\\n\\nAssistant:" in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ...feedback.base import Message
from .items import Item, Skipped, ended, keys_in, one_prompt, preference, text_of
from .reading import each
from .shapes import Shape

title = "Preferences (Anthropic HH)"

_COLUMNS = {"chosen": str, "rejected": str}
_ROLES = {"Human": "user", "Assistant": "assistant"}
_NAMES = {role: name for name, role in _ROLES.items()}
_TURN = re.compile(r"\n\n(Human|Assistant):")


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with chosen and rejected, both transcripts, and no prompt."""
    return keys_in(first_rows, *_COLUMNS) and any(
        isinstance(row, dict) and row.get("prompt") is None and all(_is_transcript(row.get(name)) for name in _COLUMNS)
        for row in first_rows
    )


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each pair as a comparison that the chosen answer won."""
    return each(path, _item, _COLUMNS)


def _is_transcript(text: Any) -> bool:
    return isinstance(text, str) and bool(_TURN.search(text))


def _item(number: int, row: dict[str, Any]) -> Item:
    chosen, rejected = (ended(_messages(text_of(row, name)), name) for name in _COLUMNS)
    system, turns = one_prompt(chosen, rejected)
    return Item(number, turns, system, **preference(chosen[2], rejected[2]))


def _messages(transcript: str) -> list[Message]:
    system, *rest = _TURN.split(transcript)
    head = [{"role": "system", "content": system}] if system else []
    turns = zip(rest[::2], rest[1::2], strict=True)
    return head + [{"role": _ROLES[name], "content": text.removeprefix(" ")} for name, text in turns]


def _row(item: Item) -> dict[str, Any]:
    turns = [f"\n\n{_NAMES[turn['role']]}: {turn['content']}" for turn in item.turns]
    prompt = item.system + "".join(turns) + "\n\nAssistant: "
    return dict(zip(_COLUMNS, (prompt + answer for answer in item.answers), strict=True))


SHAPES = (Shape("pairs", _row, _item, _COLUMNS),)
