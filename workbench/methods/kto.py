"""KTO (Ethayarajh et al. 2024): learns from answers that are good or bad by themselves: thumbs, or stars."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..events import Event
from ..feedback.base import Label
from .base import Data, Job, Panel, knob
from .presets import stored
from .seeing import Seen, answer_read
from .trainer import TrainerRun, too_few, train_with
from .trainer_options import TrainerOptions
from .trainer_pairs import LOSS, MARGIN, NORM, RATE, SIDES
from .trainer_trl import Example, Source, tokens_of
from .whose import reads

name = "kto"
title = "KTO"
text = "Learns from single answers, good and bad."
WANTS: tuple[type, ...] = (Label,)
NEEDS_REWARD = False
RESULT = "adapter"
READS = reads
PRESETS = stored(2e-5)
PANELS = (
    LOSS,
    MARGIN,
    SIDES,
    Panel("KL estimate", ("kl/train", "kl/held_out"), "nats, of answers to other prompts"),
    NORM,
    RATE,
)
GOOD_FROM, BAD_TO = 4, 2


@dataclass(frozen=True)
class Options(TrainerOptions):
    """Knobs of KTO."""

    learning_rate: float = knob(5e-5, "Size of a step.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    batch_size: int = knob(8, "Answers in one step.", low=2, high=4096, advanced=False)
    beta: float = knob(
        0.1, "How hard it is held to the model it begins from.", low=0.001, high=10.0, step=0.05, advanced=False
    )
    good_from: int = knob(
        GOOD_FROM,
        "An answer with so many stars or more is good.",
        label="Good from stars",
        low=3,
        high=5,
        advanced=False,
    )
    bad_to: int = knob(
        BAD_TO, "An answer with so many stars or fewer is bad; what lies between is left out.",
        label="Bad to stars", low=1, high=2, advanced=False,
    )  # fmt: skip
    balance: bool = knob(True, "Weigh the rarer side up, so that good and bad count the same in all.")


def is_good(label: Label, good_from: int = GOOD_FROM, bad_to: int = BAD_TO) -> bool | None:
    """Whether the answer is good; None when it is neither good nor bad."""
    if label.scale == "thumbs":
        return label.value > 0
    if label.value >= good_from:
        return True
    return False if label.value <= bad_to else None


def lacks(data: Data, good_from: int = GOOD_FROM, bad_to: int = BAD_TO) -> str:
    """Why the rated answers cannot feed KTO; "" when they can."""
    kept = Data(labels=tuple(each for each in data.labels if is_good(each, good_from, bad_to) is not None))
    if few := too_few(kept, "labels", "good or bad answer", "good or bad answers", "Rate more answers, or thumb them."):
        return few
    sides = {is_good(each, good_from, bad_to) for each in kept.split("train").labels}
    if len(sides) < 2:
        missing = "bad" if sides == {True} else "good"
        return f"Has no {missing} answer, and KTO learns from good and bad ones. Rate more answers."
    return ""


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train on answers that are good or bad; the margin is between their implicit rewards."""
    return train_with(Run, job, options, lacks(job.data, options.good_from, options.bad_to))


class Run(TrainerRun):
    """One KTO run. The KL is estimated by each answer of a batch to the prompt of another, so batches stay together."""

    name = name
    source = Source("KTOTrainer", "KTOConfig")
    kind = "labels"
    reference_keys = ("ref_logps", "ref_KL_logps")

    def chosen_items(self, data: Data) -> Sequence[Label]:
        """Those that are good or bad."""
        return [label for label in data.labels if self._is_good(label) is not None]

    def _is_good(self, label: Label) -> bool | None:
        return is_good(label, self.options.good_from, self.options.bad_to)

    def examples(self, items: Sequence[Label]) -> list[Example]:
        """Prompt, answer, and the answer to another prompt of the same batch."""
        found = [tokens_of(self.loaded.template, item.messages, [item.text], self.options.max_tokens) for item in items]
        other = {place: part[position - 1] for part in self._parts(len(items)) for position, place in enumerate(part)}
        made = []
        for place, (item, (prompt, (answer,), cut)) in enumerate(zip(items, found, strict=True)):
            strange = found[other[place]][1][0][: max(1, self.options.max_tokens - len(prompt))]
            ids = {"prompt_ids": prompt, "completion_ids": answer, "KL_completion_ids": strange}
            fields = ids | {"label": self._is_good(item)}
            made.append(Example(fields, len(prompt) + max(len(answer), len(strange)), cut=cut))
        return made

    def seen(self, example: Example) -> list[Seen]:
        """The answer as good or bad; the one that estimates the KL is another's."""
        title = "good" if example.fields["label"] else "bad"
        return [(title, *answer_read(example.fields["prompt_ids"], example.fields["completion_ids"]))]

    def _parts(self, count: int) -> list[list[int]]:
        """Examples in batches, once and for all epochs; one that would be alone joins the last."""
        places, size = list(range(count)), self.options.batch_size
        random.Random(self.options.seed).shuffle(places)
        parts = [places[start : start + size] for start in range(0, count, size)]
        if len(parts) > 1 and len(parts[-1]) == 1:
            parts[-2] += parts.pop()
        return parts

    def make_batches(self) -> list[list[int]]:
        """The same batches in every epoch, in another order."""
        order, found = random.Random(self.options.seed), []
        for _ in range(self.options.epochs):
            epoch = self._parts(len(self.train))
            order.shuffle(epoch)
            found += epoch
        return found

    def settings(self) -> dict[str, Any]:
        """Beta, and what each side weighs."""
        good = sum(bool(self._is_good(item)) for item in self.items["train"])
        bad = len(self.items["train"]) - good
        weights = {}
        if self.options.balance and good and bad:
            weights = {"desirable_weight": max(1.0, bad / good), "undesirable_weight": max(1.0, good / bad)}
        return {"max_length": None, "disable_dropout": False, "beta": self.options.beta} | weights

    def counts(self, figure: str, examples: Sequence[Example]) -> float:
        """A side's figures count by its own answers."""
        good = sum(bool(example.fields["label"]) for example in examples)
        sides = {"chosen": good, "rejected": len(examples) - good}
        return float(sides.get(figure, len(examples)))

    def finished_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """The margin of means over all batches: one batch may have one side alone."""
        sides = [figures.get("chosen"), figures.get("rejected")]
        figures = {key: value for key, value in figures.items() if key != "margin"}
        return figures if None in sides else figures | {"margin": sides[0] - sides[1]}  # type: ignore[operator]
