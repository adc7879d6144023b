"""PPO (Schulman et al. 2017) as used on language models (Ziegler et al. 2019, Ouyang et al. 2022), top to bottom.

One base in memory: the policy is an adapter on it, the reference the same base with adapters off, the reward another
adapter with a head, the value a head on the policy's hidden states. An answer is an episode, a token an action.
Options: the policy as the base's own weights, the value function with an adapter for itself, the base in 4 bits.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Progress, Started, Stopped
from ..feedback.base import Pair, Prompt
from .base import Data, Job, Panel, knob
from .guards import CLIPPED, KL_LIMIT, SHARE_ENDED
from .on_policy import OnPolicy
from .resuming import Checkpoints
from .rollouts import Rollout

if TYPE_CHECKING:
    import torch


name = "ppo"
title = "PPO"
text = "Improves the model against a reward model."
WANTS: tuple[type, ...] = (Prompt,)
MEASURED_ON: tuple[type, ...] = (Pair,)
"""Of these, those of held-out prompts; nothing is learned from them."""
NEEDS_REWARD = True
RESULT = "adapter"
PANELS = (
    Panel("Reward", ("objective/scores", "objective/rlhf_reward"), "mean of batch"),
    Panel("KL to base", ("objective/kl",), "in nats an answer", warn_above=KL_LIMIT, warn_text="far from the base"),
    Panel("Policy loss", ("loss/policy_avg",)),
    Panel("Value loss", ("loss/value_avg",)),
    Panel("Entropy", ("objective/entropy",), "nats a token"),
    Panel("Clip fraction", ("policy/clipfrac_avg",), warn_above=CLIPPED, warn_text="too much above 0.30"),
)


@dataclass(frozen=True)
class Options:
    """Knobs of PPO."""

    steps: int = knob(30, "Rounds of answering and learning.", low=1, high=100_000, advanced=False)
    batch_size: int = knob(16, "Answers written in each round.", low=2, high=4096, advanced=False)
    samples: int = knob(1, "Answers to the same prompt in a round; its reading is shared.", low=1, high=256)
    max_new_tokens: int = knob(48, "Longest answer, in tokens.", low=1, high=4096, advanced=False)
    learning_rate: float = knob(3e-4, "Size of a step of the policy.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    kl_coef: float = knob(
        0.05,
        "How hard the policy is held to the reference model.",
        label="KL coefficient",
        low=0.0,
        high=10.0,
        step=0.005,
        advanced=False,
    )
    kl_control: str = knob(
        "fixed",
        "adaptive moves the coefficient until the KL is near its target.",
        label="KL control",
        choices=("fixed", "adaptive"),
    )
    target_kl: float = knob(
        6.0, "KL of an answer that the adaptive control aims for, in nats.", label="Target KL", low=0.01, high=1000
    )
    epochs: int = knob(2, "How often each answer is learned from.", low=1, high=32)
    minibatches: int = knob(1, "Optimiser steps in one epoch.", low=1, high=256)
    micro_tokens: int = knob(
        0, "Tokens learned from at once; fewer need less memory. 0 chooses, and halves it if memory runs out.",
        label="Tokens at once", low=0, high=1_000_000,
    )  # fmt: skip
    checkpointing: str = knob(
        "auto",
        "Form activations again instead of keeping them: less memory, more time (auto: when memory runs out).",
        label="Gradient checkpointing",
        choices=("auto", "on", "off"),
    )
    value_rate: float = knob(2e-4, "Size of a step of the value function.", low=1e-8, high=1.0)
    clip: float = knob(0.2, "How far a token's probability may move in one round.", low=0.01, high=1.0, step=0.01)
    value_clip: float = knob(0.2, "How far a value may move in one round.", low=0.01, high=100.0, step=0.01)
    value_coef: float = knob(0.1, "Weight of the value loss.", low=0.0, high=10.0, step=0.05)
    entropy_coef: float = knob(0.0, "Reward for staying undecided.", low=0.0, high=1.0, step=0.001)
    gamma: float = knob(1.0, "Discount of later rewards.", low=0.0, high=1.0, step=0.01)
    lam: float = knob(
        0.95, "GAE: 0 trusts the value function, 1 the rewards seen.", label="Lambda", low=0.0, high=1.0, step=0.01
    )
    whiten_rewards: bool = knob(False, "Scale rewards to unit variance in each round.")
    reward_clip: float = knob(5.0, "Scores are held within plus and minus this; 0 turns it off.", low=0.0, high=1000)
    missing_eos_penalty: float = knob(1.0, "Taken from the score of an answer that does not end.", low=0.0, high=100)
    min_new_tokens: int = knob(
        0, "Shortest answer, in tokens; equal to the longest makes all the same.", low=0, high=4096
    )
    temperature: float = knob(0.7, "Temperature of the answers that are learned from.", low=0.05, high=2.0, step=0.05)
    old_logprobs: str = knob(
        "auto",
        "Where the old log-probabilities come from: captured while sampling, or computed again (auto: again in bf16).",
        choices=("auto", "sampled", "recomputed"),
    )
    engine: str = knob(
        "auto",
        "What writes the answers: its own loop, continuous batching or vLLM (auto: by what is installed and fits).",
        label="Writes with",
        choices=("auto", "own", "continuous", "vllm"),
    )
    train: str = knob(
        "lora",
        "An adapter, or with full the base's own layers: embeddings, norms and output layer stay. "
        "Full takes far more memory, and a learning rate near 1e-5.",
        label="Trains",
        choices=("lora", "full"),
    )
    value: str = knob(
        "head",
        "A linear head on the policy, or an adapter with a head for itself: slower, but neither disturbs the other.",
        label="Value function",
        choices=("head", "adapter"),
    )
    quantize: str = knob(
        "none",
        "4bit keeps the base's layers in 4 bits, for a quarter of their memory; needs bitsandbytes.",
        label="Base weights",
        choices=("none", "4bit"),
    )
    rank: int = knob(16, "Rank of the LoRA adapter.", low=1, high=256)
    alpha: float = knob(32.0, "Strength of the LoRA adapter.", low=0.1, high=1024)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    max_prompt_tokens: int = knob(512, "Longest prompt; more is cut off at its beginning.", low=8, high=32768)
    sample_every: int = knob(1, "Show answers every so many rounds.", low=1, high=1000)
    human_every: int = knob(
        5,
        "Measure every so many rounds whether it follows held-out human preferences; 0 never does.",
        label="Human check every",
        low=0,
        high=1000,
    )
    checkpoint_minutes: float = knob(
        5.0,
        "Minutes of work that a crash may cost; 0 writes a checkpoint only at a stop and at the end.",
        low=0.0,
        high=1440.0,
        step=1.0,
    )
    seed: int = knob(17, "The same seed gives the same run.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the base.", choices=("auto", "bfloat16", "float32"))

    def __post_init__(self) -> None:
        if self.minibatches > self.batch_size:
            raise WorkbenchError(
                f"{self.minibatches} minibatches need at least as many answers in a round.", "Raise the batch size."
            )
        if self.batch_size % self.samples:
            raise WorkbenchError(
                f"{self.batch_size} answers in a round cannot be {self.samples} to each prompt.",
                "Choose a batch size that the samples divide.",
            )
        if self.train == "full" and self.quantize != "none":
            raise WorkbenchError(
                "Weights in 4 bits cannot be trained themselves.", "Train an adapter, or choose unquantised weights."
            )
        if self.min_new_tokens > self.max_new_tokens:
            raise WorkbenchError("The shortest answer is longer than the longest.", "Lower the shortest answer.")


def lacks(data: Data) -> str:
    """Why the data cannot feed PPO; "" when it can."""
    return "" if data.split("train").prompts else "Needs prompts to answer. Import or write some."


def train(job: Job, options: Options) -> Iterator[Event]:
    """Rounds of: write answers, score them, learn from them. Saves the adapter at the end, and when stopped."""
    from ..lm.devices import choose

    problem = lacks(job.data)
    if problem:
        raise WorkbenchError(problem)
    compute = choose(options.device, options.dtype)
    yield Progress(0, options.steps, "Loading the model")
    run = Run(job, options, compute)
    checkpoints = Checkpoints(run)
    yield from checkpoints.go_on()
    estimated = {"estimate_bytes": run.plan.estimate.total} if run.plan else {}
    written = {"engine": run.choice.name, "engine_why": run.choice.why}
    about = {"prompts": len(run.prompts)} | written | estimated | checkpoints.resumed
    yield Started(options.steps, compute.name, compute.dtype_name, about)
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
    yield run.save()
    yield from checkpoints.keep(now=True, most=1)  # for more rounds, if they are asked for
    yield Finished(run.summary() | run.memory())


class Run(OnPolicy):
    """One PPO run."""

    name = name

    def rewards(self, rollout: Rollout) -> tuple[torch.Tensor, torch.Tensor]:
        """Clipped and penalised scores [b], and the reward of each token [b, t]."""
        from ..lm.advantages import token_rewards, whiten

        scores = rollout.scores.clone()
        if self.options.reward_clip > 0:
            scores = scores.clamp(-self.options.reward_clip, self.options.reward_clip)
        scores[~rollout.ended] -= self.options.missing_eos_penalty
        rewards = token_rewards(scores, rollout.kl, rollout.mask, self.kl_coef)
        if self.options.whiten_rewards:
            rewards = whiten(rewards, rollout.mask, shift_mean=False)
        return scores, rewards

    def learn(self, rollout: Rollout) -> dict[str, float]:
        """Several epochs of clipped updates on one round's answers. Returns the round's metrics."""
        from ..lm.advantages import gae, whiten

        scores, rewards = self.rewards(rollout)
        advantages, returns = gae(rewards, rollout.values, rollout.mask, self.options.gamma, self.options.lam)
        advantages = whiten(advantages, rollout.mask)
        parts: list[list[int]] = []
        for _ in range(self.options.epochs):
            epoch = self.minibatches(rollout.rows)
            self.order.shuffle(epoch)
            parts += epoch
        for part in parts[len(self.updates) :]:  # a round that goes on has made some of them
            done = self.spared(functools.partial(self.update, rollout, part, advantages, returns))
            if done is not None:
                self.updates.append(done)
            elif self.updates:
                break  # the rest of the round would compare log-probabilities of other batches
            else:
                self.spared_read(rollout)  # the policy is still the one that wrote them
                return self.learn(rollout)
        return self.metrics(rollout, scores, self.updates)

    def update(
        self, rollout: Rollout, part: list[int], advantages: torch.Tensor, returns: torch.Tensor
    ) -> dict[str, float]:
        """One optimiser step on the rows in `part`, in micro-batches weighted by their tokens.

        The gradient of one that is cut off is dropped with the next attempt, see Sparing.spared.
        """
        from ..lm.advantages import masked_mean
        from ..lm.losses import policy_loss, value_loss
        from ..lm.memory import checkpointed

        options = self.options
        tokens = int(rollout.mask[part].sum())
        sums: dict[str, float] = {}
        for batch, group in self.batches(rollout.rows, part):
            self.job.check()
            length, device = batch.mask.shape[1], self.compute.device
            old, before, advantage, target = (
                item[group, :length].to(device) for item in (rollout.old, rollout.values, advantages, returns)
            )
            reading = self.reading_of(batch, group)
            policy, clipped = policy_loss(reading.logp, old, advantage, batch.mask, options.clip)
            entropy = masked_mean(reading.entropy, batch.mask)
            weight = float(batch.mask.sum()) / tokens
            loss = policy - options.entropy_coef * entropy
            if reading.values is not None:
                value, value_clipped = value_loss(reading.values, before, target, batch.mask, options.value_clip)
                self.descend((loss + options.value_coef * value) * weight)
            else:  # one graph after the other: each with its own adapter on, and half the memory
                self.descend(loss * weight)
                with self.policy.valuing():
                    with checkpointed(self.loaded, self.saving):
                        values = self.policy.values(batch)
                    value, value_clipped = value_loss(values, before, target, batch.mask, options.value_clip)
                    self.descend(options.value_coef * value * weight)
            moved = (reading.logp - old).detach()
            found = {
                "loss/policy_avg": policy,
                "loss/value_avg": value,
                "policy/clipfrac_avg": clipped,
                "val/clipfrac_avg": value_clipped,
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
