"""What an answer says of where it comes from: the passages that it cites, and those whose words its sentences share.

The second is a measure of words in common. It says "used" of nothing that the model has not been given, and nothing of
a sentence that shares too few words with any passage.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from .retrieving import Passage
from .words import sentences, terms

_CITATION = re.compile(r"\[\s*(\d{1,3}(?:\s*[,;，、]\s*\d{1,3})*)\s*\]|［(\d{1,3})］|【(\d{1,3})】")
ENOUGH = 0.5
"""Share of a sentence's words that must stand in a passage for it to count as used."""
FEWEST = 2
"""Words that must."""


@dataclass(frozen=True)
class Cited:
    """A number in an answer, with the passage that it stands for; None where no such passage was given."""

    number: int
    passage: Passage | None


@dataclass(frozen=True)
class Used:
    """A sentence of an answer with the passage that shares most words with it. share: of the sentence's words."""

    sentence: str
    number: int
    passage: Passage
    share: float


@dataclass(frozen=True)
class Sources:
    """Where an answer comes from. `used` is computed from words in common, and only where nothing right is cited."""

    cited: tuple[Cited, ...] = ()
    used: tuple[Used, ...] = ()

    @property
    def unknown(self) -> tuple[int, ...]:
        """Numbers of passages that were not given."""
        return tuple(each.number for each in self.cited if each.passage is None)


def citations(text: str, given: Sequence[Passage]) -> tuple[Cited, ...]:
    """Each number that an answer cites, once, in the order in which they stand."""
    numbers: dict[int, None] = {}
    for match in _CITATION.finditer(text):
        numbers |= dict.fromkeys(int(number) for number in re.findall(r"\d+", match[0]))
    return tuple(Cited(number, given[number - 1] if 0 < number <= len(given) else None) for number in numbers)


def used(text: str, given: Sequence[Passage]) -> tuple[Used, ...]:
    """Each sentence of an answer that shares enough words with a passage, with the one that it shares most with."""
    words = [set(terms(f"{passage.heading}\n{passage.text}")) for passage in given]
    found = []
    for sentence in sentences(_CITATION.sub("", text)):
        own = set(terms(sentence))
        shared = [len(own & each) for each in words]
        best = max(range(len(given)), key=lambda place: shared[place], default=-1)
        if best >= 0 and shared[best] >= max(FEWEST, ENOUGH * len(own)):
            found.append(Used(sentence, best + 1, given[best], shared[best] / len(own)))
    return tuple(found)


def sources(text: str, given: Sequence[Passage]) -> Sources:
    """Where an answer comes from: what it cites, or what it shares words with where it cites nothing right."""
    cited = citations(text, given)
    if any(each.passage is not None for each in cited):
        return Sources(cited)
    return Sources(cited, used(text, given))
