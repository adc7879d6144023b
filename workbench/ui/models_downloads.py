"""Downloads beside the window: a line of them, one at a time; what was begun and is not whole is gone on with."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QCoreApplication, QObject, Signal

from ..errors import WorkbenchError
from ..events import Event, Finished, Stopped, Transferred
from ..jobs.hub_partial import Partial, begin, partials
from ..store import Store
from . import work

WAITING, RUNNING, PAUSING, PAUSED, FAILED = "waiting", "running", "pausing", "paused", "failed"


@dataclass
class Item:
    """One download. `left`: seconds, None while nobody can say; `error`: why it stopped by itself."""

    partial: Partial
    state: str = WAITING
    done: int = 0
    speed: float = 0.0
    left: float | None = None
    doing: str = ""
    error: WorkbenchError | None = None

    @property
    def name(self) -> str:
        """What people call it."""
        return self.partial.origin.name

    @property
    def total(self) -> int:
        """Bytes of all of it."""
        return self.partial.origin.size

    @property
    def going(self) -> bool:
        """Whether it is at work or about to be."""
        return self.state in (WAITING, RUNNING)


@dataclass
class _Flag:
    """Set by the window's thread, read by the one that downloads."""

    on: bool = field(default=False)


class Downloads(QObject):
    """The line of downloads. A download that ends is added to the project."""

    changed = Signal()
    """Other downloads, or in other states."""
    advanced = Signal(object)
    """An Item that got on."""
    arrived = Signal(str, str)
    """(id, name) of a model that is in the project now."""
    failed = Signal(object)
    """A WorkbenchError to show; that of a download is also in its Item."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.items: list[Item] = []
        self._wanted: list[tuple[str, str]] = []
        self._stops: list[_Flag] = []
        self._current: Item | None = None
        self._unwanted: list[Item] = []
        self._beginning = work.Work(folder, self)
        self._beginning.finished.connect(self._on_begun)
        self._beginning.failed.connect(self.failed)
        self._beginning.ended.connect(self._begin_next)
        self._work = work.Work(folder, self)
        self._work.happened.connect(self._on_event)
        self._work.finished.connect(self._on_arrived)
        self._work.failed.connect(self._on_failed)
        self._work.ended.connect(self._start_next)
        stops = self._stops  # the lambda must not hold what is being destroyed
        self.destroyed.connect(lambda: _stop(stops))
        app = QCoreApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.close)

    def find(self) -> None:
        """List what was begun before and is not whole, as paused."""
        known = {item.partial.folder for item in self.items}
        self.items += [Item(each, PAUSED, each.done) for each in partials() if each.folder not in known]
        self.changed.emit()

    def want(self, hub_id: str, file: str = "") -> None:
        """Put a model of the hub in the line."""
        self._wanted.append((hub_id, file))
        self._begin_next()

    def close(self) -> None:
        """End what is at work at its next byte; everything is kept."""
        self._wanted.clear()
        _stop(self._stops)

    @property
    def busy(self) -> bool:
        """Whether a thread is at work."""
        return self._work.busy or self._beginning.busy

    def item_of(self, hub_id: str) -> Item | None:
        """The download of a model, where there is one."""
        return next((item for item in self.items if item.partial.origin.hub_id == hub_id), None)

    # -- what a person asks for

    def toggle(self, item: Item) -> None:
        """Pause one that goes, or go on with one that does not."""
        self.pause(item) if item.going else self.resume(item)

    def pause(self, item: Item) -> None:
        """Stop at the next byte; what is here is kept."""
        if item.state == RUNNING:
            item.state = PAUSING
            _stop(self._stops)
        elif item.state == WAITING:
            item.state = PAUSED
        self.changed.emit()

    def resume(self, item: Item) -> None:
        """Put it back in the line."""
        if item.state != RUNNING:
            item.state, item.error = WAITING, None
        self._start_next()
        self.changed.emit()

    def pause_all(self) -> None:
        """Pause every one that goes."""
        for item in self.items:
            if item.going:
                self.pause(item)

    def resume_all(self) -> None:
        """Put every one back in the line."""
        for item in self.items:
            self.resume(item)

    def first(self, item: Item) -> None:
        """Let one that waits go before the others that wait."""
        self.items.remove(item)
        place = next((n for n, each in enumerate(self.items) if each.state == WAITING), len(self.items))
        self.items.insert(place, item)
        self.changed.emit()

    def discard(self, item: Item) -> None:
        """Throw away what is here; of one that is at work, as soon as it has stopped."""
        if item is self._current:
            _stop(self._stops)
            self._unwanted.append(item)
        else:
            item.partial.discard()
        self.items.remove(item)
        self.changed.emit()

    # -- the line

    def _begin_next(self) -> None:
        if self._wanted and not self._beginning.busy:
            self._beginning.start(_begin(*self._wanted.pop(0)))

    def _on_begun(self, summary: dict[str, Any]) -> None:
        partial: Partial = summary["partial"]
        item = next((each for each in self.items if each.partial.folder == partial.folder), None)
        if item is None:
            self.items.append(item := Item(partial, done=partial.done))
        self.resume(item)

    def _start_next(self) -> None:
        if self._work.busy:
            return
        while self._unwanted:
            self._unwanted.pop().partial.discard()
        self._current = next((item for item in self.items if item.state == WAITING), None)
        if self._current is not None:
            self._current.state = RUNNING
            self._stops[:] = [stop := _Flag()]
            self._work.start(_fetch(self._current.partial, stop))
        self.changed.emit()

    def _on_event(self, event: Event) -> None:
        item = self._current
        if item is None:
            return
        if isinstance(event, Transferred):
            item.done, item.speed, item.left, item.doing = event.done, event.speed, event.seconds_left, event.text
            self.advanced.emit(item)
        elif isinstance(event, Stopped):
            item.done, item.speed = int(event.summary["done"]), 0.0
            self._settle(item, PAUSED)

    def _settle(self, item: Item, state: str) -> None:
        # One that was resumed while it was pausing waits already, and begins when its thread has ended.
        item.state = WAITING if item.state == WAITING else state
        self._current = None
        self.changed.emit()

    def _on_arrived(self, summary: dict[str, Any]) -> None:
        if self._current in self.items:
            self.items.remove(self._current)
        self._current = None
        self.changed.emit()
        self.arrived.emit(str(summary["model_id"]), str(summary["name"]))

    def _on_failed(self, error: WorkbenchError) -> None:
        if self._current is not None:
            self._current.error, self._current.speed = error, 0.0
            self._current.done = self._current.partial.done
            self._settle(self._current, FAILED)
        self.failed.emit(error)


def _stop(stops: list[_Flag]) -> None:
    for each in stops:
        each.on = True


def _begin(hub_id: str, file: str) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        yield Finished({"partial": begin(hub_id, file)})

    return steps


def _fetch(partial: Partial, stop: _Flag) -> work.Steps:
    """Download, and add to the project what came."""

    def steps(store: Store) -> Iterator[Event]:
        from ..jobs.adding import add_fetched
        from ..jobs.hub_download import fetch

        for event in fetch(partial, lambda: stop.on):
            if isinstance(event, Finished):
                model = add_fetched(store, Path(event.summary["path"]))
                yield Finished({"model_id": model.id, "name": model.name})
            else:
                yield event

    return steps
