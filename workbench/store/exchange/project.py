"""A whole project as JSONL: a header, then one row of one table a line. What export_store writes.

Not in it: what is worked out from the rest (the queue, the search index, the passages of documents), caches that can be
filled again (vectors of answers, what reward models said of them), and unsent drafts, which belong to the window they
were typed in.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from .reading import json_rows

title = "Workbench project"
VERSION = 2
"""1 had neither curves, samples and warnings of runs nor the times of settings."""

TABLES: dict[str, tuple[str, ...]] = {
    "project": ("value",),
    "models": ("info",),
    "runs": ("options", "spec", "versions", "summary"),
    "prompts": ("turns", "tags"),
    "responses": ("sampler", "scores"),
    "guidelines": (),
    "feedback": ("value", "reasons"),
    "run_feedback": (),
    "metrics": ("points",),
    "run_warnings": (),
    "run_samples": ("scores",),
    "judge_rubrics": (),
    "judges": ("about",),
    "judge_verdicts": ("told",),
    "run_verdicts": (),
    "documents": (),
    "fillings": ("variables", "given"),
}
"""Every table that travels, in the order of its lines, with its columns that hold JSON.

A line of feedback has its answers in "shown"; a line of metrics is one curve, its "points" are [step, value].
"""

JUDGES = ("judges", "judge_verdicts", "run_verdicts")
"""Tables that travel only when they are asked for: what a model or a rule says is no person's work."""

GOING = ("waiting", "running")


@dataclass(frozen=True)
class TableRow:
    """One line: a row of a table."""

    row: int
    table: str
    values: dict[str, Any]


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """The header that export_store writes."""
    return bool(first_rows) and isinstance(first_rows[0], dict) and "workbench" in first_rows[0]


def read(path: Path) -> Iterator[TableRow]:
    """Each row. Raises WorkbenchError when a line is none."""
    for number, row in json_rows(path):
        if number == 1:
            _check_header(path, row)
            continue
        table = row.get("table") if isinstance(row, dict) else None
        if table not in TABLES:
            raise WorkbenchError(
                f"Line {number} of {path.name} is not a row of a project.", "Update the app, or export it again."
            )
        yield TableRow(number, table, {name: value for name, value in row.items() if name != "table"})


def _check_header(path: Path, row: Any) -> None:
    version = row.get("workbench") if isinstance(row, dict) else None
    if version not in range(1, VERSION + 1):
        raise WorkbenchError(f"{path.name} was written by a newer Workbench.", "Update the app to import it.")


def make_portable(run: dict[str, Any]) -> None:
    """Make a row of runs what it is in every project but the one that runs it: there it does not go on."""
    run.pop("pid", None)
    if run.get("status") in GOING:
        run["status"] = "interrupted"
