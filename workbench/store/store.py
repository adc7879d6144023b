"""One project = one folder: `project.db`, `runs/`, `models/`. This file opens it safely and hands out its parts.

Durability: WAL with synchronous=FULL, so that a judgement is on disk when its INSERT returns. A new file gets
synchronous=EXTRA *before* journal_mode=WAL: without that, a power cut in the first minute can lose the directory
entry and all rows with it. SQLite before 3.51.3 can corrupt a WAL database, so it is refused.
"""

from __future__ import annotations

import contextlib
import json
import logging
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2
from sqlite_utils import Database

from ..errors import WorkbenchError
from .feedback import FeedbackRows
from .models import ModelRows
from .prompts import PromptRows, ResponseRows
from .rows import now, well_formed
from .runs import RunRows
from .schema import APPLICATION_ID, migrations

log = logging.getLogger(__name__)
dbapi: Any = dbapi2  # a C module without type information

SAFE_SQLITE = (3, 51, 3)
DATABASE = "project.db"

Listener = Callable[[str, object], None]


class Store:
    """A project's evidence. One Store per thread; they share the file, not the connection."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder = folder
        self.db = db
        self._listeners: list[Listener] = []
        self.models = ModelRows(self)
        self.prompts = PromptRows(self)
        self.responses = ResponseRows(self)
        self.feedback = FeedbackRows(self)
        self.runs = RunRows(self)

    @classmethod
    def open(cls, folder: Path | str) -> Store:
        """Open the project in `folder`, making it when there is none.

        Raises WorkbenchError when the folder cannot be used, the file is damaged or not ours, or it was
        written by a newer version of the app.
        """
        folder = Path(folder).expanduser().resolve()
        refuse_unsafe_sqlite()
        try:
            for part in (folder, folder / "runs", folder / "models"):
                part.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkbenchError(
                f"The project folder {folder} cannot be used: {error.strerror}.", "Choose a folder you can write to."
            ) from error
        return cls(folder, _connect(folder / DATABASE))

    @property
    def runs_folder(self) -> Path:
        """Where each run keeps its log, its frozen data and its checkpoints."""
        return self.folder / "runs"

    @property
    def models_folder(self) -> Path:
        """Where this project's own models lie."""
        return self.folder / "models"

    @contextlib.contextmanager
    def writing(self) -> Iterator[Database]:
        """One write transaction. BEGIN IMMEDIATE, so that two writers wait for each other instead of failing late."""
        if self.db.conn.in_transaction:
            yield self.db
            return
        with translated():
            self.db.conn.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
            except BaseException:
                self.db.rollback()
                raise
            self.db.conn.execute("COMMIT")

    def rows(self, sql: str, params: Any = ()) -> list[dict[str, Any]]:
        """The rows of a query, as dicts."""
        with translated():
            return list(self.db.query(sql, params))

    def value(self, sql: str, params: Any = ()) -> Any:
        """The first column of the first row, or None."""
        with translated():
            row = self.db.execute(sql, params).fetchone()
        return row[0] if row else None

    def listen(self, listener: Listener) -> None:
        """Call `listener(table, by)` after each change made through this Store object."""
        self._listeners.append(listener)

    def unlisten(self, listener: Listener) -> None:
        """Stop calling `listener`."""
        self._listeners.remove(listener)

    def changed(self, table: str, by: object = None) -> None:
        """Tell every listener that rows of `table` changed, and who did it."""
        for listener in list(self._listeners):
            listener(table, by)

    def setting(self, key: str, default: Any = None) -> Any:
        """A project setting (guidelines, conversion rules, ...), kept as JSON."""
        text = self.value("SELECT value FROM project WHERE key = ?", [key])
        return default if text is None else json.loads(text)

    def set_setting(self, key: str, value: Any) -> None:
        """Keep a project setting."""
        with self.writing() as db:
            db.execute(
                "INSERT INTO project(key, value) VALUES (?, ?) ON CONFLICT(key) DO UPDATE SET value = excluded.value",
                [key, json.dumps(value, ensure_ascii=False)],
            )

    def draft(self, key: str) -> str:
        """Unsent text kept under `key`, or ""."""
        return self.value("SELECT text FROM drafts WHERE key = ?", [key]) or ""

    def set_draft(self, key: str, text: str) -> None:
        """Keep unsent text; an empty text forgets it."""
        with self.writing() as db:
            if text:
                db.execute(
                    "INSERT INTO drafts(key, text, updated_at) VALUES (?, ?, ?) ON CONFLICT(key) "
                    "DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at",
                    [key, well_formed(text), now()],
                )
            else:
                db.execute("DELETE FROM drafts WHERE key = ?", [key])

    def close(self) -> None:
        """Close the connection. The store cannot be used afterwards."""
        self.db.close()


