"""Looks ahead in the feedback queue beside the window, so that no key waits for a long walk through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from PySide6.QtCore import QObject, Signal

from ..events import Event, Finished
from ..jobs.ordering import Asked, Upcoming, upcoming
from ..store import Store
from .context import Context
from .work import Refreshing, Steps

SOON_MS = 20


class Ahead(QObject):
    """What comes next in one place of the queue. Never more than one look runs; the place asked for last wins."""

    changed = Signal()
    """A look is done: `of` knows more."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._looks = Refreshing(context.store.folder, self._look, SOON_MS, self)
        self._looks.found.connect(self._on_found)
        self._looks.failed.connect(context.tell)
        self._asked: Asked | None = None
        self._known: tuple[Asked, Upcoming] | None = None

    def of(self, asked: Asked) -> Upcoming | None:
        """What is known of a place; None while it was not looked at."""
        return self._known[1] if self._known is not None and self._known[0] == asked else None

    @property
    def last(self) -> Upcoming | None:
        """What the last look found, wherever that was."""
        return self._known[1] if self._known is not None else None

    @property
    def looking(self) -> bool:
        """Whether more will be known before long."""
        return self._looks.busy

    def want(self, asked: Asked) -> None:
        """Look at a place again before long."""
        self._asked = asked
        self._looks.want()

    def forget(self) -> None:
        """What is known does not hold any more."""
        self._known = None

    def _look(self) -> Steps:
        asked, instant = self._asked, self._context.instant
        assert asked is not None
        sure, surprising = instant.ranked(asked.kind), instant.surprising()

        def steps(store: Store) -> Iterator[Event]:
            found = upcoming(store, asked, sure, surprising)
            store.tidy()
            yield Finished({"asked": asked, "found": found})

        return steps

    def _on_found(self, found: Mapping[str, Any]) -> None:
        self._known = (found["asked"], found["found"])
        self.changed.emit()
