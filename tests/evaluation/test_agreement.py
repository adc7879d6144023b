"""Agreement against published examples and worked arithmetic."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.evaluation.agreement import (
    agreement,
    cohen_kappa,
    fleiss_kappa,
    krippendorff_alpha,
    majority,
    raw_agreement,
    table,
)

NAN = math.nan

# Krippendorff (2011), "Computing Krippendorff's alpha-reliability", section C: four observers, twelve units.
KRIPPENDORFF = np.array(
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, NAN, NAN, NAN],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NAN, 3],
        [NAN, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NAN],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NAN],
    ]
).T


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorffs_own_example(level, alpha: float) -> None:
    assert krippendorff_alpha(KRIPPENDORFF, level) == pytest.approx(alpha, abs=5e-4)


def test_krippendorffs_binary_example_of_two_observers() -> None:
    # The same paper, section A: ten units, alpha = 0.095.
    one = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    other = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert krippendorff_alpha(np.transpose([one, other])) == pytest.approx(0.095, abs=5e-4)


def test_krippendorffs_nominal_example_of_two_observers() -> None:
    # Section B: twelve articles, alpha = 0.692.
    one, other = "aabbdcccedda", "babbbccceddd"
    codes = np.array([[float(ord(a)), float(ord(b))] for a, b in zip(one, other, strict=True)])
    assert krippendorff_alpha(codes) == pytest.approx(0.692, abs=5e-4)
    # By hand: a, b, c, d, e appear 4, 6, 6, 6, 2 times among 24 values, and 3 of 12 pairs differ.
    assert krippendorff_alpha(codes) == pytest.approx(1 - (3 * 2) / ((24**2 - (16 + 36 + 36 + 36 + 4)) / 23))


def test_fleiss_own_example() -> None:
    # Fleiss (1971): ten subjects, fourteen raters, five categories; kappa = 0.210.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1],
        [7, 7, 0, 0, 0], [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    assert fleiss_kappa(counts) == pytest.approx(0.210, abs=5e-4)


def repeated(cells: list[list[int]]) -> tuple[list[int], list[int]]:
    pairs = [(row, column) for row, line in enumerate(cells) for column, n in enumerate(line) for _ in range(n)]
    return [row for row, _ in pairs], [column for _, column in pairs]


@pytest.mark.parametrize(
    ("cells", "weights", "kappa"),
    [
        ([[20, 5], [10, 15]], None, 0.4),  # observed 0.7, by chance 0.5
        ([[45, 15], [25, 15]], None, 0.1304),  # same agreement, other margins
        ([[25, 35], [5, 35]], None, 0.2593),
        (
            [[1, 1, 0], [0, 1, 1], [0, 0, 1]],
            "linear",
            1 - (2 / 5) / (22 / 25),  # margins 2 2 1 and 1 2 2; by chance 4 + 8 + 2 + 4 + 2 + 2
        ),
        ([[10, 0], [0, 10]], None, 1.0),
        ([[0, 10], [10, 0]], None, -1.0),
        ([[10, 10], [10, 10]], None, 0.0),
        ([[10, 10], [10, 10]], "quadratic", 0.0),
    ],
)
def test_cohens_kappa(cells: list, weights, kappa: float) -> None:
    one, other = repeated(cells)
    assert cohen_kappa(one, other, weights) == pytest.approx(kappa, abs=5e-5)
    assert cohen_kappa(other, one, weights) == pytest.approx(kappa, abs=5e-5)


@pytest.mark.parametrize(
    ("data", "raw"),
    [
        ([[1, 1], [2, 2]], 1.0),
        ([[1, 2], [2, 2]], 0.5),
        ([[1, 1, 2]], 1 / 3),
        ([[1, 1, NAN], [1, NAN, NAN]], 1.0),
        ([[1, 2, 3]], 0.0),
        ([[1, NAN]], NAN),
        (np.empty((0, 2)), NAN),
    ],
)
def test_raw_agreement(data, raw: float) -> None:
    assert raw_agreement(data) == pytest.approx(raw, nan_ok=True)


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
@pytest.mark.parametrize(
    "data",
    [np.empty((0, 3)), [[NAN, NAN]], [[1, NAN], [NAN, 2]], [[3, 3], [3, 3]]],
    ids=["none", "nan", "alone", "same"],
)
def test_where_there_is_nothing_to_say_alpha_is_nan(data, level) -> None:
    assert math.isnan(krippendorff_alpha(data, level))


def test_where_there_is_nothing_to_say_kappas_are_nan() -> None:
    assert math.isnan(cohen_kappa([], []))
    assert math.isnan(cohen_kappa([1, 1], [1, 1]))
    assert math.isnan(fleiss_kappa([[3, 0], [3, 0]]))
    assert math.isnan(fleiss_kappa([]))


@pytest.mark.parametrize("counts", [[[1, 0]], [[2, 0], [1, 0]]])
def test_fleiss_needs_the_same_number_of_people(counts) -> None:
    with pytest.raises(ValueError, match="same number"):
        fleiss_kappa(counts)


def test_cohen_needs_the_same_units() -> None:
    with pytest.raises(ValueError, match="same units"):
        cohen_kappa([1, 2], [1])


tables = st.lists(st.lists(st.sampled_from([1.0, 2.0, 3.0, NAN]), min_size=3, max_size=3), min_size=1, max_size=12)


@given(tables, st.randoms())
def test_alpha_does_not_depend_on_order_and_is_at_most_one(data: list, rng) -> None:
    for level in ("nominal", "ordinal", "interval"):
        alpha = krippendorff_alpha(data, level)
        shuffled = [rng.sample(unit, len(unit)) for unit in rng.sample(data, len(data))]
        assert krippendorff_alpha(shuffled, level) == pytest.approx(alpha, nan_ok=True)
        assert math.isnan(alpha) or alpha <= 1 + 1e-9


@given(tables)
def test_interval_alpha_does_not_depend_on_the_scale(data: list) -> None:
    alpha = krippendorff_alpha(data, "interval")
    assert krippendorff_alpha(np.array(data) * 10 - 7, "interval") == pytest.approx(alpha, nan_ok=True, abs=1e-9)


@given(st.lists(st.tuples(st.integers(0, 2), st.integers(0, 2)), min_size=2, max_size=30))
def test_fleiss_and_alpha_differ_by_the_size_of_the_sample_only(pairs: list) -> None:
    # For complete nominal data: 1 - alpha = (1 - kappa) (n - 1) / n with n values in all.
    counts = [[int(one == value) + int(other == value) for value in range(3)] for one, other in pairs]
    kappa, alpha, n = fleiss_kappa(counts), krippendorff_alpha(np.array(pairs, dtype=float)), 2 * len(pairs)
    assert 1 - alpha == pytest.approx((1 - kappa) * (n - 1) / n, nan_ok=True)


def test_opinions_become_a_table_in_which_the_last_word_counts() -> None:
    people, data = table([("x", "you", 1), ("x", "Noor", 2), ("y", "Noor", 3), ("x", "you", 5)])
    assert people == ["you", "Noor"]
    np.testing.assert_array_equal(data, [[5, 2], [NAN, 3]])


def test_agreement_has_all_figures() -> None:
    opinions = [
        (unit, f"p{person}", value) for unit, row in enumerate(KRIPPENDORFF) for person, value in enumerate(row)
    ]
    found = agreement([opinion for opinion in opinions if not math.isnan(opinion[2])], "ordinal")
    assert (found.units, found.opinions) == (11, 40)
    assert found.alpha == pytest.approx(0.815, abs=5e-4)
    assert found.raw == pytest.approx(raw_agreement(KRIPPENDORFF))
    assert len(found.pairs) == 6
    units, kappa = found.pairs["p0", "p1"]
    assert units == 9
    assert kappa == pytest.approx(cohen_kappa(KRIPPENDORFF[:9, 0], KRIPPENDORFF[:9, 1], "quadratic"))


def test_no_opinions_are_no_agreement() -> None:
    found = agreement([])
    assert (found.units, found.opinions, dict(found.pairs)) == (0, 0, {})
    assert math.isnan(found.alpha)
    assert math.isnan(found.raw)


@pytest.mark.parametrize(
    ("votes", "expected"),
    [([], None), ([1], 1), ([1, 2], None), ([1, 1, 2], 1), ([0, 1, 2], None), ([2, 2, 1, 1], None), ([0, 0, 0], 0)],
)
def test_majority(votes: list, expected: float | None) -> None:
    assert majority(votes) == expected
