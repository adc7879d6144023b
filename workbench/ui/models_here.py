"""Models that are on this computer already, to be added to the project without copying."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFileDialog, QStackedWidget, QWidget

from .. import settings
from ..errors import WorkbenchError
from ..events import Event, Finished
from ..jobs.hub_cache import Local, everything
from ..store import Store
from . import figures, work
from .tables import Cell, Column, RowsModel, Table
from .theme import set_region
from .widgets import Button, Divider, ElidedLabel, EmptyState, column, holding, label, row

ICONS = {"gguf": "file-box", "adapter": "puzzle"}
PLACE, KIND = 3, 1


class HereTable(Table):
    """What is here. `known` says whether a path is in the project."""

    def __init__(self, known: Callable[[str], bool], parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Models on this computer"), two_lines=True, parent=parent)
        self._known = known
        self.rows_model = RowsModel(self._columns(), self)
        self.setModel(self.rows_model)

    def _columns(self) -> list[Column]:
        return [
            Column(self.tr("Name"), self._name, stretch=True, key=lambda each: each.name.lower()),
            Column(self.tr("Kind"), lambda each: Cell(self._kinds()[each.kind], tone="text2"), 92),
            Column(self.tr("On disk"), self._size, 92, key=lambda each: each.size, right=True),
            Column(self.tr("Where"), self._place, 150),
            Column(self.tr("State"), self._state, 150),
        ]

    def _kinds(self) -> dict[str, str]:
        return {"model": self.tr("Model"), "gguf": self.tr("GGUF file"), "adapter": self.tr("Adapter")}

    def _name(self, each: Local) -> Cell:
        return Cell(each.name, each.trouble or each.path, icon=ICONS.get(each.kind, "box"))

    def _size(self, each: Local) -> Cell:
        return Cell(figures.size(each.size), tone="text2") if each.size else Cell("\u2013", tone="text3")

    def _place(self, each: Local) -> Cell:
        names = {"cache": self.tr("Hub cache"), "fetched": self.tr("Fetched before")}
        return Cell(names.get(each.place) or Path(each.place).name, tone="text2")

    def _state(self, each: Local) -> Cell:
        if each.trouble:
            return Cell(self.tr("Not whole"), dot=("bad", False), tone="bad")
        if self._known(each.path):
            return Cell(self.tr("In this project"), dot=("good", False))
        return Cell(self.tr("Can be added"), dot=("text3", True), tone="text2")

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.setColumnHidden(PLACE, self.width() < 680)
        self.setColumnHidden(KIND, self.width() < 560)


class HerePage(QWidget):
    """The table, with folders to look in."""

    wanted = Signal(str, str)
    """(path, name) to add to the project."""

    def __init__(self, folder: Path, known: Callable[[str], bool], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._known = known
        self._work = work.Work(folder, self)
        self._work.finished.connect(self._show)
        self._work.failed.connect(self._fail)
        self.table = HereTable(known)
        self.table.picked.connect(lambda each: self._show_chosen())
        self.table.opened.connect(lambda each: self.add())
        sentence = self.tr("No models lie in the Hugging Face cache or in your model folders.")
        self.empty = EmptyState(sentence, self.tr("Look in a folder"), self.ask_folder)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.empty)
        self.counts = label("", "small", "text2", tabular=True)
        self.looker = Button(self.tr("Look in a folder"), "folder")
        self.looker.clicked.connect(self.ask_folder)
        again = Button(self.tr("Look again"), "refresh-cw")
        again.clicked.connect(self.look)
        tools = holding(row(self.counts, None, self.looker, again, margins=(16, 7, 12, 7)))
        body = column(tools, Divider(), self.stack, self._build_foot(), spacing=0)
        body.setStretch(2, 1)
        self.setLayout(body)
        set_region(self, "surface")
        self._show_chosen()

    def _build_foot(self) -> QWidget:
        self.about = ElidedLabel("", "small", "text2")
        self.forgetter = Button(self.tr("Stop looking in this folder"), kind="ghost")
        self.forgetter.clicked.connect(self.forget)
        self.button = Button(self.tr("Add to this project"), "plus", "Enter", "primary")
        self.button.clicked.connect(self.add)
        line = row(self.about, self.forgetter, self.button, spacing=10, margins=(16, 8, 12, 8))
        line.setStretch(0, 1)
        foot = holding(column(Divider(), line, spacing=0))
        set_region(foot, "panel")
        return foot

    def open(self) -> None:
        """Called when the page is shown."""
        self.look()
        self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def look(self) -> None:
        """Look again, beside the window."""
        if not self._work.busy:
            self.counts.setText(self.tr("Looking"))
            self._work.start(_looking)

    def _show(self, summary: dict[str, Any]) -> None:
        found: list[Local] = summary["found"]
        chosen = self.table.chosen()
        self.table.rows_model.set_rows(found)
        same = [each for each in found if chosen and each.path == chosen.path]
        self.table.choose(next(iter([*same, *found]), None))
        self.stack.setCurrentWidget(self.table if found else self.empty)
        size = figures.size(sum(each.size for each in found))
        many = self.tr("{count} models, {size}").format(count=len(found), size=size)
        self.counts.setText(self.tr("1 model, {size}").format(size=size) if len(found) == 1 else many)
        self._show_chosen()

    def _fail(self, error: WorkbenchError) -> None:
        self.counts.setText("")
        self.empty.set_sentence(str(error))
        self.stack.setCurrentWidget(self.empty)

    def refresh(self) -> None:
        """Show what is in the project by now."""
        self.table.viewport().update()
        self._show_chosen()

    def _show_chosen(self) -> None:
        each = self.table.chosen()
        can = each is not None and not each.trouble and not self._known(each.path)
        self.button.setEnabled(can)
        self.forgetter.setVisible(each is not None and each.place not in ("cache", "fetched"))
        self.about.setText("" if each is None else each.trouble or self.tr("It stays where it is; nothing is copied."))

    def add(self) -> None:
        """Add the chosen one to the project."""
        each = self.table.chosen()
        if each is not None and self.button.isEnabled():
            self.wanted.emit(each.path, each.name.rsplit("/", 1)[-1])

    # -- folders

    def ask_folder(self) -> None:
        """Ask for a folder to look in from now on."""
        found = QFileDialog.getExistingDirectory(self, self.tr("Choose a folder with models"))
        if found:
            self.look_in(found)

    def look_in(self, folder: str) -> None:
        """Look in a folder from now on."""
        settings.keep_model_folders(list(dict.fromkeys([*settings.load().model_folders, folder])))
        self.look()

    def forget(self) -> None:
        """Look in the chosen one's folder no more. Nothing in it is touched."""
        each = self.table.chosen()
        if each is not None:
            settings.keep_model_folders([place for place in settings.load().model_folders if place != each.place])
            self.look()


def _looking(store: Store) -> Iterator[Event]:
    yield Finished({"found": everything()})
