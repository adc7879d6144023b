"""A file into the store: one transaction, so that a file is in whole or not at all, and twice adds nothing."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import StopRequested, WorkbenchError
from .. import backups
from ..connecting import dbapi
from ..rows import well_formed
from . import FORMATS, MAPPED, recognise
from .items import Item, Skipped
from .mapping import read_columns
from .merging import Merging
from .project import TableRow
from .project_folders import exported, is_project
from .staging import Stage, staging

if TYPE_CHECKING:
    from ..store import Store

_COUNTED = ("prompts", "responses", "feedback")
_OTHERS = ("project", "models", "runs", "guidelines", "documents")
_TOLD_EVERY = 250


MAX_LISTED = 10_000
"""Refused rows that are listed with their reasons; all are counted."""


@dataclass
class ImportReport:
    """What an import did. `row` in `skipped` counts as the format does: lines from 1, a JSON array from 0."""

    format: str
    added: dict[str, int] = field(default_factory=lambda: dict.fromkeys(_COUNTED, 0))
    already_there: int = 0
    rows: int = 0
    """How many rows the file has."""
    changed: int = 0
    """Rows that were here and became more: tagged, taken back, or run further, in the other project."""
    skipped: list[dict[str, Any]] = field(default_factory=list)
    refused: int = 0
    """How many rows were passed over; `skipped` lists the first of them."""
    stopped: bool = False
    """The person stopped it, so nothing was written."""

    def refuse(self, row: int, reason: str) -> None:
        """Count a row that is passed over."""
        self.refused += 1
        if len(self.skipped) < MAX_LISTED:
            self.skipped.append({"row": row, "reason": reason})

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return dataclasses.asdict(self)


class _NotReally(Exception):
    """Ends the transaction of a dry run, so that nothing stays."""


def import_file(
    store: Store,
    path: Path | str,
    *,
    format: str | None = None,
    mapping: Mapping[str, str] | None = None,
    annotator: str = "",
    dry_run: bool = False,
    stopping: Callable[[], bool] = lambda: False,
    progress: Callable[[int], None] = lambda rows: None,
    by: object = None,
) -> ImportReport:
    """Import a file and say what was added. `annotator` is who judged where the file names nobody.

    `path` may also be the folder of another project, or one that `datasets` saved. mapping: a column for each of
    mapping.ROLES, where the file has no format of its own. dry_run does everything but write, so its report is the real
    one. `stopping` is asked before each row, and nothing is written when it says yes; `progress` is told now and then
    how many rows have been read, and all when the reading ends. Raises WorkbenchError when the file is damaged or holds
    nothing that can be read; then nothing was written.
    """
    path = Path(path).expanduser()
    if is_project(path):
        with exported(path) as file:
            return import_file(
                store, file, annotator=annotator, dry_run=dry_run, stopping=stopping, progress=progress, by=by
            )
    name = _named(path, format, mapping)
    report = ImportReport(name)
    items = _watched(_read(path, name, mapping), report, stopping, progress)
    try:
        if name == "project":
            _merge(store, items, report, dry_run, by)
        else:
            _take_in(store, path, items, annotator, report, None if dry_run else stopping, by)
    except StopRequested:
        return ImportReport(name, stopped=True)
    return report


def preview(
    path: Path | str, *, format: str | None = None, mapping: Mapping[str, str] | None = None, limit: int = 20
) -> list[dict[str, Any]]:
    """The first rows as they would be imported, to show before anything is written."""
    path = Path(path).expanduser()
    found = _read(path, _named(path, format, mapping), mapping)
    return [_outline(item) for item in itertools.islice(found, limit)]


def _read(path: Path, name: str, mapping: Mapping[str, str] | None) -> Iterator[Item | Skipped | TableRow]:
    return FORMATS[name].read(path) if mapping is None else read_columns(path, mapping)


def _watched(
    items: Iterable[Item | Skipped | TableRow],
    report: ImportReport,
    stopping: Callable[[], bool],
    progress: Callable[[int], None],
) -> Iterator[Item | Skipped | TableRow]:
    for item in items:
        if stopping():
            raise StopRequested
        report.rows += 1
        if report.rows % _TOLD_EVERY == 0:
            progress(report.rows)
        yield item
    if report.rows % _TOLD_EVERY:
        progress(report.rows)


def _outline(item: Item | Skipped | TableRow) -> dict[str, Any]:
    if isinstance(item, Skipped):
        return {"row": item.row, "skipped": item.reason}
    if isinstance(item, TableRow):
        return {"row": item.row, "prompt": item.table, "answers": [], "judgements": 0}
    prompt = item.turns[-1]["content"] if item.turns else ""
    said = [{"kind": said.kind, "value": dict(said.value), "who": said.annotator} for said in item.said]
    return {
        "row": item.row, "prompt": prompt, "answers": list(item.answers), "judgements": len(item.said), "said": said
    }  # fmt: skip


def _named(path: Path, format: str | None, mapping: Mapping[str, str] | None = None) -> str:
    if not path.exists():
        raise WorkbenchError(f"There is no file {path}.", "Choose another file.")
    if mapping is not None:
        return MAPPED
    if format is not None and format not in FORMATS:
        raise WorkbenchError(f"There is no format called {format}.", f"Choose one of {', '.join(FORMATS)}.")
    return format or recognise(path)


def _count(store: Store) -> dict[str, int]:
    return {table: store.value(f"SELECT COUNT(*) FROM {table}") for table in _COUNTED}


def _take_in(
    store: Store,
    path: Path,
    items: Iterable[Item | Skipped | TableRow],
    annotator: str,
    report: ImportReport,
    stopping: Callable[[], bool] | None,
    by: object,
) -> None:
    """Gather the items, and put them into the store; without `stopping`, only find out what that would add."""
    with staging(store) as stage:
        for item in items:
            if isinstance(item, Item):
                _stage(stage, item, well_formed(path.name), annotator, report)
            elif isinstance(item, Skipped):
                report.refuse(item.row, item.reason)
        if report.rows == report.refused:
            first = f": row {report.skipped[0]['row']}: {report.skipped[0]['reason']}" if report.skipped else "."
            raise WorkbenchError(f"{path.name} holds nothing that can be imported{first}", "Nothing was written.")
        report.added, report.already_there = stage.news()
        if stopping is not None:
            _back_up(store)
            with store.writing():
                report.added = stage.apply(stopping)
                for table in _COUNTED:
                    if report.added[table]:
                        store.changed(table, by)


def _stage(stage: Stage, item: Item, file: str, annotator: str, report: ImportReport) -> None:
    try:
        stage.add(item, file, annotator)
    except WorkbenchError as error:
        if isinstance(error.__cause__, dbapi.Error | OSError):  # the disk is at fault and not the row
            raise
        report.refuse(item.row, error.text)


def _merge(
    store: Store, items: Iterable[Item | Skipped | TableRow], report: ImportReport, dry_run: bool, by: object
) -> None:
    if not dry_run:
        _back_up(store)
    with contextlib.suppress(_NotReally), store.writing():
        before, merging = _count(store), Merging(store)
        for item in items:
            if isinstance(item, TableRow):
                merging.take(item)
        merging.finish()
        report.changed, report.already_there = merging.changed, merging.already_there
        report.added = {table: n - before[table] for table, n in _count(store).items()}
        for table in (*_OTHERS, *_COUNTED):
            if report.added.get(table, 1) or report.changed:
                store.changed(table, by)
        if dry_run:
            raise _NotReally


def _back_up(store: Store) -> None:
    if _count(store) != dict.fromkeys(_COUNTED, 0):
        backups.back_up_if_changed(store)
