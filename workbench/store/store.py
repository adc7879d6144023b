"""One project = one folder: `project.db`, `runs/`, `models/`, `backups/`. Opens it and hands out its parts."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from . import backups
from .connecting import (
    SAFE_SQLITE,
    bring_up,
    connect,
    connect_again,
    dbapi,
    is_behind,
    refuse_unsafe_sqlite,
    translated,
)
from .documents import DocumentRows
from .features import FeatureRows
from .feedback import FeedbackRows
from .filling import FillingRows
from .guidelines import GuidelineRows
from .judges import JudgeRows
from .library import Database
from .models import ModelRows
from .prompts import PromptRows, ResponseRows
from .rows import now, to_json, well_formed
from .runs import RunRows

__all__ = ["DATABASE", "SAFE_SQLITE", "Store", "dbapi", "refuse_unsafe_sqlite", "translated"]

DATABASE = "project.db"

Listener = Callable[[str, object], None]


class Store:
    """A project's evidence. One Store per thread; they share the file, not the connection."""

    def __init__(self, folder: Path, db: Database) -> None:
        self.folder = folder
        self.db = db
        self.is_open = True
        self._listeners: list[Listener] = []
        self._told: list[tuple[str, object]] = []
        self.models = ModelRows(self)
        self.prompts = PromptRows(self)
        self.responses = ResponseRows(self)
        self.feedback = FeedbackRows(self)
        self.guidelines = GuidelineRows(self)
        self.runs = RunRows(self)
        self.features = FeatureRows(self)
        self.judges = JudgeRows(self)
        self.documents = DocumentRows(self)
        self.fillings = FillingRows(self)

    @classmethod
    def open(cls, folder: Path | str) -> Store:
        """Open the project in `folder`, making it when there is none.

        Raises WorkbenchError when the folder cannot be used, the file is damaged or not ours, or it was
        written by a newer version of the app.
        """
        folder = Path(folder).expanduser().resolve()
        refuse_unsafe_sqlite()
        _make_folders(folder)
        db = connect(folder / DATABASE)
        try:
            # Only now: a folder that holds somebody else's project.db is left as it is.
            _make_folders(folder / "runs", folder / "models")
            if is_behind(db):
                backups.copy(db.conn, folder)
                with translated(folder / DATABASE):
                    bring_up(db)
        except BaseException:
            db.close()
            raise
        return cls(folder, db)

    @classmethod
    def beside(cls, folder: Path | str) -> Store:
        """Another connection to a project that this process has open, for another thread: checked once is enough."""
        folder = Path(folder).expanduser().resolve()
        with translated(folder / DATABASE):
            return cls(folder, connect_again(folder / DATABASE))

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
        """One write transaction; inside another one, a part of it that is undone alone when it raises.

        BEGIN IMMEDIATE, so that two writers wait for each other instead of failing late. Listeners hear of the
        changes after the outermost COMMIT, each table once, and never of changes that were rolled back.
        """
        if self.db.conn.in_transaction:
            with self._part():
                yield self.db
            return
        with translated():
            self.db.conn.execute("BEGIN IMMEDIATE")
            try:
                yield self.db
                self.db.conn.execute("COMMIT")
            except BaseException:
                self._told.clear()
                self.db.conn.rollback()
                raise
        told, self._told = {(table, id(by)): (table, by) for table, by in self._told}, []
        for table, by in told.values():
            self._tell(table, by)

    @contextlib.contextmanager
    def _part(self) -> Iterator[None]:
        conn, told = self.db.conn, len(self._told)
        conn.execute("SAVEPOINT part")
        try:
            yield
        except BaseException:
            del self._told[told:]
            if conn.in_transaction:  # a full disk has rolled everything back already
                conn.execute("ROLLBACK TO part")
                conn.execute("RELEASE part")
            raise
        conn.execute("RELEASE part")

    @contextlib.contextmanager
    def reading(self) -> Iterator[Database]:
        """One read transaction: all its queries see the same moment, whoever writes meanwhile."""
        with translated():
            self.db.conn.execute("BEGIN")
            try:
                yield self.db
            finally:
                self.db.conn.rollback()

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
        """Tell every listener that rows of `table` changed and who did it, once the change is on disk."""
        if self.db.conn.in_transaction:
            self._told.append((table, by))
        else:
            self._tell(table, by)

    def _tell(self, table: str, by: object) -> None:
        for listener in list(self._listeners):
            listener(table, by)

    def tidy(self) -> None:
        """Move what was written lately into the project file (a passive checkpoint): waits for nobody, holds up nobody.

        For a thread beside the window: it takes as long as the disk does.
        """
        self.rows("PRAGMA wal_checkpoint(PASSIVE)")

    def setting(self, key: str, default: Any = None) -> Any:
        """A project setting (conversion rules, a rubric, ...), kept as JSON."""
        text = self.value("SELECT value FROM project WHERE key = ?", [well_formed(key)])
        return default if text is None else json.loads(text)

    def set_setting(self, key: str, value: Any) -> None:
        """Keep a project setting."""
        with self.writing() as db:
            db.execute(
                """INSERT INTO project(key, value, changed_at) VALUES (?, ?, ?) ON CONFLICT(key)
                DO UPDATE SET value = excluded.value, changed_at = excluded.changed_at""",
                [well_formed(key), to_json(value), now()],
            )

    def draft(self, key: str) -> str:
        """Unsent text kept under `key`, or ""."""
        return self.value("SELECT text FROM drafts WHERE key = ?", [well_formed(key)]) or ""

    def set_draft(self, key: str, text: str) -> None:
        """Keep unsent text; an empty text forgets it."""
        with self.writing() as db:
            if text:
                db.execute(
                    "INSERT INTO drafts(key, text, updated_at) VALUES (?, ?, ?) ON CONFLICT(key) "
                    "DO UPDATE SET text = excluded.text, updated_at = excluded.updated_at",
                    [well_formed(key), well_formed(text), now()],
                )
            else:
                db.execute("DELETE FROM drafts WHERE key = ?", [well_formed(key)])

    def close(self) -> None:
        """Close the connection. The store cannot be used afterwards."""
        self.is_open = False
        self.db.close()


def _make_folders(*folders: Path) -> None:
    for folder in folders:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise WorkbenchError(
                f"The project folder {folder} cannot be used: {error.strerror}.", "Choose a folder you can write to."
            ) from error
