"""Rows of an exported project into a store: into an empty one they make the same project, into another they merge.

Ids are globally unique, so a known id is the same row. A prompt, an imported answer or an imported judgement that
both projects have under different ids is one row, under the smaller id; what points to it follows. Two versions of a
row become one by the rules in joining.py. So it does not matter which project is merged into which, in what order,
or how often.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import psutil

from ...errors import WorkbenchError
from ...feedback import ASIDE, KINDS
from ..connecting import dbapi
from ..documents import document_id, text_hash
from ..prompts import checked_text, prompt_hash
from ..rows import to_json
from .joining import join
from .project import GOING, TABLES, TableRow, make_portable
from .renaming import TEXTS, rename, reworded

if TYPE_CHECKING:
    from ..store import Store

_POINTERS = (
    *("prompt_id", "feedback_id", "model_id", "adapter_id", "parent_id", "reward_id", "result_id", "run_id"),
    *("guideline_id", "repeat_of", "response_id", "other_id", "verdict_id"),
)
_MISFITS = (KeyError, TypeError, ValueError, AttributeError, OverflowError)
_REFUSALS = (dbapi.IntegrityError, dbapi.ProgrammingError, dbapi.InterfaceError)  # what SQLite will not store
_KEYS = {
    "project": ("key",),
    "run_feedback": ("run_id", "feedback_id"),
    "run_warnings": ("run_id", "topic"),
    "judge_verdicts": ("judge_id", "response_id", "other_id"),
    "run_verdicts": ("run_id", "verdict_id"),
    "fillings": ("prompt_id",),
}
_CONTENT = {"prompts": "hash", "responses": "import_key", "feedback": "import_key"}
"""What else tells a row, besides its id."""


class Merging:
    """One import of one exported project, inside the importer's transaction."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._known_as: dict[str, str] = {}
        """Ids in the file whose rows have another id here."""
        self._renamed: dict[str, str] = {}
        """Ids here that give way to a smaller one in the file."""
        self._begun = False
        self._late: list[TableRow] = []
        """Rows whose JSON speaks of others: compared when it is known what those are called."""
        self._columns: dict[str, set[str]] = {}
        self._samples: Counter[bytes] = Counter()
        self._takers: dict[str, Callable[[dict[str, Any]], None]] = {
            "metrics": self._take_curve,
            "run_samples": self._take_sample,
        }
        self.changed = 0
        """Rows that were here and of which the file knew more."""
        self.already_there = 0
        """Rows of which nothing was new."""

    def take(self, row: TableRow) -> None:
        """Add the row, or what it says beyond the one that is here. Raises WorkbenchError when it is no row."""
        if not self._begun:
            self._begun = True
            # Models point to runs and runs to models, so neither can come first.
            self._store.db.execute("PRAGMA defer_foreign_keys = ON")
        if row.table in TEXTS:
            self._late.append(row)
        else:
            self._take_row(row, dict(row.values))

    def _take_row(self, row: TableRow, values: dict[str, Any]) -> None:
        changes = self._store.db.conn.total_changes
        try:
            shown = [self._here(id_) for id_ in values.pop("shown")] if row.table == "feedback" else []
            self._check_columns(row.table, values)
            for pointer in _POINTERS:
                if values.get(pointer):
                    values[pointer] = self._here(values[pointer])
            if row.table in self._takers:
                self._takers[row.table](values)
            else:
                self._take(row.table, values, shown)
        except (*_MISFITS, *_REFUSALS) as error:
            raise WorkbenchError(
                f"Line {row.row} is not a row of {row.table}: {error}.",
                "Export the project again; nothing was imported.",
            ) from error
        self.already_there += self._store.db.conn.total_changes == changes

    def finish(self) -> None:
        """Give rows the ids that they have from now on. Raises WorkbenchError when a row points to none."""
        fits = True
        ids = self._renamed | {theirs: self._renamed.get(here, here) for theirs, here in self._known_as.items()}
        if ids:
            try:
                rename(self._store, self._renamed, ids)
            except dbapi.IntegrityError:
                fits = False
        for row in self._late if fits else ():
            said = {name: json.loads(reworded(to_json(row.values[name]), ids)) for name in TABLES[row.table]
                    if name in row.values}  # fmt: skip
            self._take_row(row, {**row.values, **said})
        if self._begun and (not fits or self._store.rows("PRAGMA foreign_key_check")):
            raise WorkbenchError(
                "The file points to rows that it does not hold.", "Export the project again; nothing was imported."
            )

    def _take(self, table: str, values: dict[str, Any], shown: list[str]) -> None:
        if table in _PREPARED:
            _PREPARED[table](values, len(shown))
        here = self._find(table, values)
        if here is not None:
            self._meet(table, here, values)
            return
        self._insert(table, _stored(table, values))
        for position, response_id in enumerate(shown):
            self._store.db.execute("INSERT INTO shown VALUES (?, ?, ?)", [values["id"], position, response_id])

    def _insert(self, table: str, values: Mapping[str, Any]) -> None:
        names, marks = ", ".join(values), ", ".join("?" * len(values))
        self._store.db.execute(f"INSERT INTO {table}({names}) VALUES ({marks})", list(values.values()))

    def _find(self, table: str, values: Mapping[str, Any]) -> dict[str, Any] | None:
        keys = [(_CONTENT[table],)] if values.get(_CONTENT.get(table, "")) else []
        for columns in [*keys, _KEYS.get(table, ("id",))]:
            where = " AND ".join(f"{column} = ?" for column in columns)
            found = self._store.rows(f"SELECT * FROM {table} WHERE {where}", [values[column] for column in columns])
            if found:
                return found[0]
        return None

    def _meet(self, table: str, here: dict[str, Any], there: dict[str, Any]) -> None:
        """Make one row of the one that is here and the one in the file."""
        where = {column: here[column] for column in _KEYS.get(table, ("id",))}
        if here.get("id") != there.get("id"):
            self._known_as[there["id"]] = here["id"]
            first = self._renamed.get(here["id"], here["id"])
            if there["id"] < first:
                self._renamed[here["id"]] = there["id"]
        if table == "runs" and _goes_on(here, there):
            return
        raw = {name: here[name] for name in self._columns[table] - {"id"}}
        ours = raw | {name: json.loads(raw[name]) for name in TABLES[table]}
        if table == "runs":
            make_portable(ours)
        joined = join(table, ours, {name: there.get(name, value) for name, value in ours.items()})
        if joined != ours:
            self._update(table, where, raw, _stored(table, joined))

    def _update(self, table: str, where: Mapping[str, Any], before: Mapping[str, Any], now: Mapping[str, Any]) -> None:
        changes = {name: value for name, value in now.items() if value != before[name]}
        sets, which = ", ".join(f"{name} = ?" for name in changes), " AND ".join(f"{name} = ?" for name in where)
        self._store.db.execute(f"UPDATE {table} SET {sets} WHERE {which}", [*changes.values(), *where.values()])
        self.changed += 1

    def _take_curve(self, values: dict[str, Any]) -> None:
        """Every step of both; where both have another number, the greater."""
        points = [(values["run_id"], values["name"], step, number) for step, number in values["points"]]
        self._store.db.conn.executemany(
            """INSERT INTO metrics(run_id, name, step, value) VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE
            SET value = excluded.value WHERE excluded.value > value OR value IS NULL AND excluded.value IS NOT NULL""",
            points,
        )

    def _take_sample(self, values: dict[str, Any]) -> None:
        """Samples have no ids: one that stands n times in the file stands here n times at least."""
        row = _stored("run_samples", {"prompt_id": "", "scores": {}} | values)
        digest = hashlib.sha256(to_json(row).encode()).digest()
        self._samples[digest] += 1
        where = " AND ".join(f"{name} = ?" for name in row)
        found = self._store.value(f"SELECT COUNT(*) FROM run_samples WHERE {where}", list(row.values()))
        if found < self._samples[digest]:
            self._insert("run_samples", row)

    def _here(self, id_: str) -> str:
        return self._known_as.get(id_, id_)

    def _check_columns(self, table: str, values: Mapping[str, Any]) -> None:
        if table not in self._columns:
            rows = self._store.rows(f"SELECT name FROM pragma_table_info('{table}')")
            self._columns[table] = {row["name"] for row in rows} - {"seq"}
        known = {"run_id", "name", "points"} if table == "metrics" else self._columns[table]
        if strange := set(values) - known:
            raise ValueError(f"it has {', '.join(sorted(strange))}")


