"""How far a judge's values follow people's, with intervals by prompt: what is said of one prompt's answers belongs
together, so prompts are drawn and not answers (Efron 1979).

Ranks: Spearman's rho with mean ranks, and Kendall's tau-b, which takes ties out of its denominator (Kendall 1945).
Choices: the share of the pairs in which people prefer one that the judge prefers too; a judge's tie is half of one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from .agreement import Array, alphas, cohen_kappas, counts_of
from .resampling import ROUNDS, SEED, Estimate

MOST = 4_000
"""Of more answers than these only so many make the rank figures: every two are looked at."""
_ROWS = 500


@dataclass(frozen=True)
class Draws:
    """How often each prompt is taken, in the data itself and then in every round: times [1 + rounds, prompts]."""

    group: np.ndarray
    times: Array

    @classmethod
    def of(cls, prompts: Sequence[Hashable], rounds: int = ROUNDS, seed: int = SEED) -> Draws:
        """Draws of the prompts that items belong to."""
        places = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
        group = np.array([places[prompt] for prompt in prompts], dtype=np.intp)
        n = max(1, len(places))
        drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=rounds if places else 0)
        return cls(group, np.vstack([np.ones((1, n)), drawn]).astype(float))

    def sums(self, values: Array) -> Array:
        """Sums over items in every round, of values [items, ...]: [1 + rounds, ...]."""
        by_prompt = np.zeros((self.times.shape[1], *values.shape[1:]))
        np.add.at(by_prompt, self.group, values)
        return np.tensordot(self.times, by_prompt, axes=(1, 0))


def estimate(rounds: Array) -> Estimate:
    """The first is the figure, the others are draws; those that say nothing are left out."""
    drawn = rounds[1:][np.isfinite(rounds[1:])]
    if not np.isfinite(rounds[0]) or not len(drawn):
        return Estimate(float(rounds[0]), float("nan"), float("nan"))
    low, high = np.quantile(drawn, [0.025, 0.975])
    return Estimate(float(rounds[0]), float(low), float(high))


def spearman(first: Sequence[float], other: Sequence[float], draws: Draws) -> Estimate:
    """Spearman's rho: Pearson's r of ranks, equal values with the mean of theirs."""
    codes = [np.unique(np.asarray(values, float), return_inverse=True)[1] for values in (first, other)]
    weights = draws.times[:, draws.group] if len(draws.group) else np.zeros((1, 0))
    found = np.array([_pearson(_ranks(codes[0], each), _ranks(codes[1], each), each) for each in weights])
    return estimate(found)


def _ranks(codes: np.ndarray, weights: Array) -> Array:
    """The mean rank of each item, where an item that is taken w times stands w times."""
    counts = np.bincount(codes, weights=weights) if len(codes) else np.zeros(0)
    return (np.cumsum(counts) - counts / 2)[codes]


def _pearson(one: Array, other: Array, weights: Array) -> float:
    n = weights.sum()
    if n == 0:
        return float("nan")
    x, y = one - (weights @ one) / n, other - (weights @ other) / n
    spread = float(np.sqrt((weights @ x**2) * (weights @ y**2)))
    return float(weights @ (x * y)) / spread if spread > 1e-12 else float("nan")


def kendall(first: Sequence[float], other: Sequence[float], draws: Draws) -> Estimate:
    """Kendall's tau-b. Sums over every two items are summed by their prompts once, so that a draw is a product."""
    one, two = (np.asarray(values, float)[:MOST] for values in (first, other))
    group, prompts = draws.group[:MOST], draws.times.shape[1]
    tables = [np.zeros((prompts, prompts)) for _ in range(3)]
    for start in range(0, len(one), _ROWS):
        rows = slice(start, start + _ROWS)
        x, y = (np.sign(values[rows, None] - values[None, :]) for values in (one, two))
        for found, each in zip(tables, (x * y, x * x, y * y), strict=True):
            np.add.at(found, group[rows], _by_columns(each, group, prompts))
    together, untied_x, untied_y = (np.einsum("rp,pq,rq->r", draws.times, found, draws.times, optimize=True)
                                    for found in tables)  # fmt: skip
    spread = np.sqrt(untied_x * untied_y)
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimate(np.where(spread > 0, together / spread, np.nan))


