"""What stands in the middle of Models: the library, the hub, or what is on this computer; downloads under each."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..store import Model
from .models_dock import DownloadsDock
from .models_downloads import Downloads
from .models_here import HerePage
from .models_hub import HubPage
from .models_machine import Machine
from .tables import Table
from .widgets import SearchField, column

HUB, HERE = "find", "here"
"""Names of the lines of Sources that stand for a page of their own."""


class Pages(QWidget):
    """The pages and the dock."""

    place_wanted = Signal(str, str)
    """(path, name) of a model to add."""
    arrived = Signal(str, str)
    """(id, name) of a model that was downloaded and is in the project."""
    failed = Signal(object)
    """A WorkbenchError to show."""
    page_wanted = Signal(str)
    """A page that should be shown."""

    def __init__(self, folder: Path, library: QWidget, table: Table, field: SearchField) -> None:
        super().__init__()
        self._models: Sequence[Model] = []
        self._found = False
        self._table, self._field = table, field
        self.downloads = Downloads(folder, self)
        self.downloads.arrived.connect(self.arrived)
        self.downloads.failed.connect(self._tell)
        self.downloads.changed.connect(self._refresh)
        self.hub = HubPage(folder, self._note_of)
        self.hub.wanted.connect(self._download)
        self.hub.local_wanted.connect(lambda: self.page_wanted.emit(HERE))
        self.here = HerePage(folder, self._is_known)
        self.here.wanted.connect(self.place_wanted)
        self.dock = DownloadsDock(self.downloads)
        self._pages: dict[str, QWidget] = {"": library, HUB: self.hub, HERE: self.here}
        self._stack = QStackedWidget()
        for page in self._pages.values():
            self._stack.addWidget(page)
        body = column(self._stack, self.dock, spacing=0)
        body.setStretch(0, 1)
        self.setLayout(body)

    def show_page(self, name: str) -> None:
        """Show the page of a line of Sources; all lines but two stand for the library."""
        page = self._pages.get(name, self._pages[""])
        self._stack.setCurrentWidget(page)
        if page in (self.hub, self.here):
            self.hub.open() if page is self.hub else self.here.open()

    @property
    def on_library(self) -> bool:
        """Whether the library is shown."""
        return self._stack.currentIndex() == 0

    def step(self, by: int) -> None:
        """Go to the next or previous line of the table that is shown."""
        self._shown_table().step(by)

    def _shown_table(self) -> Table:
        return {1: self.hub.table, 2: self.here.table}.get(self._stack.currentIndex(), self._table)

    def find(self) -> None:
        """Go to the field of the page that is shown."""
        field = self.hub.field if self._stack.currentWidget() is self.hub else self._field
        field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def set_machine(self, machine: Machine) -> None:
        """What this computer has."""
        self.hub.set_machine(machine)

    def set_models(self, models: Sequence[Model]) -> None:
        """The models of the project. The first time, what was being downloaded before is listed too."""
        self._models = models
        self._refresh()
        if not self._found:
            self._found = True
            self.downloads.find()

    def _refresh(self) -> None:
        self.hub.table.viewport().update()
        self.here.refresh()

    def _tell(self, error: WorkbenchError) -> None:
        """Unless a line of the dock says it already, where it can be seen."""
        shown = self.isVisible() and any(item.error is error for item in self.downloads.items)
        if not shown:
            self.failed.emit(error)

    def _download(self, hub_id: str, file: str) -> None:
        try:
            self.downloads.want(hub_id, file)
        except WorkbenchError as error:
            self.failed.emit(error)

    def _note_of(self, hub_id: str) -> str:
        """What is known here of a model of the hub."""
        if self.downloads.item_of(hub_id) is not None:
            return self.tr("downloading")
        if any(hub_id in (model.note, _hub_id(model)) for model in self._models):
            return self.tr("in this project")
        return ""

    def _is_known(self, path: str) -> bool:
        real = os.path.realpath(path)
        return any(os.path.realpath(model.location) == real for model in self._models)


def _hub_id(model: Model) -> str:
    told = model.info.get("hub")
    return str(told.get("id", "")) if isinstance(told, dict) else ""
