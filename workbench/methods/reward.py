"""Reward model: learns to score answers the way the judgements do."""

from __future__ import annotations

import contextlib
import functools
import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Metrics, Progress, Saved, Started, Stopped, Warned
from ..feedback.base import Pair, Ranking
from ..feedback.listing import of_all, of_pair, placed
from ..lm.folders import free_place
from .base import Data, Job, NotFinite, Panel, knob
from .baselines import longer_wins
from .presets import stored
from .resuming import Checkpoints
from .reward_lists import loss_of, micro_batches, scores_of, seen, shuffled
from .reward_measuring import Best
from .reward_people import by_person, held_scores_of, meet_people, reads
from .reward_resuming import restore, state_of, told
from .sparing import Sparing
from .whose import whose_knob

if TYPE_CHECKING:
    import torch

    from ..lm.scoring import AdapterReward, ClassifierReward


name = "reward"
title = "Reward model"
text = "Learns to score answers the way you do."
WANTS: tuple[type, ...] = (Pair, Ranking)
NEEDS_REWARD = False
RESULT = "reward"
PRESETS = stored(1e-4)
STARTS_FROM = ("base", "adapter", "reward")
"""Kinds of model to start from: a reward model learns more, of judgements that came since."""
READS = reads
"""Whose judgements, and by which rules: asked before they are frozen."""
PANELS = (
    Panel("Loss", ("loss/train", "loss/held_out"), "dashed: held-out prompts"),
    Panel(
        "Accuracy",
        ("accuracy/held_out", "accuracy/train", "accuracy/longer_wins", "accuracy/without_person"),
        "on held-out prompts",
    ),
    Panel("Margin", ("margin/train", "margin/held_out"), "chosen minus rejected"),
    Panel("Calibration error", ("calibration/ece",), "0 is honest"),
    Panel("Score spread", ("reward/std",), "deviation over answers"),
    Panel("Gradient norm", ("grad/norm",), "before clipping"),
)
LISTWISE = ("listwise_hinge", "plackett_luce")


@dataclass(frozen=True)
class Options:
    """Knobs of reward training."""

    loss: str = knob(
        "logistic",
        "logistic is Bradley-Terry; hinge asks for a gap of one; the other two learn from whole rankings at once.",
        choices=("logistic", "hinge", *LISTWISE),
        advanced=False,
    )
    use_margin: bool = knob(False, "Ask for a larger gap where the judgement was stronger.", advanced=False)
    whose: str = whose_knob()
    tastes: int = knob(0, "Numbers that say how each person's taste differs; 0 knows one taste.", low=0, high=64)
    epochs: int = knob(2, "How often each judgement is seen.", low=1, high=50, advanced=False)
    learning_rate: float = knob(2e-4, "Size of a step.", low=1e-7, high=0.1, step=1e-5, advanced=False)
    warm_start: bool = knob(True, "Fit the head on the base's own features before training.")
    batch_size: int = knob(8, "Pairs or rankings in one step.", low=1, high=512)
    micro_tokens: int = knob(
        0, "Tokens learned from at once; 0 chooses, and halves it if memory runs out.", label="Tokens at once",
        low=0, high=1_000_000,
    )  # fmt: skip
    checkpointing: str = knob(
        "auto",
        "Form activations again instead of keeping them: less memory, more time (auto: when memory runs out).",
        label="Gradient checkpointing",
        choices=("auto", "on", "off"),
    )
    max_tokens: int = knob(512, "Longest prompt and answer together; more is cut off.", low=16, high=32768)
    rank: int = knob(16, "Rank of the LoRA adapter.", low=1, high=256)
    alpha: float = knob(32.0, "Strength of the LoRA adapter.", low=0.1, high=1024)
    dropout: float = knob(0.0, "Share of adapter inputs dropped; above 0 it is slower.", low=0.0, high=0.9, step=0.01)
    center: float = knob(0.01, "How hard scores are held around zero.", low=0.0, high=1.0, step=0.01)
    warmup: float = knob(0.1, "Share of the steps in which the rate rises.", low=0.0, high=0.9, step=0.05)
    weight_decay: float = knob(0.0, "How fast unused weights fade.", low=0.0, high=1.0, step=0.01)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    evaluations: int = knob(8, "How often held-out accuracy is measured during the run.", low=1, high=1000)
    patience: int = knob(0, "Stop after so many measurements without a better one; 0 never does.", low=0, high=1000)
    keep: str = knob("loss", "Which held-out figure the best weights are best by.", choices=("loss", "accuracy"))
    heads: int = knob(1, "Heads that say how unsure a score is, by how much they disagree; 1 is none.", low=1, high=64)
    checkpoint_minutes: float = knob(
        5.0, "Minutes of work that a crash may cost; 0 writes a checkpoint only at a stop.",
        low=0.0, high=1440.0, step=1.0,
    )  # fmt: skip
    seed: int = knob(17, "The same seed gives the same run.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the base.", choices=("auto", "bfloat16", "float32"))


