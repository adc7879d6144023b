"""The loop of on-policy learning: write answers, read them as policy, reference and reward model, learn, repeat.

What a method makes of a round is its own: PPO's is in ppo.py.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import random
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from ..events import Event, Metrics, Saved, Warned
from ..feedback.base import Prompt
from .base import Job
from .engines import choice_of, engine_of, sampler_of
from .guards import HUMAN, Watch
from .planning import plan_of
from .rewarding import Rewards
from .rollouts import Rollout, samples
from .seeing import Seen, first_batch
from .sparing import Sparing

if TYPE_CHECKING:
    import torch

    from ..lm.batching import Batch
    from ..lm.generating import Draft
    from ..lm.policy import Reading


JUDGED = 32
"""Held-out pairs on which the policy is measured against people, at most."""
FEWEST_JUDGED = 8
"""Of fewer than these a share says nothing."""


class OnPolicy(Sparing):
    """One on-policy run: the model in its roles, the optimiser, the KL controller and the position in the prompts.

    `options` is the method's own dataclass; it names the method's knobs as ppo.Options does.
    """

    name = ""
    has_values = False
    """Whether it learns a value function."""
    free: tuple[str, ...] = ("steps", "sample_every", "human_every", "checkpoint_minutes", "engine")

    def __init__(self, job: Job, options: Any, compute: Any) -> None:
        import torch

        from ..lm.loading import load
        from ..lm.policy import MasterAdamW, PolicyModel
        from ..lm.scoring import load_reward
        from ..lm.writing import Writer

        assert job.model is not None
        model = job.reward if options.model_weight else None
        self.rewards_of = Rewards.of(options, job.data, job.folder, model=model is not None)
        self.prompts = self.rewards_of.fitting(job.data.split("train").prompts, options.rule)
        torch.manual_seed(options.seed)
        self.job, self.options, self.compute = job, options, compute
        about = {"bytes_each": compute.dtype.itemsize, "device": compute.device.type}
        self.plan = plan_of(job, dataclasses.asdict(options), **about)
        self.sampler = sampler_of(options)
        self.choice = choice_of(job, options, compute, self.plan, self.sampler)
        self.loaded = load(job.model, compute, quantize=options.quantize)
        self.policy = PolicyModel(
            self.loaded,
            rank=options.rank,
            alpha=options.alpha,
            dropout=0.0,
            temperature=options.temperature,
            whole=options.train == "full",
            values=("adapter" if options.value == "adapter" else "head") if self.has_values else "none",
        )
        self.reward = load_reward(model, compute, share=self.loaded, quantize=options.quantize) if model else None
        self._train_policy()
        groups = [{"params": self.policy.parameters(), "lr": options.learning_rate}]
        if self.has_values:
            groups.append({"params": self.policy.value_parameters(), "lr": options.value_rate})
        self.optimizer = MasterAdamW(groups, eps=1e-5)
        self.order = random.Random(options.seed)
        self.waiting: list[Prompt] = []
        self.kl_coef = options.kl_coef
        self.step = 0
        self.recent: list[dict[str, float]] = []
        self.watch = Watch(dataclasses.asdict(options))
        held = job.data.split("held_out").pairs
        self.judged = random.Random(0).sample(held, min(JUDGED, len(held)))
        self.writer = Writer(self.loaded, self.choice, functools.partial(engine_of, self))
        self.rollout: Rollout | None = None
        self.updates: list[dict[str, float]] = []
        """Of the round that is being learned from."""
        self.kept: tuple[list[int], Reading] | None = None
        """The policy's reading of the whole round with its graph, for the first update. See read()."""
        self.begin_sparing(options.batch_size)
        self.begun = self._position()
        other_path = compute.dtype != torch.float32 or self.choice.name != "own"
        # Other engines report a forbidden end token as if it had no probability.
        same_path = options.old_logprobs == "recomputed" or (options.min_new_tokens > 0 and self.choice.name != "own")
        self.recompute = same_path or (options.old_logprobs == "auto" and other_path)

    def _train_policy(self) -> None:
        from ..lm.policy import use_policy

        use_policy(self.loaded, train=True)

    def round(self) -> Iterator[Event]:
        """One round, with its metrics and samples. A round that was cut off while it learned goes on learning."""
        if self.rollout is None:
            self.begun = self._position()
            while self.rollout is None:
                self.order.setstate(self.begun["order"])
                self.waiting = [self.prompts[place] for place in self.begun["waiting"]]
                self.rollout = self.spared(self.roll_out)
                if self.rollout and not self.options.min_new_tokens and self.writer.doubts(self.rollout.drift):
                    self.rollout = None  # the same prompts again, by our own loop
            self.begun = self._position()
        rollout = self.rollout
        values = self.learn(rollout)
        values |= self.human()  # a stop in it must find the round whole
        self.rollout, self.updates = None, []
        self.step += 1
        self.settle(rollout, values)
        self.recent = [*self.recent[-9:], values]
        self.begun = self._position()
        yield Metrics(self.step, values)
        yield from self.told_of_memory()
        yield from (Warned(self.step, notice, "engine") for notice in self.writer.told())
        if self.step % self.options.sample_every == 0:
            yield from samples(rollout, self.step)
        yield from self.watch.see(self.step, values)

    def settle(self, rollout: Rollout, values: dict[str, float]) -> None:
        """What a round that is over changes beside the weights: the KL coefficient."""
        if self.options.kl_control == "adaptive":
            self.kl_coef *= self._correction(values["objective/kl"])

    def human(self) -> dict[str, float]:
        """Now and then, whether the policy goes where people's held-out preferences point. Nothing learns from it."""
        from ..lm.drift import implicit_accuracy

        every = self.options.human_every
        if not every or (self.step + 1) % every or len(self.judged) < FEWEST_JUDGED:
            return {}
        return {HUMAN: implicit_accuracy(self.loaded, self.judged, check=self.job.check)}

    def _correction(self, kl: float) -> float:
        """Factor of the adaptive KL control: 1 + 0.1 clip(KL / target - 1, -0.2, 0.2) (Ziegler et al. 2019, 2.2)."""
        return 1 + 0.1 * max(-0.2, min(0.2, kl / self.options.target_kl - 1))

    # --- answers and scores -------------------------------------------------------------------------------------

    def next_prompts(self) -> list[Prompt]:
        """The prompt of each answer of this round: all prompts in random order, then again."""
        chosen: list[Prompt] = []
        while len(chosen) < self.options.batch_size:
            if not self.waiting:
                self.waiting = list(self.prompts)
                self.order.shuffle(self.waiting)
            chosen += [self.waiting.pop()] * self.options.samples
        return chosen

    def first_batch(self) -> Event:
        """The prompts of the first round as the policy is given them; drawing them leaves nothing behind."""
        kept = self.order.getstate()
        prompts = self.next_prompts()
        self.order.setstate(kept)
        self.waiting = []
        ids = [self._ids(prompt) for prompt in {each.prompt_id: each for each in prompts}.values()]
        rows: list[Seen] = [("prompt", each, [False] * len(each)) for each in ids]
        return first_batch(self.loaded.tokenizer, rows, "The policy writes an answer to each, and learns from that.")

    def _ids(self, prompt: Prompt) -> list[int]:
        return self.loaded.template.prompt_ids(prompt.messages, self.options.max_prompt_tokens)

    def roll_out(self) -> Rollout:
        """Write answers with the policy, then read them as policy, reference and reward model. No gradients."""
        import torch

        from ..lm.batching import Row

        prompts = self.next_prompts()
        ids = [self._ids(prompt) for prompt in prompts]
        drafts = self.write(ids)
        texts = [self.loaded.template.text_of(draft.ids) for draft in drafts]
        rows = [Row(tuple(prompt), tuple(draft.ids)) for prompt, draft in zip(ids, drafts, strict=True)]
        width = max(len(row.answer) for row in rows)
        mask = torch.zeros(len(rows), width, dtype=torch.bool)
        sampled, reference, values, entropy = (torch.zeros(len(rows), width) for _ in range(4))
        for index, draft in enumerate(drafts):
            mask[index, : len(draft.ids)] = True
            sampled[index, : len(draft.ids)] = torch.tensor(draft.logprobs)
        ended = torch.tensor([draft.finish_reason == "stop" for draft in drafts])
        parts = self.score(prompts, texts)
        scores = parts @ torch.tensor(list(self.rewards_of.weights.values()))
        rollout = Rollout(
            prompts, drafts, texts, rows, mask, sampled, reference, values, entropy, 0.0, scores, ended, parts
        )
        rollout.drift = float((self.spared_read(rollout) - sampled)[mask].abs().mean())
        return rollout

    def spared_read(self, rollout: Rollout) -> torch.Tensor:
        """Read the answers, in smaller batches while memory runs out: they need not be written again."""
        read = None
        while read is None:
            read = self.spared(functools.partial(self.read, rollout))
        if self.recompute:
            rollout.old = read
        return read

    def read(self, rollout: Rollout) -> torch.Tensor:
        """Read the answers as policy and as reference, in the batches that the update will use.

        Returns the policy's log-probabilities [b, t]; values, entropy and the reference's go into the rollout. Where
        one batch holds the whole round, the first update would read just this again: the policy has not moved yet. So
        that reading keeps its graph and the update takes it.
        """
        import torch

        from ..lm.memory import checkpointed

        found = torch.zeros_like(rollout.old)
        work = [pair for part in self.minibatches(rollout.rows) for pair in self.batches(rollout.rows, part)]
        keeps = len(work) == 1
        self.kept = None
        for batch, group in work:
            self.job.check()
            base = self.policy.reference(batch)
            values = self.policy.own_values(batch) if self.policy.own_value else None
            with torch.set_grad_enabled(keeps), checkpointed(self.loaded, self.saving and keeps):
                learns = keeps and self.options.entropy_coef > 0
                reading = self.policy.read(batch, with_entropy=True, entropy_gradient=learns)
            values = reading.values if values is None else values
            length = batch.mask.shape[1]
            for store, numbers in (
                (found, reading.logp),
                (rollout.values, values),
                (rollout.entropy, reading.entropy),
                (rollout.reference, base),
            ):
                if numbers is not None:  # a method without a value function has no values
                    store[group, :length] = numbers.detach().cpu()
            if keeps:
                self.kept = group, reading
        return found

    def reading_of(self, batch: Batch, group: list[int]) -> Reading:
        """The policy's reading of a batch, with gradients."""
        from ..lm.memory import checkpointed

        kept, self.kept = self.kept, None  # the first update moves the policy away from it
        if kept is not None and kept[0] == group:
            return kept[1]
        with checkpointed(self.loaded, self.saving):
            return self.policy.read(batch, with_entropy=self.options.entropy_coef > 0)

    def write(self, ids: list[list[int]]) -> list[Draft]:
        """Sample from the policy's own distribution, each answer from a seed of its own."""
        seeds = [self.order.randrange(2**31) for _ in ids]
        return self.writer.write(ids, self.sampler, seeds, self.job.check, rows=self.rows_at_once)

    def score(self, prompts: list[Prompt], texts: list[str]) -> torch.Tensor:
        """What each source of rewards says of each answer, [b, k] in the order of its weights."""
        import torch

        found = [
            self.model_scores(prompts, texts)
            if name == "model"
            else torch.tensor(self.rewards_of.of_texts(name, prompts, texts, self.job.check), dtype=torch.float32)
            for name in self.rewards_of.weights
        ]
        return torch.stack(found, 1)

    def model_scores(self, prompts: list[Prompt], texts: list[str]) -> torch.Tensor:
        """Standardised reward-model scores [b]."""
        from ..lm.scoring import encode_all, score_all

        assert self.reward is not None
        pairs = ((prompt.messages, answer) for prompt, answer in zip(prompts, texts, strict=True))
        items = encode_all(self.reward, pairs)
        try:
            with self.loaded.untrained():  # a reward model on this base learned on it as it was
                return score_all(self.reward, items, rows=min(64, self.rows_at_once), check=self.job.check)
        finally:
            self._train_policy()

    def batches(self, rows: list[Any], indices: list[int]) -> Iterator[tuple[Batch, list[int]]]:
        """Micro-batches of so many tokens. The same rows always share a batch: in bf16 a row's log-probabilities
        depend on the rows beside it, and a different split would look like a change of the policy."""
        from ..lm.reading import gather, groups

        for group in groups(self.loaded, [rows[index] for index in indices], self.micro_tokens):
            chosen = [indices[position] for position in group]
            yield gather(self.loaded, [rows[index] for index in chosen]), chosen

    def minibatches(self, rows: list[Any]) -> list[list[int]]:
        """Row indices of each optimiser step, answers to one prompt and similar lengths together. The old
        log-probabilities are read in these parts too, so that every row keeps the batch it was read in."""
        order = sorted(
            range(len(rows)), key=lambda index: (len(rows[index].prompt), rows[index].prompt, len(rows[index]))
        )
        size = math.ceil(len(rows) / getattr(self.options, "minibatches", 1))
        return [order[start : start + size] for start in range(0, len(order), size)]

    def learn(self, rollout: Rollout) -> dict[str, float]:
        """Learn from one round's answers and return the round's metrics."""
        raise NotImplementedError

    # --- going on where it was cut off ------------------------------------------------------------------------------

    def _position(self) -> dict[str, Any]:
        """Where the random numbers and the prompts stand: what a round that is cut off has to begin from again."""
        from ..lm import randomness

        places = {id(prompt): place for place, prompt in enumerate(self.prompts)}
        waiting = [places[id(prompt)] for prompt in self.waiting]
        return {"order": self.order.getstate(), "waiting": waiting, "random": randomness.capture()}

    def _names(self) -> dict[int, str]:
        head = self.policy.value_head
        weights = {f"value_head.{key}": weight for key, weight in (head.named_parameters() if head else ())}
        return {id(weight): key for key, weight in [*self.loaded.model.named_parameters(), *weights.items()]}

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Everything that a later round depends on, also in the middle of one: between two optimiser steps."""
        tensors = self.optimizer.state(self._names()) | self.begun["random"]
        plain: dict[str, Any] = {}
        if self.rollout is not None:
            found, plain = self.rollout.state(self.prompts)
            tensors |= {f"rollout/{key}": value for key, value in found.items()}
        return tensors, {
            "step": self.step,
            "kl_coef": self.kl_coef,
            "order": self.begun["order"],
            "waiting": self.begun["waiting"],
            "recent": self.recent,
            "warned": {"curves": self.watch.curves, "warned": self.watch.warned},
            "rollout": plain,
            "updates": self.updates,
            "held": [self.micro_tokens, self.rows_at_once, self.saving],
        }

    def restore(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Go on from what state() gave, bit for bit."""
        from ..lm import randomness

        self.step, kl_coef, updates = state["step"], state["kl_coef"], state["updates"]
        self.kl_coef = self.options.kl_coef if "kl_coef" in self.job.changed else kl_coef
        version, numbers, spare = state["order"]
        self.order.setstate((version, tuple(numbers), spare))
        self.waiting = [self.prompts[place] for place in state["waiting"]]
        self.recent = state["recent"]
        self.watch = Watch(self.watch.options, **state["warned"])
        held = state["held"]  # less than was asked for, if memory ran out
        if not {"micro_tokens", "checkpointing", "batch_size"} & set(self.job.changed):
            self.micro_tokens, self.rows_at_once, self.saving = held
        self.optimizer.restore(self._names(), tensors)
        # With other knobs the parts of a round that was begun are others too: it is left as far as it got.
        if state["rollout"] and not set(self.job.changed) - set(self.free):
            found = {
                key.removeprefix("rollout/"): value for key, value in tensors.items() if key.startswith("rollout/")
            }
            self.rollout = Rollout.restored(found, state["rollout"], self.prompts)
            self.updates = updates
        randomness.put_back(tensors)
        self.begun = self._position()

    def told(self) -> dict[int, dict[str, float]]:
        """The metrics of the last rounds, by step."""
        return {self.step - len(self.recent) + 1 + place: values for place, values in enumerate(self.recent)}

    # --- the result ---------------------------------------------------------------------------------------------

    def save(self) -> Saved:
        """Write the adapter, or the model that was trained whole; all of it or nothing."""
        from ..lm.folders import free_place
        from ..lm.loading import POLICY
        from ..lm.saving import save_adapter, save_whole

        kind = "model" if self.loaded.originals else "adapter"
        target = free_place(self.job.folder, kind, self.step)
        summary = self.summary()
        about = {"method": self.name, "seed": self.options.seed} | summary
        if self.loaded.originals:
            save_whole(self.loaded, target, about)
        else:
            save_adapter(self.loaded, POLICY, target, about)
        return Saved(kind, str(target), self.step, summary)

    def summary(self) -> dict[str, Any]:
        """Means over the last ten rounds."""
        keys = ("objective/scores", "objective/kl", "objective/rlhf_reward", "objective/entropy", "val/length")
        means = {key: sum(item[key] for item in self.recent) / len(self.recent) for key in keys if self.recent}
        return {"step": self.step, "kl_coef": self.kl_coef, "engine": self.writer.name} | means

    def memory(self) -> dict[str, int]:
        """The most memory that was taken, in bytes, beside what it was estimated to be."""
        from ..lm.devices import memory_peak

        estimated = {"estimate_bytes": self.plan.estimate.total} if self.plan else {}
        return {"peak_bytes": memory_peak(self.compute)} | estimated
