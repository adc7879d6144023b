"""How much there is of everything in Data: at once in a small project, beside the window in a large one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QObject, Signal

from ..events import Event, Finished
from ..store import Store
from ..store.filtering import Filter
from ..store.listing import count, facets, rule_facets, total
from ..store.saved_filters import saved
from .context import Context
from .work import Steps, Work

SMALL = 4_000
"""Up to so many judgements and answers everything is counted while the window waits: it takes some milliseconds."""

Counts = dict[str, dict[str, int]]


@dataclass(frozen=True)
class Amounts:
    """Facets of a list, how much of them rules said, how many rows there are at all, and how many each tab shows."""

    lists: str
    facets: Counts = field(default_factory=dict)
    rules: Counts = field(default_factory=dict)
    whole: int = 0
    tabs: dict[str, int] = field(default_factory=dict)


def amounts(store: Store, lists: str) -> Amounts:
    """Count everything about a list."""
    rules = rule_facets(store) if lists == "judgements" else {}
    tabs = {each.id: count(store, each.lists, each.filter) for each in saved(store)}
    return Amounts(lists, facets(store, lists), rules, total(store, lists), tabs)


def is_small(store: Store) -> bool:
    """Whether counting is a matter of milliseconds."""
    newest = (store.value(f"SELECT MAX(rowid) FROM {table}") or 0 for table in ("feedback", "responses"))
    return max(newest) <= SMALL


class Counting(QObject):
    """Counts beside the window, one thing at a time; of what was asked for meanwhile only the last is done."""

    counted = Signal(object)
    """Amounts of the list that was asked for last."""
    rows_counted = Signal(object, int)
    """(what was asked, how many rows it has)."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._amounts = Work(context.store.folder, self)
        self._rows = Work(context.store.folder, self)
        self._next_lists, self._next_rows = "", None
        self._asked: Any = None
        self._amounts.finished.connect(self._on_amounts)
        self._rows.finished.connect(self._on_rows)
        for work in (self._amounts, self._rows):
            work.failed.connect(context.tell)

    def want(self, lists: str) -> None:
        """Count everything about a list; `counted` follows."""
        if is_small(self._context.store):
            self.counted.emit(amounts(self._context.store, lists))
        elif self._amounts.busy:
            self._next_lists = lists
        else:
            self._next_lists = ""
            self._amounts.start(_counting(lists))

    def _on_amounts(self, found: dict[str, Any]) -> None:
        if self._next_lists:
            self.want(self._next_lists)
        else:
            self.counted.emit(found["amounts"])

    def want_rows(self, asked: tuple[str, Filter]) -> None:
        """Count the rows of a list under a filter; `rows_counted` follows."""
        if self._rows.busy:
            self._next_rows = asked
            return
        self._next_rows, self._asked = None, asked
        self._rows.start(_counting_rows(*asked))

    def _on_rows(self, found: dict[str, Any]) -> None:
        if self._next_rows is not None:
            self.want_rows(self._next_rows)
        else:
            self.rows_counted.emit(self._asked, found["rows"])


def _counting(lists: str) -> Steps:
    def steps(store: Store) -> Iterator[Event]:
        yield Finished({"amounts": amounts(store, lists)})

    return steps


def _counting_rows(lists: str, wanted: Filter) -> Steps:
    def steps(store: Store) -> Iterator[Event]:
        yield Finished({"rows": count(store, lists, wanted)})

    return steps
