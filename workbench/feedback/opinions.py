"""Judgements as numbers, so that what several people said of the same thing, or one person twice, can be compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from . import best_worst, rubric
from .base import Judgement, Pair

Opinion = tuple[tuple[str, ...], str, float]
"""What was judged (ids of answers), who judged it, and the value as a number."""

LEVELS = {
    "rating": "ordinal",
    "thumbs": "nominal",
    "rubric": "interval",
    "comparison": "ordinal",
    "ranking": "ordinal",
    "best_worst": "ordinal",
}
"""The level of measurement of each kind's numbers; edits and marks are no opinions that could be shared."""
_SCALES = {"stars": "ordinal", "pass_fail": "nominal", "pass_fail_critical": "ordinal"}


def level_of(about: str) -> str:
    """The level of a key of `opinions`: a kind, or a rubric's criterion with its scale."""
    return LEVELS[about] if about in LEVELS else _SCALES[about.split("/")[1]]


def criterion_of(about: str) -> str:
    """The name of the criterion that a key of `opinions` is about, "" for a whole kind."""
    return about.split("/", 2)[2] if "/" in about else ""


def opinions(judgements: Iterable[Judgement]) -> dict[str, list[Opinion]]:
    """By kind, and by "rubric/scale/name" for each criterion: what was said of each answer or of each two.

    Stars, thumbs (1 and 0) and scores are about an answer. Comparisons and rankings are about two: 1 when the one with
    the smaller id is better, -1 when the other is, 0 for a tie or both bad, so that it does not matter which of them
    was shown first. Best (1), worst (-1) and between are about an answer among those it was shown with.
    """
    found: dict[str, list[Opinion]] = {kind: [] for kind in LEVELS}
    for judgement in judgements:
        for about, opinion in said(judgement):
            found.setdefault(about, []).append(opinion)
    return found


def said(judgement: Judgement) -> list[tuple[str, Opinion]]:
    """The opinions in one judgement, each under its key."""
    if judgement.kind not in LEVELS:
        return []
    found = [(judgement.kind, opinion) for opinion in _READERS[judgement.kind](judgement)]
    return found + (_criteria(judgement) if judgement.kind == "rubric" else [])


def standings(kind: str, value: Mapping[str, Any], shown: int) -> tuple[float | None, ...]:
    """How each answer of a judgement stands, in the order shown: higher is better. None where nothing was said.

    Stars and scores as they are, thumbs as 1 and 0; else only the order has a meaning. () for kinds that judge no
    answer against others.
    """
    if kind == "rating":
        return tuple(None if stars is None else float(stars) for stars in value["ratings"])
    if kind == "thumbs":
        return tuple(None if up is None else float(up) for up in value["thumbs"])
    if kind == "rubric":
        return tuple(rubric.overall(value))
    if kind == "comparison":
        return {"a": (1.0, 0.0), "b": (0.0, 1.0)}.get(value["choice"], (0.0, 0.0))
    if kind == "ranking":
        return _ranked(value["order"], shown)
    return _ranked(best_worst.order(value, shown), shown) if kind == "best_worst" else ()


def _ranked(order: Sequence[Sequence[int]], shown: int) -> tuple[float | None, ...]:
    rank = {place: -float(rank) for rank, group in enumerate(order) for place in group}
    return tuple(rank.get(place) for place in range(shown))


def _of_answers(judgement: Judgement) -> list[Opinion]:
    scores = standings(judgement.kind, judgement.value, len(judgement.answers))
    given = zip(judgement.answers, scores, strict=True)
    return [((answer.id,), judgement.annotator, score) for answer, score in given if score is not None]


def _of_twos(judgement: Judgement) -> list[Opinion]:
    scores = standings(judgement.kind, judgement.value, len(judgement.answers))
    placed = [(place, score) for place, score in enumerate(scores) if score is not None]
    return [
        _about(judgement, one, other, float((first > second) - (first < second)))
        for (one, first), (other, second) in combinations(placed, 2)
    ]


def _about(judgement: Judgement, one: int, other: int, value: float) -> Opinion:
    first, second = judgement.answers[one].id, judgement.answers[other].id
    if first <= second:
        return (first, second), judgement.annotator, value
    return (second, first), judgement.annotator, 0.0 - value  # never -0.0


