"""Whether there is enough to train on: a learning curve of linear reward heads, and what it promises.

The curve: heads are fitted to growing parts of the judged prompts and tried on prompts that they have not seen, in
several random splits. Their error falls about as a power of the number of judgements (Hestness et al. 2017):
error(n) = floor + scale * n ** -power, which says what more of them would bring.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .heads import Array, choose_strength, fit_weighted, scales_of

SEEDS, SIZES, SHARE_HELD = 8, 6, 0.3
FEWEST = 40
"""Pairs; a curve of fewer is noise."""
_POWERS = np.linspace(0.1, 1.5, 29)
_DRAWS, _SEED = 300, 17
_AHEAD = 8
MOST_AHEAD = 10
"""Times as many judgements as there are; beyond that nothing is foretold."""


@dataclass(frozen=True)
class Point:
    """Accuracy on unseen prompts after so many judgements; low and high are one standard deviation over the splits."""

    judgements: float
    accuracy: float
    low: float
    high: float


@dataclass(frozen=True)
class LearningCurve:
    """What was measured, what is expected now (`now`) and with more (`ahead`): the middle and 90 % of refits."""

    points: tuple[Point, ...]
    now: Point
    ahead: tuple[Point, ...]
    held_pairs: float
    floor: float
    scale: float
    power: float

    def accuracy(self, judgements: float) -> float:
        """Expected after so many judgements."""
        return 1 - self.floor - self.scale * max(1.0, judgements) ** -self.power

    def gain(self, more: float) -> float:
        """What so many more judgements are expected to add."""
        return self.accuracy(self.now.judgements + more) - self.accuracy(self.now.judgements)

    def wanted(self, worth: float = 0.01) -> int:
        """How many more judgements until twice as many would add less than `worth`; at most MOST_AHEAD times now's."""
        n = self.now.judgements
        while n < self.now.judgements * MOST_AHEAD and self.accuracy(2 * n) - self.accuracy(n) >= worth:
            n *= 1.05
        return max(0, math.ceil(n - self.now.judgements))


def learning_curve(
    differences: Array, groups: Sequence[object], sources: Sequence[Sequence[str]], *, seeds: int = SEEDS
) -> LearningCurve | None:
    """The curve of pairs [n, f] (chosen minus rejected), split by group; None with too few.

    sources: the judgements that each pair comes from, to count them.
    """
    places = {group: place for place, group in enumerate(dict.fromkeys(groups))}
    if len(groups) < FEWEST or len(places) < 10:
        return None
    x = np.asarray(differences)
    x = x * scales_of(x)
    of_group = np.array([places[group] for group in groups])
    taught = [_taught(of_group, len(places), seed) for seed in range(seeds)]
    columns = np.concatenate([trained for trained, _ in taught], axis=1)
    strength = choose_strength(x, groups)
    weights = fit_weighted(x, columns, np.full(columns.shape[1], strength))
    margins = (x @ weights).reshape(len(x), seeds, SIZES)
    right = (margins > 0) + 0.5 * (margins == 0)
    held = np.stack([apart for _, apart in taught], axis=1)[:, :, None]
    accuracy = (right * held).sum(axis=0) / held.sum(axis=0)  # [seeds, sizes]
    counts = _counted(columns, sources).reshape(seeds, SIZES)
    every = len({source for some in sources for source in some}) or len(groups)
    return _curve(counts, accuracy, float(every), float(held.sum(axis=0).mean()))


