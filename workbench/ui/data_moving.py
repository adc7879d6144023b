"""Files that come into Data and go out of it: asks which, and says what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from ..errors import WorkbenchError
from .context import Context
from .data_export_dialog import ExportDialog
from .data_exporting import Export, writing
from .data_importing import ImportDialog, added_words, samples
from .data_words import tr
from .figures import count
from .work import Work


class Moving(QObject):
    """Import and export of the Data pane."""

    imported = Signal()

    def __init__(self, context: Context, over: QWidget) -> None:
        super().__init__(over)
        self.context, self._over = context, over
        self.import_dialog: ImportDialog | None = None
        self.export_dialog: ExportDialog | None = None
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(self._on_exported)
        self._work.failed.connect(context.tell)

    def choose_import(self) -> None:
        """Have a person choose a file to import."""
        found, _ = QFileDialog.getOpenFileName(self._over.window(), tr("Import"))
        if found:
            self.import_path(Path(found))

    def choose_import_folder(self) -> None:
        """Have a person choose a folder that `datasets` saved, or another project's."""
        found = QFileDialog.getExistingDirectory(self._over.window(), tr("Import a folder"))
        if found:
            self.import_path(Path(found))

    def import_samples(self) -> None:
        """Show what the samples would add."""
        self.import_path(samples())

    def import_path(self, path: Path) -> None:
        """Show what a file would add; it is imported from there."""
        dialog = ImportDialog(self.context.store.folder, path, self.context.annotator, self._over)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.imported.connect(self._on_imported)
        dialog.finished.connect(lambda _: setattr(self, "import_dialog", None))
        self.import_dialog = dialog
        dialog.open()

    def _on_imported(self, report: dict[str, Any]) -> None:
        for table in ("prompts", "responses", "feedback"):
            if report["added"].get(table):
                self.context.store_changed.emit(table, None)
        what = added_words(self, report["added"])
        hint = ""
        if report["refused"]:
            hint = tr("{count} rows were left out.").format(count=count(report["refused"]))
        self.context.message.emit(tr("Imported {what}.").format(what=what), hint, "good")
        self.imported.emit()

    def choose_export(self) -> None:
        """Have a person choose what to export, and where to."""
        dialog = ExportDialog(self._over)
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.chosen.connect(self._choose_target)
        dialog.finished.connect(lambda _: setattr(self, "export_dialog", None))
        self.export_dialog = dialog
        dialog.open()

    def _choose_target(self, export: Export) -> None:
        found, _ = QFileDialog.getSaveFileName(self._over.window(), tr("Export"), export.file_name)
        if found:
            self.export_to(export, Path(found))

    def export_to(self, export: Export, path: Path) -> None:
        """Write a file beside the window."""
        try:
            self._work.start(writing(export, path))
        except WorkbenchError as error:
            self.context.tell(error)

    def _on_exported(self, report: dict[str, Any]) -> None:
        text = tr("Wrote {count} rows to {path}.").format(count=count(report["rows"]), path=report["path"])
        left_out = [
            tr("{count} left out: {reason}").format(count=count(number), reason=reason)
            for reason, number in report["left_out"].items()
        ]
        self.context.message.emit(text, " ".join(left_out), "warn" if left_out else "good")
