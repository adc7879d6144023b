"""What a trained reward model is unsure of, from the scores that it has given to the answers of a project. No torch."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..feedback.base import Pair
from ..store import Store
from ..store.queueing import Ranked


@dataclass(frozen=True)
class Scored:
    """(score, spread or None) by answer, and the prompts that the model can least tell.

    by_gap: prompts with two answers whose scores lie closest, against their spread where that is known, and which two.
    by_doubt: prompts by the largest spread of an answer; by_gap where the model has no spread.
    """

    model_id: str | None = None
    scores: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    by_gap: Ranked = field(default_factory=Ranked)
    by_doubt: Ranked = field(default_factory=Ranked)

    def surprising(self, pairs: Iterable[Pair]) -> tuple[str, ...]:
        """The judgements behind pairs (with ids of answers as texts) of which it says the opposite, the worst first."""
        margins = [
            (self.scores[pair.chosen][0] - self.scores[pair.rejected][0], pair.sources)
            for pair in pairs
            if pair.chosen in self.scores and pair.rejected in self.scores
        ]
        worst = sorted((margin, sources) for margin, sources in margins if margin < 0)
        return tuple(dict.fromkeys(source for _, sources in worst for source in sources))


class ScoredAnswers:
    """The newest reward model's scores, read again when they change. Used by one thread at a time."""

    def __init__(self) -> None:
        self._stamp: tuple[str | None, int, float] = (None, 0, 0.0)
        self._known = Scored()

    def refresh(self, store: Store) -> Scored:
        """What is known now; nothing while no reward model has scored any answer."""
        model_id = store.features.scorer()
        stamp = (model_id, *store.features.scores_stamp(model_id)) if model_id else (None, 0, 0.0)
        if stamp != self._stamp:
            self._stamp = stamp
            self._known = read(store, model_id) if model_id else Scored()
        return self._known


def read(store: Store, model_id: str) -> Scored:
    """A reward model's scores, and what they leave open."""
    rows = store.features.scored(model_id)
    scores = {id_: (score, spread) for id_, _, score, spread in rows}
    by_gap = closest_scores(rows)
    doubts: dict[str, float] = {}
    for _, prompt_id, _, spread in rows:
        if spread is not None:
            doubts[prompt_id] = max(spread, doubts.get(prompt_id, 0.0))
    by_doubt = Ranked(tuple(sorted(doubts, key=lambda id_: -doubts[id_]))) if doubts else Ranked(by_gap.prompt_ids)
    return Scored(model_id, scores, by_gap, by_doubt)


def closest_scores(rows: list[tuple[str, str, float, float | None]]) -> Ranked:
    """Prompts by their two answers that the model can least tell apart, from (answer, prompt, score, spread or None).

    Only neighbours in score are looked at. Two of the same score are most likely the same text and are left out.
    """
    if not rows:
        return Ranked()
    ids, prompt_ids = [row[0] for row in rows], [row[1] for row in rows]
    scores = np.array([row[2] for row in rows])
    spreads = np.array([np.nan if row[3] is None else row[3] for row in rows])
    codes = np.unique(prompt_ids, return_inverse=True)[1]
    order = np.lexsort((scores, codes))
    behind, ahead = order[:-1], order[1:]
    gaps = scores[ahead] - scores[behind]
    useful = (codes[ahead] == codes[behind]) & (gaps > 1e-9 * (1e-9 + scores.std()))
    behind, ahead, gaps = behind[useful], ahead[useful], gaps[useful]
    doubt = np.hypot(spreads[ahead], spreads[behind])
    if len(doubt) and np.isfinite(doubt).all() and (doubt > 0).all():
        gaps = gaps / doubt
    pairs: dict[str, tuple[str, str]] = {}
    for place in np.argsort(gaps, kind="stable").tolist():
        pairs.setdefault(prompt_ids[ahead[place]], (ids[behind[place]], ids[ahead[place]]))
    return Ranked(tuple(pairs), pairs)
