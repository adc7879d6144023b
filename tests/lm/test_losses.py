"""Losses against numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
import torch

from workbench.lm.losses import hinge, logistic, policy_loss, value_loss

CHOSEN = torch.tensor([2.0, 0.0, 1.0])
REJECTED = torch.tensor([0.5, 1.0, 1.0])


def test_logistic_equals_hand_arithmetic():
    # gaps 1.5, -1, 0: log(1 + e^-1.5) = 0.2014133, log(1 + e) = 1.3132617, log 2 = 0.6931472
    assert float(logistic(CHOSEN, REJECTED)) == pytest.approx((0.2014133 + 1.3132617 + 0.6931472) / 3, abs=1e-6)


def test_logistic_with_margin_asks_for_more():
    margin = torch.tensor([1.0, 0.0, 2.0])
    expected = (math.log1p(math.exp(-0.5)) + math.log1p(math.exp(1)) + math.log1p(math.exp(2))) / 3
    assert float(logistic(CHOSEN, REJECTED, margin)) == pytest.approx(expected, abs=1e-6)


def test_hinge_equals_hand_arithmetic():
    # max(0, 1 - gap): 0, 2, 1
    assert float(hinge(CHOSEN, REJECTED)) == pytest.approx(1.0)


def test_policy_loss_clips_only_what_would_pay():
    mask = torch.tensor([[True, True, True, False]])
    old = torch.zeros(1, 4)
    logp = torch.log(torch.tensor([[1.5, 1.5, 0.5, 9.0]]))
    advantages = torch.tensor([[1.0, -1.0, -1.0, 5.0]])
    # -1 * 1.2 (clipped); +1.5 (not clipped: it costs); +0.8 (clipped: 0.5 is pessimistically raised)
    loss, clipped = policy_loss(logp, old, advantages, mask, 0.2)
    assert float(loss) == pytest.approx((-1.2 + 1.5 + 0.8) / 3, abs=1e-6)
    assert float(clipped) == pytest.approx(2 / 3)


def test_value_loss_takes_the_worse_of_plain_and_clipped():
    mask = torch.tensor([[True, True, False]])
    values, old = torch.tensor([[1.0, 0.1, 7.0]]), torch.tensor([[0.0, 0.0, 0.0]])
    returns = torch.tensor([[1.0, 1.0, 0.0]])
    # first: plain 0, held at 0.2 -> 0.64; second: 0.81 either way
    loss, clipped = value_loss(values, old, returns, mask, 0.2)
    assert float(loss) == pytest.approx(0.5 * (0.64 + 0.81) / 2, abs=1e-6)
    assert float(clipped) == pytest.approx(0.5)
