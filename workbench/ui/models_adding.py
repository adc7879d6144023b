"""Adding models beside the window, and the line under the table that shows what is being added or saved."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFileDialog, QInputDialog, QWidget

from ..errors import WorkbenchError
from ..lm import files
from . import work
from .context import Context
from .messages import MessageStrip
from .models_library import Entry
from .theme import set_region
from .widgets import Bar, Button, Divider, column, label, row


class WorkLine(QWidget):
    """What is being done, how far it is, and a way to stop it where there is one."""

    def __init__(self, cancel: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = label("", "strong")
        self.text = label("", "small", "text2")
        self.bar = Bar(self.tr("Progress"), "accentText")
        self.bar.setFixedWidth(180)
        self.cancel_button = Button.of(cancel, size="sm")
        parts = row(self.title, self.text, None, self.bar, self.cancel_button, spacing=12, margins=(16, 10, 16, 10))
        self.setLayout(column(Divider(), parts, spacing=0))
        set_region(self, "panel")
        self.hide()

    def show_work(self, title: str) -> None:
        """Something has begun."""
        self.title.setText(title)
        self.show_progress("", -1.0)

    def show_progress(self, text: str, fraction: float) -> None:
        """How far it is, from 0 to 1; less than 0 while nobody knows."""
        self.text.setText(text)
        self.bar.setVisible(fraction >= 0)
        self.bar.set_fraction(max(0.0, fraction))


class Adding(QObject):
    """Adds folders, files and the starter model to the project, one at a time, on a thread."""

    begun = Signal(str)
    """What is done, in words."""
    progressed = Signal(str, float)
    added = Signal(dict)
    """{"model_id", "name"} of what is in the project now."""
    ended = Signal()
    """It has failed, and that was said."""

    def __init__(
        self, context: Context, bases: Callable[[], list[Entry]], strip: Callable[[], MessageStrip], over: QWidget
    ) -> None:
        super().__init__(over)
        self._context, self._bases, self._strip, self._over = context, bases, strip, over
        self._location = ""
        self.work = work.Work(context.store.folder, self)
        self.work.progressed.connect(self.progressed)
        self.work.finished.connect(self.added)
        self.work.failed.connect(self._on_failed)

    @property
    def busy(self) -> bool:
        """Whether something is being added."""
        return self.work.busy

    def ask_folder(self) -> None:
        """Add a folder that is chosen now."""
        if found := QFileDialog.getExistingDirectory(self._over, self.tr("Choose a model or adapter folder")):
            self.add(found)

    def ask_file(self) -> None:
        """Add a GGUF file that is chosen now."""
        kinds = self.tr("GGUF files") + " (*.gguf)"
        found, _ = QFileDialog.getOpenFileName(self._over, self.tr("Choose a GGUF file"), "", kinds)
        if found:
            self.add(found)

    def add(self, location: str, base_id: str | None = None, name: str = "") -> None:
        """Add the model at a place."""
        self._location = location
        self._begin(work.adding(location, base_id, name))

    def get_starter(self) -> None:
        """Fetch the starter model."""
        self._location = ""
        self._begin(work.fetching_starter)

    def _begin(self, steps: work.Steps) -> None:
        try:
            self.work.start(steps)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.begun.emit(self.tr("Adding"))

    def _on_failed(self, error: WorkbenchError) -> None:
        self.ended.emit()
        location = Path(self._location) if self._location else None
        if location is not None and self._bases() and files.is_adapter(location):
            self._strip().show_error(error, action=(self.tr("Choose its base"), lambda: self._ask_base(location)))
        else:
            self._context.tell(error)

    def _ask_base(self, location: Path) -> None:
        bases: dict[str, Any] = {entry.model.name: entry.model.id for entry in self._bases()}
        question = self.tr("Which base was {name} trained on?").format(name=location.name)
        title = self.tr("Base of the adapter")
        name, sure = QInputDialog.getItem(self._over, title, question, list(bases), 0, False)
        if sure:
            self.add(str(location), bases[name])
