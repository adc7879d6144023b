"""From judgements to training examples, with the counts that explain them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from . import KINDS
from .base import Conversion, Demonstration, Judgement, Label, Pair, Ranking, Rules

_NAMES = {Pair: "pairs", Ranking: "rankings", Label: "labels", Demonstration: "demonstrations"}


def convert(judgements: Iterable[Judgement], rules: Rules | None = None) -> Conversion:
    """Every example that the judgements hold under the rules, in the order of the judgements."""
    rules = rules or Rules()
    conversion = Conversion()
    for judgement in judgements:
        counts = conversion.counts.setdefault(
            judgement.kind, {"judgements": 0, "pairs": 0, "rankings": 0, "labels": 0, "demonstrations": 0}
        )
        counts["judgements"] += 1
        for example in KINDS[judgement.kind].examples(judgement, rules):
            field = _NAMES[type(example)]  # type: ignore[index]
            getattr(conversion, field).append(example)
            counts[field] += 1
    return Conversion(
        conversion.pairs,
        conversion.rankings,
        conversion.labels,
        conversion.demonstrations,
        conversion.counts,
        conflicts(conversion.pairs),
    )


def conflicts(pairs: Iterable[Pair]) -> int:
    """How many two-answer sets were judged both ways (A over B and B over A)."""
    directions: dict[tuple[str, frozenset[str]], Counter[str]] = {}
    for pair in pairs:
        key = (pair.prompt_id, frozenset((pair.chosen, pair.rejected)))
        directions.setdefault(key, Counter())[pair.chosen] += 1
    return sum(1 for counts in directions.values() if len(counts) > 1)
