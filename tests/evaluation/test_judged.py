"""A judge's agreement with people, against scipy and scikit-learn, and what its intervals are by."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.metrics import cohen_kappa_score

from workbench.evaluation import judged
from workbench.evaluation.agreement import krippendorff_alpha
from workbench.evaluation.judged import Draws

PAIRS = st.lists(st.tuples(st.integers(1, 5), st.integers(1, 5)), min_size=2, max_size=60)


def sides(pairs):
    return [float(one) for one, _ in pairs], [float(other) for _, other in pairs]


def near(found, wanted):
    return (math.isnan(found) and math.isnan(wanted)) or found == pytest.approx(wanted, abs=1e-9)


@settings(deadline=None)
@given(PAIRS)
@pytest.mark.filterwarnings("ignore")
def test_ranks_correlate_as_scipy_says(pairs):
    one, other = sides(pairs)
    draws = Draws.of(range(len(one)), rounds=1)
    assert near(judged.spearman(one, other, draws).value, float(stats.spearmanr(one, other).statistic))
    assert near(judged.kendall(one, other, draws).value, float(stats.kendalltau(one, other).statistic))


@pytest.mark.filterwarnings("ignore")
def test_every_draw_is_what_scipy_says_of_the_prompts_that_were_drawn():
    rng = np.random.default_rng(3)
    one, other = rng.integers(1, 6, 30).astype(float), rng.normal(size=30)
    prompts = [place // 3 for place in range(30)]
    draws = Draws.of(prompts, rounds=40)
    taken = [np.repeat(np.arange(30), times[draws.group].astype(int)) for times in draws.times[1:]]
    for figure, reference in ((judged.spearman, stats.spearmanr), (judged.kendall, stats.kendalltau)):
        drawn = [reference(one[places], other[places]).statistic for places in taken]
        low, high = np.quantile(drawn, [0.025, 0.975])
        found = figure(one, other, draws)
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


@settings(deadline=None)
@given(PAIRS)
@pytest.mark.filterwarnings("ignore")
def test_kappa_and_alpha_are_those_of_scikit_learn_and_of_the_report(pairs):
    one, other = sides(pairs)
    draws = Draws.of(range(len(one)), rounds=1)
    if len({*one, *other}) > 1:
        wanted = cohen_kappa_score(one, other, labels=range(1, 6), weights="quadratic")
        assert near(judged.kappa(one, other, draws).value, wanted)
    assert near(judged.alpha(one, other, draws).value, krippendorff_alpha(np.stack([one, other], 1), "ordinal"))


def test_accuracy_leaves_out_people_s_ties_and_halves_the_judge_s():
    people, judge = [1, 1, -1, -1, 0, 0], [1, 0, -1, 1, 1, 0]
    count, found = judged.accuracy(judge, people, Draws.of(range(6)))
    assert (count, found.value) == (4, pytest.approx((1 + 0.5 + 1 + 0) / 4))
    assert judged.same(judge, people, Draws.of(range(6))).value == pytest.approx(3 / 6)


def test_answers_of_one_prompt_are_drawn_together():
    people, judge = [1, -1] * 50, [1, -1] * 25 + [-1, 1] * 25
    alone = judged.accuracy(judge, people, Draws.of(range(100)))[1]
    together = judged.accuracy(judge, people, Draws.of([place // 10 for place in range(100)]))[1]
    assert alone.value == together.value == 0.5
    assert together.high - together.low > 2 * (alone.high - alone.low)


def test_a_judge_that_says_one_thing_of_everything_has_no_rank_figures():
    found = judged.spearman([3, 3, 3], [1, 2, 3], Draws.of(range(3)))
    assert math.isnan(found.value)
    assert math.isnan(judged.kendall([3, 3, 3], [1, 2, 3], Draws.of(range(3))).value)
    assert math.isnan(judged.accuracy([], [], Draws.of([]))[1].value)


def people(rng, truth, noise):
    return np.clip(np.round(truth + rng.normal(0, noise, len(truth))), 1, 5)


@pytest.mark.parametrize(("noise", "words"), [(0.2, "as people"), (2.5, "below people")])
def test_it_is_told_whether_the_judge_agrees_as_people_do(noise, words):
    rng = np.random.default_rng(5)
    truth = rng.integers(1, 6, 120).astype(float)
    said = list(zip(people(rng, truth, 0.6), people(rng, truth, 0.6), strict=True))
    found = judged.beside_people(people(rng, truth, noise), said, list(range(120)))
    assert (found.items, found.couples, found.words) == (120, 240, words)
    few = judged.beside_people(people(rng, truth, noise)[:10], said[:10], list(range(10)))
    assert few.words == ""
