"""The compute engines as the window sees them: what is installed, what is being done about it, and what came of that.

It lives as long as the window: an engine that is being added goes on when Settings is closed.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from .. import paths
from ..errors import StopRequested, WorkbenchError
from ..events import Event, Finished, Progress
from ..jobs import compute
from ..jobs.compute import Engine, Variant
from ..store import Store
from . import work
from .models_machine import Card, find_card

log = logging.getLogger(__name__)

ADD, VERIFY, REMOVE = "add", "verify", "remove"


@dataclass
class Doing:
    """What is at work: `what` is ADD (about the name of a variant), VERIFY or REMOVE (of an engine)."""

    what: str
    name: str
    progress: Progress | None = None
    stopping: bool = False


class Engines(QObject):
    """Looks at engines and the device they find, and changes them, one thing at a time."""

    changed = Signal()
    """Other engines, another one in use, or something began or ended."""
    advanced = Signal()
    """What is at work got on."""

    def __init__(self, folder: Path, held: Callable[[], bool], parent: QObject | None = None) -> None:
        """held: asked whether something runs that needs the device for itself; then nothing is tried on it unasked."""
        super().__init__(parent)
        self._held = held
        self.installed: list[Engine] = []
        self.offered: list[Variant] = []
        self.previous = ""
        self.card: Card | None = None
        self.device: Mapping[str, Any] | None = None
        """What compute_trying.probe() found; None while nobody has looked, or where it failed."""
        self.device_error: WorkbenchError | None = None
        self.doing: Doing | None = None
        self.ended: Doing | None = None
        """What was at work last, with its end in `said` or `error`."""
        self.said = ""
        self.error: WorkbenchError | None = None
        self._stale, self._closed = True, False
        self._stop, self._end_looking = _Flag(), _Flag()
        self._make_work(folder)

    def _make_work(self, folder: Path) -> None:
        self._work = work.Work(folder, self)
        self._work.happened.connect(self._on_event)
        self._work.finished.connect(self._on_finished)
        self._work.failed.connect(self._on_failed)
        self._work.ended.connect(self._on_stopped)
        self._looking = work.Work(folder, self)
        self._looking.finished.connect(self._on_looked)
        self._looking.failed.connect(self._on_no_device)
        self._looking.ended.connect(lambda: self._look_again())
        self._seeing = work.Work(folder, self)
        self._seeing.finished.connect(self._on_seen)

    def close(self) -> None:
        """End what is at work, as soon as may be."""
        self._closed = self._stop.on = self._end_looking.on = True

    # -- looking

    @property
    def standalone(self) -> bool:
        """Whether this is the standalone app, which has engines."""
        return paths.bundle() is not None

    @property
    def active(self) -> Engine | None:
        """The engine in use."""
        return next((engine for engine in self.installed if engine.active), None)

    @property
    def looking(self) -> bool:
        """Whether more will be known of the device before long."""
        return self._looking.busy

    def recommends(self, variant: str) -> bool:
        """Whether this kind of engine is made for the card that was seen, and none of it is in use."""
        active = self.active
        return self.card is not None and self.card.engine == variant and (active is None or active.variant != variant)

    def look(self) -> None:
        """Read which engines there are, and ask for the device on a thread, unless it is known."""
        self._read()
        if self.card is None and not self._seeing.busy and not self._closed:
            self._seeing.start(_seeing)
        self._look_again()
        self.changed.emit()

    def look_anew(self) -> None:
        """Look, also at the device once more, whatever runs: a person asked for it."""
        self._stale = True
        self._look_again(asked=True)
        self.look()

    def _read(self) -> None:
        if not self.standalone:
            return
        try:
            self.installed, self.previous = compute.engines(), compute.previous()
            there = {engine.name for engine in self.installed}
            offered = [each for each in compute.variants() if each.engine_name not in there]
            self.offered = sorted(offered, key=lambda each: not self.recommends(each.name))
        except OSError as error:
            log.exception("the engines cannot be listed")
            text = self.tr("The engines cannot be listed: {why}.").format(why=error.strerror)
            self.error = WorkbenchError(text, self.tr("The log has the details."))

    def _look_again(self, asked: bool = False) -> None:
        if self._stale and not self._looking.busy and not self._closed and (asked or not self._held()):
            self._stale = False
            self.device = self.device_error = None
            self._looking.start(_looking(self._end_looking))
            self.changed.emit()

    def _on_seen(self, summary: dict[str, Any]) -> None:
        self.card = summary["card"]
        if self.card is not None:
            self.offered.sort(key=lambda each: not self.recommends(each.name))
        self.changed.emit()

    def _on_looked(self, summary: dict[str, Any]) -> None:
        self.device = summary["device"]
        self.changed.emit()

    def _on_no_device(self, error: WorkbenchError) -> None:
        self.device_error = error
        self.changed.emit()

    # -- changing

    @property
    def busy(self) -> bool:
        """Whether something is being added, checked or deleted."""
        return self.doing is not None or self._work.busy

    def add(self, name: str, wheels: Path | None = None) -> None:
        """Add an engine, from the network or a folder of wheel files, and use it."""
        self._begin(Doing(ADD, name), lambda stop: _adding(name, wheels, stop))

    def verify(self, name: str) -> None:
        """Compare every file of an engine with its hash, and try it."""
        self._begin(Doing(VERIFY, name), lambda stop: _verifying(name, stop))

    def remove(self, name: str) -> None:
        """Delete an engine that was added."""
        self._begin(Doing(REMOVE, name), lambda stop: _removing(name))

    def use(self, name: str) -> None:
        """Have jobs that begin from now on run on an engine."""
        self._change(lambda: compute.use(name))

    def roll_back(self) -> None:
        """Go back to the engine before."""
        self._change(compute.roll_back)

    def cancel(self) -> None:
        """Stop what is at work; what was fetched is kept."""
        if self.doing is not None and not self.doing.stopping:
            self.doing.stopping = True
            self._stop.on = True
            self.advanced.emit()

    def _change(self, change: Callable[[], Engine]) -> None:
        self._clear()
        try:
            engine = change()
            self.said = self.tr("{engine} is in use.").format(engine=engine.title)
        except WorkbenchError as error:
            log.exception("the engine was not changed")
            self.error = error
        self._stale, self.device, self.device_error = True, None, None
        self.look()

    def _begin(self, doing: Doing, steps: Callable[[_Flag], work.Steps]) -> None:
        if self.busy or self._closed:
            return
        self._clear()
        self._stop, self.doing = _Flag(), doing
        self._work.start(steps(self._stop))
        self.changed.emit()

    def _clear(self) -> None:
        self.said, self.error, self.ended = "", None, None

    def _on_event(self, event: Event) -> None:
        if self.doing is None:
            return
        if isinstance(event, Progress):
            self.doing.progress = event
            self.advanced.emit()

    def _on_stopped(self) -> None:
        """A thread has ended: when it said neither what it did nor why not, it was stopped."""
        if self.doing is not None and not self._work.busy and not self._closed:
            stopped = self.tr("Stopped. What was fetched is kept: Add goes on with it.")
            self._end(stopped if self.doing.what == ADD else self.tr("Stopped."))

    def _on_finished(self, summary: dict[str, Any]) -> None:
        if self.doing is None:
            return
        if self.doing.what == REMOVE:
            self._end(self._after_removing())
        elif self.doing.what == VERIFY:
            said = self.tr("All {count} files are as they were published, and it computes on: {device}.")
            self._end(said.format(count=summary["files"], device=summary["device"]))
        else:
            said = self.tr("{engine} is in use. It computes on: {device}.")
            title = compute.TITLES.get(self.doing.name, self.doing.name)
            self._end(said.format(engine=title, device=summary["device"]))

    def _after_removing(self) -> str:
        now = compute.active()
        if now is None:
            return self.tr("Deleted. No engine is in use.")
        return self.tr("Deleted. {engine} is in use.").format(engine=now.title)

    def _on_failed(self, error: WorkbenchError) -> None:
        self.error = error
        self._end("")

    def _end(self, said: str) -> None:
        what, self.said = self.doing, said
        self.doing, self.ended = None, what
        if what is not None and what.what != VERIFY:
            self._stale, self.device, self.device_error = True, None, None
        self.look()


@dataclass
class _Flag:
    """Set by the window's thread, read by the one that works."""

    on: bool = False


def _seeing(store: Store) -> Iterator[Event]:
    """See which card there is."""
    yield Finished({"card": find_card()})


def _looking(end: _Flag) -> work.Steps:
    """Ask what jobs compute on: {} where there is nothing to compute with."""

    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.compute_trying import probe

        try:
            yield Finished({"device": probe(stop=lambda: end.on) if paths.has_engine() else {}})
        except StopRequested:  # the window closes
            return

    return steps


def _adding(name: str, wheels: Path | None, stop: _Flag) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.compute_install import add

        yield from add(name, wheels, lambda: stop.on)

    return steps


def _verifying(name: str, stop: _Flag) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.compute_trying import verify

        yield from verify(name, lambda: stop.on)

    return steps


def _removing(name: str) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        yield Progress(0, 0, "Deleting")
        compute.remove(name)
        yield Finished({"engine": name})

    return steps
