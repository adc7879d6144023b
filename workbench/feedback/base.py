"""What a judgement is made of, and the training examples that judgements become. Data only."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

Message = dict[str, str]
"""One turn: {"role": "system" | "user" | "assistant", "content": text}."""


@dataclass(frozen=True)
class Answer:
    """A response as a judgement sees it."""

    id: str
    text: str


@dataclass(frozen=True)
class Judgement:
    """One judgement with the texts it is about. `answers` stand in the order in which they were shown."""

    id: str
    kind: str
    prompt_id: str
    messages: tuple[Message, ...]
    answers: tuple[Answer, ...]
    value: Mapping[str, Any]
    split: str = "train"
    annotator: str = ""


@dataclass(frozen=True)
class Pair:
    """`chosen` was judged better than `rejected`. `margin` is by how much, on the scale of its source (0: unknown)."""

    prompt_id: str
    messages: tuple[Message, ...]
    chosen: str
    rejected: str
    margin: float = 0.0
    split: str = "train"
    sources: tuple[str, ...] = ()
    who: str = ""
    """Who judged so, where votes of different people are kept apart (Rules.by_person)."""


@dataclass(frozen=True)
class Ranking:
    """Answers from best to worst; answers of one inner tuple are tied. `margin` is from one rank to the next."""

    prompt_id: str
    messages: tuple[Message, ...]
    groups: tuple[tuple[str, ...], ...]
    split: str = "train"
    sources: tuple[str, ...] = ()
    margin: float = 1.0
    who: str = ""


@dataclass(frozen=True)
class Label:
    """A single answer with a scalar. scale: "stars" for 1 to 5, "thumbs" for 1 and 0 (good and bad)."""

    prompt_id: str
    messages: tuple[Message, ...]
    text: str
    value: float
    split: str = "train"
    sources: tuple[str, ...] = ()
    scale: str = "stars"
    who: str = ""


@dataclass(frozen=True)
class Demonstration:
    """An answer worth imitating."""

    prompt_id: str
    messages: tuple[Message, ...]
    text: str
    split: str = "train"
    sources: tuple[str, ...] = ()


@dataclass(frozen=True)
class Prompt:
    """A prompt to answer in an on-policy run or an evaluation."""

    prompt_id: str
    messages: tuple[Message, ...]
    split: str = "train"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """Plain text to learn a language from."""

    text: str
    split: str = "train"


Example = Pair | Ranking | Label | Demonstration | Prompt


@dataclass(frozen=True)
class Choice:
    """One thing a person can say with one key."""

    key: str
    label: str
    value: Any


@dataclass(frozen=True)
class Rules:
    """How judgements become examples: the knobs a person can turn, with visible counts."""

    min_gap: int = 1
    """A pair of ratings becomes a preference when they differ by at least this many stars."""
    good_rating: int = 5
    """An answer rated this high or higher is a demonstration."""
    use_ratings: bool = True
    use_comparisons: bool = True
    use_rankings: bool = True
    use_edits: bool = True
    use_thumbs: bool = True
    use_best_worst: bool = True
    use_rubrics: bool = True
    merge_votes: bool = True
    """Several judgements of the same two answers make one pair, by majority; an even vote makes none."""
    by_person: bool = False
    """Only a person's own judgements are merged, and pairs, rankings and labels know whose they are."""


class Kind(Protocol):
    """A kind of feedback: how many responses it shows, what can be said, and what that teaches."""

    name: str
    title: str
    shows: tuple[int, int]
    """Fewest and most responses that one judgement is about."""
    choices: Sequence[Choice]

    def check(self, value: Mapping[str, Any], shown: int) -> dict[str, Any]:
        """The value in its stored form. Raises WorkbenchError when it is not a judgement of `shown` answers."""
        ...

    def examples(self, judgement: Judgement, rules: Rules) -> list[Example]:
        """What the judgement teaches."""
        ...


@dataclass(frozen=True)
class Conversion:
    """Examples with the counts that explain them."""

    pairs: list[Pair] = field(default_factory=list)
    rankings: list[Ranking] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    demonstrations: list[Demonstration] = field(default_factory=list)
    counts: dict[str, dict[str, int]] = field(default_factory=dict)
    """By kind of feedback: {"rating": {"judgements": 212, "pairs": 148, "demonstrations": 9}, ...}."""
    conflicts: int = 0
    """Pairs that another judgement of the same two answers contradicts."""
