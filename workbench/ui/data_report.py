"""What the judgements say about themselves: do people agree, does length pay, does the side matter. No widgets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..events import Event, Finished
from ..feedback.base import Judgement
from ..store import Store
from .word_diff import word_count

FEW = 20
"""Under so many cases no verdict is given."""
AGREES, PARTLY = 0.8, 0.667
"""Krippendorff's own marks: reliable from 0.8 on, for tentative conclusions from 0.667 on."""


@dataclass(frozen=True)
class Finding:
    """One question answered. verdict: "good", "warn" or "none" (too little to say); numbers by name."""

    about: str
    verdict: str
    numbers: dict[str, Any]


def reporting(store: Store) -> Iterator[Event]:
    """Work out the report beside the window."""
    judgements = store.feedback.judgements()
    yield Finished({"findings": [asdict(finding) for finding in report(judgements)]})


def report(judgements: Sequence[Judgement]) -> list[Finding]:
    """Every finding, in the order in which it is shown."""
    return [
        agreement_of("ratings", _ratings(judgements), "ordinal"),
        agreement_of("comparisons", _comparisons(judgements), "nominal"),
        length_of(judgements),
        position_of(judgements),
    ]


def _ratings(judgements: Iterable[Judgement]) -> Iterator[tuple[str, str, float]]:
    for judgement in judgements:
        if judgement.kind == "rating":
            for answer, stars in zip(judgement.answers, judgement.value["ratings"], strict=True):
                if stars is not None:
                    yield answer.id, judgement.annotator, float(stars)


def _comparisons(judgements: Iterable[Judgement]) -> Iterator[tuple[tuple[str, ...], str, float]]:
    """The winner as -1 or 1 in the order of the ids, whichever side it was on; 0 for a tie, 2 for both bad."""
    for judgement in judgements:
        if judgement.kind == "comparison":
            ids = [answer.id for answer in judgement.answers]
            choice = judgement.value["choice"]
            sign = 1.0 if ids == sorted(ids) else -1.0
            value = {"a": sign, "b": -sign, "tie": 0.0, "both_bad": 2.0}[choice]
            yield tuple(sorted(ids)), judgement.annotator, value


def agreement_of(about: str, opinions: Iterable[tuple[Any, str, float]], level: Any) -> Finding:
    """How far people agree who judged the same."""
    from ..evaluation.agreement import agreement

    found = agreement(opinions, level)
    numbers = {
        "units": found.units,
        "alpha": _known(found.alpha),
        "same": _known(found.raw),
        "pairs": [[*who, n, _known(kappa)] for who, (n, kappa) in found.pairs.items()],
    }
    if found.units < FEW or numbers["alpha"] is None:
        return Finding(about, "none", numbers)
    return Finding(about, "good" if found.alpha >= AGREES else "warn", numbers)


def _known(value: float) -> float | None:
    return None if math.isnan(value) else value


def length_of(judgements: Iterable[Judgement]) -> Finding:
    """Whether longer answers get more stars: Pearson's r within prompts, with its 95 % interval after Fisher.

    Within prompts, because some prompts ask for longer answers and that is no bias.
    """
    import numpy as np

    groups: dict[str, list[tuple[int, float]]] = {}
    for judgement in judgements:
        if judgement.kind == "rating":
            for answer, stars in zip(judgement.answers, judgement.value["ratings"], strict=True):
                if stars is not None:
                    groups.setdefault(judgement.prompt_id, []).append((word_count(answer.text), float(stars)))
    pairs = [np.asarray(group) - np.mean(group, axis=0) for group in groups.values() if len(group) >= 2]
    n = sum(len(group) for group in pairs)
    free = n - len(pairs) - 2  # one mean per prompt is used up
    if free < FEW:
        return Finding("length", "none", {"answers": n})
    words, stars = np.concatenate(pairs).T
    spread = float(np.sqrt((words**2).sum() * (stars**2).sum()))
    if spread == 0:
        return Finding("length", "none", {"answers": n})
    r = float((words * stars).sum() / spread)
    centre, half = math.atanh(max(-0.999999, min(0.999999, r))), 1.959964 / math.sqrt(free - 1)
    low, high = math.tanh(centre - half), math.tanh(centre + half)
    per_50 = 50 * float((words * stars).sum() / (words**2).sum())
    numbers = {"answers": n, "r": r, "low": low, "high": high, "per_50": per_50}
    return Finding("length", "warn" if low > 0 or high < 0 else "good", numbers)


def position_of(judgements: Iterable[Judgement]) -> Finding:
    """Whether the left side wins more often than chance."""
    from ..evaluation.intervals import wilson

    choices = [judgement.value["choice"] for judgement in judgements if judgement.kind == "comparison"]
    left, decided = choices.count("a"), choices.count("a") + choices.count("b")
    if decided < FEW:
        return Finding("position", "none", {"decided": decided})
    low, high = wilson(left, decided)
    numbers = {"decided": decided, "share": left / decided, "low": low, "high": high}
    return Finding("position", "good" if low <= 0.5 <= high else "warn", numbers)
