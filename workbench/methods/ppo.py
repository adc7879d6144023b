"""PPO (Schulman et al. 2017) as used on language models (Ziegler et al. 2019, Ouyang et al. 2022), top to bottom.

One base in memory: the policy is an adapter on it, the reference the same base with adapters off, the reward another
adapter with a head, the value a head on the policy's hidden states. An answer is an episode, a token an action.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Metrics, Progress, Saved, Started, Stopped
from ..feedback.base import Prompt
from .base import Data, Job, Panel, knob
from .rollouts import Rollout, samples, warnings

if TYPE_CHECKING:
    import torch

    from ..lm.batching import Batch
    from ..lm.generating import Draft

name = "ppo"
title = "PPO"
text = "Improves the model against a reward model."
WANTS: tuple[type, ...] = (Prompt,)
NEEDS_REWARD = True
RESULT = "adapter"
PANELS = (
    Panel("Reward", ("objective/scores", "objective/rlhf_reward"), "mean of batch"),
    Panel("KL to base", ("objective/kl",), "in nats an answer", warn_above=30.0, warn_text="far from the base"),
    Panel("Policy loss", ("loss/policy_avg",)),
    Panel("Value loss", ("loss/value_avg",)),
    Panel("Entropy", ("objective/entropy",), "nats a token"),
    Panel("Clip fraction", ("policy/clipfrac_avg",), warn_above=0.3, warn_text="too much above 0.30"),
)


@dataclass(frozen=True)
class Options:
    """Knobs of PPO."""

    steps: int = knob(30, "Rounds of answering and learning.", low=1, high=100_000, advanced=False)
    batch_size: int = knob(16, "Answers written in each round.", low=2, high=4096, advanced=False)
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
    minibatches: int = knob(2, "Optimiser steps in one epoch.", low=1, high=256)
    micro_batch: int = knob(8, "Answers in memory at once; a smaller number needs less memory.", low=1, high=512)
    value_rate: float = knob(1e-3, "Size of a step of the value head.", low=1e-8, high=1.0)
    clip: float = knob(0.2, "How far a token's probability may move in one round.", low=0.01, high=1.0, step=0.01)
    value_clip: float = knob(0.2, "How far a value may move in one round.", low=0.01, high=100.0, step=0.01)
    value_coef: float = knob(0.1, "Weight of the value loss.", low=0.0, high=10.0, step=0.05)
    entropy_coef: float = knob(0.0, "Reward for staying undecided.", low=0.0, high=1.0, step=0.001)
    gamma: float = knob(1.0, "Discount of later rewards.", low=0.0, high=1.0, step=0.01)
    lam: float = knob(
        0.95, "GAE: 0 trusts the value head, 1 the rewards seen.", label="Lambda", low=0.0, high=1.0, step=0.01
    )
    whiten_rewards: bool = knob(False, "Scale rewards to unit variance in each round.")
    reward_clip: float = knob(5.0, "Scores are held within plus and minus this; 0 turns it off.", low=0.0, high=1000)
    missing_eos_penalty: float = knob(1.0, "Taken from the score of an answer that does not end.", low=0.0, high=100)
    temperature: float = knob(0.7, "Temperature of the answers that are learned from.", low=0.05, high=2.0, step=0.05)
    old_logprobs: str = knob(
        "auto",
        "Where the old log-probabilities come from: captured while sampling, or computed again (auto: again in bf16).",
        choices=("auto", "sampled", "recomputed"),
    )
    rank: int = knob(16, "Rank of the LoRA adapter.", low=1, high=256)
    alpha: float = knob(32.0, "Strength of the LoRA adapter.", low=0.1, high=1024)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    max_prompt_tokens: int = knob(512, "Longest prompt; more is cut off at its beginning.", low=8, high=32768)
    sample_every: int = knob(1, "Show answers every so many rounds.", low=1, high=1000)
    seed: int = knob(17, "The same seed gives the same run.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the base.", choices=("auto", "bfloat16", "float32"))

    def __post_init__(self) -> None:
        if self.minibatches > self.batch_size:
            raise WorkbenchError(
                f"{self.minibatches} minibatches need at least as many answers in a round.", "Raise the batch size."
            )


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
    yield Started(options.steps, compute.name, compute.dtype_name, {"prompts": len(run.prompts)})
    try:
        while run.step < options.steps:
            yield from run.round()
    except StopRequested:
        if run.step:  # before the first round is over there is nothing to keep
            yield run.save()
        yield Stopped(run.step, run.summary())
        return
    yield run.save()
    yield Finished(run.summary())


class Run:
    """One PPO run: the model in its four roles, the optimiser, the KL controller and the position in the prompts."""

    def __init__(self, job: Job, options: Options, compute: Any) -> None:
        import torch

        from ..lm.loading import load
        from ..lm.policy import MasterAdamW, PolicyModel
        from ..lm.scoring import load_reward

        assert job.model is not None and job.reward is not None
        torch.manual_seed(options.seed)
        self.job, self.options, self.compute = job, options, compute
        self.loaded = load(job.model, compute)
        self.policy = PolicyModel(
            self.loaded, rank=options.rank, alpha=options.alpha, dropout=0.0, temperature=options.temperature
        )
        self.reward = load_reward(job.reward, compute, share=self.loaded)
        self._train_policy()
        groups = [
            {"params": self.policy.adapter_parameters(), "lr": options.learning_rate},
            {"params": list(self.policy.value_head.parameters()), "lr": options.value_rate},
        ]
        self.optimizer = MasterAdamW(groups, eps=1e-5)
        self.prompts = list(job.data.split("train").prompts)
        self.order = random.Random(options.seed)
        self.waiting: list[Prompt] = []
        self.kl_coef = options.kl_coef
        self.step = 0
        self.recent: list[dict[str, float]] = []
        self.warned: set[str] = set()
        same_path = options.old_logprobs == "recomputed"
        self.recompute = same_path or (options.old_logprobs == "auto" and compute.dtype != torch.float32)

    def _train_policy(self) -> None:
        from ..lm.loading import POLICY
        from ..lm.policy import use_adapter

        use_adapter(self.loaded, POLICY, train=True)

    def round(self) -> Iterator[Event]:
        """One round, with its metrics and samples."""
        rollout = self.roll_out()
        values = self.learn(rollout)
        self.step += 1
        if self.options.kl_control == "adaptive":
            self.kl_coef *= self._correction(values["objective/kl"])
        self.recent = [*self.recent[-9:], values]
        yield Metrics(self.step, values)
        if self.step % self.options.sample_every == 0:
            yield from samples(rollout, self.step)
        yield from warnings(values, self.step, self.warned)

    def _correction(self, kl: float) -> float:
        """Factor of the adaptive KL control: 1 + 0.1 clip(KL / target - 1, -0.2, 0.2) (Ziegler et al. 2019, 2.2)."""
        return 1 + 0.1 * max(-0.2, min(0.2, kl / self.options.target_kl - 1))

    # --- answers and scores -------------------------------------------------------------------------------------

    def next_prompts(self) -> list[Prompt]:
        """The prompts of this round: all of them once in random order, then again."""
        chosen: list[Prompt] = []
        while len(chosen) < self.options.batch_size:
            if not self.waiting:
                self.waiting = list(self.prompts)
                self.order.shuffle(self.waiting)
            chosen.append(self.waiting.pop())
        return chosen

    def roll_out(self) -> Rollout:
        """Write answers with the policy, then read them as policy, reference and reward model. No gradients."""
        import torch

        from ..lm.batching import Row

        prompts = self.next_prompts()
        ids = [self.loaded.template.prompt_ids(item.messages, self.options.max_prompt_tokens) for item in prompts]
        drafts = self.write(ids)
        texts = [self.loaded.template.text_of(draft.ids) for draft in drafts]
        rows = [Row(tuple(prompt), tuple(draft.ids)) for prompt, draft in zip(ids, drafts, strict=True)]
        width = max(len(row.answer) for row in rows)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        sampled, old, reference, values, entropy = (torch.zeros(len(rows), width) for _ in range(5))
        for index, draft in enumerate(drafts):
            mask[index, : len(draft.ids)] = True
            sampled[index, : len(draft.ids)] = torch.tensor(draft.logprobs)
        for batch, group in (found for part in self.minibatches(rows) for found in self.batches(rows, part)):
            self.job.check()
            with torch.no_grad():
                reading = self.policy.read(batch)
                base = self.policy.reference(batch)
            length = batch.mask.shape[1]
            for store, found in (
                (old, reading.logp),
                (values, reading.values),
                (entropy, reading.entropy),
                (reference, base),
            ):
                store[group, :length] = found.cpu()
        drift = float((old - sampled)[mask].abs().mean())
        ended = torch.tensor([draft.finish_reason == "stop" for draft in drafts])
        scores = self.score(prompts, texts)
        old = old if self.recompute else sampled
        return Rollout(prompts, drafts, texts, rows, mask, old, reference, values, entropy, drift, scores, ended)

    def write(self, ids: list[list[int]]) -> list[Draft]:
        """Sample from the policy's own distribution: any other truncation would make the ratio wrong."""
        from ..lm.generating import Sampler, sample_all

        sampler = Sampler(
            temperature=self.options.temperature, top_p=1.0, top_k=0, max_new_tokens=self.options.max_new_tokens
        )
        seeds = [self.order.randrange(2**31) for _ in ids]
        return sample_all(self.loaded, ids, sampler, seeds, check=self.job.check, keep_logprobs=True)

    def score(self, prompts: list[Prompt], texts: list[str]) -> torch.Tensor:
        """Standardised reward-model scores [b]."""
        from ..lm.scoring import encode_all, score_all

        pairs = ((prompt.messages, answer) for prompt, answer in zip(prompts, texts, strict=True))
        scores = score_all(self.reward, encode_all(self.reward, pairs), check=self.job.check)
        self._train_policy()
        return scores

    def batches(self, rows: list[Any], indices: list[int]) -> Iterator[tuple[Batch, list[int]]]:
        """Micro-batches of similar length. The same rows always share a batch: in bf16 a row's log-probabilities
        depend on the rows beside it, and a different split would look like a change of the policy."""
        from ..lm.batching import by_length, collate

        pad = self.loaded.pad_id
        for group in by_length([len(rows[index]) for index in indices], self.options.micro_batch):
            chosen = [indices[position] for position in group]
            yield collate([rows[index] for index in chosen], pad, self.compute.device), chosen

    # --- learning -----------------------------------------------------------------------------------------------

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
        updates: list[dict[str, float]] = []
        for _ in range(self.options.epochs):
            parts = self.minibatches(rollout.rows)
            self.order.shuffle(parts)
            for part in parts:
                updates.append(self.update(rollout, part, advantages, returns))
        return self.metrics(rollout, scores, updates)

    def minibatches(self, rows: list[Any]) -> list[list[int]]:
        """Row indices of each optimiser step, similar lengths together. The old log-probabilities are read in these
        parts too, so that every row keeps the batch it was read in, whatever the sizes."""
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        size = math.ceil(len(rows) / self.options.minibatches)
        return [order[start : start + size] for start in range(0, len(order), size)]

    def update(
        self, rollout: Rollout, part: list[int], advantages: torch.Tensor, returns: torch.Tensor
    ) -> dict[str, float]:
        """One optimiser step on the rows in `part`, in micro-batches weighted by their tokens."""
        import torch

        from ..lm.advantages import masked_mean
        from ..lm.losses import policy_loss, value_loss

        options = self.options
        tokens = int(rollout.mask[part].sum())
        sums: dict[str, float] = {}
        for batch, group in self.batches(rollout.rows, part):
            self.job.check()
            length, device = batch.mask.shape[1], self.compute.device
            old, before, advantage, target = (
                item[group, :length].to(device) for item in (rollout.old, rollout.values, advantages, returns)
            )
            reading = self.policy.read(batch, with_entropy=options.entropy_coef > 0)
            policy, clipped = policy_loss(reading.logp, old, advantage, batch.mask, options.clip)
            value, value_clipped = value_loss(reading.values, before, target, batch.mask, options.value_clip)
            entropy = masked_mean(reading.entropy, batch.mask)
            weight = float(batch.mask.sum()) / tokens
            loss = (policy + options.value_coef * value - options.entropy_coef * entropy) * weight
            if not torch.isfinite(loss):
                raise WorkbenchError(
                    f"The loss is no longer a number at step {self.step + 1}.",
                    "Lower the learning rate, or raise the KL coefficient. What was saved before is usable.",
                )
            loss.backward()
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
            "val/ratio_first": updates[0]["val/ratio"],
            "val/logprob_drift": rollout.drift,
            "val/length": float(rollout.mask.sum(1).float().mean()),
            "perf/memory_bytes": float(memory_used(self.compute)),
        }

    # --- the result ---------------------------------------------------------------------------------------------

    def save(self) -> Saved:
        """Write the adapter, whole or not at all."""
        from ..lm.loading import POLICY
        from ..lm.saving import save_adapter

        target = self.job.folder / "adapter"
        summary = self.summary()
        save_adapter(self.loaded, POLICY, target, {"method": name, "seed": self.options.seed} | summary)
        return Saved("adapter", str(target), self.step, summary)

    def summary(self) -> dict[str, Any]:
        """Means over the last ten rounds."""
        keys = ("objective/scores", "objective/kl", "objective/rlhf_reward", "objective/entropy", "val/length")
        means = {key: sum(item[key] for item in self.recent) / len(self.recent) for key in keys if self.recent}
        return {"step": self.step, "kl_coef": self.kl_coef} | means
