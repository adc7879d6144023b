"""Rewards, advantages and their whitening, as pure functions on right-padded [b, t] tensors with a mask."""

from __future__ import annotations

import torch


def token_rewards(scores: torch.Tensor, kl: torch.Tensor, mask: torch.Tensor, kl_coef: float) -> torch.Tensor:
    """Reward of each token: -kl_coef * kl everywhere, and the answer's score on its last token (Ziegler et al. 2019).

    scores [b]; kl, mask [b, t]. Returns [b, t], zero where the mask is False.
    """
    rewards = torch.where(mask, -kl_coef * kl, torch.zeros_like(kl))
    last = mask.sum(1) - 1
    rewards[torch.arange(len(scores), device=scores.device), last] += scores
    return rewards


def gae(
    rewards: torch.Tensor, values: torch.Tensor, mask: torch.Tensor, gamma: float, lam: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Generalised advantage estimation (Schulman et al. 2016): A_t = sum_l (gamma lam)^l delta_{t+l}.

    delta_t = r_t + gamma V_{t+1} - V_t, with V = 0 after an answer's last token. All tensors [b, t].
    Returns advantages and returns (advantages + values), both zero where the mask is False.
    """
    values = torch.where(mask, values, torch.zeros_like(values))
    rewards = torch.where(mask, rewards, torch.zeros_like(rewards))
    advantages = torch.zeros_like(values)
    running = torch.zeros_like(values[:, 0])
    for t in range(values.shape[1] - 1, -1, -1):
        following = values[:, t + 1] if t + 1 < values.shape[1] else torch.zeros_like(running)
        running = rewards[:, t] + gamma * following - values[:, t] + gamma * lam * running
        running = torch.where(mask[:, t], running, torch.zeros_like(running))
        advantages[:, t] = running
    return advantages, torch.where(mask, advantages + values, torch.zeros_like(values))


def returns_to_go(rewards: torch.Tensor, mask: torch.Tensor, gamma: float) -> torch.Tensor:
    """G_t = r_t + gamma G_{t+1} (Williams 1992; Sutton and Barto 2018, 13.3). rewards, mask [b, t]. Returns [b, t],
    zero where the mask is False."""
    returns = torch.zeros_like(rewards)
    running = torch.zeros_like(rewards[:, 0])
    for t in range(rewards.shape[1] - 1, -1, -1):
        running = torch.where(mask[:, t], rewards[:, t] + gamma * running, torch.zeros_like(running))
        returns[:, t] = running
    return returns


def leave_one_out(rewards: torch.Tensor, samples: int) -> torch.Tensor:
    """Each answer's reward less the mean of the other answers to its prompt (RLOO: Kool et al. 2019, Ahmadian et al.
    2024). rewards [b], `samples` answers of one prompt after the other, at least two. Returns [b]."""
    groups = rewards.view(-1, samples)
    others = (groups.sum(1, keepdim=True) - groups) / (samples - 1)
    return (groups - others).view(-1)


def group_relative(rewards: torch.Tensor, samples: int, *, scale: bool) -> torch.Tensor:
    """Each answer's reward less the mean of its prompt's answers (GRPO: Shao et al. 2024), divided by their deviation
    if `scale`; without, an easy and a hard prompt weigh alike (Dr. GRPO: Liu et al. 2025). Shapes as leave_one_out."""
    groups = rewards.view(-1, samples)
    centred = groups - groups.mean(1, keepdim=True)
    return (centred / (groups.std(1, keepdim=True) + 1e-4) if scale else centred).view(-1)


def over_tokens(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """A value of each answer [b] at each of its tokens: [b, t], zero where the mask is False."""
    return values[:, None] * mask


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over True positions; 0 when there are none."""
    return torch.where(mask, values, torch.zeros_like(values)).sum() / mask.sum().clamp(min=1)


def whiten(values: torch.Tensor, mask: torch.Tensor, *, shift_mean: bool = True) -> torch.Tensor:
    """Values with unit variance over the mask, and zero mean unless `shift_mean` is False. Zero outside the mask."""
    mean = masked_mean(values, mask)
    variance = masked_mean((values - mean) ** 2, mask)
    white = (values - mean) * torch.rsqrt(variance + 1e-8)
    return torch.where(mask, white if shift_mean else white + mean, torch.zeros_like(values))
