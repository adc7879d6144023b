"""Classification: learns to tell which of a few labels a prompt has, from examples of them."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..evaluation.text_metrics import Classified, classified
from ..events import Event, Sample
from ..feedback.base import Demonstration, Message, Prompt
from .base import Data, Job, Panel, knob
from .planning import plan_of
from .presets import stored
from .seeing import Seen
from .trainer import FEWEST, TrainerRun, train_with
from .trainer_options import SCHEDULERS
from .trainer_resuming import restore, state_of
from .trainer_trl import Example

if TYPE_CHECKING:
    import torch

    from ..lm.classifying import Classifier

name = "classify"
title = "Classify"
text = "Learns to sort prompts under labels."
WANTS: tuple[type, ...] = (Demonstration, Prompt)
NEEDS_REWARD = False
RESULT = "model"
PRESETS = stored(2e-4, epochs=8)
STARTS_FROM = ("base",)
PANELS = (
    Panel("Loss", ("loss/train", "loss/held_out"), "dashed: held-out prompts"),
    Panel("Accuracy", ("accuracy/held_out", "accuracy/train", "accuracy/commonest"), "on held-out prompts"),
    Panel("F1", ("f1/held_out",), "mean over the labels"),
    Panel("Precision and recall", ("precision/held_out", "recall/held_out"), "means over the labels"),
    Panel("Gradient norm", ("grad/norm",), "before clipping"),
    Panel("Learning rate", ("rate/now",)),
)
MOST_LABELS = 100


@dataclass(frozen=True)
class Options:
    """Knobs of classification."""

    labels: str = knob(
        "answers", "What a prompt's label is: the answer that was imported or written for it, or its first tag.",
        choices=("answers", "tags"), advanced=False,
    )  # fmt: skip
    epochs: int = knob(3, "How often each example is seen.", low=1, high=100, advanced=False)
    learning_rate: float = knob(5e-4, "Size of a step.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    batch_size: int = knob(16, "Prompts in one step.", low=1, high=4096, advanced=False)
    train: str = knob(
        "lora",
        "An adapter and the head, or with full all weights: far more memory, and a learning rate near 2e-5.",
        label="Trains",
        choices=("lora", "full"),
    )
    rank: int = knob(16, "Rank of the LoRA adapter.", low=1, high=256)
    alpha: float = knob(32.0, "Strength of the LoRA adapter.", low=0.1, high=1024)
    dropout: float = knob(0.0, "Share of adapter inputs dropped; above 0 it is slower.", low=0.0, high=0.9, step=0.01)
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
    max_tokens: int = knob(512, "Longest prompt; more is cut off.", low=16, high=131072)
    scheduler: str = knob("cosine", "How the rate falls after it has risen.", choices=SCHEDULERS)
    warmup: float = knob(0.1, "Share of the steps in which the rate rises.", low=0.0, high=0.9, step=0.05)
    weight_decay: float = knob(0.0, "How fast unused weights fade.", low=0.0, high=1.0, step=0.01)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    evaluations: int = knob(8, "How often held-out examples are measured during the run.", low=1, high=1000)
    patience: int = knob(0, "Stop after so many measurements without a better one; 0 never does.", low=0, high=1000)
    shown: int = knob(
        8, "Held-out prompts labelled before and after, to look at.", low=0, high=64, label="Labels to show"
    )
    checkpoint_minutes: float = knob(
        5.0, "Minutes of work that a crash may cost; 0 writes a checkpoint only at a stop.",
        low=0.0, high=1440.0, step=1.0,
    )  # fmt: skip
    seed: int = knob(17, "The same seed gives the same run.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the base.", choices=("auto", "bfloat16", "float32"))


@dataclass(frozen=True)
class Case:
    """A prompt and the label that it has."""

    prompt_id: str
    messages: tuple[Message, ...]
    label: str


def cases(data: Data, labels: str) -> list[Case]:
    """The labelled prompts of Data, by "answers" or by "tags"."""
    if labels == "tags":
        return [Case(each.prompt_id, each.messages, each.tags[0]) for each in data.prompts if each.tags]
    found = [Case(each.prompt_id, each.messages, each.text.strip()) for each in data.demonstrations]
    return [case for case in found if case.label]


def wants(options: Options) -> tuple[type, ...]:
    """What has the labels."""
    return (Prompt,) if options.labels == "tags" else (Demonstration,)


def lacks(data: Data) -> str:
    """Why neither answers nor tags can be learned as labels; "" when one of them can."""
    found = [missing(data, labels) for labels in ("answers", "tags")]
    return "" if "" in found else found[0]


def missing(data: Data, labels: str) -> str:
    """Why these labels cannot be learned; "" when they can."""
    train, held = (cases(data.split(name), labels) for name in ("train", "held_out"))
    counts = Counter(case.label for case in train)
    if len(train) < FEWEST:
        return f"Needs at least {FEWEST} prompts with a label and has {len(train)}. Import prompts and their labels."
    if len(counts) < 2:
        return "All prompts have the same label, so there is nothing to tell apart."
    if len(counts) > MOST_LABELS or 2 * len(counts) > len(train):
        return f"There are {len(counts)} different answers to {len(train)} prompts: labels come again and again."
    if not any(case.label in counts for case in held):
        return "No held-out prompt has one of the labels, so it could not be tested. Import a few more."
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train on labelled prompts; accuracy, precision, recall and F1 on held-out ones."""
    return train_with(Run, job, options, missing(job.data, options.labels))


