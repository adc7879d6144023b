"""TRL's trainers on a model of ours: how one is made, and what is asked of it, a batch's loss and its figures.

The loop around them is our own (trainer.py): between two micro-batches a person can stop the run, and what it needs to
go on fits into a checkpoint without pickles.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..feedback.base import Message

if TYPE_CHECKING:
    import torch

    from ..lm.loading import Loaded
    from ..lm.templates import Template
    from .trainer import TrainerRun

log = logging.getLogger(__name__)

FIGURES = {
    "rewards/accuracies": "accuracy",
    "rewards/margins": "margin",
    "rewards/chosen": "chosen",
    "rewards/rejected": "rejected",
    "mean_token_accuracy": "tokens_right",
    "nll_loss": "answer_loss",
    "kl": "kl",
}
"""TRL's names of the figures that are shown, and ours."""


@dataclass(frozen=True)
class Example:
    """One example as a trainer's collator reads it. longest: tokens of its longest row; weight: what it counts in the
    mean of a batch; cut: whether it was too long."""

    fields: Mapping[str, Any]
    longest: int
    weight: float = 1.0
    cut: bool = False


def tokens_of(
    template: Template, messages: Sequence[Message], texts: Sequence[str], limit: int
) -> tuple[list[int], list[list[int]], bool]:
    """Tokens of a prompt, of each answer to it, and whether any were cut off to stay within `limit` together.

    A prompt loses its beginning, an answer its end, and with it the token that would say that it ends there.
    """
    prompt = template.prompt_ids(messages)
    answers = [template.answer_ids(text) for text in texts]
    cut = len(prompt) + max(map(len, answers)) > limit
    if cut:
        room = max(limit - len(prompt), limit // 2)
        answers = [ids[:room] for ids in answers]
        prompt = prompt[-(limit - max(map(len, answers))) :]
    return prompt, answers, cut


@dataclass(frozen=True)
class Source:
    """Which trainer: the names of its class and of its configuration, and the modules in which TRL has had them."""

    trainer: str
    config: str
    modules: tuple[str, ...] = ("trl",)

    def classes(self) -> tuple[Any, Any]:
        """Both classes. Raises WorkbenchError when the installed TRL has no such trainer."""
        for name in self.modules:
            try:
                module = importlib.import_module(name)
                return getattr(module, self.trainer), getattr(module, self.config)
            except (ImportError, AttributeError) as error:
                log.info("no %s in %s: %s", self.trainer, name, error)
        try:
            found = f"TRL {metadata.version('trl')}"
        except metadata.PackageNotFoundError:
            found = "no TRL"
        raise WorkbenchError(
            f"This method needs TRL's {self.trainer}, and {found} is installed, which does not have it.",
            "Run: pip install --upgrade trl, or choose another method.",
        )


class _Ours:
    """What differs in our trainers: the examples are tokens already, and their makers are not told of them."""

    def _prepare_dataset(self, dataset: Any, *args: Any, **kwargs: Any) -> Any:
        return dataset

    def tokenize_row(self, feature: Any, *args: Any, **kwargs: Any) -> Any:
        return feature

    def _send_telemetry(self) -> None:
        """Not from here."""


@dataclass
class Trl:
    """One of TRL's trainers, asked for the loss of batches."""

    trainer: Any
    loaded: Loaded
    keys: tuple[str, ...] = ()
    """What the log-probabilities under the reference are called in an example."""

    @classmethod
    def make(
        cls,
        source: Source,
        loaded: Loaded,
        folder: Path,
        example: Example,
        settings: Mapping[str, Any],
        keys: tuple[str, ...] = (),
    ) -> Trl:
        """A trainer on the model as it is; `example` shows it what its data look like."""
        from datasets import Dataset
        from transformers import PrinterCallback

        trainer_class, config_class = source.classes()
        args = config_class(
            output_dir=str(folder),
            use_cpu=loaded.compute.device.type == "cpu",
            report_to="none",
            save_strategy="no",
            bf16=False,  # the weights have their format already
            gradient_checkpointing=False,  # memory.checkpointed does it
            disable_tqdm=True,
            per_device_train_batch_size=2,  # that of the loader that is not used; KTO refuses fewer
            remove_unused_columns=False,
            **settings,
        )
        _ = args.device
        args._n_gpu = min(1, args.n_gpu)  # a run has one device, however many can be seen
        ours: Any = type(source.trainer, (_Ours, trainer_class), {})
        made = ours(
            model=loaded.model,
            args=args,
            train_dataset=Dataset.from_list([dict(example.fields)]),
            processing_class=loaded.tokenizer,
            **({"ref_model": _no_reference(loaded)} if keys else {}),
        )
        made.pop_callback(PrinterCallback)
        if hasattr(made, "get_batch_loss_metrics"):  # forms all logits, and their sums in the same format
            loaded.causal.register_forward_hook(_in_float32)
        if keys:
            made.precompute_ref_logps = True
        return cls(made, loaded, keys)

    def batch(self, examples: Sequence[Example]) -> dict[str, Any]:
        """The examples as the trainer's own collator pads them, on the device."""
        found = self.trainer.data_collator([dict(example.fields) for example in examples])
        device = self.loaded.compute.device
        return {key: value.to(device) if hasattr(value, "to") else value for key, value in found.items()}

    def loss(self, examples: Sequence[Example]) -> tuple[torch.Tensor, dict[str, float]]:
        """The trainer's own loss of a batch, a mean over its examples, and its figures under our names."""
        loss = self.trainer.compute_loss(self.loaded.model, self.batch(examples))
        told = {"loss": 0.0}  # ORPO's and CPO's tell figures of training by it
        self.trainer.log(told)
        self.trainer.state.log_history.clear()
        plain = {key.removeprefix("eval_"): value for key, value in told.items()}
        return loss, {ours: float(plain[key]) for key, ours in FIGURES.items() if key in plain}

    def reference(self, examples: Sequence[Example]) -> torch.Tensor:
        """Log-probabilities [n, k] of the examples' answers under the model as it is now."""
        import torch

        return torch.stack(self.trainer.compute_ref_log_probs(self.loaded.model, self.batch(examples)), 1).float()

    def with_reference(self, example: Example, values: Sequence[float]) -> Example:
        """An example that knows what the reference says of it."""
        known = dict(zip(self.keys, values, strict=True))
        return replace(example, fields={**example.fields, **known})


def _in_float32(module: Any, args: Any, output: Any) -> Any:
    """Logits as DPO has them: sums of many log-probabilities in 16 bits are known to the nearest half."""
    output.logits = output.logits.float()
    return output


def _no_reference(loaded: Loaded) -> Any:
    """Stands for the reference in a trainer that would load a second model otherwise. Nobody asks it: the reference is
    the model that training begins from, and is read before the first step."""
    from torch import nn

    class NoReference(nn.Module):
        config = loaded.causal.config

        def forward(self, *args: Any, **kwargs: Any) -> Any:
            raise AssertionError("the reference was read before training")

    return NoReference()


class Means:
    """Means of figures over batches, each weighted by what it counts there."""

    def __init__(self, run: TrainerRun) -> None:
        self._run = run
        self._sums: dict[str, tuple[float, float]] = {}

    def add(self, figures: dict[str, float], examples: Sequence[Example]) -> None:
        """The figures of one more batch."""
        for key, value in figures.items():
            weight = self._run.counts(key, examples)
            total, count = self._sums.get(key, (0.0, 0.0))
            self._sums[key] = (total + value * weight, count + weight)

    def figures(self) -> dict[str, float]:
        """The means, and what follows from them."""
        return self._run.finished_figures({key: total / count for key, (total, count) in self._sums.items() if count})
