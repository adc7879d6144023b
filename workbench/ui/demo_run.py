"""The demo in the window: its steps as messages, its runs live in Train, its verdict in Evaluate."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from ..events import Event, Failed, Finished, Progress, Started, Stopped
from ..jobs.demo import STEPS, Demo, OfRun, Plan
from ..store import Store
from .job_thread import WorkThread

if TYPE_CHECKING:
    from .window import Window

PANES = {2: "generate", 4: "train", 5: "train", 6: "evaluate"}
"""Which pane shows a step best."""


class DemoRun(QObject):
    """Runs the demo on a thread of its own and shows where it stands."""

    def __init__(self, window: Window, plan: Plan, out: Path) -> None:
        super().__init__(window)
        self._window, self._plan, self._out = window, plan, out
        self._demo: Demo | None = None
        self._stopping = False
        self._thread = WorkThread(self._events, self)
        self._thread.happened.connect(self._on_event)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """Stop what runs and wait for the thread: the window is closing."""
        self._stopping = True
        self._thread.happened.disconnect(self._on_event)
        if self._demo is not None:
            self._demo.stop()
        self._thread.wait()

    @property
    def running(self) -> bool:
        """Whether the demo is under way."""
        return self._thread.isRunning()

    def _events(self) -> Iterator[Event]:
        store = Store.open(self._window.context.store.folder)
        try:
            self._demo = Demo(store, self._out, self._plan, lambda: self._stopping)
            yield from self._demo.run()
        finally:
            store.close()

    def _on_event(self, event: Event) -> None:
        context = self._window.context
        if isinstance(event, OfRun):
            context.run_event.emit(event.run_id, event.event)
            if isinstance(event.event, Started | Finished | Stopped | Failed):
                for table in ("runs", "models", "responses"):
                    context.store_changed.emit(table, None)
                context.runs_changed.emit()
        elif isinstance(event, Progress):
            self._show_step(event)
        elif isinstance(event, Finished):
            self._window.status.set_job("")
            self._show_verdict(event)
        elif isinstance(event, Failed):
            self._window.status.set_job("")
            context.message.emit(event.text, event.hint, "bad")

    def _show_step(self, event: Progress) -> None:
        for table in ("prompts", "feedback"):
            self._window.context.store_changed.emit(table, None)
        self._window.status.set_job(self.tr("Demo"), event.text, event.done / len(STEPS))
        if event.text == STEPS[event.done] and event.done in PANES:
            self._window.show_pane(PANES[event.done])

    def _show_verdict(self, event: Finished) -> None:
        found = event.summary
        low, high = found["gain_ci"]
        text = self.tr("Demo done: score {base} to {tuned}, change between {low} and {high}.").format(
            base=f"{found['base']['score']:.2f}",
            tuned=f"{found['tuned']['score']:.2f}",
            low=f"{low:+.2f}",
            high=f"{high:+.2f}",
        )
        hint = self.tr("Judged by a rule, not a person. The report is in {folder}.").format(folder=str(self._out))
        self._window.messages.show_message(text, hint, "good")
        self._window.show_pane("evaluate")
