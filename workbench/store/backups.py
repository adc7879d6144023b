"""Verified copies of the project file in <project>/backups, thinned with age, and the way back.

A copy is made by SQLite's backup API, because copying a live file byte by byte drops its locks. Kept are all of the
last two days, then one a day for 12 days, one a week for 10 weeks and one a month for 9 months.
"""

from __future__ import annotations

import contextlib
import logging
import os
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from .connecting import check_ours, dbapi, sync_folder, translated
from .rows import new_id

if TYPE_CHECKING:
    from .store import Store

log = logging.getLogger(__name__)

FOLDER = "backups"
KEEP_ALL = timedelta(days=2)
KEEP_DAYS, KEEP_WEEKS, KEEP_MONTHS = 12, 10, 9

_STAMP = "%Y-%m-%dT%H-%M-%S-%f"

# Everything that a person can change leaves a trace in one of these figures; metrics follow their run's step.
_FINGERPRINT = """SELECT json_array(
    (SELECT json_array(MAX(seq), COUNT(*), COUNT(retracted_at), MAX(retracted_at)) FROM feedback),
    (SELECT json_array(COUNT(*), MAX(rowid)) FROM prompts),
    (SELECT json_array(COUNT(*), MAX(rowid), SUM(queued)) FROM responses),
    (SELECT json_group_array(json_array(id, name, removed_at)) FROM models),
    (SELECT json_group_array(json_array(id, name, status, step, result_id)) FROM runs),
    (SELECT json_group_array(json_array(key, value)) FROM project),
    (SELECT json_array(COUNT(*), MAX(created_at)) FROM guidelines),
    (SELECT json_group_array(json_array(key, text)) FROM drafts))"""


@dataclass(frozen=True)
class Backup:
    """A copy of a project file and the moment it was made, in UTC."""

    path: Path
    moment: datetime
    size_bytes: int


def back_up(store: Store) -> Backup:
    """Copy the project now, check the copy, and drop copies that are no longer needed."""
    return copy(store.db.conn, store.folder)


def back_up_if_changed(store: Store) -> Backup | None:
    """Copy the project unless its newest copy holds the same; None then. For closing a project."""
    newest = next(iter(all_of(store.folder)), None)
    if newest and _fingerprint(store.db.conn) == _fingerprint_of(newest.path):
        return None
    return back_up(store)


def copy(conn: Any, folder: Path, moment: datetime | None = None) -> Backup:
    """Copy the database on `conn` into `folder`/backups. Raises WorkbenchError when the copy is not whole."""
    place = folder / FOLDER
    moment = moment or datetime.now(UTC)
    path = place / f"{moment.strftime(_STAMP)}.db"
    making = place / f"{new_id()}.part"
    with translated(path):
        try:
            place.mkdir(parents=True, exist_ok=True)
            _copy_database(conn, making)
            _verify(making)
            os.replace(making, path)
            sync_folder(place)
        finally:
            making.unlink(missing_ok=True)
    thin(folder, moment)
    return Backup(path, moment, path.stat().st_size)


def _copy_database(conn: Any, path: Path) -> None:
    target = dbapi.connect(str(path))
    try:
        target.execute("PRAGMA synchronous = FULL")
        conn.backup(target)
        _drop_cache(target)
        # One file without a -wal beside it, so that a person can move it.
        target.execute("PRAGMA journal_mode = DELETE")
    finally:
        target.close()


def _drop_cache(target: Any) -> None:
    # Vectors of answers are most of a project's bytes and none of its evidence: they can be read again.
    has_cache = target.execute("SELECT 1 FROM sqlite_master WHERE name = 'features'").fetchone()
    if has_cache and target.execute("SELECT 1 FROM features LIMIT 1").fetchone():
        target.execute("DELETE FROM features")
        target.commit()
        target.execute("VACUUM")


def copy_out(database: Path, path: Path) -> None:
    """Copy another project's file to `path`. Raises WorkbenchError when it is damaged, not ours, or newer."""
    # Where there is no log nobody has it open, and without one even a connection that only reads would leave files.
    quiet = "" if database.with_name(f"{database.name}-wal").exists() else "&immutable=1"
    with translated(database):
        conn = dbapi.connect(f"{database.resolve().as_uri()}?mode=ro{quiet}", timeout=5.0, uri=True)
        try:
            check_ours(conn, database)
            _copy_database(conn, path)
        finally:
            conn.close()


