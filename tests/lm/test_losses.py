"""Losses against numbers worked out by hand."""

from __future__ import annotations

import itertools
import math

import pytest
import torch

from workbench.lm.losses import centering, hinge, listwise_hinge, logistic, plackett_luce, policy_loss, value_loss

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


SCORES = torch.tensor([[1.0, 2.0, 0.25], [3.0, 2.5, 9.0]])
RANKS = torch.tensor([[1, 0, 2], [0, 1, -1]])  # the second list holds two answers; 9.0 is padding


def test_listwise_hinge_equals_hand_arithmetic():
    # Best first 2, 1, 0.25. Gaps 1 (no loss), 1.75 (no loss), 0.75 (0.25); the other list: gap 0.5 (0.5).
    assert float(listwise_hinge(SCORES, RANKS)) == pytest.approx((0.25 + 0.5) / 2)
    margin = torch.zeros(2, 3, 3)
    margin[0, 1, 2] = 2.0  # asks 1.75 to be 2
    margin[0, 1, 0] = 1.5  # asks 1 to be 1.5
    assert float(listwise_hinge(SCORES, RANKS, margin)) == pytest.approx((0.25 + 0.5) / 2)


def test_plackett_luce_equals_hand_arithmetic():
    e = math.exp
    # 2 among all three, then 1 among the two that are left.
    first = -math.log(e(2) / (e(2) + e(1) + e(0.25))) - math.log(e(1) / (e(1) + e(0.25)))
    second = -math.log(e(3) / (e(3) + e(2.5)))
    assert float(plackett_luce(SCORES, RANKS)) == pytest.approx((first + second) / 2, abs=1e-6)


def test_plackett_luce_is_a_distribution_over_orders():
    scores = torch.tensor([[0.3, -1.2, 2.0, 0.1]])
    total = sum(
        math.exp(-float(plackett_luce(scores, torch.tensor([order])))) for order in itertools.permutations(range(4))
    )
    assert total == pytest.approx(1.0, abs=1e-5)


def test_ties_have_no_term_among_themselves():
    scores, ranks = torch.tensor([[2.0, 1.0, 0.5]]), torch.tensor([[0, 0, 1]])
    # gaps to the last: 1.5 and 0.5; hinge 0 and 0.5
    assert float(listwise_hinge(scores, ranks)) == pytest.approx(0.5)
    expected = math.log1p(math.exp(-1.5)) + math.log1p(math.exp(-0.5))
    assert float(plackett_luce(scores, ranks)) == pytest.approx(expected, abs=1e-6)
    all_tied = torch.zeros(1, 3, dtype=torch.long)
    assert float(listwise_hinge(scores, all_tied)) == 0.0
    assert float(plackett_luce(scores, all_tied)) == pytest.approx(0.0, abs=1e-6)


@pytest.mark.parametrize("margin", [0.0, 0.7])
def test_lists_of_two_are_pairs(margin):
    scores, ranks = torch.stack([REJECTED, CHOSEN], 1), torch.tensor([[1, 0]] * 3)
    torch.testing.assert_close(plackett_luce(scores, ranks, margin), logistic(CHOSEN, REJECTED, margin))
    torch.testing.assert_close(listwise_hinge(scores, ranks, margin), hinge(CHOSEN, REJECTED, margin))


@pytest.mark.parametrize("loss", [listwise_hinge, plackett_luce])
def test_padding_has_no_gradient_and_nothing_overflows(loss):
    scores = torch.tensor([[300.0, -300.0, 0.0], [0.0, 1.0, 50.0]], requires_grad=True)
    (gradient,) = torch.autograd.grad(loss(scores, torch.tensor([[1, 0, 2], [0, 1, -1]])), scores)
    assert torch.isfinite(gradient).all()
    assert float(gradient[1, 2]) == 0.0
    assert float(gradient[0, 1]) < 0 < float(gradient[0, 0])


def test_centering_equals_hand_arithmetic():
    # (2 * 3.25 / 3)^2 and (3 + 2.5)^2
    assert float(centering(SCORES, RANKS >= 0)) == pytest.approx(((6.5 / 3) ** 2 + 5.5**2) / 2, rel=1e-6)


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
