"""Answers to many prompts in the background: a job a column, one after another, that can be stopped and go on."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QWidget

from .. import events as ev
from ..errors import WorkbenchError
from ..jobs import frozen
from ..jobs.tasks import generate
from ..store import Run
from . import figures
from .context import Context
from .generate_room import BatchRoom
from .theme import set_region
from .widgets import Bar, Button, Divider, ElidedLabel, column, holding, label, row

log = logging.getLogger(__name__)

MANY = 20
"""Prompts from which answers are written in the background, many at once: far quicker than one by one on screen."""
UNFINISHED = ("stopped", "failed", "interrupted")
FORGOTTEN = "generate/forgotten"
"""Setting: the run that was cut off and that a person does not want to go on with."""
SOON = 5.0
"""Seconds that must have gone before the time left is said."""


@dataclass(frozen=True)
class Batch:
    """What one column is to write: options of the task, and the prompts."""

    model_id: str
    options: dict[str, Any]
    prompt_ids: tuple[str, ...]
    reward_id: str | None = None


class Batches(QObject):
    """The batch that is written, those that wait behind it, and one that was cut off."""

    changed = Signal()
    answered = Signal(str)
    """The id of a prompt that has one more answer, which is in the store."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._waiting: list[Batch] = []
        self._batch: Batch | None = None
        self._run_id = ""
        self._begun = 0.0
        self.done = self.total = 0
        self.model = ""
        self.cut_off: Batch | None = None
        """What can go on; its answers so far are kept."""
        self.left: list[str] = []
        """Names of the models that left memory for the batch."""
        self._room = BatchRoom(context, self)
        self._room.ready.connect(self._on_room)
        context.run_event.connect(self._on_event)
        context.runs_changed.connect(self._on_runs_change)

    @property
    def busy(self) -> bool:
        """Whether a batch is being written, or is about to be."""
        return bool(self._run_id) or self._room.busy

    @property
    def waiting(self) -> int:
        """Batches behind the one that is written."""
        return len(self._waiting)

    def seconds_left(self) -> float | None:
        """Of the present batch, at the pace so far; None until that can be said."""
        gone = time.monotonic() - self._begun
        if not self.done or not self.total or gone < SOON:
            return None
        return gone / self.done * (self.total - self.done)

    def start(self, batches: Sequence[Batch]) -> None:
        """Write these, one after another."""
        self._waiting += batches
        self.cut_off = None
        if not self.busy:
            self._next()

    def stop(self) -> None:
        """Stop the batch and forget what waits; what is written stays, and it can go on."""
        self._waiting.clear()
        if self._room.busy:
            self._room.forget()
            self.cut_off = self._batch
            self.changed.emit()
        elif self.busy:
            self._context.stop_run(self._run_id)

    def go_on(self) -> None:
        """Write what the batch that was cut off has left."""
        if self.cut_off is not None and not self.busy:
            self.start([self.cut_off])

    def forget(self) -> None:
        """Leave the batch that was cut off as it is."""
        self.cut_off = None
        if (newest := self._newest()) is not None:
            self._context.store.set_setting(FORGOTTEN, newest.id)
        self.changed.emit()

    def look(self) -> None:
        """Find a batch that was cut off the last time."""
        newest = self._newest()
        if self.busy or newest is None or self._context.store.setting(FORGOTTEN) == newest.id:
            return
        self.cut_off = batch_of(newest, self._context.store.runs_folder) if newest.status in UNFINISHED else None
        if self.cut_off is not None:
            self.done, self.total = newest.step, newest.total
        self.changed.emit()

    def _newest(self) -> Run | None:
        runs = [run for run in self._context.store.runs.list() if run.method == generate.name]
        return max(runs, key=lambda run: run.created_at, default=None)

    def _next(self) -> None:
        self._run_id, self.done, self.total, self.left = "", 0, 0, []
        while self._waiting and not self.busy:
            self._batch = self._waiting.pop(0)
            model = self._context.store.models.find(self._batch.model_id)
            self.model = model.name
            if model.kind != "server" and self._room.concerns():
                self._room.make(model.id, self._batch.options)
            else:
                self._begin(self._batch)
        self.changed.emit()

    def _on_room(self, left: list[str]) -> None:
        assert self._batch is not None
        self.left = left
        if not self._begin(self._batch):
            self._next()
        self.changed.emit()

    def _begin(self, batch: Batch) -> bool:
        """Start the job of a batch. What stops it is told, and it is left out."""
        about = {"model_id": batch.model_id, "reward_id": batch.reward_id, "prompt_ids": batch.prompt_ids}
        try:
            run = self._context.start_run(generate.name, batch.options, **about)
        except WorkbenchError as error:
            self._context.tell(error)
            return False
        self._run_id, self._begun = run.id, time.monotonic()
        return True

    def _on_event(self, run_id: str, event: ev.Event) -> None:
        if run_id != self._run_id:
            return
        if isinstance(event, ev.Started):
            self.total, self._begun = event.total, time.monotonic()
        elif isinstance(event, ev.Progress) and event.total:
            self.done, self.total = event.done, event.total
        elif isinstance(event, ev.Answer):
            self.answered.emit(event.prompt_id)
            return
        self.changed.emit()

    def _on_runs_change(self) -> None:
        if not self._run_id or self._run_id in self._context.jobs:
            return
        status = self._context.store.runs.find(self._run_id).status
        if status == "finished":
            self._next()
            return
        self._waiting.clear()
        self._run_id, self.cut_off = "", self._batch
        self.changed.emit()


