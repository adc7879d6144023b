"""What an edit changed, word by word; a Chinese, Japanese or Korean character counts as a word."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_LETTERS = f"[^\\W_{_CJK}]"
_WORD = f"[{_CJK}]|{_LETTERS}+(?:['’\\-]{_LETTERS}+)*"
_TOKEN = re.compile(f"(?:{_WORD}|[^\\w\\s]|_|\\s)\\s*")
_IS_WORD = re.compile(_WORD)
LONGEST = 4_000
"""Tokens of a text; beyond this many, lines are compared instead, because the time grows with the square."""


@dataclass(frozen=True)
class Piece:
    """A stretch of text. change: "same", "removed" (only in the original) or "added" (only in the edit)."""

    change: str
    text: str


@dataclass(frozen=True)
class Difference:
    """The pieces in reading order, and how many words changed."""

    pieces: tuple[Piece, ...]
    added: int
    removed: int
    kept: float
    """Share of the original's words that are still there; 1.0 for an original without words."""

    def places(self) -> list[int]:
        """Where in the edited text each change is, in characters."""
        found, at, inside = [], 0, False
        for piece in self.pieces:
            if piece.change == "same":
                inside = False
            elif not inside:
                found.append(at)
                inside = True
            at += 0 if piece.change == "removed" else len(piece.text)
        return found


def word_count(text: str) -> int:
    """How many words a text has."""
    return sum(1 for _ in _IS_WORD.finditer(text))


def difference(original: str, edited: str) -> Difference:
    """Compare two texts. The pieces but "removed" spell the edited text; but "added", the original save for spaces."""
    old, new = _tokens(original), _tokens(edited)
    matcher = SequenceMatcher(None, [_key(token) for token in old], [_key(token) for token in new], autojunk=False)
    opcodes = matcher.get_opcodes()
    changed = [code for code in opcodes if code[0] != "equal"]
    removed = sum(word_count("".join(old[code[1] : code[2]])) for code in changed)
    added = sum(word_count("".join(new[code[3] : code[4]])) for code in changed)
    pieces: list[Piece] = []
    for kind, i1, i2, j1, j2 in _calm(opcodes, new):
        if kind == "equal":
            pieces.append(Piece("same", "".join(new[j1:j2])))
            continue
        pieces += _replaced("".join(old[i1:i2]), "".join(new[j1:j2]))
    total = word_count(original)
    return Difference(tuple(pieces), added, removed, 1 - removed / total if total else 1.0)


def _replaced(removed: str, added: str) -> list[Piece]:
    """One change. The space that both end with is no part of it."""
    space = ""
    if removed and added:
        ends = [text[len(text.rstrip()) :] for text in (removed, added)]
        space = ends[0] if ends[0] == ends[1] else ""
    found = [Piece("removed", removed[: len(removed) - len(space)]), Piece("added", added[: len(added) - len(space)])]
    return [piece for piece in [*found, Piece("same", space)] if piece.text]


def _tokens(text: str) -> list[str]:
    """Words and signs, each with the space after it."""
    found = _TOKEN.findall(text)
    return found if len(found) <= LONGEST else text.splitlines(keepends=True)


def _key(token: str) -> str:
    """What two tokens must share to be the same: a changed line break counts, a changed space does not."""
    return token.strip() + "\n" * token.count("\n")


Opcode = tuple[str, int, int, int, int]


def _calm(opcodes: Sequence[Opcode], new: list[str]) -> Iterator[Opcode]:
    """Join changes that only a comma or a short word keeps apart: a whole phrase reads better than confetti."""
    waiting: Opcode | None = None
    for place, (kind, i1, i2, j1, j2) in enumerate(opcodes):
        between = 0 < place < len(opcodes) - 1
        if kind == "equal" and not (between and _is_small(new[j1:j2])):
            if waiting:
                yield waiting
            waiting = None
            yield kind, i1, i2, j1, j2
        elif waiting:
            waiting = ("replace", waiting[1], i2, waiting[3], j2)
        else:
            waiting = ("replace", i1, i2, j1, j2)
    if waiting:
        yield waiting


def _is_small(tokens: list[str]) -> bool:
    words = [token for token in tokens if _IS_WORD.match(token)]
    return not words or (len(words) == 1 and len(words[0].strip()) <= 2 and not re.match(f"[{_CJK}]", words[0]))
