"""GRPO (Shao et al. 2024): several answers to a prompt, each against their mean, in units of their deviation.

No value function; the KL to the reference is a term of the loss (k3), or of the reward as elsewhere here.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import Event
from ..feedback.base import Pair, Prompt
from .base import Data, Job, Panel, knob
from .on_policy_options import Grouped, Machine, Reuse, Round
from .policy_gradient import KL, PARTS, REWARD, Part, PolicyGradient, Targets, no_prompts, train_with
from .presets import rounds
from .rewarding import needs_reward, wants
from .rollouts import Rollout

if TYPE_CHECKING:
    import torch

__all__ = ["Options", "Run", "lacks", "needs_reward", "train", "wants"]

name = "grpo"
title = "GRPO"
text = "Several answers to each prompt, each against the group's mean and spread."
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
    """What GRPO has of its own."""

    scale: str = knob(
        "group",
        "Divide by the deviation of the group's rewards, or not: easy and hard prompts weigh alike then (Dr. GRPO).",
        label="Scale advantages",
        choices=("group", "none"),
    )
    kl_in: str = knob(
        "loss", "Where the KL to the reference counts: in the loss, or in the reward.", label="KL in",
        choices=("loss", "reward"),
    )  # fmt: skip


@dataclass(frozen=True)
class Options(Machine, _Own, Grouped, Reuse, Round):
    """Knobs of GRPO."""


def lacks(data: Data) -> str:
    """Why the data cannot feed it; "" when it can."""
    return no_prompts(data)


def train(job: Job, options: Options) -> Iterator[Event]:
    """Rounds of: write answers, score them, learn from them."""
    return train_with(Run, job, options)


class Run(PolicyGradient):
    """One GRPO run."""

    name = name

    def targets(self, rollout: Rollout, scores: torch.Tensor, rewards: torch.Tensor) -> Targets:
        """An answer's reward within its group, the same for each of its tokens."""
        from ..lm.advantages import group_relative, over_tokens

        whole = scores if self.options.kl_in == "loss" else rewards.sum(1)
        relative = group_relative(whole, self.options.samples, scale=self.options.scale == "group")
        return Targets(over_tokens(relative, rollout.mask))

    def more_loss(self, part: Part) -> torch.Tensor | float:
        """The KL to the reference."""
        from ..lm.losses import kl_loss

        if self.options.kl_in == "reward":
            return 0.0
        return self.kl_coef * kl_loss(part.reading.logp, part.of(part.rollout.reference), part.batch.mask)