def batch_of(run: Run, folder: Path) -> Batch | None:
    """What a run was to write; None where that is no longer there."""
    try:
        data = frozen.read(folder / run.id / "data.jsonl")
    except WorkbenchError:
        log.exception("a batch cannot go on")
        return None
    prompts = tuple(prompt.prompt_id for prompt in data.prompts)
    return Batch(run.model_id or "", dict(run.options), prompts, run.reward_id) if run.model_id else None


class BatchBar(QWidget):
    """A line over the dock: how far the batch is, with Stop; or that one was cut off, with Go on."""

    def __init__(self, batches: Batches, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._batches = batches
        set_region(self, "panel")
        self.words = ElidedLabel("", "strong")
        self.figures = label("", "small", "text2", tabular=True)
        self.bar = Bar(self.tr("Answers written"), "accentText")
        self.bar.setFixedWidth(160)
        self.stop = Button(self.tr("Stop the batch"), "circle-stop", size="sm")
        self.stop.clicked.connect(batches.stop)
        self.go_on = Button(self.tr("Go on"), "play", size="sm", kind="primary")
        self.go_on.clicked.connect(batches.go_on)
        self.leave = Button(self.tr("Leave it"), size="sm", kind="ghost")
        self.leave.clicked.connect(batches.forget)
        line = row(self.words, self.figures, None, self.bar, self.stop, self.go_on, self.leave, spacing=12,
                   margins=(16, 8, 12, 8))  # fmt: skip
        self.setLayout(column(Divider(), holding(line), spacing=0))
        batches.changed.connect(self.show_state)
        self.show_state()

    def show_state(self) -> None:
        """Follow the batches."""
        busy, cut_off = self._batches.busy, self._batches.cut_off is not None
        self.setVisible(busy or cut_off)
        for part in (self.bar, self.stop):
            part.setVisible(busy)
        for part in (self.go_on, self.leave):
            part.setVisible(cut_off and not busy)
        self.words.setText(self._words(busy))
        self.figures.setText(self._figures(busy))
        total = self._batches.total
        self.bar.set_fraction(self._batches.done / total if total else 0.0)

    def _words(self, busy: bool) -> str:
        if busy:
            words = self.tr("{model} writes in the background")
            if self._batches.left:
                words = self.tr("{model} writes in the background; {names} left memory to make room")
            return words.format(model=self._batches.model, names=", ".join(self._batches.left))
        return self.tr("A batch was cut off. Its answers are kept.")

    def _figures(self, busy: bool) -> str:
        done, total = self._batches.done, self._batches.total
        if not total:
            return self.tr("Loading the model") if busy else ""
        text = self.tr("{done} of {all} answers").format(done=figures.count(done), all=figures.count(total))
        seconds = self._batches.seconds_left() if busy else None
        if seconds is not None:
            text = self.tr("{progress}, about {time} left").format(progress=text, time=figures.duration(seconds))
        if busy and self._batches.waiting:
            text = self.tr("{progress}, {count} columns wait").format(progress=text, count=self._batches.waiting)
        return text
