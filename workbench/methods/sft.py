"""Supervised fine-tuning: learns to write what was worth imitating. Loss on the answers' tokens alone."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from ..events import Event
from ..feedback.base import Demonstration, Rules
from . import sft_tasks
from .base import Data, Job, Panel, knob
from .presets import stored
from .seeing import Seen
from .trainer import TrainerRun, too_few, train_with
from .trainer_options import TrainerOptions
from .trainer_trl import Example, Source, tokens_of
from .whose import chosen_people

name = "sft"
title = "SFT"
text = "Learns to answer as your best answers do."
WANTS: tuple[type, ...] = (Demonstration,)
NEEDS_REWARD = False
RESULT = "adapter"
PRESETS = stored(1e-4)
PANELS = (
    Panel("Loss", ("loss/train", "loss/held_out"), "dashed: held-out prompts"),
    Panel("Perplexity", ("perplexity/held_out",), "on held-out answers"),
    Panel("Right tokens", ("tokens_right/held_out", "tokens_right/train"), "guessed at first try"),
    Panel("Exact match and F1", ("exact_match/held_out", "f1/held_out"), "of held-out answers", optional=True),
    Panel("ROUGE-L", ("rougeL/held_out",), "of held-out answers", optional=True),
    Panel("BLEU and chrF", ("bleu/held_out", "chrf/held_out"), "of held-out answers, 0 to 100", optional=True),
    Panel("Gradient norm", ("grad/norm",), "before clipping"),
    Panel("Learning rate", ("rate/now",)),
    Panel("Tokens a step", ("tokens/step",), "with padding"),
)


@dataclass(frozen=True)
class Options(TrainerOptions):
    """Knobs of SFT."""

    good_rating: int = knob(
        5, "An answer with at least so many stars is imitated, beside edits and imported answers.",
        label="Imitate from stars", low=1, high=5, advanced=False,
    )  # fmt: skip
    task: str = knob(
        "none",
        "Also have held-out prompts answered, and measure exact match, F1 and ROUGE-L, or BLEU and chrF.",
        choices=sft_tasks.TASKS,
    )
    task_prompts: int = knob(16, "Held-out prompts that are answered for a task's figures.", low=1, high=1000)


def reads(options: Options, rules: Rules, known: Iterable[str]) -> tuple[Rules, list[str] | None]:
    """The rules by which answers are worth imitating, and whose judgements (None for all people)."""
    return dataclasses.replace(rules, good_rating=options.good_rating), chosen_people(options.whose, known)


READS = reads


def lacks(data: Data) -> str:
    """Why there is nothing to imitate; "" when there is."""
    more = "Edit answers, give some of them all stars, or import some."
    return too_few(data, "demonstrations", "answer to imitate", "answers to imitate", more)


def train(job: Job, options: Options) -> Iterator[Event]:
    """Train on demonstrations; perplexity on held-out ones."""
    return train_with(Run, job, options, lacks(job.data))


class Run(TrainerRun):
    """One SFT run."""

    name = name
    source = Source("SFTTrainer", "SFTConfig")
    kind = "demonstrations"
    rows = 1

    def examples(self, items: Sequence[Demonstration]) -> list[Example]:
        """Prompt and answer as one row, of which the answer has labels; it counts by its tokens."""
        return [self._example(item) for item in items]

    def _example(self, item: Demonstration) -> Example:
        prompt, (answer,), cut = tokens_of(self.loaded.template, item.messages, [item.text], self.options.max_tokens)
        fields = {"input_ids": prompt + answer, "labels": [-100] * len(prompt) + answer}
        return Example(fields, len(prompt) + len(answer), float(len(answer)), cut)

    def seen(self, example: Example) -> list[Seen]:
        """The row."""
        return [("answer", example.fields["input_ids"], [label >= 0 for label in example.fields["labels"]])]

    def settings(self) -> dict[str, Any]:
        """The examples are cut already."""
        return {"max_length": None}

    def _measure(self) -> dict[str, float]:
        figures, options = super()._measure(), self.options
        if options.task == "none":
            return figures
        self._learning(False)
        items, limit = self.items["held_out"], options.max_tokens
        found = sft_tasks.measured(options.task, self.loaded, items, options.task_prompts, limit, self.job.check)
        self._learning(True)
        return figures | found

    def finished_figures(self, figures: dict[str, float]) -> dict[str, float]:
        """With the perplexity: e to the mean loss of a token."""
        return figures | {"perplexity": math.exp(min(figures["loss"], 700.0))}
