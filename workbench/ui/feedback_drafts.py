"""Edits that were begun and not saved: kept in the project, found again when their prompt comes back."""

from __future__ import annotations

from typing import Any

from ..errors import WorkbenchError
from ..store.queueing import Item
from .context import Context
from .feedback_edit import value_of_draft


class Drafts:
    """One draft for each person and prompt."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def _key(self, item: Item) -> str:
        return f"edit {self._context.annotator} {item.prompt.id}"

    def value(self, item: Item) -> dict[str, Any]:
        """What was begun, as a value to show; {} when there is nothing."""
        return value_of_draft(self._context.store.draft(self._key(item)), item)

    def keep(self, item: Item, text: str) -> None:
        """Keep a draft; "" forgets it. A disk that is full is told, and the text stays on screen."""
        store, key = self._context.store, self._key(item)
        try:
            if text != store.draft(key):
                store.set_draft(key, text)
        except WorkbenchError as error:
            self._context.tell(error)