def _taught(of_group: Array, groups: int, seed: int) -> tuple[Array, Array]:
    """Which pairs each size learns from [n, SIZES], each more than the last, and which all of them are tried on [n]."""
    order = np.random.default_rng(seed).permutation(groups)
    apart = max(2, round(SHARE_HELD * groups))
    rank = np.empty(groups, int)
    rank[order] = np.arange(groups)
    place = rank[of_group] - apart  # below 0: held out
    learned = groups - apart
    sizes = np.geomspace(max(2, learned // 16), learned, SIZES)
    trained = (place[:, None] >= 0) & (place[:, None] < np.round(sizes)[None, :])
    return trained.astype(float), (place < 0).astype(float)


def _counted(columns: Array, sources: Sequence[Sequence[str]]) -> Array:
    """How many judgements are behind the pairs of each column."""
    names = {name: place for place, name in enumerate(dict.fromkeys(name for some in sources for name in some))}
    if not names:
        return columns.sum(axis=0)
    found = np.zeros((len(names), columns.shape[1]), bool)
    for pair, some in enumerate(sources):
        for name in some:
            found[names[name]] |= columns[pair] > 0
    return found.sum(axis=0).astype(float)


def _curve(counts: Array, accuracy: Array, every: float, held: float) -> LearningCurve:
    means, deviations = accuracy.mean(axis=0), accuracy.std(axis=0, ddof=1)
    sizes = counts.mean(axis=0)
    points = tuple(
        Point(float(n), float(mean), float(mean - off), float(mean + off))
        for n, mean, off in zip(sizes, means, deviations, strict=True)
    )
    drawn = np.random.default_rng(_SEED).integers(0, len(accuracy), size=(_DRAWS, len(accuracy)))
    errors = 1 - np.concatenate([means[None], accuracy[drawn].mean(axis=1)])
    floors, scales, powers = power_laws(sizes, errors)

    def expected(n: float) -> Point:
        each = 1 - floors - scales * n**-powers
        low, high = np.quantile(each[1:], [0.05, 0.95])
        return Point(n, float(each[0]), float(min(low, each[0])), float(max(high, each[0])))

    ahead = tuple(expected(float(n)) for n in np.linspace(every, 2 * every, _AHEAD))
    law = (float(floors[0]), float(scales[0]), float(powers[0]))
    return LearningCurve(points, ahead[0], ahead, held, *law)


def power_laws(sizes: Array, errors: Array) -> tuple[Array, Array, Array]:
    """(floor, scale, power) of floor + scale * n ** -power, least squares, for each row of errors [rows, sizes].

    The power is searched on a grid; floor and scale are at least 0, because more judgements do not make heads worse.
    """
    best = np.full(len(errors), np.inf)
    found = np.zeros((3, len(errors)))
    for power in _POWERS:
        x = np.asarray(sizes, float) ** -power
        off = x - x.mean()
        scale = np.maximum((errors - errors.mean(axis=1, keepdims=True)) @ off / (off @ off), 0)
        floor = errors.mean(axis=1) - scale * x.mean()
        through = errors @ x / (x @ x)  # where the floor would be below 0, it is 0
        scale, floor = np.where(floor < 0, through, scale), np.maximum(floor, 0)
        missed = ((floor[:, None] + scale[:, None] * x - errors) ** 2).sum(axis=1)
        better = missed < best - 1e-15
        best = np.where(better, missed, best)
        found[:, better] = np.stack([floor, scale, np.full(len(errors), power)])[:, better]
    return found[0], found[1], found[2]


@dataclass(frozen=True)
class Readiness:
    """Whether a reward model can be trained. verdict: "ready", "thin", or "missing" where it could not be.

    reasons: keys of what makes it so, worst first: no_pairs, no_held_out, few_pairs, few_held_out, chance, rising;
    then what is not known: no_vectors. more: how many more judgements are likely needed, None while nobody can say.
    vectors: pairs with vectors, of `pairs` in all.
    """

    verdict: str
    reasons: tuple[str, ...]
    train_pairs: int
    held_pairs: int
    train_prompts: int
    held_prompts: int
    demonstrations: int
    pairs: int
    vectors: int
    curve: LearningCurve | None
    more: int | None


FEW_PAIRS, FEW_HELD = 50, 20
ENOUGH_PAIRS = 4
"""Training itself refuses fewer."""
WORTH, RISING = 0.01, 0.02
"""Accuracy that twice as many judgements must add to be worth it, and to call what there is thin."""


def readiness(
    train: tuple[int, int], held: tuple[int, int], demonstrations: int, vectors: int, curve: LearningCurve | None
) -> Readiness:
    """The verdict. train and held: (pairs, prompts with pairs) of both splits."""
    missing = [
        reason
        for reason, holds in (("no_pairs", train[0] < ENOUGH_PAIRS), ("no_held_out", train[0] and not held[0]))
        if holds
    ]
    thin = ["few_pairs"] if train[0] < FEW_PAIRS else []
    thin += ["few_held_out"] if held[0] < FEW_HELD else []
    if curve is not None:
        thin += ["chance"] if curve.points[-1].low <= 0.5 else []
        thin += ["rising"] if curve.gain(curve.now.judgements) >= RISING else []
    unknown = ["no_vectors"] if curve is None else []
    verdict = "missing" if missing else "thin" if thin else "ready"
    more = None if curve is None else curve.wanted(WORTH)
    reasons = tuple(missing or thin) + tuple(unknown)
    pairs = train[0] + held[0]
    return Readiness(
        verdict, reasons, train[0], held[0], train[1], held[1], demonstrations, pairs, vectors, curve, more
    )  # fmt: skip
