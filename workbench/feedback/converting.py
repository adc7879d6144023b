"""From judgements to training examples, with the counts that explain them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

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
            if rules.by_person and isinstance(example, Pair | Ranking | Label):
                example = replace(example, who=judgement.annotator)
            field = _NAMES[type(example)]  # type: ignore[index]
            getattr(conversion, field).append(example)
            counts[field] += 1
    pairs = merge_votes(conversion.pairs) if rules.merge_votes else conversion.pairs
    return Conversion(
        pairs,
        conversion.rankings,
        conversion.labels,
        conversion.demonstrations,
        conversion.counts,
        conflicts(conversion.pairs),
    )


def merge_votes(pairs: Iterable[Pair]) -> list[Pair]:
    """One pair for every two answers that were judged, in the direction of the majority; even votes make none.

    The margin is the mean of the votes' margins, those against it counted negative: two of three that agree by 1
    give 1/3. All votes are its sources. Keeps the order in which the two answers were first judged. Where pairs know
    whose they are, each person's votes are counted alone.
    """
    votes: dict[tuple[str, frozenset[str], str], list[Pair]] = {}
    for pair in pairs:
        votes.setdefault((pair.prompt_id, frozenset((pair.chosen, pair.rejected)), pair.who), []).append(pair)
    merged = (_majority(cast) if len(cast) > 1 else cast[0] for cast in votes.values())
    return [pair for pair in merged if pair is not None]


def _majority(cast: list[Pair]) -> Pair | None:
    first = cast[0]
    sides = [1 if pair.chosen == first.chosen else -1 for pair in cast]
    if sum(sides) == 0:
        return None
    winner = first if sum(sides) > 0 else next(pair for pair, side in zip(cast, sides, strict=True) if side < 0)
    margin = sum(pair.margin if pair.chosen == winner.chosen else -pair.margin for pair in cast) / len(cast)
    sources = tuple(dict.fromkeys(source for pair in cast for source in pair.sources))
    return replace(winner, margin=max(margin, 0.0), sources=sources)


def conflicts(pairs: Iterable[Pair]) -> int:
    """How many two-answer sets were judged both ways (A over B and B over A)."""
    directions: dict[tuple[str, frozenset[str]], Counter[str]] = {}
    for pair in pairs:
        key = (pair.prompt_id, frozenset((pair.chosen, pair.rejected)))
        directions.setdefault(key, Counter())[pair.chosen] += 1
    return sum(1 for counts in directions.values() if len(counts) > 1)
