"""Advantages against the definition written as loops."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from workbench.lm.advantages import gae, masked_mean, token_rewards, whiten


def gae_by_definition(rewards, values, length, gamma, lam):
    """A_t = sum over l of (gamma lam)^l delta_{t+l}: the double loop."""
    deltas = [rewards[t] + gamma * (values[t + 1] if t + 1 < length else 0.0) - values[t] for t in range(length)]
    return [sum((gamma * lam) ** (k - t) * deltas[k] for k in range(t, length)) for t in range(length)]


@settings(max_examples=60, deadline=None)
@given(
    lengths=st.lists(st.integers(1, 7), min_size=1, max_size=4),
    gamma=st.floats(0, 1),
    lam=st.floats(0, 1),
    seed=st.integers(0, 999),
)
def test_gae_equals_the_double_loop(lengths, gamma, lam, seed):
    torch.manual_seed(seed)
    width = max(lengths)
    mask = torch.arange(width)[None] < torch.tensor(lengths)[:, None]
    # Rubbish outside the mask must not matter.
    rewards, values = torch.randn(len(lengths), width).double(), torch.randn(len(lengths), width).double()
    advantages, returns = gae(rewards, values, mask, gamma, lam)
    for row, length in enumerate(lengths):
        expected = gae_by_definition(rewards[row].tolist(), values[row].tolist(), length, gamma, lam)
        assert advantages[row, :length].tolist() == pytest.approx(expected, abs=1e-9)
        assert returns[row, :length].tolist() == pytest.approx(
            [a + v for a, v in zip(expected, values[row, :length].tolist(), strict=True)], abs=1e-9
        )
    assert not advantages[~mask].any()
    assert not returns[~mask].any()


def test_the_score_lies_on_the_last_token_and_kl_on_every_token():
    mask = torch.tensor([[True, True, False], [True, True, True]])
    kl = torch.tensor([[0.5, 1.0, 9.0], [0.0, 0.0, 2.0]])
    rewards = token_rewards(torch.tensor([3.0, -1.0]), kl, mask, 0.1)
    assert rewards.tolist() == [pytest.approx([-0.05, 2.9, 0.0]), pytest.approx([0.0, 0.0, -1.2])]


def test_whitening_ignores_what_is_masked():
    mask = torch.tensor([[True, True, False], [True, True, False]])
    values = torch.tensor([[1.0, 2.0, 100.0], [3.0, 4.0, -100.0]])
    white = whiten(values, mask)
    assert float(masked_mean(white, mask)) == pytest.approx(0.0, abs=1e-6)
    assert float(masked_mean(white**2, mask)) == pytest.approx(1.0, abs=1e-5)
    assert not white[~mask].any()
    kept = whiten(values, mask, shift_mean=False)
    assert float(masked_mean(kept, mask)) == pytest.approx(2.5, abs=1e-5)
