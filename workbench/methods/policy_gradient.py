"""What on-policy methods do with a round's answers: rewards, advantages, and clipped updates (Schulman et al. 2017).

They differ in their advantages: PPO's (ppo.py) come from a value function, the others' from the answers themselves.
The loss is a mean over the tokens of a minibatch, so that every token counts alike, whatever answer it stands in.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Progress, Started, Stopped
from .base import Data, Job, NoScore, Panel
from .guards import KL_LIMIT, SHARE_ENDED
from .on_policy import OnPolicy
from .resuming import Checkpoints
from .rewarding import SOURCES
from .rollouts import Rollout

if TYPE_CHECKING:
    import torch

    from ..lm.batching import Batch
    from ..lm.policy import Reading


REWARD = Panel("Reward", ("objective/scores", "objective/rlhf_reward"), "mean of batch")
PARTS = Panel(
    "Reward by source", tuple(f"reward/{name}" for name in SOURCES), "means, before their weights", optional=True
)
KL = Panel("KL to base", ("objective/kl",), "in nats an answer", warn_above=KL_LIMIT, warn_text="far from the base")


def no_prompts(data: Data) -> str:
    """Why the data cannot feed an on-policy method; "" when it can."""
    return "" if data.split("train").prompts else "Needs prompts to answer. Import or write some."


def train_with(kind: type[PolicyGradient], job: Job, options: Any) -> Iterator[Event]:
    """Rounds of: write answers, score them, learn from them. Saves the policy at the end, and when stopped."""
    from ..lm.devices import choose

    problem = no_prompts(job.data)
    if problem:
        raise WorkbenchError(problem)
    compute = choose(options.device, options.dtype)
    yield Progress(0, options.steps, "Loading the model")
    run = kind(job, options, compute)
    checkpoints = Checkpoints(run)
    yield from checkpoints.go_on()
    estimated = {"estimate_bytes": run.plan.estimate.total} if run.plan else {}
    written = {"engine": run.choice.name, "engine_why": run.choice.why}
    about = {"prompts": len(run.prompts)} | written | estimated | checkpoints.resumed
    yield Started(options.steps, compute.name, compute.dtype_name, about)
    if not run.step:
        yield run.first_batch()
        if job.only_looks:
            yield Finished()
            return
    try:
        while run.step < options.steps:
            yield from run.round()
            yield from checkpoints.keep()
    except StopRequested:
        if run.step:  # before the first round is over there is nothing to keep
            yield run.save()
            yield from checkpoints.keep(now=True)
        yield Stopped(run.step, run.summary() | run.memory())
        return
    except NoScore:
        if run.step:
            yield run.save()
            yield from checkpoints.keep(now=True)
        raise
    yield run.save()
    yield from checkpoints.keep(now=True, most=1)  # for more rounds, if they are asked for
    yield Finished(run.summary() | run.memory())


@dataclass(frozen=True)
class Targets:
    """What a round's answers are learned towards; all [b, t]. returns: None where there is no value function."""

    advantages: torch.Tensor
    returns: torch.Tensor | None = None


@dataclass(frozen=True)
class Part:
    """A micro-batch of a round: the policy's reading of it, and where its rows stand in the round."""

    rollout: Rollout
    targets: Targets
    batch: Batch
    group: list[int]
    reading: Reading

    def of(self, whole: torch.Tensor | None) -> torch.Tensor:
        """The rows of this part of a tensor [b, t] of the round, on the device."""
        assert whole is not None
        return whole[self.group, : self.batch.mask.shape[1]].to(self.batch.mask.device)


