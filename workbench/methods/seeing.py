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


LONGEST_CHARACTER = 4
"""Bytes of UTF-8, and so the most tokens that one character can be in."""


def tokens_of(tokenizer: Any, ids: Sequence[int], read: Sequence[bool]) -> Iterator[tuple[str, bool, bool]]:
    """Each token as text, whether the loss reads it, and whether it is special.

    Of tokens that hold a character together the first is told as the character and the others as nothing. Bytes that
    are no character, as where a text was cut, are told as the tokenizer writes them.
    """
    special = set(tokenizer.all_special_ids)
    texts: list[str] = []
    while len(texts) < len(ids):
        texts += _character(tokenizer, ids[len(texts) : len(texts) + LONGEST_CHARACTER])
    for token, text, learned in zip(ids, texts, read, strict=True):
        yield text, bool(learned), token in special


def _character(tokenizer: Any, ids: Sequence[int]) -> list[str]:
    """Texts of the first of these tokens, or of as many as hold a character together."""
    for size in range(1, len(ids) + 1):
        text = str(tokenizer.decode(list(ids[:size]), skip_special_tokens=False, clean_up_tokenization_spaces=False))
        if text and "\ufffd" not in text:
            return [text] + [""] * (size - 1)
    return [str(tokenizer.convert_ids_to_tokens(ids[0]))]


def answer_read(prompt: Sequence[int], answer: Sequence[int]) -> tuple[list[int], list[bool]]:
    """Ids of a prompt and an answer of which the loss reads the answer."""
    return [*prompt, *answer], [False] * len(prompt) + [True] * len(answer)