def lacks(data: Data) -> str:
    """Why the data cannot train a reward model; "" when it can."""
    train, held = len(data.split("train").pairs), len(data.split("held_out").pairs)
    if train < 4:
        return f"Needs at least 4 pairs to learn from and has {train}. Rate, compare or rank more answers."
    if not held:
        return "Has no pair on a held-out prompt, so it could not be tested. Judge answers to a few more prompts."
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train, measure on held-out prompts as it goes, keep the best, save it."""
    from ..lm.devices import choose

    problem = lacks(job.data)
    if problem:
        raise WorkbenchError(problem)
    compute = choose(options.device, options.dtype)
    yield Progress(0, 0, "Loading the model")
    run = Run(job, options, compute)
    yield from run.checkpoints.go_on()
    about = {"pairs": len(run.train), "held_out": len(run.held)} | run.checkpoints.resumed
    yield Started(run.total, compute.name, compute.dtype_name, about)
    if options.tastes and not run.people:
        yield Warned(0, "An encoder is trained whole, and knows one taste.", "tastes")
    if not run.step:
        yield run.first_batch()
        if job.only_looks:
            yield Finished()
            return
    try:
        yield from run.steps()
        yield from run.add_heads()
    except StopRequested:
        if run.best is None:  # stopped before anything was learned: there is nothing to keep
            yield Stopped(0)
        else:
            yield from run.checkpoints.keep(now=True)
            yield from run.finish(stopped=True)
    except NotFinite as problem:
        yield from run.rescue(problem)
    else:
        yield from run.finish(stopped=False)
        run.checkpoints.clear()


class Run(Sparing):
    """One training run: its model, its encoded judgements and the best weights so far."""

    name = name
    free: tuple[str, ...] = ("checkpoint_minutes",)
    state, restore, told = state_of, restore, told

    def __init__(self, job: Job, options: Options, compute: Any) -> None:
        import torch

        from ..lm import randomness

        torch.manual_seed(options.seed)
        self.job, self.options, self.compute = job, options, compute
        self.model = self._load()
        train = job.data.split("train")
        self.train = train.pairs
        self.held = job.data.split("held_out").pairs
        self.people = meet_people(self.model, self.train, options.tastes)
        whole = options.loss in LISTWISE
        self.lists = of_all(train.pairs, train.rankings) if whole else [of_pair(pair) for pair in train.pairs]
        self._encoded: dict[tuple[str, str], Any] = {}
        self.pairs, self.held_pairs = ([self._both(pair) for pair in pairs] for pairs in (self.train, self.held))
        self.items = [[self._encode(each, text) for text, _ in placed(each)] for each in self.lists]
        self.total = math.ceil(len(self.lists) / options.batch_size) * options.epochs
        self.every = max(1, self.total // options.evaluations)
        self.baseline = longer_wins(self.held)
        self.step = 0
        self.best: Best | None = None
        self.waited = 0
        self.stopped_early = False
        self.recent: list[dict[str, float]] = []
        self.pending: dict[str, float] | None = None
        """Figures of a step that was made and not yet told of: its measurement may be cut off."""
        self.begun = randomness.capture()
        self.begin_sparing(4 * options.batch_size, can_save=hasattr(self.model, "loaded"))
        self.doubts: dict[str, Any] = {}
        self.checkpoints = Checkpoints(self)

    def _load(self) -> AdapterReward | ClassifierReward:
        """A reward model that has learned nothing yet, or the one that is to learn more."""
        from ..lm.scoring import fresh_reward, reward_to_train_on

        job, options = self.job, self.options
        assert job.model is not None
        self.learns_more = job.model.kind == "reward"
        if self.learns_more:
            return reward_to_train_on(job.model, self.compute, limit=options.max_tokens)
        shape = {"rank": options.rank, "alpha": options.alpha, "dropout": options.dropout}
        return fresh_reward(job.model, self.compute, limit=options.max_tokens, **shape)

    def _both(self, pair: Pair) -> tuple[Any, Any]:
        return self._encode(pair, pair.chosen), self._encode(pair, pair.rejected)

    def _encode(self, about: Pair | Ranking, text: str) -> Any:
        key = (about.prompt_id, text)
        if key not in self._encoded:
            self._encoded[key] = self.model.encode(about.messages, text)
        return self._encoded[key]

    def first_batch(self) -> Event:
        """What the first step learns from, as the model sees it."""
        batch = self._batches()[0]
        return seen(self.model, [self.lists[index] for index in batch], [self.items[index] for index in batch])

    def steps(self) -> Iterator[Event]:
        """All epochs: a step, its metrics, and now and then the held-out prompts."""
        from ..lm import randomness

        if self.best is None:
            yield from self._begin()
        batches = self._batches()
        while self.pending is not None or (self.step < self.total and not self._given_up()):
            if self.pending is None:
                self.begun = randomness.capture()
                while self.pending is None:
                    self.pending = self.spared(functools.partial(self.update, batches[self.step]))
                self.step += 1
                self.begun = randomness.capture()
            values = self.pending
            if self.step % self.every == 0 or self.step == self.total:
                values = values | self.measure()
            self.pending = None
            self.recent = [*self.recent[-9:], values]
            yield Metrics(self.step, values)
            yield from self.told_of_memory()
            yield from self.checkpoints.keep()
        if self._given_up():
            self.stopped_early = True
            yield Warned(self.step, self._why_so_early(), "stopped_early")

    def _begin(self) -> Iterator[Event]:
        yield Progress(0, self.total, "Reading every answer once")
        self.warm_start()
        # Only now: it copies the weights as they are, and would put an older copy back at its first step.
        self.make_optimizer()
        yield Progress(0, self.total, "Measuring on held-out prompts")
        yield Metrics(0, self.measure())

    def make_optimizer(self) -> None:
        """An optimiser over what is trained, with the rates that the schedule scales."""
        from ..lm.policy import MasterAdamW

        groups = self.model.train_groups(self.options.learning_rate)
        self.rates = [group["lr"] for group in groups]
        self.optimizer = MasterAdamW(groups, weight_decay=self.options.weight_decay)

    def _batches(self) -> list[list[int]]:
        """The lists of each step, of all epochs."""
        order, size = random.Random(self.options.seed), self.options.batch_size
        epochs = [self.shuffled(order) for _ in range(self.options.epochs)]
        return [indices[start : start + size] for indices in epochs for start in range(0, len(indices), size)]

    def _given_up(self) -> bool:
        return bool(self.options.patience) and self.waited >= self.options.patience and self.step < self.total

    def _why_so_early(self) -> str:
        assert self.best is not None
        return (
            f"Stopped early at step {self.step} of {self.total}: held-out {self.options.keep} was last improved at "
            f"step {self.best.step}, and those weights are kept."
        )

    def warm_start(self) -> None:
        """Fit the head on the base's own features first: it is most of what there is to learn, and takes one pass."""
        from ..lm.scoring import AdapterReward

        if self.options.warm_start and not self.learns_more and isinstance(self.model, AdapterReward):
            groups = [pair.prompt_id for pair in self.train]
            people = [pair.who for pair in self.train]
            self.model.warm_start(self.pairs, groups, self.job.check, self.rows_at_once, people)

    def shuffled(self, order: random.Random) -> list[int]:
        """The order of an epoch."""
        return shuffled(self.lists, order)

    def update(self, batch: list[int]) -> dict[str, float]:
        """One optimiser step over the lists of `batch`, in micro-batches. Raises NotFinite before a bad step."""
        import torch

        from ..lm.losses import better

        loss_sum = 0.0
        gaps: list[torch.Tensor] = []
        seen: list[torch.Tensor] = []
        items = {index: self.items[index] for index in batch}
        for indices in micro_batches(self.lists, items, self.model, self.micro_tokens):
            self.job.check()
            lists = [self.lists[index] for index in indices]
            with self._kept():
                scores, ranks = scores_of(self.model, lists, [self.items[index] for index in indices])
            loss = loss_of(self.options, lists, scores, ranks) * (len(indices) / len(batch))
            if not bool(torch.isfinite(scores).all() & torch.isfinite(loss)):
                raise NotFinite(f"The loss is no longer a number at step {self.step + 1}.")
            loss.backward()
            loss_sum += float(loss.detach())
            scores = scores.detach()
            gaps.append((scores[:, :, None] - scores[:, None, :])[better(ranks)])
            seen.append(scores[ranks >= 0])
        self.optimizer.scale_rate(self._schedule(), self.rates)
        norm = self.optimizer.step(self.options.clip_norm)
        if not math.isfinite(norm):  # the optimiser has not stepped
            raise NotFinite(f"The gradient is no longer a number at step {self.step + 1}.")
        gap, raw = torch.cat(gaps), torch.cat(seen)
        return {
            "loss/train": loss_sum,
            "accuracy/train": float((gap > 0).float().mean()),
            "margin/train": float(gap.mean()),
            "reward/mean": float(raw.mean()),
            "reward/std": float(raw.std()),
            "grad/norm": norm,
        }

    def _kept(self) -> contextlib.AbstractContextManager[None]:
        """What is kept of a forward pass for the backward pass: everything, or less to save memory."""
        from ..lm.memory import checkpointed

        loaded = getattr(self.model, "loaded", None)
        return contextlib.nullcontext() if loaded is None else checkpointed(loaded, self.saving)

    def _schedule(self) -> float:
        warm = max(1, int(self.total * self.options.warmup))
        if self.step < warm:
            return (self.step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (self.step - warm) / max(1, self.total - warm)))

    def measure(self) -> dict[str, float]:
        """Held-out figures now; remembers the weights when they are the best so far. Raises NotFinite."""
        import torch

        held, without = held_scores_of(self)
        if not all(bool(torch.isfinite(weight).all()) for weight in self.model.state()):
            raise NotFinite(f"A weight is no longer a number at step {self.step}.")
        self.model.train_groups(self.options.learning_rate)
        order = (held.loss, -held.accuracy) if self.options.keep == "loss" else (-held.accuracy, held.loss)
        self.waited += 1
        if self.best is None or order < self.best.order:
            weights = [weight.detach().clone() for weight in self.model.state()]
            self.best, self.waited = Best(order, self.step, held, weights, without), 0
        known = {"accuracy/without_person": without.accuracy} if without else {}
        return held.metrics() | {"accuracy/longer_wins": self.baseline} | known

    def add_heads(self) -> Iterator[Event]:
        """Fit the heads that say how unsure a score is, on the features of the best weights."""
        from ..lm.scoring import AdapterReward
        from .reward_measuring import add_heads, doubts

        if self.options.heads == 1 or self.best is None:
            return
        if not isinstance(self.model, AdapterReward):
            yield Warned(self.step, "An encoder is trained whole, and has one head.", "heads")
            return
        yield Progress(self.step, self.total, "Fitting the heads")
        self.put_best_back()
        groups = [pair.prompt_id for pair in self.train]
        heads, seed = self.options.heads, self.options.seed
        scores = add_heads(self.model, self.pairs, groups, self.held_pairs, heads, seed, self.job.check)
        self.doubts = doubts(scores, self.best.held)

    def put_best_back(self) -> None:
        """Put the best weights back."""
        import torch

        if self.best is not None:
            with torch.no_grad():
                for weight, kept in zip(self.model.state(), self.best.weights, strict=True):
                    weight.copy_(kept)

    def save(self) -> Saved:
        """Put the best weights back, standardise the scores, and save."""
        import torch

        assert self.best is not None
        self.put_best_back()
        # The scores of the best weights are known for the held-out answers; reading more would only delay a stop.
        scores = torch.cat([self.best.held.chosen, self.best.held.rejected])
        self.model.mean, self.model.std = float(scores.mean()), max(float(scores.std()), 1e-3)
        summary = self._summary(self.best)
        target = free_place(self.job.folder, "reward", self.step)
        self.model.save(target, summary)
        return Saved("reward", str(target), self.step, summary)

    def finish(self, *, stopped: bool) -> Iterator[Event]:
        """Save the best weights, and show the held-out pairs that they miss most."""
        from .reward_measuring import misses

        saved = self.save()
        yield saved
        if not stopped:
            assert self.best is not None
            yield from misses(self.held, self.best.held, self.model, self.step)
            if saved.info["accuracy"] <= self.baseline:
                yield Warned(
                    self.step, "On held-out prompts this is no better than choosing the longer answer.", "accuracy"
                )
        yield Stopped(self.step, saved.info) if stopped else Finished(saved.info)

    def rescue(self, problem: NotFinite) -> Iterator[Event]:
        """Save the last weights that were good, and fail."""
        if self.best is None:
            raise WorkbenchError(problem.text, "Lower the learning rate. Nothing was saved.") from problem
        yield self.save()
        hint = f"Lower the learning rate. The best weights before, those of step {self.best.step}, are saved."
        raise WorkbenchError(problem.text, hint) from problem

    def _summary(self, best: Best) -> dict[str, Any]:
        return {
            **best.held.summary(),
            "longer_wins": self.baseline,
            "pairs": len(self.train),
            "lists": len(self.lists),
            "best_step": best.step,
            "step": self.step,
            "stopped_early": self.stopped_early,
            **self.doubts,
            **(by_person(self.held, best.held, best.without) if best.without else {}),
        }