@contextlib.contextmanager
def _reading(path: Path) -> Iterator[Any]:
    conn = dbapi.connect(f"{path.resolve().as_uri()}?mode=ro&immutable=1", uri=True)
    try:
        yield conn
    finally:
        conn.close()


def _verify(path: Path) -> None:
    with translated(path), _reading(path) as conn:
        check_ours(conn, path)


def _fingerprint(conn: Any) -> str:
    return conn.execute(_FINGERPRINT).fetchone()[0]


def _fingerprint_of(path: Path) -> str | None:
    try:
        with _reading(path) as conn:
            return _fingerprint(conn)
    except dbapi.Error:
        log.warning("backup %s is of an older version or cannot be read; making a new one", path)
        return None


def all_of(folder: Path) -> list[Backup]:
    """The copies of a project, newest first."""
    found = []
    for path in (folder / FOLDER).glob("*.db"):
        with contextlib.suppress(ValueError):  # a file that a person put there
            moment = datetime.strptime(path.stem, _STAMP).replace(tzinfo=UTC)
            found.append(Backup(path, moment, path.stat().st_size))
    return sorted(found, key=lambda backup: backup.moment, reverse=True)


def kept(moments: Iterable[datetime], now: datetime) -> set[datetime]:
    """Which copies to keep. One from the future (a clock that was set back) is always kept."""
    keep: set[datetime] = set()
    days: set[Any] = set()
    weeks: set[Any] = set()
    months: set[Any] = set()
    # Newest first, and the newest of each day, week and month is the one that stays.
    for moment in sorted(moments, reverse=True):
        if now - moment < KEEP_ALL:
            keep.add(moment)
            continue
        for period, seen, limit in (
            (moment.date(), days, KEEP_DAYS),
            (moment.isocalendar()[:2], weeks, KEEP_WEEKS),
            ((moment.year, moment.month), months, KEEP_MONTHS),
        ):
            if period in seen:
                break  # the longer periods have their copy too
            if len(seen) < limit:
                seen.add(period)
                keep.add(moment)
                break
    return keep


def thin(folder: Path, now: datetime | None = None) -> None:
    """Delete the copies that kept() lets go."""
    copies = all_of(folder)
    keep = kept((backup.moment for backup in copies), now or datetime.now(UTC))
    for backup in copies:
        if backup.moment not in keep:
            backup.path.unlink(missing_ok=True)


def restore(folder: Path, backup: Path) -> Path | None:
    """Put a copy in the place of project.db and return where the old file was put; None when there was none.

    The project must be closed. Raises WorkbenchError when the copy is damaged; then nothing was changed.
    """
    if not backup.is_file():
        raise WorkbenchError(f"There is no backup at {backup}.", "Choose another backup.")
    _verify(backup)
    current = folder / "project.db"
    aside = folder / f"project.db.damaged-{datetime.now(UTC).strftime(_STAMP)}"
    arriving = folder / f"project.db.{new_id()[:8]}.part"
    with translated(current):
        try:
            shutil.copyfile(backup, arriving)
            _sync(arriving)
            # A log that belongs to the old file would be replayed into the new one.
            for tail in ("-wal", "-shm"):
                if (companion := folder / f"project.db{tail}").exists():
                    os.replace(companion, f"{aside}{tail}")
            had_one = current.exists()
            if had_one:
                _keep(current, aside)
            os.replace(arriving, current)
            sync_folder(folder)
        finally:
            arriving.unlink(missing_ok=True)
    return aside if had_one else None


def _keep(path: Path, aside: Path) -> None:
    # The old name stays until the new file takes it: without a project.db, an empty project would be made.
    try:
        os.link(path, aside)
    except OSError:  # a file system without hard links
        shutil.copyfile(path, aside)


def _sync(path: Path) -> None:
    with path.open("rb+") as file:
        os.fsync(file.fileno())
