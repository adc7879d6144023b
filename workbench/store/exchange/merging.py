"""Rows of an exported project into a store: into an empty one they make the same project, into another they merge.

Ids are globally unique, so a known id is the same row and stays as it is here. A prompt or an imported answer that
both projects have under different ids is one row; what points to it follows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from ...errors import WorkbenchError
from ...feedback import ASIDE, KINDS
from ..connecting import dbapi
from ..prompts import checked_text, prompt_hash
from ..rows import to_json
from .project import TABLES, TableRow

if TYPE_CHECKING:
    from ..store import Store

_POINTERS = (
    *("prompt_id", "feedback_id", "model_id", "adapter_id", "parent_id", "reward_id", "result_id", "run_id"),
    *("guideline_id", "repeat_of"),
)
_MISFITS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_REFUSALS = (dbapi.IntegrityError, dbapi.ProgrammingError, dbapi.InterfaceError)  # what SQLite will not store
_KEYS = {"project": "key", "prompts": "hash", "responses": "import_key", "feedback": "import_key"}


class Merging:
    """One import of one exported project, inside the importer's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known_as: dict[str, str] = {}
        self._columns: dict[str, set[str]] = {}
        self._unusual: dict[str, Callable[[dict[str, Any]], None]] = {
            "prompts": _prepare_prompt,
            "responses": _prepare_response,
            "runs": _prepare_run,
        }

    def take(self, row: TableRow) -> None:
        """Add the row unless it is there. Raises WorkbenchError when it is no row of its table."""
        if not self._columns:
            # Models point to runs and runs to models, so neither can come first.
            self._store.db.execute("PRAGMA defer_foreign_keys = ON")
        try:
            self._insert(row.table, dict(row.values))
        except (*_MISFITS, *_REFUSALS) as error:
            raise WorkbenchError(
                f"Line {row.row} is not a row of {row.table}: {error}.",
                "Export the project again; nothing was imported.",
            ) from error

    def finish(self) -> None:
        """Raises WorkbenchError when a row points to one that is not there."""
        if self._columns and self._store.rows("PRAGMA foreign_key_check"):
            raise WorkbenchError(
                "The file points to rows that it does not hold.", "Export the project again; nothing was imported."
            )

    def _insert(self, table: str, values: dict[str, Any]) -> None:
        shown = [self._here(id_) for id_ in values.pop("shown")] if table == "feedback" else []
        self._check_columns(table, values)
        for pointer in _POINTERS:
            if values.get(pointer):
                values[pointer] = self._here(values[pointer])
        if table == "feedback":
            values["value"] = _checked_value(values, len(shown))
            values["comment"] = checked_text(values.get("comment", ""), "The comment")
        self._unusual.get(table, lambda _: None)(values)
        if self._is_here(table, values):
            return
        for column in TABLES[table]:
            if column in values:
                values[column] = to_json(values[column])
        names = ", ".join(values)
        marks = ", ".join("?" * len(values))
        self._store.db.execute(f"INSERT INTO {table}({names}) VALUES ({marks})", list(values.values()))
        for position, response_id in enumerate(shown):
            self._store.db.execute("INSERT INTO shown VALUES (?, ?, ?)", [values["id"], position, response_id])

    def _here(self, id_: str) -> str:
        return self._known_as.get(id_, id_)

    def _check_columns(self, table: str, values: dict[str, Any]) -> None:
        if table not in self._columns:
            rows = self._store.rows(f"SELECT name FROM pragma_table_info('{table}')")
            self._columns[table] = {row["name"] for row in rows} - {"seq"}
        if strange := set(values) - self._columns[table]:
            raise ValueError(f"it has {', '.join(sorted(strange))}")

    def _is_here(self, table: str, values: dict[str, Any]) -> bool:
        if table == "run_feedback":
            sql = "SELECT 1 FROM run_feedback WHERE run_id = ? AND feedback_id = ?"
            return bool(self._store.rows(sql, [values["run_id"], values["feedback_id"]]))
        name = _KEYS.get(table, "id")
        found = self._store.rows(f"SELECT * FROM {table} WHERE {name} = ?", [values.get(name)])
        if not found and "id" in values:
            found = self._store.rows(f"SELECT * FROM {table} WHERE id = ?", [values["id"]])
        if found and "id" in values:
            self._known_as[values["id"]] = found[0]["id"]
        return bool(found)


def _prepare_prompt(values: dict[str, Any]) -> None:
    turns = [{"role": turn["role"], "content": checked_text(turn["content"], "The prompt")} for turn in values["turns"]]
    if not turns or not all(isinstance(turn["role"], str) for turn in turns):
        raise ValueError("it has no turns")
    # The hash is what tells prompts apart, so it is computed here and not believed.
    values |= {"turns": turns, "hash": prompt_hash(values.get("system", ""), turns)}


def _prepare_response(values: dict[str, Any]) -> None:
    values["text"] = checked_text(values["text"], "The answer")


def _prepare_run(values: dict[str, Any]) -> None:
    if values.get("status") in ("waiting", "running"):  # on another computer; here it will never end
        values["status"] = "interrupted"


def _checked_value(values: dict[str, Any], shown: int) -> dict[str, Any]:
    kind = values["kind"]
    return dict(values["value"]) if kind in ASIDE else KINDS[kind].check(values["value"], shown)
