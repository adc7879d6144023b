"""Agreement against the `krippendorff` package and scikit-learn, on generated tables and on real annotators."""

from __future__ import annotations

import json
import math
import os
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from workbench.evaluation.agreement import cohen_kappa, fleiss_kappa, krippendorff_alpha
from workbench.evaluation.resampling import reliability_of

NAN = math.nan
LEVELS = ("nominal", "ordinal", "interval")
PANDALM = os.environ.get("WORKBENCH_PANDALM", "")
"""Where PandaLM's testset-v1.json is, for the test on real annotators."""

tables = st.integers(2, 5).flatmap(
    lambda people: st.lists(
        st.lists(st.sampled_from([1.0, 2.0, 3.0, 4.0, 5.0, NAN]), min_size=people, max_size=people),
        min_size=2,
        max_size=25,
    )
)


def opinions_of(data):
    return [
        (unit, f"p{person}", value)
        for unit, row in enumerate(np.asarray(data, float).tolist())
        for person, value in enumerate(row)
        if not math.isnan(value)
    ]


@settings(max_examples=150, deadline=None)
@given(tables, st.sampled_from(LEVELS))
def test_alpha_is_that_of_the_krippendorff_package(data, level) -> None:
    package = pytest.importorskip("krippendorff")
    units = np.array(data)
    together = units[np.isfinite(units).sum(1) >= 2]
    assume(len(np.unique(together[np.isfinite(together)])) >= 2)
    theirs = package.alpha(reliability_data=units.T, level_of_measurement=level)
    assert krippendorff_alpha(units, level) == pytest.approx(theirs, abs=1e-9)
    found = reliability_of(opinions_of(units), level, rounds=5)
    assert found.alpha.value == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=40),
    st.sampled_from([None, "linear", "quadratic"]),
)
def test_cohens_kappa_is_scikit_learns(pairs, weights) -> None:
    metrics = pytest.importorskip("sklearn.metrics")
    one, other = np.array(pairs).T
    assume(len(np.unique(pairs)) >= 2)
    theirs = metrics.cohen_kappa_score(one, other, labels=[1, 2, 3, 4, 5], weights=weights)
    assert cohen_kappa(one, other, weights) == pytest.approx(theirs, abs=1e-9)


def pandalm():
    if not Path(PANDALM).is_file():
        pytest.skip("the PandaLM test set is not here")
    rows = json.loads(Path(PANDALM).read_text(encoding="utf-8"))
    return np.array([[row[f"annotator{person}"] for person in (1, 2, 3)] for row in rows], float)


@pytest.mark.parametrize("level", LEVELS)
def test_the_pandalm_annotators_agree_as_the_packages_say(level) -> None:
    package, metrics = pytest.importorskip("krippendorff"), pytest.importorskip("sklearn.metrics")
    data = pandalm()
    found = reliability_of(opinions_of(data), level)
    assert found.units == len(data)
    assert found.alpha.value == pytest.approx(package.alpha(reliability_data=data.T, level_of_measurement=level))
    assert found.alpha.low < found.alpha.value < found.alpha.high
    weights = None if level == "nominal" else "quadratic"
    kappas = []
    for one, other in combinations(range(3), 2):
        kappas.append(metrics.cohen_kappa_score(data[:, one], data[:, other], weights=weights, labels=[0, 1, 2]))
        n, kappa = found.pairs[f"p{one}", f"p{other}"]
        assert (n, kappa.value) == (len(data), pytest.approx(kappas[-1]))
    assert found.cohen.value == pytest.approx(np.mean(kappas))
    counts = [[(row == value).sum() for value in np.unique(data)] for row in data]
    assert found.fleiss.value == pytest.approx(fleiss_kappa(counts))


@given(tables)
def test_complete_tables_have_fleiss_own_kappa_and_others_weigh_each_unit_once(data) -> None:
    units = np.array(data)
    whole = units[np.isfinite(units).all(1)]
    assume(len(whole))
    counts = [[(row == value).sum() for value in (1, 2, 3, 4, 5)] for row in whole]
    found = reliability_of(opinions_of(whole), "nominal", rounds=3)
    assert found.fleiss.value == pytest.approx(fleiss_kappa(counts), nan_ok=True)


def test_an_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(3)
    covered = 0
    for number in range(60):
        truth = rng.integers(0, 2, 200)
        people = [np.where(rng.random(200) < 0.9, truth, 1 - truth) for _ in range(2)]
        found = reliability_of(opinions_of(np.transpose(people)), "nominal", rounds=300, seed=number)
        covered += found.raw.low <= 0.82 <= found.raw.high  # both right, or both wrong: 0.81 + 0.01
    assert 50 <= covered <= 60


def test_the_same_seed_gives_the_same_interval_and_more_items_a_narrower_one() -> None:
    rng = np.random.default_rng(1)

    def made(n: int):
        truth = rng.integers(1, 6, n)
        return opinions_of(np.transpose([truth, np.clip(truth + rng.integers(-1, 2, n), 1, 5)]))

    few, many = made(50), made(5_000)
    assert reliability_of(few, "ordinal").alpha == reliability_of(few, "ordinal").alpha
    narrow, wide = (reliability_of(each, "ordinal").alpha for each in (many, few))
    assert narrow.high - narrow.low < (wide.high - wide.low) / 4


def test_everybody_may_judge_another_part() -> None:
    said = [(1, "a", 1), (1, "b", 1), (2, "b", 2), (2, "c", 2), (3, "c", 1), (3, "d", 2), (4, "a", 5)]
    found = reliability_of(said, "ordinal", rounds=50)
    assert (found.units, found.opinions, found.people) == (3, 6, ("a", "b", "c", "d"))
    assert {who: n for who, (n, _) in found.pairs.items()} == {("a", "b"): 1, ("b", "c"): 1, ("c", "d"): 1}


@pytest.mark.parametrize("said", [[], [(1, "a", 1.0)], [(1, "a", 1.0), (2, "b", 2.0)]])
def test_nothing_in_common_is_nothing_to_say(said) -> None:
    found = reliability_of(said, "ordinal", rounds=10)
    assert (found.units, found.opinions, dict(found.pairs)) == (0, 0, {})
    for each in (found.raw, found.cohen, found.fleiss, found.alpha):
        assert math.isnan(each.value)
        assert math.isnan(each.low)
