"""Items on their way into the store: gathered beside it first, so that it is locked only while they go in.

What a file holds is checked, keyed by its content and kept in temporary tables of this connection, on disk. Nothing of
the project is locked or changed meanwhile, however long that takes; then everything goes in by four statements.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from ...errors import StopRequested, WorkbenchError
from ..connecting import dbapi, translated
from ..feedback import checked_value
from ..judges import is_judge
from ..prompts import checked_prompt, checked_text, split_of_turns
from ..rows import id_of, now, to_json
from .items import Item, Said

if TYPE_CHECKING:
    from ..store import Store

_TABLES = {
    "stage_prompts": "hash TEXT PRIMARY KEY, id, system, turns, tags, split, source, at, item INTEGER",
    "stage_responses": "key TEXT PRIMARY KEY, id, hash, text, source, queued, at, item INTEGER",
    "stage_feedback": "key TEXT PRIMARY KEY, id, hash, kind, value, annotator, comment, reasons, at, item INTEGER",
    "stage_shown": "feedback_key, position INTEGER, response_key, PRIMARY KEY (feedback_key, position)",
}
_NEW = {
    "prompts": "stage_prompts s WHERE NOT EXISTS (SELECT 1 FROM prompts WHERE hash = s.hash)",
    "responses": "stage_responses s WHERE NOT EXISTS (SELECT 1 FROM responses WHERE import_key = s.key)",
    "feedback": "stage_feedback s WHERE NOT EXISTS (SELECT 1 FROM feedback WHERE import_key = s.key)",
}
"""Rows that the project does not have."""
_SHOWN = """INSERT INTO shown(feedback_id, position, response_id) SELECT f.id, s.position, r.id FROM stage_shown s
    JOIN feedback f ON f.import_key = s.feedback_key JOIN responses r ON r.import_key = s.response_key
    WHERE f.seq > ? ORDER BY f.seq, s.position"""
_INTO = {
    "prompts": f"""INSERT INTO prompts(id, hash, system, turns, tags, split, source, created_at)
        SELECT id, hash, system, turns, tags, split, source, at FROM {_NEW["prompts"]} ORDER BY s.rowid""",
    "responses": f"""INSERT INTO responses(id, prompt_id, text, source, import_key, queued, created_at)
        SELECT s.id, (SELECT id FROM prompts WHERE hash = s.hash), text, source, key, queued, at
        FROM {_NEW["responses"]} ORDER BY s.rowid""",
    "feedback": f"""INSERT INTO feedback(id, kind, prompt_id, value, annotator, comment, reasons, blind, import_key,
        created_at) SELECT s.id, kind, (SELECT id FROM prompts WHERE hash = s.hash), value, annotator, comment, reasons,
        0, key, at FROM {_NEW["feedback"]} ORDER BY s.rowid""",
}
_MOST_ROWS, _MOST_TEXT = 2000, 8_000_000
"""What is held before it goes into the temporary tables: rows, and characters."""
_ASKED_EVERY = 20_000
"""Steps of SQLite's machine between two questions whether to stop: a few milliseconds."""


@contextlib.contextmanager
def staging(store: Store) -> Iterator[Stage]:
    """A place for items, for as long as this is open."""
    with translated():
        # On disk: what is in memory otherwise may be as large as the file.
        store.db.conn.execute("PRAGMA temp_store = FILE")
        try:
            for name, columns in _TABLES.items():
                store.db.conn.execute(f"CREATE TEMP TABLE {name} ({columns})")
            yield Stage(store)
        finally:
            store.db.conn.execute("PRAGMA temp_store = MEMORY")  # which drops the tables too


