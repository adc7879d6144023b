"""The instant head: an ensemble of linear reward heads on cached vectors, refitted after every judgement. No torch.

It knows every judged answer whose vector is in the store, scores every answer that has one, and says how sure it is:
the heads are fitted to resamples of the prompts, so where they disagree, a judgement would teach most: `bench queue`
measures whether it does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..evaluation.heads import (
    Ensemble,
    HeldOut,
    accuracy_of,
    choose_strength,
    fit_ensemble,
    held_out_margins,
    scales_of,
)
from ..evaluation.telling import most_telling
from ..feedback.base import Pair
from ..feedback.converting import convert
from ..store import Store
from ..store.features import FEWEST_PAIRS
from ..store.queueing import Ranked, compared
from .preparing import project_rules
from .scored import Scored, ScoredAnswers

MOST_PAIRS = 4_000
"""Only the newest are fitted, so that a fit stays within a blink; by then a reward model should be trained."""
MOST_BYTES = 300_000_000
"""Memory for vectors. Of more answers than fit, the newest are kept."""
_GROWN = 1.15
_AT_ONCE = 8_192
_GAP_KINDS, _SCORE_KINDS = ("comparison", "ranking", "best_worst"), ("rating", "edit", "thumbs", "rubric")


@dataclass(frozen=True)
class Prediction:
    """What is expected of an answer, in deviations from the mean answer, and how unsure that is (None: not known)."""

    score: float
    doubt: float | None


@dataclass(frozen=True)
class Reading:
    """Everything that the head knows after a fit. `model_id` is the reward model whose scores replace the head's.

    surprising: ids of the judgements that heads which had not seen their prompts say the opposite of, worst first; or
    those that the reward model says the opposite of, once it has scored their answers. uncertain: by kind, the prompts
    whose judgement would teach most, judged ones too: first by the heads, then by the reward model.
    """

    wanted: int = 0
    read: int = 0
    judged: int = 0
    pairs: int = 0
    accuracy: HeldOut | None = None
    ready: bool = False
    surprising: tuple[str, ...] = ()
    model_id: str | None = None
    model_scores: Mapping[str, tuple[float, float | None]] = field(default_factory=dict)
    uncertain: Mapping[str, Ranked] = field(default_factory=dict)
    _places: Mapping[str, int] = field(default_factory=dict)
    _scores: np.ndarray = field(default_factory=lambda: np.zeros((0, 2)))

    def prediction(self, response_id: str) -> Prediction | None:
        """What the reward model says of an answer, or the head while no reward model has scored any."""
        if self.model_id is not None:
            found = self.model_scores.get(response_id)
            return None if found is None else Prediction(*found)
        place = self._places.get(response_id, -1)
        if not 0 <= place < len(self._scores):
            return None
        return Prediction(float(self._scores[place, 0]), float(self._scores[place, 1]))


@dataclass(frozen=True)
class _Pairs:
    """The pairs that can be fitted: rows of the better and of the worse answers, their prompts and judgements.

    made: every pair, with ids in the place of texts.
    """

    chosen: list[int]
    rejected: list[int]
    groups: list[str]
    sources: list[tuple[str, ...]]
    made: list[Pair]


class InstantHead:
    """Vectors in memory and the heads on them. Used by one thread at a time.

    fewest: pairs from which on it says anything; below the usual number it should not be listened to, only measured.
    """

    def __init__(self, fewest: int = FEWEST_PAIRS) -> None:
        self._fewest = fewest
        self._scored = ScoredAnswers()
        self._forget("")

    def _forget(self, space: str) -> None:
        self._space, self._last = space, 0
        self._matrix = np.zeros((0, 0), "<f2")
        self._count = 0
        self._places: dict[str, int] = {}
        self._prompts: dict[str, int] = {}
        self._prompt_of = np.zeros(0, np.int64)
        self._weights: np.ndarray | None = None
        self._strength, self._chosen_at = 0.0, 0

    def refresh(self, store: Store) -> Reading:
        """Read what is new in the store, fit again and score every answer."""
        self._take_vectors(store)
        found = self._pairs(store)
        scored = self._scored.refresh(store)
        about = {
            "wanted": store.features.wanted(),
            "read": self._count,
            "judged": len(found.made),
            "pairs": len(found.groups),
            "model_id": scored.model_id,
            "model_scores": scored.scores,
        }
        by_model = scored.surprising(found.made)
        if len(found.groups) < self._fewest:
            return Reading(**about, surprising=by_model, uncertain=_uncertain(scored))
        ensemble, margins = self._fit(found)
        each = self._each(ensemble)
        return Reading(
            **about,
            ready=True,
            accuracy=None if margins is None else accuracy_of(margins),
            surprising=by_model or (() if margins is None else surprising(margins, found.sources)),
            uncertain=_uncertain(scored, *self._ranked(each, compared(store))),
            _places=self._places,
            _scores=_standard(each),
        )

    # --- vectors

    def _take_vectors(self, store: Store) -> None:
        space = next(iter(store.features.spaces()), "")
        if space != self._space:
            self._forget(space)
        most = MOST_BYTES // max(1, 2 * store.features.width(space))
        new = store.features.read(space, self._last, most)
        self._last = new.last
        if not new.ids:
            return
        self._make_room(self._count + len(new.ids), new.matrix.shape[1])
        for id_ in new.ids:  # one that was read again keeps its place
            self._places.setdefault(id_, len(self._places))
        self._count = len(self._places)
        places = [self._places[id_] for id_ in new.ids]
        self._matrix[places] = new.matrix
        self._prompt_of[places] = [self._prompts.setdefault(id_, len(self._prompts)) for id_ in new.prompt_ids]

    def _make_room(self, rows: int, width: int) -> None:
        if rows > len(self._matrix):
            matrix = np.zeros((max(64, rows * 5 // 4), width), "<f2")
            prompt_of = np.zeros(len(matrix), np.int64)
            if self._count:
                matrix[: self._count] = self._matrix[: self._count]
                prompt_of[: self._count] = self._prompt_of[: self._count]
            self._matrix, self._prompt_of = matrix, prompt_of

    # --- fitting

    def _pairs(self, store: Store) -> _Pairs:
        made = convert(store.features.judgements(MOST_PAIRS), project_rules(store)).pairs
        known = [pair for pair in made if pair.chosen in self._places and pair.rejected in self._places][-MOST_PAIRS:]
        chosen = [self._places[pair.chosen] for pair in known]
        rejected = [self._places[pair.rejected] for pair in known]
        groups, sources = [pair.prompt_id for pair in known], [pair.sources for pair in known]
        return _Pairs(chosen, rejected, groups, sources, made)

    def _fit(self, found: _Pairs) -> tuple[Ensemble, np.ndarray | None]:
        differences = self._matrix[found.chosen].astype(np.float32) - self._matrix[found.rejected].astype(np.float32)
        scale = scales_of(differences)
        differences *= scale
        n = len(differences)
        if not self._chosen_at / _GROWN <= n <= self._chosen_at * _GROWN:
            self._strength, self._chosen_at = choose_strength(differences, found.groups), n
        self._weights = fit_ensemble(differences, found.groups, strength=self._strength, start=self._weights)
        return Ensemble(self._weights * scale), held_out_margins(differences, found.groups, self._strength)

    def _each(self, ensemble: Ensemble) -> np.ndarray:
        """What every head says of every answer: [n, k]."""
        parts = [
            self._matrix[start : min(start + _AT_ONCE, self._count)].astype(np.float32) @ ensemble.weights.T
            for start in range(0, self._count, _AT_ONCE)
        ]
        return np.concatenate(parts)

    # --- what to ask next

    def _ranked(self, each: np.ndarray, done: Iterable[tuple[str, str]]) -> tuple[Ranked, Ranked]:
        """The prompts by what comparing two of their answers would tell, with these two unless that is done; and so for
        judging all answers, where those follow that have no other beside them, the most doubtful first."""
        prompt_ids, ids, places = list(self._prompts), list(self._places), self._places
        prompts = self._prompt_of[: self._count]
        known = [(places[one], places[other]) for one, other in done if one in places and other in places]
        best = most_telling(each, prompts, known)
        pairs = {prompt_ids[prompts[one]]: (ids[one], ids[other]) for one, other in best}
        doubtful = (prompt_ids[place] for place in firsts(prompts, -each.std(1)))
        return Ranked(tuple(pairs), pairs), Ranked(tuple(dict.fromkeys((*pairs, *doubtful))))


def _uncertain(scored: Scored, *heads: Ranked) -> dict[str, Ranked]:
    """By kind: what would tell the heads most, by pair and by prompt; then what the reward model can least tell."""
    by_gap, by_doubt = heads or (Ranked(), Ranked())
    gap, doubt = _both(by_gap, scored.by_gap), _both(by_doubt, scored.by_doubt)
    alone = Ranked(gap.prompt_ids)  # only a comparison is about two answers
    found = {kind: gap if kind == "comparison" else alone for kind in _GAP_KINDS}
    return found | dict.fromkeys(_SCORE_KINDS, doubt)


def _both(first: Ranked, then: Ranked) -> Ranked:
    prompts = dict.fromkeys((*first.prompt_ids, *then.prompt_ids))
    return Ranked(tuple(prompts), {**then.pairs, **first.pairs})


def surprising(margins: np.ndarray, sources: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The judgements behind pairs with a margin below 0, the worst first, each once."""
    worst = [index for index in np.argsort(margins, kind="stable").tolist() if margins[index] < 0]
    return tuple(dict.fromkeys(source for index in worst for source in sources[index]))


def firsts(groups: np.ndarray, keys: np.ndarray) -> list[int]:
    """Each group once, in the order of its smallest key."""
    order = np.argsort(keys, kind="stable")
    _, first = np.unique(groups[order], return_index=True)
    return groups[order][np.sort(first)].tolist()


def _standard(each: np.ndarray) -> np.ndarray:
    """(score, doubt) of each answer in deviations of the scores: [n, 2]."""
    means = each.mean(1)
    size = max(float(means.std()), 1e-9)
    return np.stack([(means - means.mean()) / size, each.std(1) / size], axis=1)
