"""The loop of the methods that learn from stored judgements: a step, its figures, now and then the held-out examples.

The loss is that of TRL's own trainers (trainer_trl.py); what a method is of its own is in its file.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import random
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, FirstBatch, Metrics, Progress, Sample, Started, Stopped, Warned
from ..feedback.base import Message
from .base import Data, Job, NotFinite
from .planning import plan_of
from .resuming import Checkpoints
from .seeing import Seen, first_batch
from .sparing import Sparing
from .trainer_ending import finish, rescue
from .trainer_options import rate_at
from .trainer_resuming import Best, restore, state_of, told
from .trainer_trl import Example, Means, Source, Trl

if TYPE_CHECKING:
    import torch

FEWEST = 4
"""Examples from which anything is learned."""
SHOWN_TOKENS = 64
"""Longest of the answers that are written to be looked at."""


def too_few(data: Data, kind: str, one: str, many: str, more: str) -> str:
    """Why there are not enough examples of a kind, a field of Data; "" when there are."""
    train, held = (len(getattr(data.split(name), kind)) for name in ("train", "held_out"))
    if train < FEWEST:
        return f"Needs at least {FEWEST} {many} to learn from and has {train}. {more}"
    if not held:
        return f"Has no {one} on a held-out prompt, so it could not be tested. Judge answers to a few more prompts."
    return ""


def train_with(kind: type[TrainerRun], job: Job, options: Any, problem: str) -> Iterator[Event]:
    """Train, measure on held-out prompts as it goes, keep the best, save it. `problem`: what the data lack, if
    anything."""
    from ..lm.devices import choose

    if problem:
        raise WorkbenchError(problem)
    kind.check_installed()
    compute = choose(options.device, options.dtype)
    yield Progress(0, 0, kind.opening)
    run = kind(job, options, compute)
    yield from run.checkpoints.go_on()
    about = {"examples": len(run.train), "held_out": len(run.held)} | run.estimated | run.checkpoints.resumed
    yield Started(run.total, compute.name, compute.dtype_name, about)
    if run.best is None:
        yield run.first_batch()
        if job.only_looks:
            yield Finished()
            return
    try:
        yield from run.steps()
    except StopRequested:
        if run.best is None or run.step == 0:  # stopped before anything was learned: there is nothing to keep
            yield Stopped(0)
        else:
            yield from run.checkpoints.keep(now=True)
            yield from finish(run, stopped=True)
    except NotFinite as broken:
        yield from rescue(run, broken)
    else:
        yield from finish(run, stopped=False)
        run.checkpoints.clear()


class TrainerRun(Sparing):
    """One run: the model, the trainer that knows its loss, the examples as tokens, and the best weights so far."""

    name = ""
    opening = "Loading the model"
    """What is done first, in words."""
    source: Source
    trl: Any
    """Asked for the loss of examples: a Trl, or what has its `loss`."""
    kind = "pairs"
    """Which examples of Data it learns from."""
    rows = 2
    """Rows of tokens that an example has in a batch."""
    reference_keys: tuple[str, ...] = ()
    """What a collator calls the log-probabilities under the reference; none where there is no reference."""
    note = "The loss reads the marked tokens."
    """What it reads of the first batch."""
    free: tuple[str, ...] = ("checkpoint_minutes",)
    state, restore, told = state_of, restore, told

    def __init__(self, job: Job, options: Any, compute: Any) -> None:
        import torch

        from ..lm.loading import load

        assert job.model is not None
        self.job, self.options, self.compute = job, options, compute
        about = {"bytes_each": compute.dtype.itemsize, "device": compute.device.type}
        plan = plan_of(job, dataclasses.asdict(options), **about)
        self.estimated = {"estimate_bytes": plan.estimate.total} if plan else {}
        self.loaded = load(job.model, compute, quantize=options.quantize)
        torch.manual_seed(options.seed)
        self.weights = self._trained()
        self.items = {name: self.chosen_items(job.data.split(name)) for name in ("train", "held_out")}
        self.train, self.held = (self.examples(self.items[name]) for name in ("train", "held_out"))
        settings = {"seed": options.seed} | self.settings()
        self.trl = Trl.make(self.source, self.loaded, job.folder, self.train[0], settings, self.reference_keys)
        for weight in self.weights:  # TRL gives adapters on quantised layers a format of its own
            weight.data = weight.data.to(compute.dtype)
        self.begin()

    def begin(self) -> None:
        """Be at step 0, with a model, weights and examples."""
        import torch

        from ..lm import randomness
        from ..lm.policy import MasterAdamW

        options = self.options
        torch.manual_seed(options.seed)
        self._learning(True)
        self.optimizer = MasterAdamW(
            [{"params": self.weights, "lr": options.learning_rate}], weight_decay=options.weight_decay
        )
        self.batches = self.make_batches()
        self.total = len(self.batches)
        self.every = max(1, self.total // options.evaluations)
        self.step = 0
        self.best: Best | None = None
        self.measured_at = 0
        self.waited = 0
        self.stopped_early = False
        self.first: dict[str, float] = {}
        self.reference: dict[str, torch.Tensor] = {}
        self.recent: list[dict[str, float]] = []
        self.pending: dict[str, float] | None = None
        """Figures of a step that was made and not yet told of: its measurement may be cut off."""
        self.begun = randomness.capture()
        self.begin_sparing(len(self.batches[0]))
        self.checkpoints = Checkpoints(self)

    # --- what a method says of itself -----------------------------------------------------------------------------

    @classmethod
    def check_installed(cls) -> None:
        """Raises WorkbenchError when a library lacks what the method needs."""
        cls.source.classes()

    def write(self, target: Path, about: dict[str, Any]) -> None:
        """Write what was trained, whole or not at all."""
        from ..lm.loading import POLICY
        from ..lm.saving import save_adapter, save_whole

        if self.saves == "model":
            save_whole(self.loaded, target, about)
        else:
            save_adapter(self.loaded, POLICY, target, about)

    @property
    def saves(self) -> str:
        """What kind of model it makes: "adapter" or "model"."""
        return "model" if self.options.train == "full" else "adapter"

    def chosen_items(self, data: Data) -> Sequence[Any]:
        """The examples of Data that it learns from."""
        return getattr(data, self.kind)

    def examples(self, items: Sequence[Any]) -> list[Example]:
        """The examples as tokens."""
        raise NotImplementedError

    def settings(self) -> dict[str, Any]:
        """Fields of the trainer's configuration."""
        raise NotImplementedError

    def seen(self, example: Example) -> list[Seen]:
        """The rows of tokens that the loss reads of an example."""
        raise NotImplementedError

    def make_batches(self) -> list[list[int]]:
        """The examples of each step, of all epochs."""
        order, size = random.Random(self.options.seed), self.options.batch_size
        found = []
        for _ in range(self.options.epochs):
            epoch = list(range(len(self.train)))
            order.shuffle(epoch)
            found += [epoch[start : start + size] for start in range(0, len(epoch), size)]
        return found

    def counts(self, figure: str, examples: Sequence[Example]) -> float:
        """How much a batch of examples counts in the mean of a figure."""
        return sum(example.weight for example in examples)

    def finished_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """Figures that follow from the others."""
        return figures

    def fixed_figures(self) -> dict[str, float]:
        """Held-out figures that no training changes."""
        return {}

    def told_besides(self) -> dict[str, Any]:
        """What else the summary tells."""
        return {}

    # --- learning -------------------------------------------------------------------------------------------------

    def _trained(self) -> list[Any]:
        """What is trained: the policy's adapter, a fresh one if there is none, or the matrices of the layers."""
        from ..lm.full import matrices
        from ..lm.loading import POLICY, add_new_adapter, merge_adapter, prepare_training
        from ..lm.policy import adapter_parameters

        options = self.options
        prepare_training(self.loaded)
        if options.train == "full":
            merge_adapter(self.loaded)
            return matrices(self.loaded.layers)
        if self.job.model is not None and not self.job.model.adapter:
            shape = {"rank": options.rank, "alpha": options.alpha, "dropout": options.dropout}
            kind = {"targets": options.target_modules, "rslora": options.rslora, "dora": options.dora}
            add_new_adapter(self.loaded, POLICY, **shape, **kind)
        return adapter_parameters(self.loaded, POLICY)

    def _learning(self, on: bool) -> None:
        """Let gradients reach what is trained, and nothing else; dropout belongs to training alone."""
        from peft.tuners.lora.layer import LoraLayer

        for weight in self.loaded.model.parameters():
            weight.requires_grad_(False)
        for weight in self.weights:
            weight.requires_grad_(on)
        for module in self.loaded.model.modules():
            if isinstance(module, LoraLayer):
                module.train(on)  # type: ignore[attr-defined]

    def steps(self) -> Iterator[Event]:
        """All epochs: a step, its metrics, and now and then the held-out examples."""
        from ..lm import randomness

        if self.best is None:
            yield from self._begin()
        while self.pending is not None or (self.step < self.total and not self._given_up()):
            if self.pending is None:
                self.begun = randomness.capture()
                while self.pending is None:
                    self.pending = self.spared(functools.partial(self.update, self.batches[self.step]))
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

    def first_batch(self) -> FirstBatch:
        """The batch of the first step as the model sees it."""
        rows = [row for index in self.batches[0] for row in self.seen(self.train[index])]
        return first_batch(self.loaded.tokenizer, rows, self.note)

    def _begin(self) -> Iterator[Event]:
        if cut := sum(example.cut for example in self.train):
            words = (
                f"{cut} of {len(self.train)} examples are longer than {self.options.max_tokens} tokens and were cut."
            )
            yield Warned(0, words, "cut")
        if self.reference_keys:
            found = {}
            for name, examples in self.splits():
                found[name] = yield from self._read(examples)
            self.set_reference(found)
        yield Progress(0, self.total, "Measuring on held-out prompts")
        values = self.measure()
        yield Metrics(0, values)
        yield from self.told_of_memory()
        yield from self.answers()

    def splits(self) -> tuple[tuple[str, list[Example]], ...]:
        """The examples by the names of their splits."""
        return ("train", self.train), ("held_out", self.held)

    def set_reference(self, found: dict[str, torch.Tensor]) -> None:
        """Let the examples know what the reference, the model that training begins from, says of them."""
        self.reference = found
        self.train, self.held = (
            [self.trl.with_reference(*each) for each in zip(examples, found[name].tolist(), strict=True)]
            for name, examples in self.splits()
        )

    def _read(self, examples: list[Example]) -> Generator[Event, None, torch.Tensor]:
        """Log-probabilities [n, k] of the examples' answers under the model as it is."""
        import torch

        found = torch.zeros(len(examples), len(self.reference_keys))
        waiting = list(self.groups(examples, range(len(examples))))
        done = 0
        self._learning(False)
        while waiting:
            yield Progress(done, len(examples), "Reading the answers as the model is")
            values = self.spared(functools.partial(self._read_group, examples, waiting[0]))
            if values is None:  # what is left, in smaller groups
                waiting = list(self.groups(examples, [index for group in waiting for index in group]))
                continue
            group = waiting.pop(0)
            found[group] = values
            done += len(group)
        self._learning(True)
        return found

    def _read_group(self, examples: list[Example], group: list[int]) -> torch.Tensor:
        import torch

        self.job.check()
        with torch.no_grad():
            return self.trl.reference([examples[index] for index in group]).cpu()

    def groups(self, examples: Sequence[Example], indices: Sequence[int]) -> Iterator[list[int]]:
        """Micro-batches of so many tokens with their padding, examples of one length together."""
        group: list[int] = []
        for index in sorted(indices, key=lambda place: (examples[place].longest, place)):
            if group and (len(group) + 1) * self.rows * examples[index].longest > self.micro_tokens:
                yield group
                group = []
            group.append(index)
        if group:
            yield group

    def update(self, indices: list[int]) -> dict[str, float]:
        """One optimiser step over the examples at `indices`. Raises NotFinite before a bad step."""
        from ..lm.memory import checkpointed

        total = sum(self.train[index].weight for index in indices)
        means, tokens = Means(self), 0
        for group in self.groups(self.train, indices):
            self.job.check()
            examples = [self.train[index] for index in group]
            with checkpointed(self.loaded, self.saving):
                loss, figures = self.trl.loss(examples)
            if not math.isfinite(float(loss.detach())):
                raise NotFinite(f"The loss is no longer a number at step {self.step + 1}.")
            (loss * (sum(example.weight for example in examples) / total)).backward()
            means.add({"loss": float(loss.detach())} | figures, examples)
            tokens += self.rows * sum(example.longest for example in examples)
        factor = rate_at(self.step, self.total, self.options.scheduler, self.options.warmup)
        self.optimizer.scale_rate(factor, [self.options.learning_rate])
        norm = self.optimizer.step(self.options.clip_norm)
        if not math.isfinite(norm):  # the optimiser has not stepped
            raise NotFinite(f"The gradient is no longer a number at step {self.step + 1}.")
        more = {"grad/norm": norm, "rate/now": factor * self.options.learning_rate, "tokens/step": float(tokens)}
        return {f"{key}/train": value for key, value in means.figures().items()} | more

    # --- held-out examples ----------------------------------------------------------------------------------------

    def measure(self) -> dict[str, float]:
        """Held-out figures now; remembers the weights when they are the best so far. Raises NotFinite."""
        figures = None
        while figures is None:
            figures = self.spared(self._measure)
        if not math.isfinite(figures["loss"]):
            raise NotFinite(f"The held-out loss is no longer a number at step {self.step}.")
        self.measured_at = self.step
        self.first = self.first or figures
        self.waited += 1
        if self.best is None or figures["loss"] < self.best.figures["loss"]:
            self.best, self.waited = Best(self.step, figures, self.copied()), 0
        return {f"{key}/held_out": value for key, value in figures.items()} | self.fixed_figures()

    def _measure(self) -> dict[str, float]:
        import torch

        means = Means(self)
        self._learning(False)
        for group in self.groups(self.held, range(len(self.held))):
            self.job.check()
            examples = [self.held[index] for index in group]
            with torch.no_grad():
                loss, figures = self.trl.loss(examples)
            means.add({"loss": float(loss)} | figures, examples)
        self._learning(True)
        return means.figures()

    def copied(self) -> list[torch.Tensor]:
        """What is trained, as it is now, on the CPU."""
        return [weight.detach().to("cpu", copy=True) for weight in self.weights]

    def _given_up(self) -> bool:
        return bool(self.options.patience) and self.waited >= self.options.patience and self.step < self.total

    def _why_so_early(self) -> str:
        assert self.best is not None
        return (
            f"Stopped early at step {self.step} of {self.total}: held-out loss was last improved at step "
            f"{self.best.step}, and those weights are kept."
        )

    def answers(self) -> Iterator[Event]:
        """Answers to a few held-out prompts, each token the likeliest, to be looked at."""
        from ..lm.generating import Sampler, sample_all

        asked: dict[str, tuple[Message, ...]] = {}
        for item in self.items["held_out"]:
            if len(asked) < self.options.shown:
                asked.setdefault(item.prompt_id, item.messages)
        template, limit = self.loaded.template, max(1, self.options.max_tokens - SHOWN_TOKENS)
        ids = [template.prompt_ids(messages, limit) for messages in asked.values()]
        if not ids:
            return
        self._learning(False)
        sampler = Sampler(temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=SHOWN_TOKENS)
        drafts = sample_all(self.loaded, ids, sampler, [0] * len(ids), check=self.job.check)
        self._learning(True)
        for (prompt_id, messages), draft in zip(asked.items(), drafts, strict=True):
            marks = {"tokens": float(len(draft.ids))}
            yield Sample(self.step, messages[-1]["content"], template.text_of(draft.ids), marks, prompt_id)
