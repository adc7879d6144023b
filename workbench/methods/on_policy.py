"""The loop of on-policy learning: write answers, read them as policy, reference and reward model, learn, repeat.

What a method makes of a round is its own: PPO's is in ppo.py.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..events import Event, Metrics, Saved
from ..feedback.base import Prompt
from .base import Job
from .rollouts import Rollout, samples, warnings

if TYPE_CHECKING:
    import torch

    from ..lm.batching import Batch
    from ..lm.generating import Draft


class OnPolicy:
    """One on-policy run: the model in its roles, the optimiser, the KL controller and the position in the prompts.

    `options` is the method's own dataclass; it names the method's knobs as ppo.Options does.
    """

    name = ""

    def __init__(self, job: Job, options: Any, compute: Any) -> None:
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
        # A forbidden end token makes the sampling distribution another than the model's own.
        same_path = options.old_logprobs == "recomputed" or options.min_new_tokens > 0
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
            temperature=self.options.temperature,
            top_p=1.0,
            top_k=0,
            max_new_tokens=self.options.max_new_tokens,
            min_new_tokens=self.options.min_new_tokens,
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
        from ..lm.batching import by_length
        from ..lm.reading import gather

        for group in by_length([len(rows[index]) for index in indices], self.options.micro_batch):
            chosen = [indices[position] for position in group]
            yield gather(self.loaded, [rows[index] for index in chosen]), chosen

    def minibatches(self, rows: list[Any]) -> list[list[int]]:
        """Row indices of each optimiser step, similar lengths together. The old log-probabilities are read in these
        parts too, so that every row keeps the batch it was read in, whatever the sizes."""
        order = sorted(range(len(rows)), key=lambda index: len(rows[index]))
        size = math.ceil(len(rows) / self.options.minibatches)
        return [order[start : start + size] for start in range(0, len(order), size)]

    def learn(self, rollout: Rollout) -> dict[str, float]:
        """Learn from one round's answers and return the round's metrics."""
        raise NotImplementedError

    # --- the result ---------------------------------------------------------------------------------------------

    def save(self) -> Saved:
        """Write the adapter, whole or not at all."""
        from ..lm.loading import POLICY
        from ..lm.saving import save_adapter

        target = self.job.folder / "adapter"
        summary = self.summary()
        save_adapter(self.loaded, POLICY, target, {"method": self.name, "seed": self.options.seed} | summary)
        return Saved("adapter", str(target), self.step, summary)

    def summary(self) -> dict[str, Any]:
        """Means over the last ten rounds."""
        keys = ("objective/scores", "objective/kl", "objective/rlhf_reward", "objective/entropy", "val/length")
        means = {key: sum(item[key] for item in self.recent) / len(self.recent) for key in keys if self.recent}
        return {"step": self.step, "kl_coef": self.kl_coef} | means
