"""Files that come into Data and go out of it: asks which, and says what came of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QPoint, Qt, Signal
from PySide6.QtWidgets import QFileDialog, QMenu, QWidget

from ..errors import WorkbenchError
from .context import Context
from .data_exporting import Export, exports, writing
from .data_importing import ImportDialog, added_words, samples
from .data_words import tr
from .figures import count
from .models_work import Work


class Moving(QObject):
    """Import and export of the Data pane."""

    imported = Signal()

    def __init__(self, context: Context, over: QWidget) -> None:
        super().__init__(over)
        self.context, self._over = context, over
        self.under = over
        """What the menu of exports hangs under."""
        self.import_dialog: ImportDialog | None = None
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(self._on_exported)
        self._work.failed.connect(context.tell)

    def choose_import(self) -> None:
        """Have a person choose a file to import."""
        found, _ = QFileDialog.getOpenFileName(self._over.window(), tr("Import"))
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
        if report["skipped"]:
            hint = tr("{count} rows were left out.").format(count=count(len(report["skipped"])))
        self.context.message.emit(tr("Imported {what}.").format(what=what), hint, "good")
        self.imported.emit()

    def choose_export(self) -> None:
        """Have a person choose what to export."""
        under = self.under
        menu = QMenu(self._over)
        menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        for export in exports():
            menu.addAction(export.title, lambda export=export: self._choose_target(export))
        corner = QPoint(under.width() - menu.sizeHint().width(), under.height() + 4)
        menu.popup(under.mapToGlobal(corner))

    def _choose_target(self, export: Export) -> None:
        found, _ = QFileDialog.getSaveFileName(self._over.window(), export.title, export.file_name)
        if found:
            self.export_to(export, Path(found))

    def export_to(self, export: Export, path: Path) -> None:
        """Write a file beside the window."""
        try:
            self._work.start(writing(export, path))
        except WorkbenchError as error:
            self.context.tell(error)

    def _on_exported(self, report: dict[str, Any]) -> None:
        text = tr("Wrote {count} rows to {path}.")
        self.context.message.emit(text.format(count=count(report["rows"]), path=report["path"]), "", "good")
