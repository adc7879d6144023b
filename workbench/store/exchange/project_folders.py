"""Another project's folder as something to import: it is read as it stands and not changed."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .. import backups
from ..store import DATABASE, Store
from .exporting import export_store


def is_project(path: Path) -> bool:
    """Whether this is the folder of a project."""
    return (path / DATABASE).is_file()


@contextlib.contextmanager
def exported(folder: Path) -> Iterator[Path]:
    """An export of the project in a folder, for as long as this is open.

    The project may be open in another window, on a disk that cannot be written, or of an older version. Raises
    WorkbenchError when it is damaged.
    """
    with tempfile.TemporaryDirectory(prefix="workbench-import-", ignore_cleanup_errors=True) as place:
        backups.copy_out(folder / DATABASE, Path(place) / DATABASE)
        store = Store.open(place)
        try:
            file = Path(place) / f"{folder.resolve().name}.jsonl"
            export_store(store, file, judges=True)
        finally:
            store.close()
        yield file
