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
