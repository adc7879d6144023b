"""Filters that a person gave a name, kept in the project. Every change is one step of undo in the Data pane."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from . import bulk
from .filtering import Filter
from .prompts import checked_text
from .rows import new_id

if TYPE_CHECKING:
    from .store import Store

SETTING = "saved_filters"
LONGEST_NAME = 60


@dataclass(frozen=True)
class SavedFilter:
    """A name for what a list shows and in which order. `lists` is "judgements", "prompts", "answers" or "runs"."""

    id: str
    name: str
    lists: str = "judgements"
    order: str = "newest"
    filter: Filter = field(default_factory=Filter)

    def to_json(self) -> dict[str, Any]:
        """As it is kept."""
        return dict(vars(self)) | {"filter": self.filter.to_json()}


def saved(store: Store) -> list[SavedFilter]:
    """All of them, as they stand."""
    kept = store.setting(SETTING)
    items = kept if isinstance(kept, list) else []
    return [_read(item) for item in items if isinstance(item, dict) and item.get("id") and item.get("name")]


def _read(item: dict[str, Any]) -> SavedFilter:
    given = item.get("filter")
    known = Filter.of(given if isinstance(given, dict) else {})
    names = {name: str(item[name]) for name in ("id", "name", "lists", "order") if item.get(name)}
    return SavedFilter(**names, filter=known)


def save(
    store: Store, name: str, wanted: Filter, annotator: str, *, lists: str = "judgements", order: str = "newest",
    by: object = None,
) -> SavedFilter:  # fmt: skip
    """Keep a filter under a name. Raises WorkbenchError when the name is empty or another one has it."""
    before = saved(store)
    made = SavedFilter(new_id(), _free_name(before, name), lists, order, wanted)
    _keep(store, before, [*before, made], annotator, by)
    return made


def rename(store: Store, filter_id: str, name: str, annotator: str, by: object = None) -> None:
    """Give a saved filter another name."""
    before = saved(store)
    free = _free_name([each for each in before if each.id != filter_id], name)
    _keep(store, before, [replace(each, name=free) if each.id == filter_id else each for each in before], annotator, by)


def remove(store: Store, filter_id: str, annotator: str, by: object = None) -> None:
    """Forget a saved filter; the rows that it showed stay."""
    before = saved(store)
    _keep(store, before, [each for each in before if each.id != filter_id], annotator, by)


def _free_name(others: Sequence[SavedFilter], name: str) -> str:
    name = " ".join(checked_text(name, "The name").split())
    if not 0 < len(name) <= LONGEST_NAME:
        raise WorkbenchError(f"A saved filter has a name of 1 to {LONGEST_NAME} characters.", "Type one.")
    if any(each.name.casefold() == name.casefold() for each in others):
        raise WorkbenchError(f"There is a saved filter called {name} already.", "Choose another name.")
    return name


def _keep(
    store: Store, before: Sequence[SavedFilter], after: Sequence[SavedFilter], annotator: str, by: object
) -> None:
    if list(before) != list(after):
        old, new = ([each.to_json() for each in part] for part in (before, after))
        bulk.record_filters(store, old, new, annotator, by)