class PolicyGradient(OnPolicy):
    """One run. A method says what its `targets` are, and may add to the loss."""

    def rewards(self, rollout: Rollout) -> tuple[torch.Tensor, torch.Tensor]:
        """Clipped and penalised scores [b], and the reward of each token [b, t]."""
        from ..lm.advantages import token_rewards

        scores = rollout.scores.clone()
        if self.options.reward_clip > 0:
            scores = scores.clamp(-self.options.reward_clip, self.options.reward_clip)
        scores[~rollout.ended] -= self.options.missing_eos_penalty
        return scores, token_rewards(scores, rollout.kl, rollout.mask, self.kl_coef)

    def targets(self, rollout: Rollout, scores: torch.Tensor, rewards: torch.Tensor) -> Targets:
        """What the round's answers are learned towards, from what rewards() gave."""
        raise NotImplementedError

    def more_loss(self, part: Part) -> torch.Tensor | float:
        """What the method adds to the policy's loss."""
        return 0.0

    def descend_on(self, loss: torch.Tensor, part: Part, weight: float) -> dict[str, torch.Tensor]:
        """The gradient of the policy's loss, and of what else learns; figures of that."""
        self.descend(loss * weight)
        return {}

    def learn(self, rollout: Rollout) -> dict[str, float]:
        """Clipped updates on one round's answers, as often as they are learned from. Returns the round's metrics."""
        scores, rewards = self.rewards(rollout)
        targets = self.targets(rollout, scores, rewards)
        spread = float(targets.advantages[rollout.mask].std())
        parts: list[list[int]] = []
        for _ in range(getattr(self.options, "epochs", 1)):
            epoch = self.minibatches(rollout.rows)
            self.order.shuffle(epoch)
            parts += epoch
        for part in parts[len(self.updates) :]:  # a round that goes on has made some of them
            done = self.spared(functools.partial(self.update, rollout, part, targets))
            if done is not None:
                self.updates.append(done)
            elif self.updates:
                break  # the rest of the round would compare log-probabilities of other batches
            else:
                self.spared_read(rollout)  # the policy is still the one that wrote them
                return self.learn(rollout)
        return self.metrics(rollout, scores, self.updates) | {"objective/advantage_std": spread}

    def update(self, rollout: Rollout, rows: list[int], targets: Targets) -> dict[str, float]:
        """One optimiser step on some rows, in micro-batches weighted by their tokens.

        The gradient of one that is cut off is dropped with the next attempt, see Sparing.spared.
        """
        from ..lm.advantages import masked_mean
        from ..lm.losses import policy_loss

        options = self.options
        tokens = int(rollout.mask[rows].sum())
        sums: dict[str, float] = {}
        for batch, group in self.batches(rollout.rows, rows):
            self.job.check()
            part = Part(rollout, targets, batch, group, self.reading_of(batch, group))
            old, logp = part.of(rollout.old), part.reading.logp
            clip = getattr(options, "clip", math.inf)
            policy, clipped = policy_loss(logp, old, part.of(targets.advantages), batch.mask, clip)
            entropy = masked_mean(part.reading.entropy, batch.mask)
            weight = float(batch.mask.sum()) / tokens
            loss = policy - options.entropy_coef * entropy + self.more_loss(part)
            more = self.descend_on(loss, part, weight)
            moved = (logp - old).detach()
            found = more | {
                "loss/policy_avg": policy,
                "policy/clipfrac_avg": clipped,
                "policy/approxkl_avg": 0.5 * masked_mean(moved**2, batch.mask),
                "val/ratio": masked_mean(moved.exp(), batch.mask),
            }
            for key, number in found.items():
                sums[key] = sums.get(key, 0.0) + float(number.detach()) * weight
        sums["grad/norm"] = self.optimizer.step(options.clip_norm)
        if not math.isfinite(sums["grad/norm"]):
            raise WorkbenchError(
                f"The gradient is no longer a number at step {self.step + 1}.",
                "Lower the learning rate. What was saved before is usable.",
            )
        return sums

    def descend(self, loss: torch.Tensor) -> None:
        """Gather the gradient of a loss. Raises WorkbenchError when it is no number, before anything is changed."""
        import torch

        if not torch.isfinite(loss):
            raise WorkbenchError(
                f"The loss is no longer a number at step {self.step + 1}.",
                "Lower the learning rate, or raise the KL coefficient. What was saved before is usable.",
            )
        loss.backward()

    def metrics(self, rollout: Rollout, scores: torch.Tensor, updates: list[dict[str, float]]) -> dict[str, float]:
        """The round's numbers under the names that the field knows."""
        from ..lm.advantages import masked_mean
        from ..lm.devices import memory_used

        kl = rollout.kl.sum(1)
        values = {key: sum(update[key] for update in updates) / len(updates) for key in updates[0]}
        weights = self.rewards_of.weights
        parts = {f"reward/{name}": float(rollout.parts[:, place].mean()) for place, name in enumerate(weights)}
        if len(parts) > 1:
            values |= parts | {f"weight/{name}": weight for name, weight in weights.items()}
        return values | {
            "objective/kl": float(kl.mean()),
            "objective/entropy": float(masked_mean(rollout.entropy, rollout.mask)),
            "objective/non_score_reward": float((-self.kl_coef * kl).mean()),
            "objective/scores": float(rollout.scores.mean()),
            "objective/scores_std": float(rollout.scores.std()),
            "objective/rlhf_reward": float((scores - self.kl_coef * kl).mean()),
            "objective/kl_coef": self.kl_coef,
            "val/num_eos_tokens": float(rollout.ended.sum()),
            SHARE_ENDED: float(rollout.ended.float().mean()),
            "val/ratio_first": updates[0]["val/ratio"],
            "val/logprob_drift": rollout.drift,
            "val/length": float(rollout.mask.sum(1).float().mean()),
            "perf/memory_bytes": float(memory_used(self.compute)),
        }
