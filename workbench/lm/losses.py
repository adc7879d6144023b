"""Losses as pure functions, checked against hand arithmetic in the tests."""

from __future__ import annotations

import torch
import torch.nn.functional as F

from .advantages import masked_mean


def logistic(chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor | float = 0.0) -> torch.Tensor:
    """Bradley-Terry: mean of -log sigmoid(f(chosen) - f(rejected) - margin); margin as in Touvron et al. (2023).

    chosen, rejected [n] scores.
    """
    return -F.logsigmoid(chosen - rejected - margin).mean()


def hinge(chosen: torch.Tensor, rejected: torch.Tensor, margin: torch.Tensor | float = 1.0) -> torch.Tensor:
    """Pairwise hinge: mean of max(0, margin - (f(chosen) - f(rejected))). chosen, rejected [n] scores."""
    return torch.clamp(margin - (chosen - rejected), min=0).mean()


def listwise_hinge(scores: torch.Tensor, ranks: torch.Tensor, margin: torch.Tensor | float = 1.0) -> torch.Tensor:
    """Mean over lists of the sum over i < j of max(0, margin - (f(x_ri) - f(x_rj))), r the ranking, best first.

    scores, ranks [b, n]: rank 0 is best, equal ranks are a tie and have no term, a negative rank is padding. margin:
    one for all, or [b, n, n] between answer i and answer j.
    """
    short = torch.clamp(margin - (scores[:, :, None] - scores[:, None, :]), min=0)
    return short.masked_fill(~better(ranks), 0).sum((1, 2)).mean()


def plackett_luce(scores: torch.Tensor, ranks: torch.Tensor, margin: torch.Tensor | float = 0.0) -> torch.Tensor:
    """Mean over lists of -log of the probability that answers are drawn in the order of the ranking, best first, each
    in proportion to exp(f) among those that are left (Luce 1959; Plackett 1975).

    Tied answers do not compete with each other, only with worse ones. A list of two is `logistic`, so a margin raises
    the rivals likewise. Shapes as in `listwise_hinge`.
    """
    rivals = better(ranks)
    itself = torch.eye(scores.shape[1], dtype=torch.bool, device=scores.device)
    ahead = (scores[:, None, :] - scores[:, :, None]) + margin  # [b, i, j]: how far rival j is above i
    against = ahead.masked_fill(itself, 0).masked_fill(~(rivals | itself), -torch.inf)
    return torch.logsumexp(against, 2).sum(1).mean()


def better(ranks: torch.Tensor) -> torch.Tensor:
    """[b, n, n]: whether answer i stands above answer j. ranks [b, n]; a negative one is padding and above nothing."""
    real = ranks >= 0
    return (ranks[:, :, None] < ranks[:, None, :]) & real[:, :, None] & real[:, None, :]


def centering(scores: torch.Tensor, real: torch.Tensor) -> torch.Tensor:
    """Holds scores around zero: mean over lists of (twice the list's mean score)^2, for a pair (f(c) + f(r))^2, as in
    Eisenstein et al. (2023). scores [b, n]; real [b, n] is False on padding."""
    means = (scores * real).sum(1) / real.sum(1)
    return (2 * means).square().mean()


def policy_loss(
    logp: torch.Tensor, old: torch.Tensor, advantages: torch.Tensor, mask: torch.Tensor, clip: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """PPO's clipped surrogate (Schulman et al. 2017) and the share of tokens where the clip was active. All [b, t]."""
    ratio = torch.exp(torch.where(mask, logp - old, torch.zeros_like(logp)))
    plain = -advantages * ratio
    clipped = -advantages * torch.clamp(ratio, 1 - clip, 1 + clip)
    return masked_mean(torch.maximum(plain, clipped), mask), masked_mean((clipped > plain).float(), mask)


def value_loss(
    values: torch.Tensor, old: torch.Tensor, returns: torch.Tensor, mask: torch.Tensor, clip: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """0.5 max((V - R)^2, (V_clipped - R)^2), V held within `clip` of its old value; and the clipped share. [b, t]."""
    held = old + torch.clamp(values - old, -clip, clip)
    plain, clipped = (values - returns) ** 2, (held - returns) ** 2
    return 0.5 * masked_mean(torch.maximum(plain, clipped), mask), masked_mean((clipped > plain).float(), mask)


def kl_loss(logp: torch.Tensor, reference: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over tokens of exp(d) - d - 1, d = log p_ref - log p: an unbiased estimate of the KL to the reference that
    is never below zero (k3: Schulman 2020, as in GRPO). All [b, t]; the gradient flows through logp."""
    behind = torch.where(mask, reference - logp, torch.zeros_like(logp))
    return masked_mean(behind.exp() - behind - 1, mask)
