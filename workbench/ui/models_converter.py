"""Who turns a model into GGUF: this app, or llama.cpp's own converter where it lies on this computer."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from .. import settings
from ..errors import WorkbenchError
from ..jobs.llama_cpp import NONE, converter
from .feedback_orders import Choice
from .widgets import Button, row


class ConverterChoice(QWidget):
    """The converters that there are, and a button that looks for llama.cpp in a folder. `changed` after each choice."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.box = Choice(self.tr("Converter"))
        self.look = Button(self.tr("Choose folder"), icon="folder")
        self.look.setToolTip(self.tr("The folder of llama.cpp's source code"))
        self.problem = ""
        """Why what was named is no llama.cpp."""
        self._offer(self._found())
        self.box.currentIndexChanged.connect(self._on_chosen)
        self.look.clicked.connect(self._ask)
        layout = row(self.box, self.look)
        layout.setStretch(0, 1)
        self.setLayout(layout)

    def value(self) -> str:
        """The option of an export: where llama.cpp's converter is, or "none"; "" where there is none."""
        return str(self.box.currentData())

    def _found(self) -> Path | None:
        try:
            return converter()
        except WorkbenchError as error:
            self.problem = str(error)
            return None

    def _offer(self, found: Path | None) -> None:
        self.box.blockSignals(True)
        self.box.clear()
        if found is None:
            self.box.addItem(self.tr("This app's; llama.cpp's was not found"), NONE if self.problem else "")
        else:
            words = self.tr("llama.cpp's, found in {folder}")
            self.box.addItem(words.format(folder=found.parent.name or found.parent), str(found))
            self.box.addItem(self.tr("This app's"), NONE)
        self.box.setToolTip(str(found.parent) if found else "")
        self.box.setEnabled(found is not None)
        self.box.blockSignals(False)

    def _on_chosen(self) -> None:
        self.problem = ""
        self.changed.emit()

    def _ask(self) -> None:
        folder = QFileDialog.getExistingDirectory(self.window(), self.look.toolTip(), str(Path.home()))
        if folder:
            self.use(folder)

    def use(self, folder: str) -> None:
        """Take the converter in a folder, and remember the folder; a folder without one is said to be so."""
        try:
            found = converter(folder)
        except WorkbenchError:
            words = self.tr("llama.cpp's converter is not in {folder}. Choose the folder of its source code.")
            self.problem = words.format(folder=folder)
        else:
            self.problem = ""
            settings.keep_llama_cpp(folder)
            self._offer(found)
        self.changed.emit()
