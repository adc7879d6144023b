"""Pretraining: a small language model from plain text, beginning with its vocabulary. Loss on every token."""

from __future__ import annotations

import dataclasses
import math
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..events import Event, Sample, Warned
from ..feedback.base import Document
from . import plain_text, pretrain_text
from .base import Data, Job, Panel, knob
from .planning import plan_of
from .presets import BALANCED, QUICK, THOROUGH
from .pretrain_text import Shown, Tokens
from .seeing import Seen
from .trainer import TrainerRun, train_with
from .trainer_options import SCHEDULERS
from .trainer_trl import Example

if TYPE_CHECKING:
    import torch

    from ..lm.loading import Loaded

name = "pretrain"
title = "Pretrain"
text = "Makes a new small language model out of plain text."
WANTS: tuple[type, ...] = (Document,)
NEEDS_REWARD = False
RESULT = "model"
PRESETS = {
    QUICK: {"epochs": 1, "evaluations": 4},
    BALANCED: {},
    THOROUGH: {"epochs": 10, "layers": 6, "width": 256, "evaluations": 16, "patience": 4},
}
LONG_TEXT = 10_000_000
"""Bytes."""
LARGER = {"vocabulary": 8192, "layers": 6, "width": 384, "heads": 6, "epochs": 1}
STARTS_FROM: tuple[str, ...] = ()
"""From nothing."""
PANELS = (
    Panel("Loss", ("loss/train", "loss/held_out"), "dashed: held-out text"),
    Panel(
        "Perplexity",
        ("perplexity/held_out", "perplexity/bigram", "perplexity/unigram"),
        "on held-out text; the others count tokens and pairs",
    ),
    Panel("Gradient norm", ("grad/norm",), "before clipping"),
    Panel("Learning rate", ("rate/now",)),
    Panel("Tokens a step", ("tokens/step",)),
)


@dataclass(frozen=True)
class Options:
    """Knobs of pretraining."""

    text: str = knob(
        "", "A .txt, .md or .jsonl file (its field \"text\"), or a folder of them.", advanced=False,
        path="file or folder",
    )  # fmt: skip
    vocabulary: int = knob(2048, "Most tokens that the tokenizer learns.", low=300, high=200_000, advanced=False)
    layers: int = knob(4, "Layers of the model.", low=1, high=64, advanced=False)
    width: int = knob(128, "Numbers that stand for a token between layers.", low=8, high=4096, step=64, advanced=False)
    epochs: int = knob(3, "How often all of the text is seen.", low=1, high=1000, advanced=False)
    learning_rate: float = knob(3e-3, "Size of a step.", low=1e-7, high=0.1, step=1e-3, advanced=False)
    heads: int = knob(4, "Attention heads of a layer; the width is shared out among them.", low=1, high=64)
    context_length: int = knob(
        128, "Tokens of a sample, and the most that the model looks back.", low=8, high=8192, step=64
    )
    batch_tokens: int = knob(1024, "Tokens in one step.", low=8, high=4_000_000, step=1024)
    tokenizer: str = knob(
        "", "A model's folder whose tokenizer is taken; empty learns one from the text.", path="folder"
    )
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
    scheduler: str = knob("cosine", "How the rate falls after it has risen.", choices=SCHEDULERS)
    warmup: float = knob(0.05, "Share of the steps in which the rate rises.", low=0.0, high=0.9, step=0.05)
    weight_decay: float = knob(0.1, "How fast unused weights fade.", low=0.0, high=1.0, step=0.01)
    clip_norm: float = knob(1.0, "Longest gradient; 0 turns this off.", low=0.0, high=100.0)
    evaluations: int = knob(8, "How often held-out text is measured during the run.", low=1, high=1000)
    patience: int = knob(0, "Stop after so many measurements without a better one; 0 never does.", low=0, high=1000)
    shown: int = knob(
        3, "Beginnings of held-out text continued before and after, to look at.", label="Texts to show", low=0, high=64
    )
    checkpoint_minutes: float = knob(
        5.0, "Minutes of work that a crash may cost; 0 writes a checkpoint only at a stop.",
        low=0.0, high=1440.0, step=1.0,
    )  # fmt: skip
    seed: int = knob(17, "The same seed gives the same run.", low=0, high=2**31 - 1)
    device: str = knob("auto", "Where to compute.", choices=("auto", "cuda", "xpu", "mps", "cpu"))
    dtype: str = knob("auto", "Number format of the weights.", choices=("auto", "bfloat16", "float32"))

    def __post_init__(self) -> None:
        if self.width % (2 * self.heads):
            raise WorkbenchError(
                f"Width {self.width} cannot be shared out among {self.heads} heads.",
                f"Choose a multiple of {2 * self.heads}.",
            )


def sized(size: int) -> dict[str, Any]:
    """What presets change for so many bytes of text: a larger model pays where there is much of it."""
    return LARGER if size >= LONG_TEXT else {}