def _by_columns(values: Array, group: np.ndarray, prompts: int) -> Array:
    found = np.zeros((prompts, len(values)))
    np.add.at(found, group, values.T)
    return found.T


def accuracy(judge: Sequence[float], people: Sequence[float], draws: Draws) -> tuple[int, Estimate]:
    """Of the pairs in which people prefer one answer, how many, and the share in which the judge prefers it too.

    Values are 1, 0 and -1. Pairs in which people see no difference have no right answer and are left out.
    """
    said, wanted = np.asarray(judge, float), np.asarray(people, float)
    decided = wanted != 0
    right = np.where(decided, np.where(said == wanted, 1.0, np.where(said == 0, 0.5, 0.0)), 0.0)
    sums = draws.sums(np.stack([right, decided.astype(float)], 1)) if len(said) else np.zeros((1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return int(decided.sum()), estimate(np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan))


def same(judge: Sequence[float], people: Sequence[float], draws: Draws) -> Estimate:
    """The share of items on which both say exactly the same, ties among them."""
    equal = (np.asarray(judge, float) == np.asarray(people, float)).astype(float)
    return ratio(draws, equal, np.ones(len(equal)))


def ratio(draws: Draws, above: Array, below: Array) -> Estimate:
    """A ratio of two sums over items."""
    sums = draws.sums(np.stack([above, below], 1)) if len(above) else np.zeros((1, 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        return estimate(np.where(sums[:, 1] > 0, sums[:, 0] / sums[:, 1], np.nan))


def kappa(one: Sequence[float], other: Sequence[float], draws: Draws) -> Estimate:
    """Cohen's kappa of two values of each item, weighted by the square of their distance."""
    return _of_tables(one, other, draws, lambda cells, values: cohen_kappas(cells, values, "quadratic"))


def _of_tables(
    one: Sequence[float], other: Sequence[float], draws: Draws, figure: Callable[[Array, Array], Array]
) -> Estimate:
    if not len(one):
        return Estimate(*[float("nan")] * 3)
    values, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    size, n = len(values), len(one)
    cells = np.zeros((n, size * size))
    cells[np.arange(n), codes[:n] * size + codes[n:]] = 1.0
    return estimate(figure(draws.sums(cells).reshape(-1, size, size), values))


def alpha(judge: Sequence[float], people: Sequence[float], draws: Draws) -> Estimate:
    """Krippendorff's alpha at the ordinal level of the judge and of what people say together."""
    if not len(judge):
        return Estimate(*[float("nan")] * 3)
    values, codes = np.unique(np.concatenate([judge, people]), return_inverse=True)
    counts = counts_of(codes.reshape(2, -1).T, len(values))
    return estimate(alphas(draws.times[:, draws.group], counts, values, "ordinal"))


@dataclass(frozen=True)
class Comparison:
    """How a judge agrees with single people, beside how they agree with one another: kappas weighted by distance.

    items: answers or pairs that two people or more judged. words: "as people", "near people", "below people", or ""
    where too little was judged by two people to tell.
    """

    with_people: Estimate
    among_people: Estimate
    couples: int
    items: int
    words: str


FEWEST = 20
"""Items that two people judged, under which nothing is said of how people agree."""


def beside_people(judge: Sequence[float], people: Sequence[Sequence[float]], prompts: Sequence[Hashable]) -> Comparison:
    """The judge's value of each item, and everybody's. Every opinion is set against the judge's, and against every
    other person's of the same item, both ways round, so that no order matters."""
    mine = [(value, each, prompt) for value, said, prompt in zip(judge, people, prompts, strict=True) for each in said]
    among = [
        (one, other, prompt)
        for said, prompt in zip(people, prompts, strict=True)
        for place, one in enumerate(said)
        for elsewhere, other in enumerate(said)
        if place != elsewhere
    ]
    with_people, among_people = (
        kappa([row[0] for row in rows], [row[1] for row in rows], Draws.of([row[2] for row in rows]))
        for rows in (mine, among)
    )
    items = sum(len(said) > 1 for said in people)
    return Comparison(with_people, among_people, len(mine), items, _words(with_people, among_people, items))


def _words(judge: Estimate, people: Estimate, items: int) -> str:
    if items < FEWEST or not np.isfinite([judge.value, people.value]).all():
        return ""
    if judge.value >= people.value:
        return "as people"
    return "near people" if judge.high >= people.value else "below people"
