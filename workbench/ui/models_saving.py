"""Saving a model for other programs or sending it to the hub, beside the window."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QDialog, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished, Stopped
from ..store import Model, Store
from . import work
from .models_save_dialog import SaveDialog, SendDialog, Wish

if TYPE_CHECKING:
    from ..jobs.process import Child
    from ..jobs.pushing import Plan

PATIENCE_MS = 3_000
"""How long a child may go on after it was asked to stop: what one call of a library does cannot be stopped."""


class Saving(QObject):
    """One model at a time. Raises nothing: what stops it is sent with `failed`."""

    begun = Signal(str)
    """What is being done, in words."""
    progressed = Signal(str, float)
    saved = Signal(str, str)
    """Where it is now, and what to do there."""
    stopped = Signal(str)
    """What is left of it."""
    failed = Signal(object)
    """A WorkbenchError to show."""

    def __init__(self, store: Store, parent: QWidget) -> None:
        super().__init__(parent)
        self._window, self._store = parent, store
        self._children = Children(self)
        self._after: Callable[[dict[str, Any]], None] = self._on_saved
        self._work = work.Work(store.folder, self)
        self._work.progressed.connect(self.progressed)
        self._work.finished.connect(self._on_finished)
        self._work.failed.connect(self.failed)
        self._model: Model | None = None
        self._asking: QDialog | None = None

    @property
    def busy(self) -> bool:
        """Whether a model is being saved or sent, or is about to be sent."""
        return self._work.busy or self._asking is not None

    def ask(self, model: Model) -> SaveDialog:
        """Ask where to and in which form, and save it so."""
        dialog = SaveDialog(self._store, model, self._window)
        dialog.wished.connect(lambda wish: self.save(model, wish))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def save(self, model: Model, wish: Wish) -> None:
        """Write a model, and where it is meant for the hub ask whether to send it then."""
        self._model = model
        title = self.tr("Saving {name}").format(name=model.name)
        if wish.repo:
            self._begin(title, preparing(model.id, wish, self._children.take), lambda found: self._ask(found, wish))
        else:
            self._begin(title, exporting(model.id, wish, self._children.take), self._on_saved)

    def cancel(self) -> None:
        """Stop what is being done. Nothing half-written is left."""
        if self._work.busy:
            self._children.stop()

    def _begin(self, title: str, steps: work.Steps, after: Callable[[dict[str, Any]], None]) -> None:
        self._children.forget()
        self._after = after
        try:
            self._work.start(steps)
        except WorkbenchError as error:
            self.failed.emit(error)
            return
        self.begun.emit(title)

    def _on_finished(self, summary: dict[str, Any]) -> None:
        self._children.forget()
        if summary.get("stopped"):
            kept = summary.get("kept")
            text = self.tr("Not sent. The folder is {folder}.").format(folder=kept) if kept else ""
            self.stopped.emit(text or self.tr("Stopped. Nothing was saved."))
        else:
            self._after(summary)

    def _on_saved(self, summary: dict[str, Any]) -> None:
        hint = ""
        if summary.get("format") == "ollama" and self._model is not None:
            from ..jobs.ollama import MODELFILE, usable_name

            command = f"ollama create {usable_name(self._model.name)} -f {MODELFILE}"
            hint = self.tr("In that folder, run: {command}").format(command=command)
        self.saved.emit(self.tr("Saved in {folder}.").format(folder=summary["target"]), hint)

    # -- the hub

    def _ask(self, summary: dict[str, Any], wish: Wish) -> None:
        """Show what is about to be sent."""
        from ..jobs.pushing import plan_of

        plan = plan_of(Path(summary["target"]), wish.repo, wish.private)
        dialog = SendDialog(plan, self._window)
        dialog.accepted.connect(lambda: self._send(plan))
        dialog.rejected.connect(lambda: self._leave(plan))
        dialog.finished.connect(dialog.deleteLater)
        self._asking = dialog
        dialog.open()

    def _leave(self, plan: Plan) -> None:
        self._asking = None
        self.stopped.emit(self.tr("Not sent. The folder is {folder}.").format(folder=plan.folder))

    def _send(self, plan: Plan) -> None:
        self._asking = None
        self._begin(
            self.tr("Sending to {repo}").format(repo=plan.repo), sending(plan, self._children.take), self._on_sent
        )

    def _on_sent(self, summary: dict[str, Any]) -> None:
        self.saved.emit(self.tr("Sent to {url}.").format(url=summary["url"]), "")


class Children(QObject):
    """The process that does the work, which another thread starts."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._child: Child | None = None
        self._stopping = False

    def take(self, child: Child) -> None:
        """The process has started. Called on the thread that started it."""
        self._child = child
        if self._stopping:
            child.stop()

    def forget(self) -> None:
        """A piece of work has ended, or another begins."""
        self._child, self._stopping = None, False

    def stop(self) -> None:
        """Ask it to stop, and end it if it does not."""
        self._stopping = True
        if self._child is not None:
            self._child.stop()
        QTimer.singleShot(PATIENCE_MS, self, self._end)

    def _end(self) -> None:
        if self._stopping and self._child is not None:
            self._child.kill()


Take = Callable[[Any], None]
"""What is given the process once it has started."""


def exporting(model_id: str, wish: Wish, take: Take) -> work.Steps:
    """Write a model. Loading and writing a large one takes minutes."""

    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.exporting import export_model

        assert wish.target is not None
        yield from _told(export_model(store, model_id, wish.target, format=wish.format, take=take, **wish.knobs))

    return steps


def preparing(model_id: str, wish: Wish, take: Take) -> work.Steps:
    """Write the folder that will be sent."""

    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.pushing import prepare

        yield from _told(prepare(store, model_id, wish.repo, format=wish.format, take=take, **wish.knobs))

    return steps


def sending(plan: Plan, take: Take) -> work.Steps:
    """Send a folder to the hub."""

    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.pushing import send

        yield from _told(send(plan, take), kept=str(plan.folder))

    return steps


def _told(events: Iterator[Event], kept: str = "") -> Iterator[Event]:
    """The events, with a stop as an end like any other. kept: what a stop leaves."""
    for event in events:
        yield Finished({"stopped": True, "kept": kept}) if isinstance(event, Stopped) else event
