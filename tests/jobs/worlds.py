"""A project with a tiny model, prompts, answers and judgements, ready for jobs."""

from __future__ import annotations

from pathlib import Path

from tests.methods.worlds import WORDS
from workbench.jobs.adding import add_model
from workbench.store import Store

REWARD = {"epochs": 2, "learning_rate": 5e-3, "rank": 4, "max_tokens": 64, "device": "cpu", "dtype": "float32"}
PPO = {"steps": 2, "batch_size": 4, "max_new_tokens": 8, "rank": 4, "device": "cpu", "dtype": "float32"}


def project(folder: Path, model: Path, prompts: int = 30) -> Store:
    """Each prompt has two answers, of which the one with "kind" in it is rated 5 and the other 2."""
    store = Store.open(folder)
    add_model(store, str(model), "tiny")
    with store.writing():
        for index in range(prompts):
            word = WORDS[index % len(WORDS)]
            prompt, _ = store.prompts.add(f"say {word} {index}", tags=["test"])
            good = store.responses.add(prompt.id, f"{word} kind hello", source="generated")
            bad = store.responses.add(prompt.id, f"{word} lazy over dog", source="generated")
            ratings = {"ratings": [5, 2]}
            store.feedback.add("rating", prompt.id, [good.id, bad.id], ratings, annotator="you")
    return store
