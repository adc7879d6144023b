"""REINFORCE (Williams 1992): every token is made likelier by what came after it, less a baseline.

No value function and no second look at an answer: the simplest of the on-policy methods, and the one to read first.
The baseline is the mean return of the round's tokens (as in REINFORCE++, Hu et al. 2025), or a moving mean
of past rounds (Williams 1992; a baseline of Ahmadian et al. 2024).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..events import Event
from ..feedback.base import Pair, Prompt
from .base import Data, Job, Panel, knob
from .on_policy_options import Machine, Round
from .policy_gradient import KL, PARTS, REWARD, PolicyGradient, Targets, no_prompts, train_with
from .presets import rounds
from .rewarding import needs_reward, wants
from .rollouts import Rollout

if TYPE_CHECKING:
    import torch

__all__ = ["Options", "Run", "lacks", "needs_reward", "train", "wants"]

name = "reinforce"
title = "REINFORCE"
text = "The plain policy gradient: no value function, one update a round."
WANTS: tuple[type, ...] = (Prompt,)
MEASURED_ON: tuple[type, ...] = (Pair,)
NEEDS_REWARD = True
RESULT = "adapter"
PRESETS = rounds(steps=240)
PANELS = (
    REWARD,
    KL,
    PARTS,
    Panel("Policy loss", ("loss/policy_avg",)),
    Panel("Advantage spread", ("objective/advantage_std",), "deviation over answers"),
    Panel("Entropy", ("objective/entropy",), "nats a token"),
    Panel("Length", ("val/length",), "tokens an answer"),
)


@dataclass(frozen=True)
class _Own:
    """What REINFORCE has of its own."""

    gamma: float = knob(1.0, "Discount of later rewards.", low=0.0, high=1.0, step=0.01, advanced=False)
    baseline: str = knob(
        "batch",
        "What a return is compared with: the mean of the round's tokens, a moving mean of past rounds, or nothing.",
        choices=("batch", "moving", "none"),
    )
    momentum: float = knob(0.9, "How slowly the moving mean moves.", low=0.0, high=0.999, step=0.01)
    whiten: bool = knob(True, "Scale advantages to unit variance in each round.")


@dataclass(frozen=True)
class Options(Machine, _Own, Round):
    """Knobs of REINFORCE."""


def lacks(data: Data) -> str:
    """Why the data cannot feed it; "" when it can."""
    return no_prompts(data)


def train(job: Job, options: Options) -> Iterator[Event]:
    """Rounds of: write answers, score them, learn from them."""
    return train_with(Run, job, options)


class Run(PolicyGradient):
    """One REINFORCE run."""

    name = name

    def __init__(self, job: Job, options: Options, compute: Any) -> None:
        super().__init__(job, options, compute)
        self.mean: float | None = None
        """The moving mean of returns, once there was a round."""

    def targets(self, rollout: Rollout, scores: torch.Tensor, rewards: torch.Tensor) -> Targets:
        """Discounted returns to go, less the baseline."""
        from ..lm.advantages import masked_mean, returns_to_go, whiten

        returns = returns_to_go(rewards, rollout.mask, self.options.gamma)
        now = masked_mean(returns, rollout.mask)
        compared = {"batch": float(now), "moving": float(now) if self.mean is None else self.mean, "none": 0.0}
        advantages = (returns - compared[self.options.baseline]) * rollout.mask
        return Targets(whiten(advantages, rollout.mask, shift_mean=False) if self.options.whiten else advantages)

    def settle(self, rollout: Rollout, values: dict[str, float]) -> None:
        """The moving mean takes in the round."""
        from ..lm.advantages import masked_mean, returns_to_go

        _, rewards = self.rewards(rollout)
        now = float(masked_mean(returns_to_go(rewards, rollout.mask, self.options.gamma), rollout.mask))
        kept = self.options.momentum
        self.mean = now if self.mean is None else kept * self.mean + (1 - kept) * now
        super().settle(rollout, values)

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """With the moving mean."""
        tensors, plain = super().state()
        return tensors, plain | {"mean": self.mean}

    def restore(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """With the moving mean."""
        self.mean = state["mean"]
        super().restore(tensors, state)