class Labels:
    """The loss of labelled prompts; what was said of those that were measured is in `told`, (right, said)."""

    def __init__(self, model: Classifier) -> None:
        self.model = model
        self.told: list[tuple[str, str]] = []

    def loss(self, examples: Sequence[Example]) -> tuple[torch.Tensor, dict[str, float]]:
        """The mean surprise of the right labels, and the share that was said right."""
        import torch
        from torch.nn.functional import cross_entropy

        logits = self.model.logits([example.fields["ids"] for example in examples])
        right = torch.tensor([example.fields["label"] for example in examples], device=logits.device)
        said = logits.argmax(-1)
        names = self.model.labels
        if not torch.is_grad_enabled():
            self.told += [(names[a], names[b]) for a, b in zip(right.tolist(), said.tolist(), strict=True)]
        return cross_entropy(logits, right), {"accuracy": float((said == right).float().mean())}


class Run(TrainerRun):
    """One classification run."""

    name = name
    rows = 1
    note = "The loss reads the label, from the state of the whole prompt."

    def __init__(self, job: Job, options: Options, compute: Any) -> None:
        import torch

        from ..lm.classifying import Classifier

        assert job.model is not None
        self.job, self.options, self.compute = job, options, compute
        about = {"bytes_each": compute.dtype.itemsize, "device": compute.device.type}
        plan = plan_of(job, dataclasses.asdict(options), **about)
        self.estimated = {"estimate_bytes": plan.estimate.total} if plan else {}
        found = {name: cases(job.data.split(name), options.labels) for name in ("train", "held_out")}
        self.counts_of = Counter(case.label for case in found["train"])
        names = sorted(self.counts_of)
        self.items = {name: [case for case in each if case.label in self.counts_of] for name, each in found.items()}
        torch.manual_seed(options.seed)
        self.classifier = Classifier.fresh(job.model, compute, names, options.max_tokens)
        self.loaded = self.classifier.loaded
        shape = {"rank": options.rank, "alpha": options.alpha, "dropout": options.dropout}
        self.weights = self.classifier.learnable(whole=options.train == "full", **shape)
        self.train, self.held = (self.examples(self.items[name]) for name in ("train", "held_out"))
        self.trl = Labels(self.classifier)
        self.confusion: list[list[int]] = []
        self.begin()

    @classmethod
    def check_installed(cls) -> None:
        """All that it needs is always there."""

    @property
    def saves(self) -> str:
        """A whole model, in which an adapter is part of the weights."""
        return "model"

    def write(self, target: Path, about: dict[str, Any]) -> None:
        """The model with its labels."""
        self.classifier.save(target, about)

    def examples(self, items: Sequence[Case]) -> list[Example]:
        """Prompts as tokens, labels as numbers."""
        places = {label: place for place, label in enumerate(self.classifier.labels)}
        rows = [(self.classifier.encode(case.messages), places[case.label]) for case in items]
        return [Example({"ids": ids, "label": label}, len(ids)) for ids, label in rows]

    def seen(self, example: Example) -> list[Seen]:
        """The prompt, under the title of its label."""
        ids = example.fields["ids"]
        return [(self.classifier.labels[example.fields["label"]], ids, [False] * len(ids))]

    def _measure(self) -> dict[str, float]:
        self.trl.told = []
        figures = super()._measure()
        precision, recall, f1 = self.found().macro()
        return figures | {"precision": precision, "recall": recall, "f1": f1}

    def found(self) -> Classified:
        """How well the labels were told when the held-out prompts were last measured."""
        right, said = zip(*self.trl.told, strict=True)
        return classified(right, said, self.classifier.labels)

    def measure(self) -> dict[str, float]:
        """Held-out figures now, and the confusion of the best weights so far."""
        values = super().measure()
        assert self.best is not None
        if self.best.step == self.step:
            self.confusion = self.found().confusion.tolist()
        return values

    def fixed_figures(self) -> dict[str, float]:
        """What saying the commonest label every time would reach."""
        return {"accuracy/commonest": self.commonest}

    @property
    def commonest(self) -> float:
        """Share of held-out prompts that have the commonest label."""
        label = self.counts_of.most_common(1)[0][0]
        return sum(case.label == label for case in self.items["held_out"]) / len(self.held)

    def told_besides(self) -> dict[str, Any]:
        """The labels, and how often which was taken for which: a row is a right label, a column what was said."""
        return {"labels": list(self.classifier.labels), "confusion": self.confusion, "commonest": self.commonest}

    def state(self) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """With the confusion of the best weights."""
        tensors, state = state_of(self)
        return tensors, state | {"confusion": self.confusion}

    def restore(self, tensors: dict[str, torch.Tensor], state: dict[str, Any]) -> None:
        """Go on from what state() gave."""
        restore(self, tensors, state)
        self.confusion = state["confusion"]

    def answers(self) -> Iterator[Event]:
        """What a few held-out prompts are said to be."""
        for case in self.items["held_out"][: self.options.shown]:
            self.job.check()
            said, share = next(iter(self.classifier.tell(case.messages).items()))
            words = said if said == case.label else f"{said} (right: {case.label})"
            yield Sample(self.step, case.messages[-1]["content"], words, {"probability": share}, case.prompt_id)


def classifier_in(place: str, device: str = "auto") -> Classifier:
    """The trained classifier in a folder. Raises WorkbenchError when there is none."""
    from ..lm.classifying import Classifier
    from ..lm.devices import choose

    if not Path(place).is_dir():
        raise WorkbenchError(f"There is no classifier at {place}.", "Train one: workbench train classify.")
    return Classifier.trained(Path(place), choose(device, "float32"))
