"""A document in passages of about 150 to 250 words, cut between paragraphs, each with the headings it stands under."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .words import count_words, sentences

ENOUGH, MOST = 150, 250
"""Words from which a passage may end with its paragraph, and words that it has at most."""

_HEADING = re.compile(r"(#{1,6})\s+(.*?)\s*#*\s*$")
_CLOSED = "。！？；"
"""Ends of sentences in a script without spaces."""
_FENCE = re.compile(r"\s*(```|~~~)")


@dataclass(frozen=True)
class Piece:
    """A passage before it is stored. heading: those it stands under, from the outermost, with / between."""

    heading: str
    text: str


def cut(text: str) -> list[Piece]:
    """The passages of a document."""
    found: list[Piece] = []
    for heading, paragraphs in _sections(text):
        found += [Piece(heading, "\n\n".join(group)) for group in _groups(paragraphs)]
    return found


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """(headings, paragraphs) of each part between two headings; a heading with nothing under it is a part too."""
    path: list[tuple[int, str]] = []
    block: list[str] = []
    paragraphs: list[str] = []
    fenced = False
    said = True
    for line in [*text.split("\n"), ""]:
        fenced ^= bool(_FENCE.match(line))
        heading = None if fenced else _HEADING.match(line)
        if block and (heading or (not line.strip() and not fenced)):
            paragraphs.append("\n".join(block))
            block = []
        if heading:
            if paragraphs or not said:
                yield _named(path), paragraphs
            level = len(heading[1])
            path = [*(each for each in path if each[0] < level), (level, heading[2])]
            paragraphs, said = [], False
        elif line.strip() or (fenced and block):
            block.append(line)
            said = True
    if block:  # a fence that was never closed
        paragraphs.append("\n".join(block))
    if paragraphs or not said:
        yield _named(path), paragraphs


def _named(path: list[tuple[int, str]]) -> str:
    return " / ".join(name for _, name in path)


def _groups(paragraphs: list[str]) -> Iterator[list[str]]:
    group: list[str] = []
    size = 0
    for paragraph in (part for whole in paragraphs for part in _parts(whole)):
        words = count_words(paragraph)
        if group and (size >= ENOUGH or size + words > MOST):
            yield group
            group, size = [], 0
        group.append(paragraph)
        size += words
    if group:
        yield group


def _parts(paragraph: str) -> Iterator[str]:
    """A paragraph, or where it is too long, so many of its sentences at a time."""
    if count_words(paragraph) <= MOST:
        yield paragraph
        return
    part = ""
    for sentence in (piece for whole in sentences(paragraph) for piece in _broken(whole)):
        if part and count_words(part) + count_words(sentence) > MOST:
            yield part
            part = ""
        part = f"{part}{'' if part[-1:] in _CLOSED else ' '}{sentence}".lstrip()
    if part:
        yield part


def _broken(sentence: str) -> Iterator[str]:
    """A sentence, or where even that is too long, pieces of it."""
    if count_words(sentence) <= MOST:
        yield sentence
        return
    length = max(1, len(sentence) * MOST // (2 * count_words(sentence)))
    for start in range(0, len(sentence), length):
        yield sentence[start : start + length]