def refuse_unsafe_sqlite() -> None:
    """Raises WorkbenchError when the SQLite in this process can corrupt a WAL database."""
    version = tuple(int(part) for part in dbapi.sqlite_version.split("."))
    if version < SAFE_SQLITE:
        raise WorkbenchError(
            f"SQLite {dbapi.sqlite_version} can damage a project and is not used.",
            "Install pysqlite3 0.6.1 or later: pip install -U pysqlite3.",
        )


def _connect(path: Path) -> Database:
    fresh = not path.exists() or path.stat().st_size == 0
    with translated(path):
        conn = dbapi.connect(str(path), timeout=5.0)
        try:
            if fresh:
                conn.execute("PRAGMA synchronous = EXTRA")
                conn.execute("PRAGMA journal_mode = WAL")
                conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
                _sync_folder(path.parent)
            _configure(conn)
            _check_ours(conn, path)
            db = Database(conn, execute_plugins=False)
            migrations.apply(db)
            return db
        except BaseException:
            conn.close()
            raise


def _configure(conn: Any) -> None:
    for pragma in (
        "busy_timeout = 5000",
        "synchronous = FULL",
        "foreign_keys = ON",
        "trusted_schema = OFF",
        "cell_size_check = ON",
        "temp_store = MEMORY",
        "mmap_size = 0",
        "fullfsync = 1",
        "checkpoint_fullfsync = 1",
    ):
        conn.execute(f"PRAGMA {pragma}")


def _check_ours(conn: Any, path: Path) -> None:
    if conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise WorkbenchError(f"{path} is not a Workbench project.", "Choose another folder; this file was not changed.")
    problem = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise WorkbenchError(
            f"The project file {path} is damaged: {problem}.",
            "It was not changed. Keep a copy and restore a backup.",
        )
    known = {migration.name for migration in migrations._migrations}
    has_table = conn.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone()
    applied = {row[0] for row in conn.execute("SELECT name FROM _sqlite_migrations")} if has_table else set()
    if applied - known:
        raise WorkbenchError(
            f"The project {path.parent} was written by a newer Workbench.",
            "Update the app to open it; nothing changed.",
        )


def _sync_folder(folder: Path) -> None:
    if os.name == "nt":  # Windows has no directory handles to sync
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


_CAUSES = {
    "SQLITE_FULL": ("The disk is full.", "Free some space and try again; nothing that was saved is lost."),
    "SQLITE_BUSY": ("Another Workbench is writing to this project.", "Wait a moment and try again."),
    "SQLITE_READONLY": ("The project is read-only.", "Check the folder's permissions, or copy the project elsewhere."),
    "SQLITE_CANTOPEN": (
        "The project file cannot be opened.",
        "Check that the folder exists and that you may write to it.",
    ),
    "SQLITE_IOERR": ("The disk reported an error.", "Check the disk; nothing that was saved before is lost."),
    "SQLITE_CORRUPT": ("The project file is damaged.", "It was not changed. Keep a copy and restore a backup."),
    "SQLITE_NOTADB": ("The project file is not a database.", "It was not changed. Choose another folder."),
}


@contextlib.contextmanager
def translated(path: Path | None = None) -> Iterator[None]:
    """Turn SQLite errors with a cause outside the app into WorkbenchError; bugs pass through unchanged."""
    try:
        yield
    except dbapi.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        for prefix, (text, hint) in _CAUSES.items():
            if name.startswith(prefix) or _reads_like(prefix, str(error)):
                log.exception("store error %s", name)
                raise WorkbenchError(f"{text[:-1]}: {path}." if path else text, hint) from error
        raise


def _reads_like(prefix: str, message: str) -> bool:
    # pysqlite3 on Python 3.11 does not always carry sqlite_errorname.
    words = {
        "SQLITE_FULL": "disk is full",
        "SQLITE_BUSY": "database is locked",
        "SQLITE_READONLY": "readonly database",
        "SQLITE_CANTOPEN": "unable to open",
        "SQLITE_IOERR": "disk I/O error",
        "SQLITE_CORRUPT": "malformed",
        "SQLITE_NOTADB": "not a database",
    }
    return words[prefix] in message
