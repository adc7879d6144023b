"""PPO (Schulman et al. 2017) as used on language models (Ziegler et al. 2019, Ouyang et al. 2022), top to bottom.

One base in memory: the policy is an adapter on it, the reference the same base with adapters off, the reward another
adapter with a head, the value a head on the policy's hidden states. An answer is an episode, a token an action.
Options: the policy as the base's own weights, the value function with an adapter for itself, the base in 4 bits.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..events import Event
from ..feedback.base import Pair, Prompt
from .base import Data, Job, Panel, knob
from .guards import CLIPPED
from .on_policy_options import Machine, Reuse, Round
from .policy_gradient import KL, PARTS, REWARD, Part, PolicyGradient, Targets, no_prompts, train_with
from .presets import rounds
from .rewarding import needs_reward, wants
from .rollouts import Rollout

if TYPE_CHECKING:
    import torch

__all__ = ["Options", "Run", "lacks", "needs_reward", "train", "wants"]

name = "ppo"
title = "PPO"
text = "Improves the model against a reward model."
WANTS: tuple[type, ...] = (Prompt,)
MEASURED_ON: tuple[type, ...] = (Pair,)
"""Of these, those of held-out prompts; nothing is learned from them."""
NEEDS_REWARD = True
RESULT = "adapter"
PRESETS = rounds()
PANELS = (
    REWARD,
    KL,
    PARTS,
    Panel("Policy loss", ("loss/policy_avg",)),
    Panel("Value loss", ("loss/value_avg",)),
    Panel("Entropy", ("objective/entropy",), "nats a token"),
    Panel("Clip fraction", ("policy/clipfrac_avg",), warn_above=CLIPPED, warn_text="too much above 0.30"),
)


@dataclass(frozen=True)
class _Own:
    """What PPO has beside the others: a value function."""

    value_rate: float = knob(2e-4, "Size of a step of the value function.", low=1e-8, high=1.0)
    value_clip: float = knob(0.2, "How far a value may move in one round.", low=0.01, high=100.0, step=0.01)
    value_coef: float = knob(0.1, "Weight of the value loss.", low=0.0, high=10.0, step=0.05)
    gamma: float = knob(1.0, "Discount of later rewards.", low=0.0, high=1.0, step=0.01)
    lam: float = knob(
        0.95, "GAE: 0 trusts the value function, 1 the rewards seen.", label="Lambda", low=0.0, high=1.0, step=0.01
    )
    whiten_rewards: bool = knob(False, "Scale rewards to unit variance in each round.")
    value: str = knob(
        "head",
        "A linear head on the policy, or an adapter with a head for itself: slower, but neither disturbs the other.",
        label="Value function",
        choices=("head", "adapter"),
    )


@dataclass(frozen=True)
class Options(Machine, _Own, Reuse, Round):
    """Knobs of PPO."""


def lacks(data: Data) -> str:
    """Why the data cannot feed PPO; "" when it can."""
    return no_prompts(data)


def train(job: Job, options: Options) -> Iterator[Event]:
    """Rounds of: write answers, score them, learn from them. Saves the adapter at the end, and when stopped."""
    return train_with(Run, job, options)


class Run(PolicyGradient):
    """One PPO run."""

    name = name
    has_values = True

    def rewards(self, rollout: Rollout) -> tuple[torch.Tensor, torch.Tensor]:
        """Clipped and penalised scores [b], and the reward of each token [b, t]."""
        from ..lm.advantages import whiten

        scores, rewards = super().rewards(rollout)
        return scores, whiten(rewards, rollout.mask, shift_mean=False) if self.options.whiten_rewards else rewards

    def targets(self, rollout: Rollout, scores: torch.Tensor, rewards: torch.Tensor) -> Targets:
        """Generalised advantages, whitened, and the returns that the value function is to foresee."""
        from ..lm.advantages import gae, whiten

        advantages, returns = gae(rewards, rollout.values, rollout.mask, self.options.gamma, self.options.lam)
        return Targets(whiten(advantages, rollout.mask), returns)

    def descend_on(self, loss: torch.Tensor, part: Part, weight: float) -> dict[str, torch.Tensor]:
        """The gradient of the policy's loss and of the value function's."""
        from ..lm.losses import value_loss
        from ..lm.memory import checkpointed

        options, mask = self.options, part.batch.mask
        before, target = part.of(part.rollout.values), part.of(part.targets.returns)
        if part.reading.values is not None:
            value, clipped = value_loss(part.reading.values, before, target, mask, options.value_clip)
            self.descend((loss + options.value_coef * value) * weight)
        else:  # one graph after the other: each with its own adapter on, and half the memory
            self.descend(loss * weight)
            with self.policy.valuing():
                with checkpointed(self.loaded, self.saving):
                    values = self.policy.values(part.batch)
                value, clipped = value_loss(values, before, target, mask, options.value_clip)
                self.descend(options.value_coef * value * weight)
        return {"loss/value_avg": value, "val/clipfrac_avg": clipped}
