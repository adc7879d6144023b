"""How far people agree when they judge the same thing: raw agreement, kappas and Krippendorff's alpha.

Data comes as opinions (item, person, value). Alpha and its relatives take a table of units by people in which NaN
means that a person did not judge a unit, so everybody may judge a different part.

Formulas: Cohen (1960, weighted 1968), Fleiss (1971), Krippendorff (2011, "Computing Krippendorff's
alpha-reliability"). Each gives 1 for perfect agreement and 0 for what chance would give; NaN where chance alone
already agrees on everything, or where nothing was judged twice.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

Level = Literal["nominal", "ordinal", "interval"]
Weights = Literal["linear", "quadratic"]

Opinion = tuple[Hashable, str, float]
"""What (which item), who, and the value as a number."""


@dataclass(frozen=True)
class Agreement:
    """Agreement on one kind of judgement. `units` were judged by two people or more."""

    units: int
    opinions: int
    raw: float
    alpha: float
    level: Level
    pairs: Mapping[tuple[str, str], tuple[int, float]]
    """For every two people: how many units both judged, and Cohen's kappa (quadratic above nominal)."""


def agreement(opinions: Iterable[Opinion], level: Level = "nominal") -> Agreement:
    """Everything that the data pane shows about one kind of judgement."""
    people, data = table(opinions)
    counted = np.isfinite(data).sum(axis=1)
    overlapping = data[counted >= 2]
    weights: Weights | None = None if level == "nominal" else "quadratic"
    pairs = {}
    for (first, one), (second, other) in combinations(enumerate(people), 2):
        both = np.isfinite(data[:, first]) & np.isfinite(data[:, second])
        if both.any():
            pairs[one, other] = (int(both.sum()), cohen_kappa(data[both, first], data[both, second], weights))
    return Agreement(
        units=len(overlapping),
        opinions=int(np.isfinite(overlapping).sum()),
        raw=raw_agreement(data),
        alpha=krippendorff_alpha(data, level),
        level=level,
        pairs=pairs,
    )


def table(opinions: Iterable[Opinion]) -> tuple[list[str], NDArray[np.float64]]:
    """People in order of appearance, and units by people. A person's last opinion on a unit is the one that counts."""
    latest = {(item, who): value for item, who, value in opinions}
    items = {item: row for row, item in enumerate(dict.fromkeys(item for item, _ in latest))}
    people = {who: column for column, who in enumerate(dict.fromkeys(who for _, who in latest))}
    data = np.full((len(items), len(people)), np.nan)
    for (item, who), value in latest.items():
        data[items[item], people[who]] = value
    return list(people), data


def raw_agreement(data: ArrayLike) -> float:
    """Share of pairs of opinions on the same unit that are equal, each unit counting once."""
    shares = []
    for unit in np.atleast_2d(np.asarray(data, dtype=float)):
        values = unit[np.isfinite(unit)]
        if len(values) >= 2:
            equal = sum(np.count_nonzero(values == value) - 1 for value in values)
            shares.append(equal / (len(values) * (len(values) - 1)))
    return float(np.mean(shares)) if shares else float("nan")


def cohen_kappa(first: ArrayLike, second: ArrayLike, weights: Weights | None = None) -> float:
    """Cohen's kappa of two people who judged the same units, in the same order.

    Weights make a near miss count less: by the distance between values, or by its square.
    """
    one, other = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if one.shape != other.shape or one.ndim != 1:
        raise ValueError("both must have judged the same units")
    if not len(one):
        return float("nan")
    values, codes = np.unique(np.concatenate([one, other]), return_inverse=True)
    observed = np.zeros((len(values), len(values)))
    np.add.at(observed, (codes[: len(one)], codes[len(one) :]), 1 / len(one))
    expected = np.outer(observed.sum(axis=1), observed.sum(axis=0))
    return _one_minus((observed * _distance(values, weights)).sum(), (expected * _distance(values, weights)).sum())


def _distance(values: NDArray[np.float64], weights: Weights | None) -> NDArray[np.float64]:
    apart = np.abs(values[:, None] - values[None, :])
    if weights is None:
        return (apart > 0).astype(float)
    return apart if weights == "linear" else apart**2


def fleiss_kappa(counts: ArrayLike) -> float:
    """Fleiss' kappa. `counts` is units by categories.

    Every unit must have been judged by the same number of people, at least two.
    """
    table = np.asarray(counts, dtype=float)
    if table.ndim != 2 or not table.size:
        return float("nan")
    raters = table.sum(axis=1)
    if raters[0] < 2 or not np.all(raters == raters[0]):
        raise ValueError("every unit must be judged by the same number of people, at least two")
    n = raters[0]
    observed = ((table**2).sum(axis=1) - n).mean() / (n * (n - 1))
    expected = ((table.sum(axis=0) / table.sum()) ** 2).sum()
    return _one_minus(1 - observed, 1 - expected)


def krippendorff_alpha(data: ArrayLike, level: Level = "nominal") -> float:
    """Krippendorff's alpha. `data` is units by people, NaN where a person did not judge a unit."""
    units = np.atleast_2d(np.asarray(data, dtype=float))
    values = np.unique(units[np.isfinite(units)])
    coincidences = np.zeros((len(values), len(values)))
    for unit in units:
        counts = _counts(unit, values)
        if (m := counts.sum()) >= 2:  # a value that stands alone in its unit is paired with nothing
            coincidences += (np.outer(counts, counts) - np.diag(counts)) / (m - 1)
    n_c = coincidences.sum(axis=1)
    n = n_c.sum()
    if n < 2:
        return float("nan")
    delta = _difference(values, n_c, level)
    expected = (np.outer(n_c, n_c) - np.diag(n_c)) / (n - 1)
    return _one_minus((coincidences * delta).sum(), (expected * delta).sum())


def _counts(unit: NDArray[np.float64], values: NDArray[np.float64]) -> NDArray[np.float64]:
    given = unit[np.isfinite(unit)]
    return np.bincount(np.searchsorted(values, given), minlength=len(values)).astype(float)


def _difference(values: NDArray[np.float64], n_c: NDArray[np.float64], level: Level) -> NDArray[np.float64]:
    """Squared differences of the values, as the level of measurement sees them."""
    if level == "nominal":
        return _distance(values, None)
    if level == "interval":
        return _distance(values, "quadratic")
    # Ordinal: how many values lie between two ranks, counting the ranks themselves by half.
    middle = np.cumsum(n_c) - n_c / 2
    return (middle[:, None] - middle[None, :]) ** 2


def _one_minus(observed: float, expected: float) -> float:
    return float(1 - observed / expected) if expected > 0 else float("nan")


def majority(votes: Sequence[float]) -> float | None:
    """The value that more than half of the votes are for, or None."""
    values, counts = np.unique(np.asarray(votes, dtype=float), return_counts=True)
    winner = int(np.argmax(counts)) if len(counts) else 0
    return float(values[winner]) if len(counts) and counts[winner] * 2 > len(votes) else None
