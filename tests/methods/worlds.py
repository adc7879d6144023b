"""Small worlds to learn in: prompts, and pairs in which one kind of answer is always better."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from workbench.feedback.base import Pair, Prompt
from workbench.lm.refs import ModelRef
from workbench.methods.base import Data, Job

WORDS = ["fox", "dog", "lazy", "quick", "hello", "world", "kind", "short", "answer", "over"]


def messages(text: str) -> tuple[dict[str, str], ...]:
    return ({"role": "user", "content": text},)


def pairs(count: int = 48, held: int = 16, seed: int = 0) -> tuple[Pair, ...]:
    """The better answer holds "kind"; the worse one does not."""
    draw = random.Random(seed)
    made = []
    for index in range(count + held):
        words = draw.sample([word for word in WORDS if word != "kind"], 4)
        better = [*words[:2], "kind", words[2]]
        made.append(
            Pair(
                prompt_id=f"p{index}",
                messages=messages(f"say {words[0]}"),
                chosen=" ".join(better),
                rejected=" ".join(words),
                margin=1.0,
                split="held_out" if index >= count else "train",
                sources=(f"f{index}",),
            )
        )
    return tuple(made)


def prompts(count: int = 12) -> tuple[Prompt, ...]:
    return tuple(Prompt(f"p{index}", messages(f"say {word} now")) for index, word in enumerate((WORDS * 3)[:count]))


def job(folder: Path, model: Path, *, data: Data, reward: Path | None = None, **fields: Any) -> Job:
    ref = ModelRef(str(model), name="tiny")
    scorer = ModelRef(str(model), adapter=str(reward), kind="reward", name="reward") if reward else None
    return Job(folder, ref, data, scorer, **fields)
