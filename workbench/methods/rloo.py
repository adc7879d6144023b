"""RLOO (Ahmadian et al. 2024): several answers to a prompt, each compared with the mean of the others.

The other answers are the baseline, so there is no value function; the KL to the reference is part of the reward.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import Event
from ..feedback.base import Pair, Prompt
from .base import Data, Job, Panel, knob
from .on_policy_options import Grouped, Machine, Reuse, Round
from .policy_gradient import KL, PARTS, REWARD, PolicyGradient, Targets, no_prompts, train_with
from .presets import rounds
from .rewarding import needs_reward, wants
from .rollouts import Rollout

if TYPE_CHECKING:
    import torch

__all__ = ["Options", "Run", "lacks", "needs_reward", "train", "wants"]

name = "rloo"
title = "RLOO"
text = "Several answers to each prompt, each against the mean of the others."
WANTS: tuple[type, ...] = (Prompt,)
MEASURED_ON: tuple[type, ...] = (Pair,)
NEEDS_REWARD = True
RESULT = "adapter"
PRESETS = rounds(samples=8)
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
    """What RLOO has of its own."""

    whiten: bool = knob(False, "Scale advantages to unit variance in each round.")


@dataclass(frozen=True)
class Options(Machine, _Own, Grouped, Reuse, Round):
    """Knobs of RLOO."""


def lacks(data: Data) -> str:
    """Why the data cannot feed it; "" when it can."""
    return no_prompts(data)


def train(job: Job, options: Options) -> Iterator[Event]:
    """Rounds of: write answers, score them, learn from them."""
    return train_with(Run, job, options)


class Run(PolicyGradient):
    """One RLOO run."""

    name = name

    def targets(self, rollout: Rollout, scores: torch.Tensor, rewards: torch.Tensor) -> Targets:
        """An answer's whole reward against the others' mean, the same for each of its tokens."""
        from ..lm.advantages import leave_one_out, over_tokens, whiten

        advantages = over_tokens(leave_one_out(rewards.sum(1), self.options.samples), rollout.mask)
        return Targets(whiten(advantages, rollout.mask) if self.options.whiten else advantages)
