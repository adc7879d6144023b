"""ORPO (Hong et al. 2024): imitates the chosen answers and keeps away from the others, in one loss, no reference."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ..events import Event
from ..feedback.base import Pair
from .base import Job, Panel, knob
from .presets import stored
from .trainer import train_with
from .trainer_options import TrainerOptions
from .trainer_pairs import ACCURACY, LOSS, MARGIN, NORM, RATE, SIDES, LabelledPairRun, lacks_pairs
from .trainer_trl import Source
from .whose import reads

name = "orpo"
title = "ORPO"
text = "Imitates preferred answers, avoids the others."
WANTS: tuple[type, ...] = (Pair,)
NEEDS_REWARD = False
RESULT = "adapter"
READS = reads
PRESETS = stored(5e-5)
PANELS: tuple[Panel, ...] = (LOSS, ACCURACY, MARGIN, SIDES, NORM, RATE)
lacks = lacks_pairs


@dataclass(frozen=True)
class Options(TrainerOptions):
    """Knobs of ORPO."""

    learning_rate: float = knob(1e-4, "Size of a step.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    odds_ratio: float = knob(
        0.1, "Weight of keeping away from the other answer, beside imitating.",
        low=0.001, high=10.0, step=0.05, advanced=False,
    )  # fmt: skip


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train on pairs; accuracy is how often the chosen answer's tokens are, on the mean, the likelier ones."""
    return train_with(Run, job, options, lacks(job.data))


class Run(LabelledPairRun):
    """One ORPO run."""

    name = name
    source = Source("ORPOTrainer", "ORPOConfig", ("trl.experimental.orpo", "trl"))

    note = "The odds ratio reads the marked tokens; imitation reads the chosen answer and its prompt."

    def settings(self) -> dict[str, Any]:
        """The weight of the odds ratio."""
        return {"max_length": self.options.max_tokens, "disable_dropout": False, "beta": self.options.odds_ratio}
