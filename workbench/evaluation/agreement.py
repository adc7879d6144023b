"""How far people agree when they judge the same thing: raw agreement, kappas and Krippendorff's alpha.

Data comes as opinions (item, person, value). Alpha and its relatives take a table of units by people in which NaN
means that a person did not judge a unit, so everybody may judge a different part.

Formulas: Cohen (1960, weighted 1968), Fleiss (1971), Krippendorff (2011, "Computing Krippendorff's
alpha-reliability"). Each gives 1 for perfect agreement and 0 for what chance would give; NaN where chance alone
already agrees on everything, or where nothing was judged twice.

Every figure is computed from tables of counts, with any number of such tables at once: `resampling` draws a thousand.
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
Array = NDArray[np.float64]

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
    """The figures of one kind of judgement, without intervals."""
    people, data = table(opinions)
    counted = np.isfinite(data).sum(axis=1)
    overlapping = data[counted >= 2]
    pairs = {}
    for (first, one), (second, other) in combinations(enumerate(people), 2):
        both = np.isfinite(data[:, first]) & np.isfinite(data[:, second])
        if both.any():
            pairs[one, other] = (int(both.sum()), cohen_kappa(data[both, first], data[both, second], weights_at(level)))
    return Agreement(
        units=len(overlapping),
        opinions=int(np.isfinite(overlapping).sum()),
        raw=raw_agreement(data),
        alpha=krippendorff_alpha(data, level),
        level=level,
        pairs=pairs,
    )


def weights_at(level: Level) -> Weights | None:
    """How Cohen's kappa weighs disagreements at a level of measurement: not at all, or by their square."""
    return None if level == "nominal" else "quadratic"


def table(opinions: Iterable[Opinion]) -> tuple[list[str], Array]:
    """People in order of appearance, and units by people. A person's last opinion on a unit is the one that counts."""
    latest = {(item, who): value for item, who, value in opinions}
    items = {item: row for row, item in enumerate(dict.fromkeys(item for item, _ in latest))}
    people = {who: column for column, who in enumerate(dict.fromkeys(who for _, who in latest))}
    data = np.full((len(items), len(people)), np.nan)
    for (item, who), value in latest.items():
        data[items[item], people[who]] = value
    return list(people), data


def coded(data: ArrayLike) -> tuple[Array, NDArray[np.intp]]:
    """The values in use, ascending, and the table with each value's place among them; -1 where there is none."""
    units = np.atleast_2d(np.asarray(data, dtype=float))
    given = np.isfinite(units)
    values = np.unique(units[given])
    codes = np.full(units.shape, -1, dtype=np.intp)
    codes[given] = np.searchsorted(values, units[given])
    return values, codes


def counts_of(codes: NDArray[np.intp], values: int) -> Array:
    """How often each value was given to each unit: [units, values]."""
    counts = np.zeros((len(codes), values + 1))
    rows = np.repeat(np.arange(len(codes)), codes.shape[1])
    np.add.at(counts, (rows, codes.ravel()), 1.0)  # -1 falls into the last column, which is cut off
    return counts[:, :values]


def raw_agreement(data: ArrayLike) -> float:
    """Share of pairs of opinions on the same unit that are equal, each unit counting once."""
    values, codes = coded(data)
    shares = equal_shares(counts_of(codes, len(values)))
    return float(np.nanmean(shares)) if np.isfinite(shares).any() else float("nan")