def collect(options: Options) -> tuple[Document, ...]:
    """The text, to be frozen with the run. Raises WorkbenchError when there is none, or too little."""
    return plain_text.collect(options.text)


def lacks(data: Data) -> str:
    """Nothing that a project could have: the text is asked for when the run is started, see collect()."""
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Learn a vocabulary, make samples, train on them; perplexity on held-out text."""
    return train_with(Run, job, options, "" if job.data.documents else "There is no text to learn from.")


class NextToken:
    """The loss of samples: the mean surprise of a token, given those before it."""

    def __init__(self, loaded: Loaded) -> None:
        self._loaded = loaded

    def loss(self, examples: Sequence[Example]) -> tuple[torch.Tensor, dict[str, float]]:
        """The loss over all tokens but the first of each sample."""
        import torch
        from torch.nn.functional import cross_entropy

        longest = max(example.longest for example in examples)
        rows = torch.full((len(examples), longest + 1), self._loaded.pad_id)
        targets = torch.full((len(examples), longest), -100)
        for place, example in enumerate(examples):
            ids = torch.from_numpy(example.fields["ids"]).long()
            rows[place, : len(ids)] = ids
            targets[place, : len(ids) - 1] = ids[1:]
        device = self._loaded.compute.device
        logits = self._loaded.causal(input_ids=rows[:, :-1].to(device), use_cache=False).logits
        return cross_entropy(logits.float().flatten(0, 1), targets.flatten().to(device)), {}


class Run(TrainerRun):
    """One run from text to a model."""

    name = name
    opening = "Learning the vocabulary"
    rows = 1
    note = "The loss reads every token but the first of a sample."

    def __init__(self, job: Job, options: Options, compute: Any) -> None:
        from ..lm.fresh import new_llama

        self.job, self.options, self.compute = job, options, compute
        plan = plan_of(job, dataclasses.asdict(options), bytes_each=compute.dtype.itemsize, device=compute.device.type)
        self.estimated = {"estimate_bytes": plan.estimate.total} if plan else {}
        self.text = Tokens.of(job, options)
        shape = {key: getattr(options, key) for key in ("layers", "width", "heads", "seed")}
        self.loaded = new_llama(self.text.tokenizer, compute, job.folder, context=options.context_length, **shape)
        self.weights = list(self.loaded.model.parameters())
        self.train, self.held = self.text.samples("train"), self.text.samples("held_out")
        self.baselines = self.text.baselines(self.held)
        self.trl = NextToken(self.loaded)
        self.begin()

    @classmethod
    def check_installed(cls) -> None:
        """All that it needs is always there."""

    @property
    def saves(self) -> str:
        """A whole model."""
        return "model"

    def seen(self, example: Example) -> list[Seen]:
        """The sample."""
        ids = example.fields["ids"].tolist()
        return [("sample", ids, [False] + [True] * (len(ids) - 1))]

    def make_batches(self) -> list[list[int]]:
        """As many samples a step as have so many tokens, of all epochs."""
        order, size = random.Random(self.options.seed), max(1, self.options.batch_tokens // self.options.context_length)
        found = []
        for _ in range(self.options.epochs):
            epoch = list(range(len(self.train)))
            order.shuffle(epoch)
            found += [epoch[start : start + size] for start in range(0, len(epoch), size)]
        return found

    def finished_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """With the perplexity: e to the mean loss of a token."""
        return figures | {"perplexity": math.exp(min(figures["loss"], 700.0))}

    def measure(self) -> dict[str, float]:
        """Held-out figures now. The perplexity of random weights, about the vocabulary's size or more, would leave no
        room on a chart for what is learned; it is in the summary."""
        values = super().measure()
        return {key: value for key, value in values.items() if self.step or key != "perplexity/held_out"}

    def fixed_figures(self) -> dict[str, float]:
        """What counting tokens, and counting pairs of them, would reach on the same held-out tokens."""
        return {f"perplexity/{key}": value for key, value in self.baselines.items()}

    def told_besides(self) -> dict[str, Any]:
        """Figures of the text and of what was to be beaten."""
        return self.baselines | self.text.figures() | {"samples": len(self.train)}

    def steps(self) -> Iterator[Event]:
        """All epochs, and whether they were worth it."""
        yield from super().steps()
        assert self.best is not None
        if self.best.step and self.best.figures["perplexity"] >= self.baselines["bigram"]:
            words = "On held-out text this is no better than counting which token follows which. Train longer."
            yield Warned(self.step, words, "baseline")

    def _begin(self) -> Iterator[Event]:
        """Show what text becomes, then measure."""
        for shown in pretrain_text.steps_shown(self.text, self.train):
            yield _sample(0, shown)
        yield from super()._begin()

    def answers(self) -> Iterator[Event]:
        """How a few held-out texts go on, by the model as it is."""
        for shown in self.text.continued(self.loaded, self.options.shown, self.job.check):
            yield _sample(self.step, shown)


def _sample(step: int, shown: Shown) -> Sample:
    return Sample(step, shown.title, shown.text, shown.figures)
