"""Plain text in which the order of words tells something: a pair of words says what comes next, one word does not."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from workbench.feedback.base import Document
from workbench.methods import pretrain
from workbench.methods.base import Data, Job

NAMES, VERBS = ("fox", "dog", "cat", "owl"), ("sees", "hears", "likes")
OPTIONS = {
    "vocabulary": 300, "layers": 2, "width": 32, "heads": 2, "context_length": 16, "batch_tokens": 128, "epochs": 1,
    "evaluations": 3, "learning_rate": 1e-2, "shown": 1, "device": "cpu", "dtype": "float32",
}  # fmt: skip


def page(seed: int, sentences: int = 12) -> str:
    """What one likes is who it named before: "the fox sees the dog, so the dog sees the fox."."""
    draw, said = random.Random(seed), []
    for _ in range(sentences):
        first, second = draw.sample(NAMES, 2)
        verb = draw.choice(VERBS)
        said.append(f"the {first} {verb} the {second}, so the {second} {verb} the {first}.")
    return " ".join(said)


def documents(count: int = 20) -> tuple[Document, ...]:
    return tuple(Document(page(seed), "held_out" if seed % 5 == 0 else "train") for seed in range(count))


def begin(folder: Path, *, fields: dict[str, Any] | None = None, count: int = 20, **chosen: Any):
    """The events of a pretraining run, as they come."""
    job = Job(folder, None, Data(documents=documents(count)), **fields or {})
    return pretrain.train(job, pretrain.Options(**OPTIONS | chosen))