def equal_shares(counts: Array) -> Array:
    """Of each unit the share of pairs of its opinions that are equal; NaN with fewer than two: [units]."""
    raters = counts.sum(axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(raters >= 2, ((counts**2).sum(axis=1) - raters) / (raters * (raters - 1)), np.nan)


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
    np.add.at(observed, (codes[: len(one)], codes[len(one) :]), 1.0)
    return float(cohen_kappas(observed, values, weights))


def cohen_kappas(cells: Array, values: Array, weights: Weights | None = None) -> Array:
    """Cohen's kappa of tables of counts [..., values, values], the first person's values as rows: [...]."""
    n = cells.sum(axis=(-2, -1), keepdims=True)
    expected = cells.sum(axis=-1)[..., :, None] * cells.sum(axis=-2)[..., None, :]
    distance = _distance(values, weights)
    with np.errstate(divide="ignore", invalid="ignore"):
        return one_minus((cells / n * distance).sum(axis=(-2, -1)), (expected / n**2 * distance).sum(axis=(-2, -1)))


def _distance(values: Array, weights: Weights | None) -> Array:
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
    return float(fleiss_kappas(np.ones((1, len(table))), table)[0])


def fleiss_kappas(times: Array, counts: Array) -> Array:
    """Fleiss' kappa with each unit taken so many times [rounds, units], of its counts [units, values]: [rounds].

    Units may have been judged by different numbers of people, at least two: each counts once with its own share of
    equal pairs, which is Fleiss' formula where the numbers are equal.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        observed = times @ equal_shares(counts) / times.sum(axis=1)
        marginal = times @ counts
        shares = marginal / marginal.sum(axis=1, keepdims=True)
    return one_minus(1 - observed, 1 - (shares**2).sum(axis=1))


def krippendorff_alpha(data: ArrayLike, level: Level = "nominal") -> float:
    """Krippendorff's alpha. `data` is units by people, NaN where a person did not judge a unit."""
    values, codes = coded(data)
    counts = counts_of(codes, len(values))
    counts = counts[counts.sum(axis=1) >= 2]
    return float(alphas(np.ones((1, len(counts))), counts, values, level)[0])


_AT_ONCE = 1_000


def alphas(times: Array, counts: Array, values: Array, level: Level) -> Array:
    """Krippendorff's alpha with each unit taken so many times [rounds, units], of its counts [units, values]: [rounds].

    Every unit must have been judged at least twice: a value that stands alone in its unit is paired with nothing.
    """
    size = len(values)
    coincidences = np.zeros((len(times), size * size))
    for start in range(0, len(counts), _AT_ONCE):  # [units, values, values] of all units at once could be large
        part = counts[start : start + _AT_ONCE]
        pairs = part[:, :, None] * part[:, None, :] - part[:, :, None] * np.eye(size)
        pairs /= (part.sum(axis=1) - 1)[:, None, None]
        coincidences += times[:, start : start + _AT_ONCE] @ pairs.reshape(len(part), size * size)
    coincidences = coincidences.reshape(len(times), size, size)
    n_c = coincidences.sum(axis=2)
    n = n_c.sum(axis=1)
    delta = _differences(values, n_c, level)
    with np.errstate(divide="ignore", invalid="ignore"):
        # The products of one value with itself have a difference of 0, so their correction can be left out.
        expected = (n_c[:, :, None] * n_c[:, None, :] * delta).sum(axis=(1, 2)) / (n - 1)
        return one_minus((coincidences * delta).sum(axis=(1, 2)), np.where(n >= 2, expected, np.nan))


def _differences(values: Array, n_c: Array, level: Level) -> Array:
    """Squared differences of the values, as the level of measurement sees them: [rounds or 1, values, values]."""
    if level != "ordinal":
        return _distance(values, weights_at(level))[None]
    # Ordinal: how many values lie between two ranks, counting the ranks themselves by half.
    middle = np.cumsum(n_c, axis=1) - n_c / 2
    return (middle[:, :, None] - middle[:, None, :]) ** 2


def one_minus(observed: ArrayLike, expected: ArrayLike) -> Array:
    """One minus observed over expected disagreement; NaN where chance leaves nothing to disagree on."""
    o, e = np.asarray(observed, dtype=float), np.asarray(expected, dtype=float)
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(e > 1e-12, 1 - o / e, np.nan)


def majority(votes: Sequence[float]) -> float | None:
    """The value that more than half of the votes are for, or None."""
    values, counts = np.unique(np.asarray(votes, dtype=float), return_counts=True)
    winner = int(np.argmax(counts)) if len(counts) else 0
    return float(values[winner]) if len(counts) and counts[winner] * 2 > len(votes) else None
