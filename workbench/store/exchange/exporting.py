"""The store into files: the whole project, training examples as TRL reads them, and a table for a spreadsheet."""

from __future__ import annotations

import csv
import io
import itertools
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ...errors import WorkbenchError
from ...events import plain
from ...feedback.base import Rules
from ...feedback.converting import convert
from ..browsing import PAGE, entries
from ..rows import new_id, to_json
from .project import TABLES, VERSION, make_portable

if TYPE_CHECKING:
    from ..store import Store

_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


def export_store(store: Store, path: Path | str) -> int:
    """Write every prompt, answer, judgement, model, run and setting as JSONL, and return how many rows.

    Importing the file into an empty project makes the same project; exporting that gives the same bytes.
    """
    header = to_json({"workbench": VERSION})
    with store.reading():
        return _write(path, itertools.chain([header], _project_lines(store)), with_header=True)


def export_pairs(
    store: Store, path: Path | str, rules: Rules | None = None, annotators: Sequence[str] | None = None
) -> int:
    """Write the preferences that the judgements hold, as TRL reads them, and return how many."""
    pairs = convert(store.feedback.judgements(annotators=annotators), rules).pairs
    return _write(
        path,
        (
            to_json(
                {
                    "prompt": list(pair.messages),
                    "chosen": _answer(pair.chosen),
                    "rejected": _answer(pair.rejected),
                    "margin": pair.margin,
                    "split": pair.split,
                }
            )
            for pair in pairs
        ),
    )


def export_demonstrations(
    store: Store, path: Path | str, rules: Rules | None = None, annotators: Sequence[str] | None = None
) -> int:
    """Write the answers worth imitating, as TRL reads them, and return how many."""
    found = convert(store.feedback.judgements(annotators=annotators), rules).demonstrations
    return _write(
        path,
        (
            to_json({"prompt": list(item.messages), "completion": _answer(item.text), "split": item.split})
            for item in found
        ),
    )


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


def _project_lines(store: Store) -> Iterator[str]:
    for table, json_columns in TABLES.items():
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
    yield _csv_line(header)
    offset = 0
    while page := entries(store, retracted=None, order="oldest", limit=PAGE, offset=offset):
        offset += len(page)
        for entry in page:
            answers = [*entry.answers, *[""] * (most - len(entry.answers))]
            cells = [str(entry.seq), entry.kind, entry.prompt, *answers, to_json(dict(entry.value)), entry.comment]
            cells += [entry.annotator, entry.created_at, entry.split, entry.retracted_at or ""]
            yield _csv_line([cell(text) for text in cells])


def _csv_line(cells: Sequence[str]) -> str:
    # Only a line break that is in the terminator is put in quotes, so both are in it.
    buffer = io.StringIO()
    csv.writer(buffer, lineterminator="\r\n").writerow(cells)
    return buffer.getvalue().removesuffix("\r\n")


def _harmless(text: str) -> str:
    # Spreadsheets look past spaces before they decide what a cell is.
    return f"'{text}" if text.lstrip(" ").startswith(_FORMULA_SIGNS) else text


def _answer(text: str) -> list[dict[str, str]]:
    return [{"role": "assistant", "content": text}]


def _write(path: Path | str, lines: Iterable[str], *, with_header: bool = False, encoding: str = "utf-8") -> int:
    """Write lines under another name and move the file into place when it is whole."""
    path = Path(path).expanduser()
    writing = path.with_name(f"{path.name}.{new_id()[:8]}.part")
    count = -1 if with_header else 0
    try:
        with writing.open("w", encoding=encoding, newline="") as file:
            for line in lines:
                file.write(line + "\n")
                count += 1
            file.flush()
            os.fsync(file.fileno())
        os.replace(writing, path)
    except OSError as error:
        raise WorkbenchError(f"{path} cannot be written: {error.strerror}.", "Choose another place.") from error
    finally:
        writing.unlink(missing_ok=True)
    return count
