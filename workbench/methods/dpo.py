"""DPO (Rafailov et al. 2023): learns from pairs without a reward model. Also IPO (Azar et al. 2023) and a hinge."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..events import Event
from ..feedback.base import Pair
from .base import Job, Panel, knob
from .presets import stored
from .seeing import Seen, answer_read
from .trainer import train_with
from .trainer_options import TrainerOptions
from .trainer_pairs import ACCURACY, LOSS, MARGIN, NORM, RATE, SIDES, PairRun, lacks_pairs
from .trainer_trl import Example, Source
from .whose import reads

name = "dpo"
title = "DPO"
text = "Learns from pairs, without a reward model."
WANTS: tuple[type, ...] = (Pair,)
NEEDS_REWARD = False
RESULT = "adapter"
READS = reads
PRESETS = stored(2e-5)
PANELS: tuple[Panel, ...] = (LOSS, ACCURACY, MARGIN, SIDES, NORM, RATE)
lacks = lacks_pairs


@dataclass(frozen=True)
class Options(TrainerOptions):
    """Knobs of DPO."""

    learning_rate: float = knob(5e-5, "Size of a step.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    loss: str = knob(
        "sigmoid",
        "sigmoid is DPO; ipo aims for a gap and goes no further; hinge asks for a gap of one.",
        choices=("sigmoid", "ipo", "hinge"),
        advanced=False,
    )
    beta: float = knob(
        0.1, "How hard it is held to the model it begins from.", low=0.001, high=10.0, step=0.05, advanced=False
    )


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train on pairs; accuracy on held-out ones is how often the chosen answer was raised more than the other."""
    return train_with(Run, job, options, lacks(job.data))


class Run(PairRun):
    """One DPO run."""

    name = name
    source = Source("DPOTrainer", "DPOConfig")
    reference_keys = ("ref_chosen_logps", "ref_rejected_logps")

    def examples(self, items: Sequence[Pair]) -> list[Example]:
        """Prompt, chosen and rejected as DPO's collator joins them."""
        return [self._example(pair) for pair in items]

    def _example(self, pair: Pair) -> Example:
        prompt, chosen, rejected, cut = self.tokens(pair)
        fields = {"prompt_ids": prompt, "chosen_ids": chosen, "rejected_ids": rejected}
        return Example(fields, len(prompt) + max(len(chosen), len(rejected)), cut=cut)

    def seen(self, example: Example) -> list[Seen]:
        """Both sides."""
        prompt = example.fields["prompt_ids"]
        return [(side, *answer_read(prompt, example.fields[f"{side}_ids"])) for side in ("chosen", "rejected")]

    def settings(self) -> dict[str, Any]:
        """The loss and its beta."""
        kind = {"loss_type": [self.options.loss], "beta": self.options.beta}
        return {"max_length": None, "disable_dropout": False} | kind

    def finished_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """A model that is its reference raised neither answer: that is half right, and not all wrong."""
        level = figures.get("margin") == 0.0 and figures.get("accuracy") == 0.0
        return figures | {"accuracy": 0.5} if level else figures
