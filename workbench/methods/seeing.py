"""The first batch as the model sees it: every token, which of them the loss reads, and which the template put there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from ..events import FirstBatch

MOST_ROWS = 16
"""Rows that are told: a batch may hold thousands, and a person looks at a few."""

Seen = tuple[str, Sequence[int], Sequence[bool]]
"""What a row is, its token ids, and which of them the loss reads."""


def first_batch(tokenizer: Any, rows: Sequence[Seen], note: str) -> FirstBatch:
    """The event that tells a batch. `note`: what the loss reads, in a sentence."""
    shown = [
        {"title": title, "tokens": [list(token) for token in tokens_of(tokenizer, ids, read)]}
        for title, ids, read in rows[:MOST_ROWS]
    ]
    return FirstBatch(shown, note, len(rows) - len(shown))


def tokens_of(tokenizer: Any, ids: Sequence[int], read: Sequence[bool]) -> Iterator[tuple[str, bool, bool]]:
    """Each token as text, whether the loss reads it, and whether it is special.

    A token that holds a part of a character is told as the tokenizer writes it, which is ugly and true.
    """
    special = set(tokenizer.all_special_ids)
    for token, learned in zip(ids, read, strict=True):
        text = str(tokenizer.decode([token], skip_special_tokens=False, clean_up_tokenization_spaces=False))
        if not text or "\ufffd" in text:
            text = str(tokenizer.convert_ids_to_tokens(token))
        yield text, bool(learned), token in special


def answer_read(prompt: Sequence[int], answer: Sequence[int]) -> tuple[list[int], list[bool]]:
    """Ids of a prompt and an answer of which the loss reads the answer."""
    return [*prompt, *answer], [False] * len(prompt) + [True] * len(answer)
