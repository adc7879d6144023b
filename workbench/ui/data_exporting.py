"""Export: the whole project, or what can be learned from it, or a table for a spreadsheet."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from ..events import Event, Finished, Progress
from ..jobs.preparing import project_rules
from ..store import Store
from .data_words import tr
from .models_work import Steps


@dataclass(frozen=True)
class Export:
    """A way out: what it is called, the file it suggests, and how many rows it writes to a path."""

    title: str
    file_name: str
    write: Callable[[Store, Path], int]


def exports() -> list[Export]:
    """Every way out, the fullest first."""
    from ..store.exchange import exporting

    return [
        Export(tr("Everything, to read in again (JSONL)"), "project.jsonl", exporting.export_store),
        Export(
            tr("Preference pairs for TRL (JSONL)"),
            "pairs.jsonl",
            lambda store, path: exporting.export_pairs(store, path, project_rules(store)),
        ),
        Export(
            tr("Demonstrations for TRL (JSONL)"),
            "demonstrations.jsonl",
            lambda store, path: exporting.export_demonstrations(store, path, project_rules(store)),
        ),
        Export(tr("Table for a spreadsheet (CSV)"), "judgements.csv", exporting.export_table),
    ]


def writing(export: Export, path: Path) -> Steps:
    """Write a file."""

    def steps(store: Store) -> Iterator[Event]:
        yield Progress(0, 0, str(path))
        yield Finished({"rows": export.write(store, path), "path": str(path)})

    return steps
