"""A fresh project, and small ways to fill it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from workbench.store import Feedback, Store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


Judge = Callable[..., Feedback]


@pytest.fixture
def rate(store: Store) -> Judge:
    """rate(4) stores a rating of one answer by "you"."""
    prompt, _ = store.prompts.add("Where is the kettle?")
    answer = store.responses.add(prompt.id, "On the shelf.")

    def judge(stars: int = 3, annotator: str = "you", **fields: object) -> Feedback:
        return store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [stars]}, annotator=annotator, **fields)

    return judge
