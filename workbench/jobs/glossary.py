"""Words that a translation has to use: pairs from a CSV or TSV file."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import WorkbenchError
from ..store.document_reading import read_text
from ..store.words import CJK

MOST = 20_000
_HEADS = {"source", "term", "from", "target", "translation", "to"}


@dataclass(frozen=True)
class Term:
    """A word, and what it is called in the other language."""

    source: str
    target: str


def read(path: Path) -> list[Term]:
    """The pairs of a file, in its first two columns. Raises WorkbenchError when it holds none."""
    text = read_text(path.expanduser())
    head = text.partition("\n")[0]
    rows = csv.reader(text.splitlines(), delimiter=max("\t;,", key=head.count))
    found: dict[str, Term] = {}
    try:
        for number, cells in enumerate(rows, 1):
            pair = [cell.strip() for cell in cells[:2]]
            if number == 1 and {cell.lower() for cell in pair} <= _HEADS:
                continue
            if len(pair) == 2 and all(pair):
                found[pair[0].casefold()] = Term(*pair)
            elif any(pair):
                raise WorkbenchError(
                    f"Line {number} of {path.name} has no two words.", "Each line is a word and its translation."
                )
    except csv.Error as error:
        raise WorkbenchError(f"{path.name} is not a table: {error}.", "Save it again as CSV (UTF-8).") from error
    if not 0 < len(found) <= MOST:
        raise WorkbenchError(
            f"{path.name} holds {len(found):,} terms.", f"A glossary has 1 to {MOST:,}, a word and its translation."
        )
    return list(found.values())


def occurring(text: str, terms: Sequence[Term]) -> list[Term]:
    """The terms that stand in a text."""
    return [term for term in terms if _holds(text, term.source)]


def missed(translation: str, terms: Sequence[Term]) -> list[Term]:
    """The terms whose translation does not stand in what was made of the text."""
    return [term for term in terms if not _holds(translation, term.target, whole=False)]


def _holds(text: str, word: str, whole: bool = True) -> bool:
    if word.casefold() not in text.casefold():
        return False
    # A word of letters must not be a part of another; Chinese has no spaces, and an ending may follow a translation.
    if not whole or re.search(f"[{CJK}]", word):
        return True
    return bool(re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE))


def in_words(terms: Sequence[Term]) -> str:
    """The terms as a prompt has them; "" without any."""
    return f" Use these terms: {'; '.join(f'{each.source} = {each.target}' for each in terms)}." if terms else ""
