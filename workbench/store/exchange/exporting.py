"""The store into files: the whole project, training examples as TRL reads them, and a table for a spreadsheet."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import WorkbenchError
from ...events import plain
from ...feedback.base import Rules
from ..browsing import PAGE, entries
from ..rows import to_json
from . import shape_for
from .gathering import Found, gather
from .items import Unfit
from .project import JUDGES, TABLES, VERSION, make_portable
from .shapes import Shape
from .writing import CONTAINERS, container_for, csv_line, replacing, write_lines, write_rows

if TYPE_CHECKING:
    from ..store import Store

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export_store(store: Store, path: Path | str, *, judges: bool = False) -> int:
    """Write every prompt, answer, judgement, model, run and setting as JSONL, and return how many rows.

    judges: also what models and rules said of answers. Importing the file into an empty project makes the same project,
    but for that; exporting it gives the same bytes.
    """
    header = to_json({"workbench": VERSION})
    with store.reading():
        return _write(path, itertools.chain([header], _project_lines(store, judges)), with_header=True)


@dataclass
class ExportReport:
    """What an export wrote. left_out: how many rows for each reason."""

    what: str
    format: str
    container: str
    path: str
    rows: int = 0
    left_out: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """The report as plain JSON."""
        return dataclasses.asdict(self)


def export(
    store: Store,
    path: Path | str,
    what: str,
    *,
    format: str | None = None,
    container: str | None = None,
    rules: Rules | None = None,
    annotators: Sequence[str] | None = None,
    judges: Sequence[str] = (),
) -> ExportReport:
    """Write everything of a kind (shapes.WHAT) in a format, into a container (writing.CONTAINERS).

    Without a format, TRL's, or our own where TRL has none; without a container, what the path's ending asks for. A row
    that its format cannot hold to the letter is left out and counted with the reason: reading the file gives what was
    written. judges: what models and rules said too, of those with these names; without, only what people said. Raises
    WorkbenchError when the format or the container cannot hold such things at all.
    """
    path = Path(path).expanduser()
    name, shape = shape_for(what, format)
    if judges:
        annotators = [*(store.feedback.annotators() if annotators is None else annotators), *judges]
    report = ExportReport(what, name, container or container_for(path), str(path))
    if report.container not in CONTAINERS:
        raise WorkbenchError(f"There is no container called {container}.", f"Choose one of {', '.join(CONTAINERS)}.")
    with store.reading():
        rows = _shaped(gather(store, what, rules, annotators), shape, report.left_out)
        report.rows = write_rows(path, rows, report.container, shape.columns)
    return report


def _shaped(found: Iterable[Found], shape: Shape, left_out: dict[str, int]) -> Iterator[dict[str, Any]]:
    number = 0
    for item, split in found:
        try:
            row = shape.row(dataclasses.replace(item, row=number))
        except Unfit as unfit:
            left_out[str(unfit)] = left_out.get(str(unfit), 0) + 1
            continue
        number += 1
        yield row | {"split": split} if "split" in (shape.columns or ()) else row


def export_table(store: Store, path: Path | str, safe: bool = True) -> int:
    """Write every judgement as a row of CSV, and return how many.

    `safe` puts an apostrophe before a cell that a spreadsheet would run as a formula.
    """
    most = store.value("SELECT COALESCE(MAX(position), -1) + 1 FROM shown")
    header = ["number", "kind", "prompt", *(f"answer {chr(65 + place)}" for place in range(most))]
    header += ["value", "comment", "who", "when", "split", "taken back"]
    cell = _harmless if safe else str
    return _write(path, _table_lines(store, header, most, cell), with_header=True, encoding="utf-8-sig")


_FEEDBACK = """SELECT *, (SELECT json_group_array(response_id) FROM (SELECT response_id FROM shown
    WHERE feedback_id = feedback.id ORDER BY position)) AS shown FROM feedback ORDER BY rowid"""
_ROWS = {
    "project": "SELECT * FROM project ORDER BY key",
    "feedback": _FEEDBACK,
    "run_warnings": "SELECT * FROM run_warnings ORDER BY run_id, topic",
}


def _project_lines(store: Store, judges: bool) -> Iterator[str]:
    for table, json_columns in TABLES.items():
        if table in JUDGES and not judges:
            continue
        if table == "metrics":
            yield from _curve_lines(store)
            continue
        for row in store.db.query(_ROWS.get(table, f"SELECT * FROM {table} ORDER BY rowid")):
            row.pop("seq", None)  # the order of the lines says it, so that projects can be merged
            for column in (*json_columns, "shown") if table == "feedback" else json_columns:
                row[column] = json.loads(row[column])
            if table == "runs":
                make_portable(row)
            yield to_json({"table": table, **row})


def _curve_lines(store: Store) -> Iterator[str]:
    rows = store.db.query("SELECT * FROM metrics ORDER BY run_id, name, step")
    for (run_id, name), points in itertools.groupby(rows, key=lambda row: (row["run_id"], row["name"])):
        curve = [[row["step"], plain(row["value"])] for row in points]
        yield to_json({"table": "metrics", "run_id": run_id, "name": name, "points": curve})


def _table_lines(store: Store, header: list[str], most: int, cell: Callable[[str], str]) -> Iterator[str]:
    yield csv_line(header)
    offset = 0
    while page := entries(store, retracted=None, order="oldest", limit=PAGE, offset=offset):
        offset += len(page)
        for entry in page:
            answers = [*entry.answers, *[""] * (most - len(entry.answers))]
            cells = [str(entry.seq), entry.kind, entry.prompt, *answers, to_json(dict(entry.value)), entry.comment]
            cells += [entry.annotator, entry.created_at, entry.split, entry.retracted_at or ""]
            yield csv_line([cell(text) for text in cells])


def _harmless(text: str) -> str:
    # Spreadsheets look past spaces before they decide what a cell is.
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_SIGNS) else text


def _write(path: Path | str, lines: Iterable[str], *, with_header: bool = False, encoding: str = "utf-8") -> int:
    counter = itertools.count(-1 if with_header else 0)
    with replacing(Path(path).expanduser()) as writing:
        write_lines(writing, (line for line, _ in zip(lines, counter, strict=False)), encoding)
    return next(counter)
