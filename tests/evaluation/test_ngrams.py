"""The models that a language model has to beat are models: their probabilities sum to one, and are the known ones."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.evaluation.ngrams import Counts, surprise


@settings(deadline=None)
@given(st.lists(st.integers(0, 5), min_size=1, max_size=60), st.integers(0, 6))
def test_what_may_follow_a_token_sums_to_one_also_after_a_token_never_seen(ids, before):
    counts = Counts.of(np.array(ids), 7)
    everything = np.arange(7)
    assert counts.unigram(everything).sum() == pytest.approx(1.0)
    after = counts.bigram(np.full(7, before), everything)
    assert after.sum() == pytest.approx(1.0)
    assert (after > 0).all()


def test_the_probabilities_are_those_of_the_formula():
    counts = Counts.of(np.array([0, 1, 0, 1, 0, 2, 1]), 4)  # 0-1 and 1-0 twice, 0-2 and 2-1 once
    assert counts.unigram(np.array([0, 1, 2, 3])) == pytest.approx(np.array([4, 4, 2, 1]) / 11)
    assert counts.discount == pytest.approx(2 / 6)
    expected = (2 - 1 / 3) / 3 + (1 / 3) * 2 / 3 * 4 / 11
    assert counts.bigram(np.array([0]), np.array([1]))[0] == pytest.approx(expected)
    assert surprise(np.array([0.5, 0.25])) == pytest.approx(3 * np.log(2))


def test_pairs_surprise_less_than_single_tokens_where_order_tells_something():
    ids = np.tile([0, 1, 2, 3], 50)
    counts = Counts.of(ids, 4)
    assert surprise(counts.bigram(ids[:-1], ids[1:])) < 0.05 * surprise(counts.unigram(ids[1:]))
