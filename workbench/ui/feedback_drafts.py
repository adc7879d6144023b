"""What was begun and not saved: kept in the project within a second, found again later, also after a crash."""

from __future__ import annotations

import json
from typing import Any

from ..errors import WorkbenchError
from ..store.queueing import Item
from .context import Context
from .feedback_edit import value_of_draft

GUIDELINES = "guidelines"


class Drafts:
    """One draft of an edit for each person and prompt, and one of the guidelines for each person."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def value(self, item: Item) -> dict[str, Any]:
        """The edit that was begun, as a value to show; {} when there is nothing."""
        return value_of_draft(self._context.store.draft(self._of(item)), item)

    def keep(self, item: Item, text: str) -> None:
        """Keep the draft of an edit; "" forgets it."""
        self._keep(self._of(item), text)

    def guidelines(self) -> tuple[str, str]:
        """The guidelines as this person began to change them, and the id of the version that was changed; or "", ""."""
        kept = self._context.store.draft(self._of_guidelines())
        if not kept:
            return "", ""
        value = json.loads(kept)
        return value["text"], value["version"]

    def keep_guidelines(self, text: str, version: str) -> None:
        """Keep guidelines that are being changed; "" forgets them."""
        value = json.dumps({"text": text, "version": version}, ensure_ascii=False)
        self._keep(self._of_guidelines(), value if text else "")

    def _of(self, item: Item) -> str:
        return f"edit {self._context.annotator} {item.prompt.id}"

    def _of_guidelines(self) -> str:
        return f"{GUIDELINES} {self._context.annotator}"

    def _keep(self, key: str, text: str) -> None:
        """A disk that is full is told, and the text stays on screen."""
        store = self._context.store
        try:
            if text != store.draft(key):
                store.set_draft(key, text)
        except WorkbenchError as error:
            self._context.tell(error)
