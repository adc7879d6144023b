"""Linear reward heads: the solution is the right one, however it is reached."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.evaluation.heads import (
    MIDDLE,
    STRENGTHS,
    Ensemble,
    accuracy_of,
    choose_strength,
    fit,
    fit_ensemble,
    held_out_accuracy,
    held_out_margins,
    scales_of,
)


def gradient(x, weights, strength, counts=None):
    counts = np.ones(len(x)) if counts is None else counts
    wrong = 1 / (1 + np.exp(np.clip(x @ weights, -500, 500)))
    return 2 * strength * weights - x.T @ (counts * wrong) / counts.sum()


def slow_fit(x, strength):
    """Plain Newton with the whole matrix and halved steps: slow, and plain to see."""
    weights = np.zeros(x.shape[1])
    for _ in range(100):
        wrong = 1 / (1 + np.exp(np.clip(x @ weights, -500, 500)))
        bend = (x * (wrong * (1 - wrong))[:, None]).T @ x / len(x) + 2 * strength * np.eye(x.shape[1])
        step = np.linalg.solve(bend, -gradient(x, weights, strength))
        length = 1.0

        def loss(w):
            return np.logaddexp(0, -(x @ w)).mean() + strength * w @ w

        while loss(weights + length * step) > loss(weights) and length > 1e-6:
            length /= 2
        weights = weights + length * step
    return weights


def judged(n, f, seed, sharp=2.0):
    """Differences that a hidden direction decides, with noise."""
    rng = np.random.default_rng(seed)
    x = rng.standard_normal((n, f)) * np.arange(1, f + 1) ** -0.5
    margins = x @ rng.standard_normal(f)
    won = rng.random(n) < 1 / (1 + np.exp(-sharp * margins))
    return x * np.where(won, 1, -1)[:, None]


@settings(max_examples=60, deadline=None)
@given(
    n=st.integers(1, 60),
    f=st.integers(1, 40),
    seed=st.integers(0, 2**16),
    size=st.sampled_from([1e-3, 1.0, 30.0]),
    strength=st.sampled_from(STRENGTHS),
)
def test_the_gradient_is_zero_at_the_solution(n, f, seed, size, strength):
    x = judged(n, f, seed) * size
    assert np.abs(gradient(x, fit(x, strength), strength)).max() < 1e-7 * max(1.0, size)


@settings(max_examples=25, deadline=None)
@given(n=st.integers(2, 40), f=st.integers(1, 30), seed=st.integers(0, 2**16), strength=st.sampled_from(STRENGTHS))
def test_it_equals_a_slow_reference(n, f, seed, strength):
    x = judged(n, f, seed) * 3
    np.testing.assert_allclose(fit(x, strength), slow_fit(x, strength), rtol=1e-5, atol=1e-7)


def test_one_feature_has_a_known_answer():
    # softplus'(0) = -1/2 a pair: with strength s and difference 1 the optimum solves 1/(1+e^w) = 2 s w.
    weight = float(fit(np.ones((10, 1)), 0.25)[0])
    assert 1 / (1 + math.exp(weight)) == pytest.approx(2 * 0.25 * weight, abs=1e-8)


def test_float32_finds_nearly_the_same_and_stays_float32():
    x = judged(300, 64, 1)
    found = fit(x.astype(np.float32), 0.03)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, fit(x, 0.03), atol=2e-4)


def test_half_precision_is_read():
    x = judged(40, 8, 1).astype(np.float16)
    np.testing.assert_array_equal(fit(x, 0.1), fit(x.astype(np.float32), 0.1))


@pytest.mark.parametrize("start", [100.0, -100.0])
def test_it_gets_there_from_far_away(start):
    x = judged(50, 6, 2)
    np.testing.assert_allclose(fit(x, 0.03, np.full(6, start)), fit(x, 0.03), atol=1e-6)


def test_no_judgement_is_no_opinion():
    assert not fit(np.zeros((0, 3)), 0.1).any()


def test_noise_is_held_harder_than_signal():
    noise = np.random.default_rng(0).standard_normal((60, 30))
    signal = noise.copy()
    signal[:, 0] += 4
    assert choose_strength(noise, range(60)) > choose_strength(signal, range(60))


def test_the_strength_has_the_lowest_loss_on_prompts_that_were_left_out():
    x, groups = judged(90, 20, 4), [index // 3 for index in range(90)]
    fold = np.array(groups) % 5

    def left_out(strength):
        return sum(np.logaddexp(0, -(x[fold == k] @ slow_fit(x[fold != k], strength))).sum() for k in range(5))

    assert choose_strength(x, groups) == min(STRENGTHS, key=left_out)


def test_too_few_prompts_to_choose_by():
    x = judged(40, 3, 0)
    assert choose_strength(x, [index % 9 for index in range(40)]) == MIDDLE
    assert held_out_accuracy(x, [index % 9 for index in range(40)], MIDDLE) is None


def test_each_head_fits_its_own_resample_of_the_prompts():
    x, groups = judged(60, 5, 3), [index // 2 for index in range(60)]
    heads = fit_ensemble(x, groups, heads=4, seed=1, strength=0.1)
    drawn = np.random.default_rng(1).poisson(1.0, size=(30, 4))[np.array(groups)]
    assert heads.shape == (4, 5)
    for head, counts in zip(heads, drawn.T, strict=True):
        assert np.abs(gradient(x, head, 0.1, counts)).max() < 1e-7


def test_one_more_prompt_leaves_the_other_draws_as_they_were():
    x, groups = judged(41, 5, 3), list(range(41))
    before = fit_ensemble(x[:40], groups[:40], strength=0.1)
    after = fit_ensemble(x, groups, strength=0.1, start=before)
    np.testing.assert_allclose(after, fit_ensemble(x, groups, strength=0.1), atol=1e-6)
    assert np.abs(after - before).max() < np.abs(before).max() / 2


def test_a_start_of_another_shape_is_not_used():
    x = judged(30, 5, 3)
    again = fit_ensemble(x, range(30), strength=0.1, start=np.ones((8, 4)))
    np.testing.assert_array_equal(again, fit_ensemble(x, range(30), strength=0.1))


def test_uncertainty_falls_with_judgements_and_grows_away_from_them():
    x = judged(800, 6, 5)
    few = Ensemble(fit_ensemble(x[:40], range(40), strength=0.01))
    many = Ensemble(fit_ensemble(x, range(800), strength=0.01))
    answers = np.random.default_rng(9).standard_normal((50, 6))
    assert many.scores(answers)[1].mean() < few.scores(answers)[1].mean()
    np.testing.assert_allclose(many.scores(3 * answers)[1], 3 * many.scores(answers)[1])


def test_a_gap_knows_that_heads_err_together():
    heads = Ensemble(np.array([[1.0, 5.0], [1.0, -5.0]]))
    gap, doubt = heads.gaps(np.array([[2.0, 1.0]]), np.array([[1.0, 1.0]]))
    assert (gap[0], doubt[0]) == (1.0, 0.0)
    assert heads.scores(np.array([[2.0, 1.0]]))[1][0] == 5.0


def test_accuracy_is_of_prompts_that_were_not_seen():
    x = judged(300, 4, 6, sharp=6.0)
    found = held_out_accuracy(x, range(300), 0.03)
    assert found.count == 300
    assert 0.8 < found.share < 1
    assert found.low < found.share < found.high
    # A feature of one prompt alone tells the pairs of that prompt, and nothing about others.
    own = np.repeat(np.eye(30), 2, axis=0)
    assert held_out_accuracy(own, [index // 2 for index in range(60)], 0.01).share == 0.5


def test_margins_are_those_of_heads_that_had_not_seen_the_prompt():
    x, groups = judged(60, 5, 7), [index // 2 for index in range(60)]
    fold = np.array(groups) % 5
    found = held_out_margins(x, groups, 0.1)
    for k in range(5):
        np.testing.assert_allclose(found[fold == k], x[fold == k] @ slow_fit(x[fold != k], 0.1), atol=1e-6)
    assert accuracy_of(np.array([1.0, 0.0, -1.0, 2.0])).right == 2.5


def test_scales_make_features_alike_and_forgive_dead_ones():
    x = np.random.default_rng(0).standard_normal((200, 3)) * [1e-2, 1e3, 0.0]
    scaled = x * scales_of(x)
    np.testing.assert_allclose(np.sqrt(np.square(scaled).mean(0)), [1, 1, 0], atol=0.02)
