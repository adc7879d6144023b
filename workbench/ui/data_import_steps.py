"""Looking into a file and importing it, on a thread: what the import dialog has done beside the window."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from ..errors import WorkbenchError
from ..events import Event, Finished, Progress
from ..store import Store
from .work import Steps

FIRST = 20


@dataclass(frozen=True)
class Reading:
    """How to read a file: by a format, by its columns, or, with neither, as it is recognised."""

    format: str | None = None
    mapping: Mapping[str, str] | None = None


@dataclass(frozen=True)
class Look:
    """What a file begins with. problem: why it cannot be imported like this; raw: its rows as they are, then."""

    format: str
    columns: tuple[str, ...] = ()
    mapping: Mapping[str, str] | None = None
    rows: list[dict[str, Any]] = field(default_factory=list)
    raw: list[dict[str, Any]] = field(default_factory=list)
    problem: WorkbenchError | None = None


class Watch(QObject):
    """Between the window and a thread that reads a file: how far it is, and that it shall stop."""

    looked = Signal(object)
    """A Look, before everything is read."""
    read = Signal(int)
    """How many rows have been read."""

    def __init__(self) -> None:
        super().__init__()
        self._stop = threading.Event()

    def stop(self) -> None:
        """Have the thread stop at the next row."""
        self._stop.set()

    def stopped(self) -> bool:
        """Whether it shall stop."""
        return self._stop.is_set()


def trying(path: Path, annotator: str, reading: Reading, watch: Watch) -> Steps:
    """Show what the file begins with, then find out what all of it would add."""

    def steps(store: Store) -> Iterator[Event]:
        yield Progress(0, 0, str(path))
        found = look(path, reading)
        watch.looked.emit(found)
        if found.problem is None:
            yield from _importing(store, path, annotator, found, watch, dry_run=True)
        else:
            yield Finished({})

    return steps


def importing(path: Path, annotator: str, found: Look, watch: Watch) -> Steps:
    """Import the file as it was looked at."""

    def steps(store: Store) -> Iterator[Event]:
        yield Progress(0, 0, str(path))
        yield from _importing(store, path, annotator, found, watch, dry_run=False)

    return steps


def _importing(
    store: Store, path: Path, annotator: str, found: Look, watch: Watch, *, dry_run: bool
) -> Iterator[Event]:
    from ..store.exchange.importing import import_file

    report = import_file(
        store,
        path,
        format=None if found.mapping is not None else found.format,
        mapping=found.mapping,
        annotator=annotator,
        dry_run=dry_run,
        stopping=watch.stopped,
        progress=watch.read.emit,
    )
    yield Finished(report.to_json())


def look(path: Path, reading: Reading) -> Look:
    """What the file begins with. Raises WorkbenchError when it cannot be read in any way."""
    from ..store.exchange.importing import preview
    from ..store.exchange.project_folders import is_project

    if is_project(path):
        return Look("project")
    if reading.mapping is not None:
        return _mapped(path, reading.mapping)
    if reading.format is not None:
        return Look(reading.format, rows=preview(path, format=reading.format, limit=FIRST))
    return _recognised(path)


def _recognised(path: Path) -> Look:
    """By its format; by its columns where it has none, or is a table with more than prompts."""
    from ..store.exchange import recognise
    from ..store.exchange.importing import preview
    from ..store.exchange.mapping import columns_in, suggested

    try:
        format = recognise(path)
    except WorkbenchError:
        columns = columns_in(path)
        if not columns:
            raise
        return _mapped(path, suggested(columns))
    if format == "table":
        mapping = suggested(columns_in(path))
        if set(mapping) - {"prompt", "system", "tags"} or mapping.get("prompt", "").lower() != "prompt":
            return _mapped(path, mapping)
    return Look(format, rows=preview(path, format=format, limit=FIRST))


def _mapped(path: Path, mapping: Mapping[str, str]) -> Look:
    from ..store.exchange import MAPPED
    from ..store.exchange.importing import preview
    from ..store.exchange.mapping import check, columns_in, first_of

    columns = tuple(columns_in(path))
    try:
        mapping = check(mapping, columns)
        return Look(MAPPED, columns, mapping, preview(path, mapping=mapping, limit=FIRST))
    except WorkbenchError as problem:
        return Look(MAPPED, columns, mapping, raw=first_of(path, FIRST), problem=problem)
