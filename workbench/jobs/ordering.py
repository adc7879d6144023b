"""What a person judges next, found beside the window: walking a long queue or weighing disputes takes too long there.

asked = Asked("rating", "Noor", "disagreement")
upcoming(store, asked, sure=instant.ranked("rating"), surprising=instant.surprising())
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations

from ..feedback.base import Judgement
from ..feedback.opinions import standings
from ..store import Store
from ..store.queueing import Ranked, counts_left, open_among, open_in_order, prompt_sets
from ..store.repeating import repeatable, repeatable_among

MOST_AHEAD = 256
"""So many items are known ahead: more than anybody judges before the next look."""
MOST_AGAIN = 5_000
MOST_DISPUTED = 1_000
"""Of more prompts that several people judged only those judged last are weighed."""
_RANGES = {"rating": 4.0, "rubric": 4.0, "thumbs": 1.0}
"""How far apart two scores of a kind can lie."""


@dataclass(frozen=True)
class Asked:
    """A place in the queue: which kind, whose, in which order, of which prompt set (a tag, or None for all)."""

    kind: str
    annotator: str
    order: str = "newest"
    tag: str | None = None
    seed: int = 0


@dataclass(frozen=True)
class Upcoming:
    """What comes next in a place: ranked prompts first, then judgements to ask again where the order does so, then
    the other prompts.

    again: ids of judgements; in orders that do not ask again, those that may come back unannounced.
    left: how many items have something left. impossible: the orders that cannot work now. sets: prompts by tag.
    """

    first: Ranked = field(default_factory=Ranked)
    again: tuple[str, ...] = ()
    rest: tuple[str, ...] = ()
    left: int = 0
    impossible: frozenset[str] = frozenset()
    sets: Mapping[str, int] = field(default_factory=dict)


def upcoming(store: Store, asked: Asked, sure: Ranked | None = None, surprising: Sequence[str] = ()) -> Upcoming:
    """Look ahead.

    sure: prompts that a model can least tell, the least first. surprising: judgements that it says the opposite of, the
    worst first.
    """
    first, again = Ranked(), repeatable(store, asked.kind, asked.annotator, seed=asked.seed, limit=32, tag=asked.tag)
    impossible = set() if again else {"again"}
    if asked.order == "again":
        again = repeatable(store, asked.kind, asked.annotator, seed=asked.seed, limit=MOST_AGAIN, tag=asked.tag)
        left, rest = len(again), []
    else:
        if asked.order == "uncertain":
            first = _open(store, asked, sure or Ranked())
        elif asked.order == "disagreement":
            first, again = _contested(store, asked, surprising)
        left, rest = counts_left(store, asked.kind, asked.annotator, tag=asked.tag), _rest(store, asked, first)
    if not surprising and not shared_prompts(store, 1):
        impossible.add("disagreement")
    return Upcoming(first, tuple(again), tuple(rest), left, frozenset(impossible), prompt_sets(store))


def _open(store: Store, asked: Asked, ranked: Ranked) -> Ranked:
    found = open_among(store, asked.kind, asked.annotator, ranked.prompt_ids, MOST_AHEAD, tag=asked.tag)
    return Ranked(tuple(found), {id_: ranked.pairs[id_] for id_ in found if id_ in ranked.pairs})


def _rest(store: Store, asked: Asked, first: Ranked) -> list[str]:
    order = asked.order if asked.order not in ("uncertain", "disagreement") else "newest"
    most = max(0, MOST_AHEAD - len(first.prompt_ids))
    place = {"seed": asked.seed, "tag": asked.tag, "exclude": first.prompt_ids}
    return open_in_order(store, asked.kind, asked.annotator, order, most, **place)


def _contested(store: Store, asked: Asked, surprising: Sequence[str]) -> tuple[Ranked, list[str]]:
    """Prompts that this person has not judged and that others dispute, or a model; then their own judgements of those,
    to be asked again."""
    among_people = disputed(store)
    sql = "SELECT f.id, f.prompt_id, f.annotator FROM json_each(?) c JOIN feedback f ON f.id = c.value ORDER BY c.key"
    by_model = store.rows(sql, [json.dumps(list(surprising))])
    prompts = dict.fromkeys([*among_people, *(row["prompt_id"] for row in by_model)])
    own = store.rows(
        """SELECT f.id FROM json_each(:ids) c JOIN feedback f ON f.prompt_id = c.value
        WHERE f.annotator = :who AND f.kind = :kind ORDER BY c.key, f.seq""",
        {"ids": json.dumps(among_people), "who": asked.annotator, "kind": asked.kind},
    )
    mine = [row["id"] for row in own] + [row["id"] for row in by_model if row["annotator"] == asked.annotator]
    again = repeatable_among(store, asked.kind, asked.annotator, list(dict.fromkeys(mine)), MOST_AHEAD, tag=asked.tag)
    return _open(store, asked, Ranked(tuple(prompts))), again


# --- disputes


def disputed(store: Store) -> list[str]:
    """Prompts that people judge differently, the widest apart first: by the most disputed answer or pair of answers,
    then by the mean, then the newest."""
    shared = shared_prompts(store, MOST_DISPUTED)
    views: dict[str, dict[tuple[str, ...], dict[str, float]]] = {}
    for judgement in store.features.judgements(-1, prompt_ids=shared):
        of_prompt = views.setdefault(judgement.prompt_id, {})
        for unit, value in _views(judgement):
            of_prompt.setdefault(unit, {})[judgement.annotator] = value  # the last word of each person counts
    spreads = {id_: _spread(units.values()) for id_, units in views.items()}
    apart = [id_ for id_ in shared if spreads.get(id_, (0.0, 0.0))[0] > 0]
    return sorted(apart, key=lambda id_: spreads[id_], reverse=True)


def shared_prompts(store: Store, most: int) -> list[str]:
    """Prompts that two people or more have judged, the one judged last first."""
    sql = """SELECT prompt_id FROM feedback
        WHERE kind IN ('rating', 'comparison', 'ranking', 'thumbs', 'best_worst', 'rubric')
        AND retracted_at IS NULL AND run_id IS NULL AND annotator NOT LIKE 'rule:%'
        GROUP BY prompt_id HAVING COUNT(DISTINCT annotator) > 1"""
    newest = "" if most == 1 else "ORDER BY MAX(seq) DESC"  # without an order the first one found will do
    return [row["prompt_id"] for row in store.rows(f"{sql} {newest} LIMIT {most}")]


def _views(judgement: Judgement) -> Iterator[tuple[tuple[str, ...], float]]:
    """What a judgement says, from 0 to 1: of each answer where there are scores, and of each two which is better."""
    scores = standings(judgement.kind, judgement.value, len(judgement.answers))
    known = [(answer.id, score) for answer, score in zip(judgement.answers, scores, strict=False) if score is not None]
    if judgement.kind in _RANGES:
        for id_, score in known:
            yield (judgement.kind, id_), score / _RANGES[judgement.kind]
    for (one, first), (other, second) in combinations(sorted(known), 2):
        yield (one, other), ((first > second) - (first < second) + 1) / 2


def _spread(units: Iterable[Mapping[str, float]]) -> tuple[float, float]:
    """(largest, mean) distance between two people over what both judged."""
    apart = [max(said.values()) - min(said.values()) for said in units if len(said) > 1]
    return (max(apart), sum(apart) / len(apart)) if apart else (0.0, 0.0)
