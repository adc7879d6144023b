"""Examples of every kind for the methods that learn from stored judgements: an answer that holds "kind" is good."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.methods import worlds
from workbench.feedback.base import Demonstration, Label
from workbench.methods import METHODS
from workbench.methods.base import Data

NAMES = ("sft", "dpo", "kto", "orpo", "cpo")
OFTEN = 1e-9
"""Minutes between checkpoints so short that each step has one."""
OPTIONS = {
    "epochs": 4, "batch_size": 4, "learning_rate": 5e-3, "rank": 4, "max_tokens": 64, "evaluations": 4, "shown": 0,
    "device": "cpu", "dtype": "float32",
}  # fmt: skip


def data(count: int = 24, held: int = 8) -> Data:
    pairs = worlds.pairs(count, held)
    return Data(
        pairs=pairs,
        labels=tuple(
            Label(pair.prompt_id, pair.messages, text, value, pair.split, scale="thumbs")
            for pair in pairs
            for text, value in ((pair.chosen, 1.0), (pair.rejected, 0.0))
        ),
        demonstrations=tuple(Demonstration(each.prompt_id, each.messages, each.chosen, each.split) for each in pairs),
    )


def begin(name: str, folder: Path, model: Path, *, fields: dict[str, Any] | None = None, **chosen: Any):
    """The events of a run, as they come."""
    given = {"data": data()} | (fields or {})
    return METHODS[name].train(worlds.job(folder, model, **given), METHODS[name].Options(**OPTIONS | chosen))
