"""CPO (Xu et al. 2024): DPO without a reference, with imitation beside it. Also SimPO (Meng et al. 2024)."""

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

name = "cpo"
title = "CPO"
text = "Like DPO, held by imitation: less to compute."
WANTS: tuple[type, ...] = (Pair,)
NEEDS_REWARD = False
RESULT = "adapter"
READS = reads
PRESETS = stored(2e-5)
PANELS: tuple[Panel, ...] = (LOSS, ACCURACY, MARGIN, SIDES, NORM, RATE)
lacks = lacks_pairs


@dataclass(frozen=True)
class Options(TrainerOptions):
    """Knobs of CPO."""

    learning_rate: float = knob(5e-5, "Size of a step.", low=1e-8, high=0.1, step=1e-5, advanced=False)
    loss: str = knob(
        "sigmoid",
        "sigmoid is CPO; simpo compares answers by token and asks for a gap; hinge and ipo are as for DPO.",
        choices=("sigmoid", "simpo", "hinge", "ipo"),
        advanced=False,
    )
    beta: float = knob(0.1, "How sharply a gap counts.", low=0.001, high=10.0, step=0.05, advanced=False)
    imitation: float = knob(1.0, "Weight of imitating the chosen answer; SimPO has 0.", low=0.0, high=10.0, step=0.1)
    gap: float = knob(0.5, "The gap that simpo asks for.", label="SimPO gap", low=0.0, high=10.0, step=0.1)


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train on pairs; accuracy is how often the chosen answer is the likelier one."""
    return train_with(Run, job, options, lacks(job.data))


class Run(LabelledPairRun):
    """One CPO run."""

    name = name
    source = Source("CPOTrainer", "CPOConfig", ("trl.experimental.cpo", "trl"))

    def settings(self) -> dict[str, Any]:
        """The loss, and its weights."""
        options = self.options
        weights = {"beta": options.beta, "cpo_alpha": options.imitation, "simpo_gamma": options.gap}
        return {"max_length": options.max_tokens, "disable_dropout": False, "loss_type": options.loss} | weights
