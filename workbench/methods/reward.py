"""Reward model: learns to score answers the way the judgements do."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Metrics, Progress, Sample, Saved, Started, Stopped, Warned
from ..feedback.base import Pair
from .base import Data, Job, Panel, knob

if TYPE_CHECKING:
    import torch

    from ..lm.scoring import RewardModel

name = "reward"
title = "Reward model"
text = "Learns to score answers the way you do."
WANTS: tuple[type, ...] = (Pair,)
NEEDS_REWARD = False
RESULT = "reward"
PANELS = (
    Panel("Loss", ("loss/train", "loss/held_out"), "dashed: held-out prompts"),
    Panel("Accuracy", ("accuracy/held_out", "accuracy/train", "accuracy/longer_wins"), "on held-out prompts"),
    Panel("Margin", ("margin/train", "margin/held_out"), "chosen minus rejected"),
    Panel("Calibration error", ("calibration/ece",), "0 is honest"),
    Panel("Score spread", ("reward/std",), "deviation over answers"),
    Panel("Gradient norm", ("grad/norm",), "before clipping"),
)


@dataclass(frozen=True)
class Options:
    """Knobs of reward training."""

    loss: str = knob(
        "logistic",
        "logistic is Bradley-Terry; hinge asks for a gap of one.",
        choices=("logistic", "hinge"),
        advanced=False,
    )
    use_margin: bool = knob(False, "Ask for a larger gap where the judgement was stronger.", advanced=False)
    epochs: int = knob(2, "How often each pair is seen.", low=1, high=50, advanced=False)
    learning_rate: float = knob(2e-4, "Size of a step.", low=1e-7, high=0.1, step=1e-5, advanced=False)
    warm_start: bool = knob(True, "Fit the head on the base's own features before training.")
    batch_size: int = knob(8, "Pairs in one step.", low=1, high=512)
    micro_batch: int = knob(8, "Pairs in memory at once; a smaller number needs less memory.", low=1, high=512)
    max_tokens: int = knob(512, "Longest prompt and answer together; more is cut off.", low=16, high=32768)
    rank: int = knob(16, "Rank of the LoRA adapter.", low=1, high=256)
    alpha: float = knob(32.0, "Strength of the LoRA adapter.", low=0.1, high=1024)
    dropout: float = knob(0.05, "Share of adapter inputs dropped in training.", low=0.0, high=0.9, step=0.01)
    center: float = knob(0.01, "How hard scores are held around zero.", low=0.0, high=1.0, step=0.01)
    warmup: float = knob(0.1, "Share of the steps in which the rate rises.", low=0.0, high=0.9, step=0.05)
    weight_decay: float = knob(0.0, "How fast unused weights fade.", low=0.0, high=1.0, step=0.01)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    evaluations: int = knob(8, "How often held-out accuracy is measured during the run.", low=1, high=1000)
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


def longer_wins(pairs: Sequence[Pair]) -> float:
    """How often "the longer answer is better" agrees with the judgements: the line to beat. Ties count half."""
    points = [
        0.5 if len(pair.chosen) == len(pair.rejected) else float(len(pair.chosen) > len(pair.rejected))
        for pair in pairs
    ]
    return sum(points) / len(points) if points else math.nan


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train, measure on held-out prompts as it goes, keep the best, save it."""
    from ..lm.devices import choose

    problem = lacks(job.data)
    if problem:
        raise WorkbenchError(problem)
    compute = choose(options.device, options.dtype)
    yield Progress(0, 0, "Loading the model")
    run = _Run(job, options, compute)
    yield Started(run.total, compute.name, compute.dtype_name, {"pairs": len(run.train), "held_out": len(run.held)})
    try:
        yield from run.steps()
    except StopRequested:
        if run.best is None:  # stopped before anything was learned: there is nothing to keep
            yield Stopped(0)
        else:
            yield from run.finish(stopped=True)
        return
    yield from run.finish(stopped=False)


