"""Opening the project file safely: creation, PRAGMAs, checks, and SQLite's errors as sentences.

Durability: WAL with synchronous=FULL, so that a judgement is on disk when its INSERT returns. A new file gets
synchronous=EXTRA *before* journal_mode=WAL: without that, a power cut in the first minute can lose the directory
entry and all rows with it. It is built under another name and moved into place when it is whole, so that an
empty project.db is never ours and is refused instead of being taken for a new project. SQLite before 3.51.3 can
corrupt a WAL database, so it is refused too.

A checkpoint can take a tenth of a second. It is made beside the window while nobody judges (Store.tidy); a COMMIT makes
one only when forty megabytes have gathered.
"""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pysqlite3 import dbapi2

from ..errors import WorkbenchError
from .library import Database
from .rows import new_id
from .schema import APPLICATION_ID, migrations, own_programs

log = logging.getLogger(__name__)
dbapi: Any = dbapi2  # a C module without type information

SAFE_SQLITE = (3, 51, 3)

_CREATION = ("synchronous = EXTRA", "journal_mode = WAL", f"application_id = {APPLICATION_ID}")
_EVERY_TIME = (
    "busy_timeout = 5000",
    "synchronous = FULL",
    "foreign_keys = ON",
    "trusted_schema = OFF",
    "cell_size_check = ON",
    "temp_store = MEMORY",
    "mmap_size = 0",
    "wal_autocheckpoint = 10000",
    "fullfsync = 1",
    "checkpoint_fullfsync = 1",
)


def refuse_unsafe_sqlite() -> None:
    """Raises WorkbenchError when the SQLite in this process can corrupt a WAL database."""
    version = tuple(int(part) for part in dbapi.sqlite_version.split("."))
    if version < SAFE_SQLITE:
        raise WorkbenchError(
            f"SQLite {dbapi.sqlite_version} can damage a project and is not used.",
            "Install pysqlite3 0.6.1 or later: pip install -U pysqlite3.",
        )


def connect(path: Path) -> Database:
    """The project file at `path`, made when there is none, checked but not yet migrated.

    Raises WorkbenchError when it is damaged, not ours, written by a newer version, or cannot be used.
    """
    if not path.exists():
        _create(path)
    with translated(path):
        conn = dbapi.connect(str(path), timeout=5.0)
        try:
            configure(conn)
            check_ours(conn, path)
            return Database(conn, execute_plugins=False)
        except BaseException:
            conn.close()
            raise


def connect_again(path: Path) -> Database:
    """Another connection to a project file that `connect` has checked: reading all of a large one takes seconds."""
    conn = dbapi.connect(f"{path.resolve().as_uri()}?mode=rw", timeout=5.0, uri=True)
    configure(conn)
    return Database(conn, execute_plugins=False)


def configure(conn: Any) -> None:
    """The PRAGMAs that every connection needs."""
    for pragma in _EVERY_TIME:
        conn.execute(f"PRAGMA {pragma}")


def lay_out(conn: Any) -> None:
    """Make the empty database on `conn` a project: durable from its first byte, with every table."""
    for pragma in _CREATION:
        conn.execute(f"PRAGMA {pragma}")
    configure(conn)
    bring_up(Database(conn, execute_plugins=False))


def _create(path: Path) -> None:
    building = path.with_name(f"{path.name}.new-{new_id()[:8]}")
    with translated(path):
        try:
            conn = dbapi.connect(str(building), timeout=5.0)
            try:
                lay_out(conn)
            finally:
                conn.close()
            _move_new(building, path)
        finally:
            for leftover in ("", "-wal", "-shm"):
                building.with_name(building.name + leftover).unlink(missing_ok=True)
    sync_folder(path.parent)


def _move_new(building: Path, path: Path) -> None:
    # A link fails where another process was quicker; a rename would put its rows out of reach.
    try:
        os.link(building, path)
    except FileExistsError:
        log.info("another process created %s first", path)
    except OSError:  # a file system without hard links
        if not path.exists():
            building.rename(path)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut."""
    if os.name == "nt":  # Windows has no directory handles to sync
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def check_ours(conn: Any, path: Path) -> None:
    """Raises WorkbenchError unless `conn` is a whole project file that this version can read."""
    if conn.execute("PRAGMA application_id").fetchone()[0] != APPLICATION_ID:
        raise WorkbenchError(f"{path} is not a Workbench project.", "Choose another folder; this file was not changed.")
    problem = conn.execute("PRAGMA quick_check(1)").fetchone()[0]
    if problem != "ok":
        raise WorkbenchError(
            f"The project file {path} is damaged: {problem}.",
            "It was not changed. Keep a copy and restore a backup.",
        )
    if set(_applied(conn)) - {migration.name for migration in migrations._migrations}:
        raise WorkbenchError(
            f"The project {path.parent} was written by a newer Workbench.",
            "Update the app to open it; nothing changed.",
        )
    _refuse_strange_programs(conn, path)


def _applied(conn: Any) -> list[str]:
    has_table = conn.execute("SELECT 1 FROM sqlite_master WHERE name = '_sqlite_migrations'").fetchone()
    return [row[0] for row in conn.execute("SELECT name FROM _sqlite_migrations")] if has_table else []


def _refuse_strange_programs(conn: Any, path: Path) -> None:
    # A trigger or a view in a stranger's file runs when a person's next judgement is stored.
    sql = "SELECT name, sql FROM sqlite_master WHERE type IN ('trigger', 'view') OR sql LIKE 'CREATE VIRTUAL%'"
    known = own_programs()
    for name, text in conn.execute(sql):
        if text not in known.get(name, ()):
            raise WorkbenchError(
                f"{path} holds a program that is not part of a Workbench project: {name}.",
                "It was not opened. Ask its sender for an export instead, and import that.",
            )


def bring_up(db: Database) -> None:
    """Give a file the tables of this version: in one transaction, so that a file of an older version is brought up as a
    whole or not at all, and a new one waits for the disk once instead of at every step."""
    with db.atomic():
        migrations.apply(db)


def is_behind(db: Database) -> bool:
    """Whether an older version wrote the file, so that it is changed when it is opened."""
    return bool(migrations.pending(db))


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
_WORDS = {
    "SQLITE_FULL": "disk is full",
    "SQLITE_BUSY": "database is locked",
    "SQLITE_READONLY": "readonly database",
    "SQLITE_CANTOPEN": "unable to open",
    "SQLITE_IOERR": "disk I/O error",
    "SQLITE_CORRUPT": "malformed",
    "SQLITE_NOTADB": "not a database",
}


@contextlib.contextmanager
def translated(path: Path | None = None) -> Iterator[None]:
    """Turn SQLite errors with a cause outside the app into WorkbenchError; bugs pass through unchanged."""
    try:
        yield
    except (dbapi.Error, OSError) as error:
        cause = _cause(error)
        if cause is None:
            raise
        text, hint = _CAUSES[cause]
        log.exception("store error %s", cause)
        raise WorkbenchError(f"{text[:-1]}: {path}." if path else text, hint) from error


def _cause(error: Exception) -> str | None:
    if isinstance(error, OSError):
        return {28: "SQLITE_FULL", 30: "SQLITE_READONLY", 13: "SQLITE_READONLY"}.get(error.errno or 0)
    # pysqlite3 on Python 3.11 does not always carry sqlite_errorname.
    name = getattr(error, "sqlite_errorname", "") or ""
    return next((cause for cause in _CAUSES if name.startswith(cause) or _WORDS[cause] in str(error)), None)
