"""Another id for rows that turned out to be the same as rows of another project."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from .project import TABLES

if TYPE_CHECKING:
    from ..store import Store

_POINTERS = ("prompt_id", "response_id", "feedback_id", "repeat_of", "other_id", "verdict_id")
_NAMED = ("prompts", "responses", "feedback", "judge_verdicts", "search")
TEXTS = ("project", "models", "runs")
"""Whose JSON may speak of rows: what was done to many at once, saved filters, what a run was told."""


def rename(store: Store, ids: Mapping[str, str], everywhere: Mapping[str, str]) -> None:
    """Give the rows called by the keys of `ids` new ids, in every column; `everywhere` also in JSON.

    Inside a transaction with deferred foreign keys. Raises IntegrityError when a new id is another row's.
    """
    store.db.execute("CREATE TEMP TABLE renamed (old TEXT PRIMARY KEY, new TEXT) WITHOUT ROWID")
    try:
        store.db.conn.executemany("INSERT INTO renamed VALUES (?, ?)", list(ids.items()))
        for table, column in _places(store) if ids else ():
            store.db.execute(
                f"""UPDATE {table} SET {column} = (SELECT new FROM renamed WHERE old = {column})
                WHERE {column} IN (SELECT old FROM renamed)"""
            )
    finally:
        store.db.execute("DROP TABLE renamed")
    _rewrite(store, everywhere)


def _places(store: Store) -> list[tuple[str, str]]:
    """Every column that names a prompt, an answer or a judgement."""
    sql = """SELECT m.name AS t, c.name AS c FROM sqlite_schema m, pragma_table_info(m.name) c WHERE m.type = 'table'"""
    pairs = [(row["t"], row["c"]) for row in store.rows(sql)]
    return [(table, name) for table, name in pairs if name in _POINTERS or (name == "id" and table in _NAMED)]


def reworded(text: str, ids: Mapping[str, str]) -> str:
    """A text with the new id in the place of each old one."""
    return re.sub(r"\w+", lambda word: ids.get(word[0], word[0]), text)


def _rewrite(store: Store, ids: Mapping[str, str]) -> None:
    for table in TEXTS:
        for column in TABLES[table]:
            rows = store.rows(f"SELECT rowid AS place, {column} AS said FROM {table}")
            said = [(reworded(row["said"], ids), row) for row in rows]
            changed = [(text, row["place"]) for text, row in said if text != row["said"]]
            store.db.conn.executemany(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", changed)
