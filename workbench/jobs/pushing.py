"""A model on its way to the Hugging Face hub: first a folder, then, once the person has seen what is in it, sending it.

The folder stays where the sending fails, and the next try goes on with it.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Finished
from ..store import Model, Store
from . import model_cards
from .exporting import FORMATS, events_of, export_model
from .process import Child
from .spec import JobSpec
from .tasks import export, push

__all__ = ["FORMATS", "Plan", "plan_of", "prepare", "send"]


@dataclass(frozen=True)
class Plan:
    """What will be sent: names and sizes in bytes, the largest first."""

    folder: Path
    repo: str
    private: bool
    files: tuple[tuple[str, int], ...]

    @property
    def size(self) -> int:
        """Bytes in all."""
        return sum(size for _, size in self.files)


def folder_for(model: Model, repo: str, format: str, dtype: str = "auto", **knobs: Any) -> Path:
    """Where a model lies until it was sent; the same for every try that asks for the same."""
    other = f"-{hashlib.sha256(repr(sorted(knobs.items())).encode()).hexdigest()[:8]}" if knobs else ""
    return paths.user_data() / "exports" / f"{repo.replace('/', '--')}-{format}-{dtype}-{model.id}{other}"


def check_repo(repo: str) -> None:
    """Raises WorkbenchError for what is no name on the hub."""
    if not model_cards.HUB_ID.fullmatch(repo) or ".." in repo or "--" in repo:
        raise WorkbenchError(f"{repo} is no name on the hub.", "Name it owner/name.")


def prepare(
    store: Store,
    model_id: str,
    repo: str,
    *,
    format: str = "folder",
    take: Callable[[Child], None] = lambda child: None,
    **knobs: Any,
) -> Iterator[Event]:
    """Write the folder that will be sent, unless an earlier try has left it. Its card is written anew.

    Ends with Finished(summary {"target"}), or Stopped. Raises WorkbenchError like export_model, and for a name that
    the hub would not take.
    """
    check_repo(repo)
    model = store.models.find(model_id)
    folder = folder_for(model, repo, format, **knobs)
    if not folder.is_dir():
        yield from export_model(store, model_id, folder, format=format, take=take, **knobs)
        return
    (folder / export.CARD).write_text(model_cards.card(store, model, form=format), encoding="utf-8")
    yield Finished({"target": str(folder), "format": format})


def plan_of(folder: Path, repo: str, private: bool) -> Plan:
    """What will be sent."""
    files = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in folder.rglob("*") if path.is_file()]
    return Plan(folder, repo, private, tuple(sorted(files, key=lambda file: (-file[1], file[0]))))


def send(plan: Plan, take: Callable[[Child], None] = lambda child: None) -> Iterator[Event]:
    """Send it. Ends with Finished(summary {"url"}), and the folder is gone then; or with Stopped, and it stays. Raises
    WorkbenchError with what to do where it fails."""
    options = {"folder": str(plan.folder), "repo": plan.repo, "private": plan.private}
    with tempfile.TemporaryDirectory(prefix="workbench-push-") as scratch:
        child = Child(JobSpec("push", push.name, options, scratch), paths.user_logs() / "push.log")
        take(child)
        for event in events_of(child):
            if isinstance(event, Finished):
                shutil.rmtree(plan.folder, ignore_errors=True)
            yield event
