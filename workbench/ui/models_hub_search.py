"""Asking the hub for models beside the window: a list at once, then each of its lines exactly."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ..errors import WorkbenchError
from ..events import Event, Finished
from ..jobs.hub_search import Found, Query, looking_at, search
from ..store import Store
from . import work

PAUSE_MS = 450
"""Milliseconds of quiet before a search begins."""


@dataclass(frozen=True)
class Listed(Event):
    """What the hub found."""

    found: list[Found] = field(default_factory=list)


@dataclass(frozen=True)
class Looked(Event):
    """One of the results, exactly."""

    found: Found = field(default_factory=lambda: Found(""))


@dataclass
class _Ask:
    query: Query
    old: bool = False
    """Whether something else is wanted by now."""


class HubSearch(QObject):
    """One search at a time; a newer wish ends an older search."""

    listed = Signal(list)
    looked = Signal(object)
    failed = Signal(object)
    """A WorkbenchError to show."""

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._query, self._wanted = Query(), False
        self._ask: _Ask | None = None
        self._work = work.Work(folder, self)
        self._work.happened.connect(self._on_event)
        self._work.failed.connect(self._on_failed)
        self._work.ended.connect(self._on_ended)
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._start)

    @property
    def busy(self) -> bool:
        """Whether more will be known before long."""
        return self._work.busy or self._timer.isActive()

    def want(self, query: Query, soon: bool = False) -> None:
        """Search for this after a pause, or at once."""
        self.stop()
        self._query, self._wanted = query, True
        self._timer.start(0 if soon else PAUSE_MS)

    def stop(self) -> None:
        """Begin nothing more, and look at no more lines."""
        self._timer.stop()
        self._wanted = False
        if self._ask is not None:
            self._ask.old = True

    def _start(self) -> None:
        if self._work.busy:
            return  # when it has ended, the new one begins
        self._wanted = False
        self._ask = _Ask(self._query)
        self._work.start(_searching(self._ask))

    def _on_ended(self) -> None:
        if self._wanted and not self._timer.isActive():
            self._start()

    def _on_event(self, event: Event) -> None:
        if self._ask is None or self._ask.old:
            return
        if isinstance(event, Listed):
            self.listed.emit(event.found)
        elif isinstance(event, Looked):
            self.looked.emit(event.found)

    def _on_failed(self, error: WorkbenchError) -> None:
        if self._ask is not None and not self._ask.old:
            self.failed.emit(error)


def _searching(ask: _Ask) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        found = search(ask.query)
        yield Listed(found)
        for _, each in looking_at(found):
            if ask.old:
                break
            yield Looked(each)
        yield Finished({})

    return steps
