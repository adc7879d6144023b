"""What panes share: the project's store, the runs that go, the model that is loaded. Passed to constructors.

How runs are prepared is imported when one is: a window that opens needs none of it.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, Signal

from .. import events as ev
from ..errors import WorkbenchError
from ..jobs.spec import JobSpec
from ..jobs.tokens import TokenReader
from ..methods import METHODS
from ..store import Run, Store, owners, run_queue
from .engines import Engines
from .following import Following
from .instant_head import InstantHead
from .job_thread import STOP_PATIENCE_MS, JobThread
from .model_session import ModelSession

log = logging.getLogger(__name__)
SWITCH_SECONDS = 0.0005
"""How long Python may work beside the window before the window's thread has its turn. A key press hands the turn over
many times, and with Python's own 5 ms each it would take a tenth of a second and more while something is counted."""


class Context(ModelSession):
    """The window's side of everything that is not a widget."""

    run_event = Signal(str, object)
    """(run id, event): an event of a running job, already in the store."""
    runs_changed = Signal()
    """A run was added, began or ended."""
    person_leaving = Signal()
    """Somebody else is about to judge: keep what is not saved, under the name that still stands in `annotator`."""
    person_changed = Signal()
    """Somebody else judges from now on."""
    people_changed = Signal()
    """Somebody was added, or has another name; perhaps the one who judges."""
    pane_wanted = Signal(str, object)
    """(name, payload): show a pane, and what in it."""
    settings_wanted = Signal(str)
    """Open Settings on a page: "general", "feedback", "keys", "compute" or "doctor"."""

    def __init__(self, store: Store, annotator: str = "you", parent: QObject | None = None) -> None:
        super().__init__(store, parent)
        sys.setswitchinterval(SWITCH_SECONDS)
        self.annotator = annotator
        self.jobs: dict[str, JobThread] = {}
        self.instant = InstantHead(store, self)
        self.tokens = TokenReader()
        self.engines = Engines(store.folder, lambda: self.computing, self)
        self._closed = False
        store.listen(self._on_store_change)
        self.following = Following(store, self)
        self.following.happened.connect(self._on_run_event)
        self.following.changed.connect(self._on_changed_elsewhere)
        self.store_changed.connect(self._on_change)
        self.runs_changed.connect(self._rest_or_read)
        self.instant.want("features")

    def _on_store_change(self, table: str, by: object) -> None:
        self.store_changed.emit(table, by)

    def _on_change(self, table: str, by: object) -> None:
        self.instant.want(table)
        if table == "responses":
            self._rest_or_read()

    def _rest_or_read(self) -> None:
        """An idle model reads answers, but not while a run needs the machine."""
        if self._feeder is not None:
            self._feeder.paused = self._needs_rest()
            self._feeder.nudge()

    def _needs_rest(self) -> bool:
        return bool(self.going())

    # --- runs ---------------------------------------------------------------------------------------------------

    def start_run(
        self,
        method: str,
        options: Mapping[str, Any],
        *,
        model_id: str | None,
        reward_id: str | None = None,
        other_ids: Sequence[str] = (),
        name: str = "",
        prompt_ids: Sequence[str] | None = None,
        split: str | None = None,
    ) -> Run:
        """Start a run in a child process and return its row. Raises WorkbenchError when it cannot start.

        A run of a method waits in line while another one goes, and its row says so.
        """
        from ..jobs import preparing

        run, spec = preparing.prepare(
            self.store,
            method,
            options,
            model_id=model_id,
            reward_id=reward_id,
            other_ids=other_ids,
            name=name,
            prompt_ids=prompt_ids,
            split=split,
        )
        self._warn_of_templates(model_id, reward_id, *other_ids)
        return self.line_up(run.id) if method in METHODS else self.start_task(run, spec)

    def start_task(self, run: Run, spec: JobSpec) -> Run:
        """Start a task that is prepared, beside whatever else goes, and return its row."""
        self.store.runs.update(run.id, status="running", pid=os.getpid())
        self._launch(run, spec)
        return run

    def resume_run(self, run_id: str, changes: Mapping[str, Any] | None = None) -> Run:
        """Have a run that was cut off go on from its newest checkpoint, and return its row. Raises WorkbenchError."""
        if run_id in self.jobs:
            raise WorkbenchError("This run is still ending.", "Try again in a moment.")
        from ..jobs import preparing

        run, _ = preparing.resume(self.store, run_id, changes)
        return self.line_up(run.id, 1)

    def run_again(self, run_id: str) -> Run:
        """A run once more, exactly as it was: a new one, that goes or waits in line. Raises WorkbenchError."""
        from ..jobs import preparing

        return self.line_up(preparing.repeat(self.store, run_id).id)

    def line_up(self, run_id: str, place: int | None = None) -> Run:
        """Let a run wait at a place in line (None: last), or start it when nothing goes; return its row."""
        # What a person starts while nothing goes is not held up by what was paused before.
        run_queue.put(self.store, run_id, place if self.training() else 1)
        self.go_on()
        return self.store.runs.find(run_id)

    def going(self) -> list[str]:
        """The runs that go, here or in another process; the one that began last is the last."""
        return [*self.following.runs(), *self.jobs]

    @property
    def computing(self) -> bool:
        """Whether a run goes or a model is in memory, which need the device for themselves."""
        return self.session is not None or bool(self.going())

    def training(self) -> Run | None:
        """The run of the queue that goes, here or in another process; None when the queue rests."""
        here = [id_ for id_, job in self.jobs.items() if job.spec.method in METHODS]
        if here:
            return self.store.runs.find(here[-1])
        if owners.owner_of(self.store, run_queue.QUEUE) in (None, os.getpid()):
            return None
        from ..jobs.queue_runner import going

        return next(iter(going(self.store)), None)

    def go_on(self) -> None:
        """Start the run that waits first, unless one goes already, here or in another process."""
        if self._closed or self.training():
            return
        from ..jobs.queue_runner import next_run

        found = next_run(self.store, lambda run: self.message.emit(f"{run.name}: {run.error}", run.hint, "bad"))
        if found is not None:
            self._launch(*found)

    def _launch(self, run: Run, spec: JobSpec) -> None:
        thread = JobThread(self.store.folder, spec, self)
        self.jobs[run.id] = thread
        thread.happened.connect(lambda event: self._on_run_event(run.id, event))
        thread.finished.connect(lambda: self._on_run_end(run.id))
        thread.start()
        self.runs_changed.emit()

    def _on_run_event(self, run_id: str, event: ev.Event) -> None:
        if self._closed:
            return
        self.run_event.emit(run_id, event)
        if isinstance(event, ev.Saved):
            self.store_changed.emit("models", None)
        if isinstance(event, ev.Features):
            self.store_changed.emit("features", None)
        if isinstance(event, ev.Started):
            self.runs_changed.emit()
        if isinstance(event, ev.Failed):
            self.message.emit(event.text, event.hint, "bad")

    def _on_run_end(self, run_id: str) -> None:
        if self._closed:  # the window is gone, and perhaps its store
            return
        thread = self.jobs.pop(run_id)
        thread.deleteLater()
        if thread.spec.method in METHODS:
            if self.store.runs.find(run_id).status == "waiting":  # it pauses, and with it the queue
                owners.disown(self.store, run_queue.QUEUE)
            else:
                self.go_on()
        for table in ("runs", "models", "responses", "features"):
            self.store_changed.emit(table, None)
        self.runs_changed.emit()

    def _on_changed_elsewhere(self) -> None:
        for table in ("runs", "models", "responses"):
            self.store_changed.emit(table, None)
        self.runs_changed.emit()

    def stop_run(self, run_id: str, wish: str = "stop") -> None:
        """Ask a run, here or in another process, to stop and keep what it has, to pause, or to keep nothing.

        `wish` is one of run_queue.WISHES. A run that does not listen is ended by force.
        """
        try:
            run_queue.want(self.store, run_id, wish)
        except WorkbenchError as error:
            self.tell(error)

    # --- the rest -------------------------------------------------------------------------------------------------

    def judge_as(self, name: str) -> None:
        """Let somebody else judge from now on: their own queue, and their own undo."""
        if name != self.annotator:
            self.person_leaving.emit()
            self.annotator = name
            self.person_changed.emit()

    def has_new_name(self, before: str, after: str) -> None:
        """A person was renamed in the project. Who judges stays the same person."""
        if self.annotator == before:
            self.annotator = after
        self.people_changed.emit()

    def tell(self, error: WorkbenchError) -> None:
        """Show an error that a person can act on."""
        self.message.emit(error.text, error.hint, "bad")

    def show_pane(self, name: str, payload: object = None) -> None:
        """Ask the window for a pane: "models", "generate", "feedback", "train", "evaluate", "data"."""
        self.pane_wanted.emit(name, payload)

    def show_settings(self, page: str = "general") -> None:
        """Ask the window for a page of Settings."""
        self.settings_wanted.emit(page)

    def close(self, goes_on: bool = False) -> None:
        """Stop everything that runs and wait for it: a run of a method pauses, with a checkpoint.

        goes_on: it does so only until a process without a window takes the queue over. Called when the window closes; a
        second call does nothing. Raises WorkbenchError when that process cannot be started.
        """
        if self._closed:
            return
        self._closed = True
        self.instant.close()
        self.tokens.close()
        self.engines.close()
        self.following.close()
        for run_id, thread in self.jobs.items():
            if not thread.isFinished():
                self.stop_run(run_id, "pause" if thread.spec.method in METHODS else "stop")
        sessions = [*self._outlived, *([self.session] if self.session else [])]
        for session in sessions:
            session.unload()
        for thread in [*list(self.jobs.values()), *sessions]:
            if not thread.wait(STOP_PATIENCE_MS):
                if isinstance(thread, JobThread):
                    thread.kill()
                thread.wait()
        owners.disown(self.store, run_queue.QUEUE)
        self.store.unlisten(self._on_store_change)
        if goes_on:
            from ..jobs.queue_runner import go_on_without_window

            go_on_without_window(self.store.folder)