def _stored(table: str, values: Mapping[str, Any]) -> dict[str, Any]:
    """The row with its JSON as text."""
    return {name: to_json(value) if name in TABLES[table] else value for name, value in values.items()}


def _goes_on(here: Mapping[str, Any], there: Mapping[str, Any]) -> bool:
    """Whether a process is at work on the run here. How that ends will be written here; then projects can agree."""
    at_work = here["status"] in GOING and here["pid"] and psutil.pid_exists(here["pid"])
    return bool(at_work) and there["status"] != "finished"


def _prepare_prompt(values: dict[str, Any], shown: int) -> None:
    turns = [{"role": turn["role"], "content": checked_text(turn["content"], "The prompt")} for turn in values["turns"]]
    if not turns or not all(isinstance(turn["role"], str) for turn in turns):
        raise ValueError("it has no turns")
    # The hash is what tells prompts apart, so it is computed here and not believed.
    values |= {"turns": turns, "hash": prompt_hash(values.get("system", ""), turns)}


def _prepare_response(values: dict[str, Any], shown: int) -> None:
    values["text"] = checked_text(values["text"], "The answer")


def _prepare_document(values: dict[str, Any], shown: int) -> None:
    values["text"] = checked_text(values["text"], "The document")
    values["hash"] = text_hash(values["text"])
    if values["id"] != document_id(values["hash"]):
        raise ValueError("its id is not that of its text")


def _prepare_feedback(values: dict[str, Any], shown: int) -> None:
    kind = values["kind"]
    values["value"] = dict(values["value"]) if kind in ASIDE else KINDS[kind].check(values["value"], shown)
    values.setdefault("renamed_at", None)  # no renaming, and not as it is here, in a file of an older version
    values["comment"] = checked_text(values.get("comment", ""), "The comment")


def _prepare_verdict(values: dict[str, Any], shown: int) -> None:
    kind, text = values["kind"], values["value"]
    if kind not in ("rating", "comparison"):
        raise ValueError(f"a judge makes no {kind}")
    checked = text and KINDS[kind].check(json.loads(text), 1 if kind == "rating" else 2)
    values["value"] = to_json(checked) if checked else ""


_PREPARED: dict[str, Callable[[dict[str, Any], int], None]] = {
    "project": lambda values, shown: values.setdefault("changed_at", ""),
    "runs": lambda values, shown: make_portable(values),
    "prompts": _prepare_prompt,
    "responses": _prepare_response,
    "feedback": _prepare_feedback,
    "judge_verdicts": _prepare_verdict,
    "documents": _prepare_document,
}