class _Run:
    """One training run: its model, its encoded pairs and the best state so far."""

    def __init__(self, job: Job, options: Options, compute: Any) -> None:
        import torch

        torch.manual_seed(options.seed)
        self.job, self.options = job, options
        self.model = _open_model(job, options, compute)
        self.train = job.data.split("train").pairs
        self.held = job.data.split("held_out").pairs
        self.items = [self._encode(pair) for pair in self.train]
        self.held_items = [self._encode(pair) for pair in self.held]
        self.per_epoch = math.ceil(len(self.train) / options.batch_size)
        self.total = self.per_epoch * options.epochs
        self.every = max(1, self.total // options.evaluations)
        self.baseline = longer_wins(self.held)
        self.step = 0
        self.best: tuple[float, float, int, list[torch.Tensor]] | None = None
        self.last_held: dict[str, float] = {}
        self.held_scores = torch.zeros(0)

    def _encode(self, pair: Pair) -> tuple[Any, Any]:
        return self.model.encode(pair.messages, pair.chosen), self.model.encode(pair.messages, pair.rejected)

    def steps(self) -> Iterator[Event]:
        """All epochs: a step, its metrics, and now and then the held-out prompts."""
        from ..lm.policy import MasterAdamW

        order = random.Random(self.options.seed)
        yield Progress(0, self.total, "Reading every answer once")
        self.warm_start()
        # Only now: it copies the weights as they are, and would put an older copy back at its first step.
        groups = self.model.train_groups(self.options.learning_rate)
        self.rates = [group["lr"] for group in groups]
        self.optimizer = MasterAdamW(groups, weight_decay=self.options.weight_decay)
        yield Progress(0, self.total, "Measuring on held-out prompts")
        yield Metrics(0, self.measure())
        for _ in range(self.options.epochs):
            indices = self.shuffled(order)
            for start in range(0, len(indices), self.options.batch_size):
                values = self.update(indices[start : start + self.options.batch_size])
                self.step += 1
                if self.step % self.every == 0 or self.step == self.total:
                    values |= self.measure()
                yield Metrics(self.step, values)

    def warm_start(self) -> None:
        """Fit the head on the base's own features first: it is most of what there is to learn, and takes one pass."""
        from ..lm.scoring import AdapterReward

        if self.options.warm_start and isinstance(self.model, AdapterReward):
            groups = [pair.prompt_id for pair in self.train]
            self.model.warm_start(self.items, groups, self.job.check, 4 * self.options.micro_batch)

    def shuffled(self, order: random.Random) -> list[int]:
        """Pair indices in random order of prompts, the pairs of one prompt together: they share answers, which are
        then read once, and a model that sees an answer in many scattered steps overfits (Ouyang et al. 2022)."""
        by_prompt: dict[str, list[int]] = {}
        for index, pair in enumerate(self.train):
            by_prompt.setdefault(pair.prompt_id, []).append(index)
        groups = list(by_prompt.values())
        order.shuffle(groups)
        return [index for group in groups for index in group]

    def update(self, batch: list[int]) -> dict[str, float]:
        """One optimiser step over `batch`, in micro-batches of pairs of similar length."""
        import torch

        from ..lm.batching import by_length

        lengths = [max(self.model.length(item) for item in self.items[index]) for index in batch]
        sums = {"loss/train": 0.0, "accuracy/train": 0.0, "margin/train": 0.0}
        scores: list[torch.Tensor] = []
        for group in by_length(lengths, self.options.micro_batch):
            self.job.check()
            indices = [batch[position] for position in group]
            chosen, rejected = self._scores(indices)
            share = len(indices) / len(batch)
            loss = self._loss(chosen, rejected, indices) * share
            loss.backward()
            gap = (chosen - rejected).detach()
            sums["loss/train"] += float(loss.detach())
            sums["accuracy/train"] += float((gap > 0).float().mean()) * share
            sums["margin/train"] += float(gap.mean()) * share
            scores += [chosen.detach(), rejected.detach()]
        self.optimizer.scale_rate(self._schedule(), self.rates)
        norm = self.optimizer.step(self.options.clip_norm)
        if not math.isfinite(sums["loss/train"]) or not math.isfinite(norm):
            raise WorkbenchError(
                f"The loss is no longer a number at step {self.step}.",
                "Lower the learning rate; nothing bad was saved.",
            )
        both = torch.cat(scores)
        return sums | {"reward/mean": float(both.mean()), "reward/std": float(both.std()), "grad/norm": norm}

    def _scores(self, indices: list[int]) -> tuple[torch.Tensor, torch.Tensor]:
        """Scores of chosen and rejected; an answer that stands in several pairs is read once."""
        pairs = [self.items[index] for index in indices]
        unique = _numbered(pairs)
        scores = self.model.scores(list(unique.values()))
        places = {key: place for place, key in enumerate(unique)}
        chosen, rejected = ([places[_key(pair[side])] for pair in pairs] for side in (0, 1))
        return scores[chosen], scores[rejected]

    def _loss(self, chosen: torch.Tensor, rejected: torch.Tensor, indices: list[int]) -> torch.Tensor:
        import torch

        from ..lm.losses import hinge, logistic

        asked = torch.tensor([self.train[index].margin for index in indices], device=chosen.device)
        if self.options.loss == "hinge":
            loss = hinge(chosen, rejected, asked.clamp(min=1.0) if self.options.use_margin else 1.0)
        else:
            loss = logistic(chosen, rejected, asked if self.options.use_margin else 0.0)
        return loss + self.options.center * ((chosen + rejected) ** 2).mean()

    def _schedule(self) -> float:
        warm = max(1, int(self.total * self.options.warmup))
        if self.step < warm:
            return (self.step + 1) / warm
        return 0.5 * (1 + math.cos(math.pi * (self.step - warm) / max(1, self.total - warm)))

    def measure(self) -> dict[str, float]:
        """Held-out figures now; remembers the weights when they are the best so far (by held-out loss)."""
        from ..evaluation.calibration import expected_calibration_error
        from ..lm.scoring import score_all

        unique = _numbered(self.held_items)
        found = score_all(self.model, list(unique.values()), check=self.job.check, standard=False)
        places = {key: place for place, key in enumerate(unique)}
        scores = found[[places[_key(item)] for pair in self.held_items for item in pair]]
        self.model.train_groups(self.options.learning_rate)
        chosen, rejected = scores[0::2], scores[1::2]
        gap = chosen - rejected
        probabilities = gap.sigmoid()
        accuracy = float(((gap > 0).float() + 0.5 * (gap == 0).float()).mean())
        loss = float(-probabilities.clamp(min=1e-9).log().mean())
        if self.best is None or (loss, -accuracy) < self.best[:2]:
            self.best = (loss, -accuracy, self.step, [weight.detach().clone() for weight in self.model.state()])
            self.last_held = {"accuracy": accuracy, "loss": loss}
            self.held_scores = scores
        return {
            "accuracy/held_out": accuracy,
            "loss/held_out": loss,
            "margin/held_out": float(gap.mean()),
            "accuracy/longer_wins": self.baseline,
            "calibration/ece": expected_calibration_error(probabilities.tolist(), [1.0] * len(probabilities)),
        }

    def finish(self, *, stopped: bool) -> Iterator[Event]:
        """Put the best weights back, standardise the scores, save, and show the held-out pairs it misses most."""
        import torch

        if self.best is not None:
            with torch.no_grad():
                for weight, kept in zip(self.model.state(), self.best[3], strict=True):
                    weight.copy_(kept)
        # The scores of the best weights are known for the held-out answers; reading more would only delay a stop.
        spread = self.held_scores if len(self.held_scores) > 1 else torch.tensor([0.0, 1.0])
        self.model.mean, self.model.std = float(spread.mean()), max(float(spread.std()), 1e-3)
        summary = self._summary()
        target = self.job.folder / "reward"
        self.model.save(target, summary)
        yield Saved("reward", str(target), self.step, summary)
        if not stopped:
            yield from self._misses()
            if summary["accuracy"] <= summary["longer_wins"]:
                yield Warned(
                    self.step, "On held-out prompts this is no better than choosing the longer answer.", "accuracy"
                )
        yield Stopped(self.step, summary) if stopped else Finished(summary)

    def _summary(self) -> dict[str, Any]:
        from ..evaluation.intervals import wilson

        accuracy = self.last_held.get("accuracy", math.nan)
        low, high = wilson(accuracy * len(self.held), len(self.held))
        return {
            "accuracy": accuracy,
            "accuracy_ci": [low, high],
            "held_out_loss": self.last_held.get("loss", math.nan),
            "longer_wins": self.baseline,
            "pairs": len(self.train),
            "held_out_pairs": len(self.held),
            "best_step": self.best[2] if self.best else 0,
            "step": self.step,
        }

    def _misses(self) -> Iterator[Event]:
        """The held-out pairs that the best weights get most wrong, worst first."""
        scores = (self.held_scores - self.model.mean) / self.model.std
        gaps = [(float(scores[2 * i] - scores[2 * i + 1]), i) for i in range(len(self.held))]
        for gap, index in sorted(gaps)[:8]:
            pair = self.held[index]
            prompt = pair.messages[-1]["content"]
            for answer, row, word in ((pair.chosen, 2 * index, 1.0), (pair.rejected, 2 * index + 1, 0.0)):
                marks = {"reward": float(scores[row]), "gap": gap, "chosen": word}
                yield Sample(self.step, prompt, answer, marks, pair.prompt_id)


def _key(item: Any) -> Any:
    return tuple(item) if isinstance(item, list) else item


def _numbered(pairs: Sequence[tuple[Any, Any]]) -> dict[Any, Any]:
    """The different items of some pairs, by what makes them different."""
    return {_key(item): item for pair in pairs for item in pair}


def _open_model(job: Job, options: Options, compute: Any) -> RewardModel:
    from ..lm.files import describe
    from ..lm.loading import load
    from ..lm.scoring import AdapterReward, ClassifierReward

    assert job.model is not None
    if not describe(job.model)["generates"]:
        return ClassifierReward.open(job.model.base, compute, limit=options.max_tokens)
    loaded = load(job.model, compute)
    fresh = {"rank": options.rank, "alpha": options.alpha, "dropout": options.dropout, "limit": options.max_tokens}
    return AdapterReward.fresh(loaded, **fresh)
