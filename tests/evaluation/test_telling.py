"""What a judgement would tell, before it is made."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from workbench.evaluation.telling import information, most_telling

GAPS = arrays(float, st.tuples(st.integers(1, 6), st.integers(1, 5)), elements=st.floats(-30, 30))


def entropy(p: float) -> float:
    return -sum(x * np.log(x) for x in (p, 1 - p) if x > 0)


def test_heads_that_disagree_are_told_most_and_a_near_tie_of_all_tells_nothing():
    disagree, tie, agree, half = information(np.array([[20.0, -20.0], [0.0, 0.0], [3.0, 3.0], [1.0, -1.0]]))
    assert disagree == pytest.approx(np.log(2), abs=1e-6)
    assert tie == pytest.approx(0, abs=1e-9)
    assert agree == pytest.approx(0, abs=1e-9)
    p = 1 / (1 + np.exp(-1.0))
    assert half == pytest.approx(np.log(2) - entropy(p))


@given(GAPS)
def test_it_is_at_least_nothing_at_most_one_bit_and_the_same_whichever_answer_comes_first(gaps):
    nats = information(gaps)
    assert (nats > -1e-9).all()
    assert (nats < np.log(2) + 1e-9).all()
    assert information(-gaps) == pytest.approx(nats)
    assert information(gaps[:, ::-1]) == pytest.approx(nats)


@given(
    arrays(float, st.tuples(st.integers(1, 12), st.just(3)), elements=st.floats(-5, 5, width=16)),
    st.data(),
)
def test_it_finds_the_best_pair_of_each_prompt_among_all(each, data):
    prompts = np.array(data.draw(st.lists(st.integers(0, 3), min_size=len(each), max_size=len(each))))
    pairs = [pair for pair in combinations(range(len(each)), 2) if prompts[pair[0]] == prompts[pair[1]]]
    known = data.draw(st.sets(st.sampled_from(pairs))) if pairs else set()
    crowded = max(np.bincount(prompts)) > 9
    worth = {pair: information(each[[pair[0]]] - each[[pair[1]]])[0] for pair in pairs if pair not in known}
    best = {}
    for (one, _), nats in worth.items():
        if nats > 1e-9:
            best[prompts[one]] = max(nats, best.get(prompts[one], 0.0))
    found = most_telling(each, prompts, {pair[::-1] for pair in known})
    nats = [worth[min(pair), max(pair)] for pair in found]
    assert nats == sorted(nats, reverse=True)
    if not crowded:
        expected = [best[prompts[one]] for one, _ in found]
        assert nats == pytest.approx(expected)
        assert {prompts[one] for one, _ in found} == set(best)


def test_copies_of_a_text_teach_nothing_and_are_not_asked_about():
    each = np.array([[1.0, 2.0], [1.0, 2.0], [1.5, 1.9], [4.0, 5.5]])
    assert {frozenset(pair) for pair in most_telling(each, np.array([0, 0, 1, 1]))} == {frozenset((2, 3))}
    assert most_telling(each[:2], np.array([0, 0])) == []
    assert most_telling(each[:1], np.array([0])) == []
    assert most_telling(each[:0], np.array([], int)) == []
