"""Judgements as lists of answers, for losses that learn from whole lists: a pair is a list of two."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from .base import Pair, Ranking


def of_pair(pair: Pair) -> Ranking:
    """A pair as a list of two."""
    groups = ((pair.chosen,), (pair.rejected,))
    return Ranking(pair.prompt_id, pair.messages, groups, pair.split, pair.sources, pair.margin, pair.who)


def of_all(pairs: Iterable[Pair], rankings: Iterable[Ranking]) -> list[Ranking]:
    """Everything that was said, once: rankings whole, and as lists of two the pairs that do not come from them alone.

    A pair that several judgements made by majority stays when one of them was no ranking: that vote stands nowhere
    else. Rankings of a single tie teach nothing and are left out.
    """
    whole = [ranking for ranking in map(_once, rankings) if len(ranking.groups) > 1]
    ranked = {source for ranking in whole for source in ranking.sources}
    return whole + [of_pair(pair) for pair in pairs if not pair.sources or not ranked.issuperset(pair.sources)]


def _once(ranking: Ranking) -> Ranking:
    """The same text only where it stands first: it cannot be better than itself."""
    seen: set[str] = set()
    groups = []
    for group in ranking.groups:
        kept = tuple(text for text in dict.fromkeys(group) if text not in seen)
        seen.update(kept)
        if kept:
            groups.append(kept)
    return replace(ranking, groups=tuple(groups))


def placed(ranking: Ranking) -> list[tuple[str, int]]:
    """Each answer with its rank, best first; 0 is best, and tied answers share one."""
    return [(text, rank) for rank, group in enumerate(ranking.groups) for text in group]
