"""Agreement with its uncertainty: every figure with a bootstrap interval over items (Efron 1979).

Items are drawn, not opinions: what people say of one item belongs together. Items with the same opinions are
interchangeable, so a round draws how often each pattern of opinions comes, and ten thousand judgements take as long as
their few hundred patterns.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from .agreement import (
    Array,
    Level,
    Opinion,
    alphas,
    coded,
    cohen_kappas,
    counts_of,
    equal_shares,
    fleiss_kappas,
    table,
    weights_at,
)

ROUNDS, SEED = 1_000, 17


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; NaN where there is nothing to say."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Reliability:
    """How far people agree on one kind of judgement. `units` were judged by two people or more.

    cohen: the mean over all two people (Light 1971). pairs: for every two people how many units both judged and
    Cohen's kappa of the two, weighted quadratically above the nominal level.
    """

    units: int
    opinions: int
    people: tuple[str, ...]
    level: Level
    raw: Estimate
    cohen: Estimate
    fleiss: Estimate
    alpha_nominal: Estimate
    alpha_ordinal: Estimate
    alpha_interval: Estimate
    pairs: Mapping[tuple[str, str], tuple[int, Estimate]]

    @property
    def alpha(self) -> Estimate:
        """Alpha at the level of these values."""
        named = {"nominal": self.alpha_nominal, "ordinal": self.alpha_ordinal, "interval": self.alpha_interval}
        return named[self.level]


def reliability_of(opinions: Iterable[Opinion], level: Level, rounds: int = ROUNDS, seed: int = SEED) -> Reliability:
    """Every figure of one kind of judgement."""
    people, data = table(opinions)
    shared = data[np.isfinite(data).sum(axis=1) >= 2] if data.size else np.empty((0, max(1, len(people))))
    values, codes = coded(shared)
    patterns, times = _drawn(codes, rounds, seed)
    counts = counts_of(patterns, len(values))
    pairs = _pairs(people, patterns, times, values, level)
    kappas = [each for _, each in pairs.values()]
    return Reliability(
        units=len(shared),
        opinions=int(np.isfinite(shared).sum()),
        people=tuple(people),
        level=level,
        raw=_estimate(_means(times, equal_shares(counts))),
        cohen=_estimate(_mean_of(kappas, len(times))),
        fleiss=_estimate(fleiss_kappas(times, counts)),
        alpha_nominal=_estimate(alphas(times, counts, values, "nominal")),
        alpha_ordinal=_estimate(alphas(times, counts, values, "ordinal")),
        alpha_interval=_estimate(alphas(times, counts, values, "interval")),
        pairs={who: (n, _estimate(each)) for who, (n, each) in pairs.items()},
    )


def _drawn(codes: np.ndarray, rounds: int, seed: int) -> tuple[np.ndarray, Array]:
    """The different patterns, and how often each comes, in the data and then in every round: [1 + rounds, patterns]."""
    if not len(codes):
        return codes, np.zeros((1 + rounds, 0))
    patterns, found = np.unique(codes, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(len(codes), found / found.sum(), size=rounds)
    return patterns, np.vstack([found, drawn]).astype(float)


def _pairs(
    people: list[str], patterns: np.ndarray, times: Array, values: Array, level: Level
) -> dict[tuple[str, str], tuple[int, Array]]:
    """Of every two people with units in common: how many, and kappa in every round."""
    size, found = len(values), {}
    for (first, one), (second, other) in combinations(enumerate(people), 2):
        both = (patterns[:, first] >= 0) & (patterns[:, second] >= 0) if len(patterns) else np.zeros(0, bool)
        if both.any():
            cell = patterns[both, first] * size + patterns[both, second]
            places = np.zeros((int(both.sum()), size * size))
            places[np.arange(len(cell)), cell] = 1.0
            cells = (times[:, both] @ places).reshape(len(times), size, size)
            found[one, other] = (int(times[0, both].sum()), cohen_kappas(cells, values, weights_at(level)))
    return found


def _mean_of(kappas: list[Array], rounds: int) -> Array:
    """The mean over those that are known, in every round."""
    if not kappas:
        return np.full(rounds, np.nan)
    stacked = np.stack(kappas)
    known = np.isfinite(stacked)
    with np.errstate(invalid="ignore"):
        return np.where(known, stacked, 0).sum(axis=0) / np.where(known.any(axis=0), known.sum(axis=0), np.nan)


def _means(times: Array, shares: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return times @ shares / times.sum(axis=1)


def _estimate(rounds: Array) -> Estimate:
    """The first is the figure itself, the others are draws; a draw in which chance agrees on everything is left out."""
    drawn = rounds[1:][np.isfinite(rounds[1:])]
    if not np.isfinite(rounds[0]) or not len(drawn):
        return Estimate(float(rounds[0]), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(rounds[0]), float(low), float(high))