class Stage:
    """Items that have been read."""

    def __init__(self, store: Store) -> None:
        self._store, self._conn = store, store.db.conn
        self._waiting: dict[str, list[tuple[Any, ...]]] = {name: [] for name in _TABLES}
        self._items = self._rows = self._text = 0

    def add(self, item: Item, file: str, annotator: str) -> None:
        """Take an item, whole. Raises WorkbenchError when it cannot be stored; then nothing of it is taken."""
        if any(is_judge(said.annotator or annotator) for said in item.said):
            raise WorkbenchError("A judge said this and no person.", "Have it judge here; only people's are imported.")
        system, turns, digest = checked_prompt(item.system, item.turns)
        texts = [checked_text(text, "The answer") for text in item.answers]
        keys = _answer_keys(digest, item, texts)
        said = [
            _row_of(said, keys, item.key, said.annotator or annotator) for said in item.said if not self._is_here(said)
        ]
        number, at = self._items, now()
        self._items += 1
        if item.said and not said:
            return  # it came from here
        tags, split = to_json(list(item.tags)), split_of_turns(system, turns)
        prompt = (digest, id_of(digest), system, to_json(list(turns)), tags, split, file, at, number)
        self._waiting["stage_prompts"].append(prompt)
        self._waiting["stage_responses"] += [
            (key, id_of(key), digest, text, item.source or file, int(item.queued), at, number)
            for key, text in zip(keys, texts, strict=True)
        ]
        for key, values, shown in said:
            self._waiting["stage_feedback"].append((key, id_of(key), digest, *values, at, number))
            self._waiting["stage_shown"] += [(key, place, answer) for place, answer in enumerate(shown)]
        self._rows += 1
        self._text += sum(map(len, texts)) + len(prompt[3])
        if self._rows >= _MOST_ROWS or self._text >= _MOST_TEXT:
            self._put_down()

    def _is_here(self, said: Said) -> bool:
        """Whether the judgement is one of this project, exported and come back."""
        found = said.key and self._store.rows("SELECT kind, annotator, value FROM feedback WHERE id = ?", [said.key])
        about = {"kind": said.kind, "annotator": said.annotator, "value": to_json(dict(said.value))}
        return bool(found) and found[0] == about

    def news(self) -> tuple[dict[str, int], int]:
        """How many rows of each table would be added, and how many items would add nothing."""
        self._put_down()
        new = {table: self._store.value(f"SELECT COUNT(*) FROM {rows}") for table, rows in _NEW.items()}
        items = " UNION ".join(f"SELECT item FROM {rows}" for rows in _NEW.values())
        return new, self._items - self._store.value(f"SELECT COUNT(*) FROM ({items})")

    def apply(self, stopping: Callable[[], bool]) -> dict[str, int]:
        """Put everything into the store, inside its transaction, and say how many rows were added to each table.

        Raises StopRequested when the person stops; the transaction is for the caller to end.
        """
        self._conn.set_progress_handler(lambda: int(stopping()), _ASKED_EVERY)
        try:
            last = self._store.value("SELECT COALESCE(MAX(seq), 0) FROM feedback")
            added = {table: self._conn.execute(sql).rowcount for table, sql in _INTO.items()}
            self._conn.execute(_SHOWN, [last])
        except dbapi.OperationalError as error:
            if "interrupted" in str(error):
                raise StopRequested from error
            raise
        finally:
            self._conn.set_progress_handler(None, 0)
        return added

    def _put_down(self) -> None:
        with translated():
            self._conn.execute("BEGIN")  # of the temporary tables only
            for name, rows in self._waiting.items():
                if rows:
                    marks = ", ".join("?" * len(rows[0]))
                    self._conn.executemany(f"INSERT OR IGNORE INTO {name} VALUES ({marks})", rows)
                    rows.clear()
            self._conn.execute("COMMIT")
        self._rows = self._text = 0


def _row_of(said: Said, keys: Sequence[str], key: str, who: str) -> tuple[str, tuple[Any, ...], list[str]]:
    """A judgement's key, what is stored of it, and the keys of the answers that it is about."""
    shown = [keys[place] for place in said.shown]
    value = checked_value(said.kind, said.value, len(shown))
    comment = checked_text(said.comment, "The comment")
    more = [part for part in (list(said.reasons), said.key) if part]  # so that what was imported before keeps its key
    said_key = _key("feedback", said.kind, said.value, shown, who, said.comment, key, *more)
    return said_key, (said.kind, value, who, comment, to_json(list(said.reasons))), shown


def _answer_keys(digest: str, item: Item, texts: Sequence[str]) -> list[str]:
    """A key per answer: the same text to the same prompt is one answer, unless one row shows it twice."""
    seen: dict[str, int] = {}
    keys = []
    for text in texts:
        seen[text] = seen.get(text, 0) + 1
        keys.append(_key("response", digest, text, seen[text], item.key))
    return keys


def _key(*parts: Any) -> str:
    listed = [dict(part) if hasattr(part, "items") else part for part in parts]
    return hashlib.sha256(to_json(listed).encode()).hexdigest()
