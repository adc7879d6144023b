"""Bringing prompts into Generate from a file or from the samples that come with the app."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QWidget

from .. import paths
from ..errors import WorkbenchError
from . import work
from .context import Context
from .messages import MessageStrip


class Importer(QWidget):
    """Imports beside the window and says what came of it. Shows nothing itself."""

    def __init__(self, context: Context, action: QAction, strip: MessageStrip, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.hide()
        self._context, self._action, self._strip = context, action, strip
        self._work = work.Work(context.store.folder, self)
        self._work.finished.connect(self._on_imported)
        self._work.failed.connect(self._on_not_imported)

    @property
    def busy(self) -> bool:
        """Whether a file is being imported."""
        return self._work.busy

    def ask(self) -> None:
        """Have a person choose a file."""
        found, _ = QFileDialog.getOpenFileName(self.window(), self.tr("Import prompts"))
        if found:
            self.import_file(Path(found))

    def import_samples(self) -> None:
        """Import the prompts that come with the app."""
        self.import_file(paths.samples() / "prompts.jsonl")

    def import_file(self, path: Path) -> None:
        """Import a file."""
        try:
            self._work.start(work.importing(path))
            self._action.setEnabled(False)
        except WorkbenchError as error:
            self._context.tell(error)

    def _on_imported(self, report: dict[str, Any]) -> None:
        self._action.setEnabled(True)
        for table in ("prompts", "responses", "feedback"):
            self._context.store_changed.emit(table, None)
        added, known = report["added"]["prompts"], report["already_there"]
        text = self.tr("Imported 1 prompt.") if added == 1 else self.tr("Imported {count} prompts.").format(count=added)
        hint = self.tr("{count} rows were here already.").format(count=known) if known else ""
        self._strip.show_message(text, hint, "good")

    def _on_not_imported(self, error: WorkbenchError) -> None:
        self._action.setEnabled(True)
        self._context.tell(error)
