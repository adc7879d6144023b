"""Saving a model as a folder for other programs, beside the window."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from ..errors import WorkbenchError
from ..store import Model
from . import work


class Saving(QObject):
    """One model at a time. Raises nothing: what stops it is sent with `failed`."""

    begun = Signal(str)
    """What is being done, in words."""
    progressed = Signal(str, float)
    saved = Signal(str)
    """The folder."""
    failed = Signal(object)
    """A WorkbenchError to show."""

    def __init__(self, folder: Path, parent: QWidget) -> None:
        super().__init__(parent)
        self._window = parent
        self._work = work.Work(folder, self)
        self._work.progressed.connect(self.progressed)
        self._work.finished.connect(self._on_finished)
        self._work.failed.connect(self.failed)

    @property
    def busy(self) -> bool:
        """Whether a model is being saved."""
        return self._work.busy

    def ask(self, model: Model) -> None:
        """Ask where to, and save it there."""
        place = str(Path.home() / model.name.replace("/", "-"))
        found, _ = QFileDialog.getSaveFileName(self._window, self.tr("Save the model as a new folder"), place)
        if found:
            self.save(model, Path(found))

    def save(self, model: Model, target: Path) -> None:
        """Write a model into a new folder."""
        try:
            self._work.start(work.exporting(model.id, target))
        except WorkbenchError as error:
            self.failed.emit(error)
            return
        self.begun.emit(self.tr("Saving {name}").format(name=model.name))

    def _on_finished(self, summary: dict[str, Any]) -> None:
        self.saved.emit(str(summary["target"]))
