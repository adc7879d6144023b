"""Versions of the written guidelines: none is overwritten, and every judgement knows the one it was made under."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..errors import WorkbenchError
from ..feedback import ASIDE
from .prompts import checked_text
from .records import Guideline
from .rows import new_id, now

if TYPE_CHECKING:
    from .store import Store


class GuidelineRows:
    """What people are asked to go by, in versions."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def current(self) -> Guideline | None:
        """The newest version; None when nothing was ever written."""
        return next(iter(self._rows("ORDER BY created_at DESC, rowid DESC LIMIT 1")), None)

    def add(self, text: str, annotator: str = "", by: object = None) -> Guideline:
        """Keep a new version, unless it says what the current one says. Raises WorkbenchError when it is empty."""
        text = checked_text(text, "The guidelines").strip()
        if not text:
            raise WorkbenchError("The guidelines are empty.", "Write what people should go by.")
        current = self.current()
        if current is not None and current.text == text:
            return current
        guideline = Guideline(new_id(), text, annotator, now())
        with self._store.writing() as db:
            db.execute(
                "INSERT INTO guidelines(id, text, annotator, created_at) VALUES (?, ?, ?, ?)",
                [guideline.id, text, annotator, guideline.created_at],
            )
        self._store.changed("guidelines", by)
        return guideline

    def list(self) -> list[Guideline]:
        """Every version, oldest first."""
        return self._rows("ORDER BY created_at, rowid")

    def counts(self) -> dict[str | None, int]:
        """How many judgements that stand were made under each version; under None before there was one.

        Marks count, what was only set aside does not; neither does what was judged elsewhere and imported.
        """
        sql = """SELECT guideline_id, COUNT(*) AS n FROM feedback WHERE retracted_at IS NULL AND import_key IS NULL
            AND kind NOT IN (SELECT value FROM json_each(?)) GROUP BY guideline_id"""
        return {row["guideline_id"]: row["n"] for row in self._store.rows(sql, [json.dumps(ASIDE)])}

    def _rows(self, order: str) -> list[Guideline]:
        return [Guideline(**row) for row in self._store.rows(f"SELECT * FROM guidelines {order}")]
