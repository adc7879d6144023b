"""A fresh project, and small ways to fill it."""

from __future__ import annotations

import os
import subprocess
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


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB, where this machine allows to mount one."""
    place = tmp_path / "disk"
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)]
    if os.name == "nt" or os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("this machine does not allow to mount a small disk")
    yield place
    subprocess.run(["umount", "-l", str(place)], check=True)