def _of_ends(judgement: Judgement) -> list[Opinion]:
    ids = [answer.id for answer in judgement.answers]
    ends = {judgement.value["best"]: 1.0, judgement.value["worst"]: -1.0}
    return [
        ((id_, *sorted(ids)), judgement.annotator, ends.get(place, 0.0)) for place, id_ in enumerate(ids)
    ]  # fmt: skip


def _criteria(judgement: Judgement) -> list[tuple[str, Opinion]]:
    """Each criterion's scores as places on its scale, worst first."""
    value, found = judgement.value, []
    for criterion, scores in zip(value["criteria"], value["scores"], strict=True):
        about = f"rubric/{criterion['scale']}/{criterion['name']}"
        scale = rubric.SCALES[criterion["scale"]]
        given = zip(judgement.answers, scores, strict=True)
        found += [
            (about, ((answer.id,), judgement.annotator, float(scale.index(score))))
            for answer, score in given
            if score is not None
        ]
    return found


_READERS: dict[str, Callable[[Judgement], list[Opinion]]] = {
    "rating": _of_answers,
    "thumbs": _of_answers,
    "rubric": _of_answers,
    "comparison": _of_twos,
    "ranking": _of_twos,
    "best_worst": _of_ends,
}


@dataclass(frozen=True)
class Repeat:
    """A judgement that repeats an earlier one of the same person. kept: it says the same; apart: the widest step."""

    id: str
    first: str
    kind: str
    annotator: str
    kept: bool
    apart: float
    rise: float
    """By how much scores went up on average, 0 for kinds without scores."""
    values: tuple[tuple[float, float], ...] = ()
    """(then, now) of every opinion that both hold."""


def repeats(judgements: Iterable[Judgement], repeat_of: Mapping[str, str]) -> list[Repeat]:
    """Every hidden repeat beside the judgement that it repeats. `repeat_of`: the earlier id by the later.

    A pair without an opinion in common, or whose first was taken back, is left out.
    """
    by_id = {judgement.id: judgement for judgement in judgements}
    found = []
    for later, earlier in repeat_of.items():
        now, then = by_id.get(later), by_id.get(earlier)
        if now is None or then is None or now.kind != then.kind or now.annotator != then.annotator:
            continue
        before, after = _whole(then), _whole(now)
        both = tuple((before[item], after[item]) for item in before if item in after)
        if both:
            apart = max(abs(new - old) for old, new in both)
            scored = now.kind in ("rating", "thumbs", "rubric")
            rise = sum(new - old for old, new in both) / len(both) if scored else 0.0
            found.append(Repeat(later, earlier, now.kind, now.annotator, apart < 1e-9, apart, rise, both))
    return found


def _whole(judgement: Judgement) -> dict[tuple[str, ...], float]:
    """A judgement's opinions by item, without those of a rubric's single criteria."""
    return {item: value for about, (item, _, value) in said(judgement) if about == judgement.kind}


@dataclass(frozen=True)
class Contradiction:
    """Two answers that were judged both ways: the judgements that prefer the first, and those that prefer the other."""

    prompt_id: str
    one: str
    other: str
    for_one: tuple[str, ...]
    for_other: tuple[str, ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Every judgement that takes part."""
        return (*self.for_one, *self.for_other)


def contradictions(pairs: Iterable[Pair]) -> list[Contradiction]:
    """Every two answers with A over B and B over A, in the order in which they were first judged.

    `pairs` before votes are merged: a majority hides who was outvoted.
    """
    votes: dict[tuple[str, frozenset[str]], dict[str, list[str]]] = {}
    for pair in pairs:
        sides = votes.setdefault((pair.prompt_id, frozenset((pair.chosen, pair.rejected))), {})
        sides.setdefault(pair.chosen, []).extend(pair.sources)
    return [
        Contradiction(prompt_id, one, other, tuple(dict.fromkeys(sides[one])), tuple(dict.fromkeys(sides[other])))
        for (prompt_id, _), sides in votes.items()
        if len(sides) == 2
        for one, other in [tuple(sides)]
    ]
