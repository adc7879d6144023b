"""The Hugging Face Hub in Models: search, what a model takes and whether it would run here, and the download."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QComboBox, QStackedWidget, QWidget

from ..errors import WorkbenchError
from ..jobs import hub
from ..jobs.hub_fit import running
from ..jobs.hub_search import Found, Query, largest
from ..lm.estimates import Estimate
from . import figures
from . import models_words as words
from .models_hub_search import HubSearch
from .models_machine import Machine
from .tables import Cell, Column, RowsModel, Table
from .theme import set_region
from .widgets import Button, Divider, ElidedLabel, EmptyState, SearchField, column, holding, label, row

NAME, PARAMETERS, SIZE, FIT, LICENCE, POPULAR = range(6)
LEAVING = ((POPULAR, 760), (PARAMETERS, 660), (LICENCE, 560))
"""Columns and the width of the table under which each one is hidden."""
TOKENS = {"fits": "s1", "tight": "warn", "too large": "bad"}
LICENCES = ("apache-2.0", "mit", "llama3.2", "gemma", "cc-by-4.0")
SIZES = ("500M", "1B", "2B", "4B", "8B", "14B", "2GB", "8GB")


class HubTable(Table):
    """Results of a search. `note_of` says what is known of a model here, such as "in this project"."""

    def __init__(self, note_of: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(self.tr("Models of the hub"), two_lines=True, parent=parent)
        self.machine: Machine | None = None
        self._note_of = note_of
        self.rows_model = RowsModel(self._columns(), self)
        self.setModel(self.rows_model)

    def _columns(self) -> list[Column]:
        return [
            Column(self.tr("Name"), self._name, stretch=True),
            Column(self.tr("Parameters"), lambda each: _plain(words.parameters(each.parameters)), 92, right=True),
            Column(self.tr("Download"), self._size, 96, right=True),
            Column(self.tr("Runs here"), self._fit, 152),
            Column(self.tr("Licence"), lambda each: _plain(words.licence_named(each.licence)), 112),
            Column(self.tr("Downloads"), lambda each: _plain(_short(each.downloads)), 96, right=True),
        ]

    def show_found(self, found: list[Found]) -> None:
        """Show these results."""
        self.rows_model.set_rows(found)
        if found:
            self.choose(found[0])

    def replace(self, found: Found) -> None:
        """Show more of a result."""
        chosen = self.chosen()
        rows = [found if each.id == found.id else each for each in self.rows_model.rows()]
        place = self.verticalScrollBar().value()
        self.rows_model.set_rows(rows)
        if chosen is not None:
            self.choose(next((each for each in rows if each.id == chosen.id), None))
        self.verticalScrollBar().setValue(place)

    def need(self, found: Found) -> Estimate | None:
        """The memory to run it; None while its size is not known."""
        if not found.parameters or found.trouble:
            return None
        device = "cuda" if self.machine is not None and self.machine.card_in_use else "cpu"
        return running(found.parameters, device=device)

    def _name(self, found: Found) -> Cell:
        owner, _, name = found.id.partition("/")
        gated, gguf = self.tr("gated") if found.gated else "", "GGUF" if found.gguf else ""
        told = found.trouble or ", ".join(note for note in (self._note_of(found.id), gated, gguf) if note)
        icon = "circle-alert" if found.trouble else "lock" if found.gated else "file-box" if found.gguf else "box"
        return Cell(name, ", ".join(part for part in (owner, told) if part), icon=icon)

    def _size(self, found: Found) -> Cell:
        if not found.size:
            return Cell("\u2013", tone="text3")
        size = figures.size(found.size)
        return Cell(size, tone="text" if found.exact else "text3")

    def _fit(self, found: Found) -> Cell:
        need, machine = self.need(found), self.machine
        if need is None or machine is None:
            return Cell("\u2013", tone="text3")
        fit = need.fit(machine.free, machine.total)
        texts = {"fits": self.tr("Fits"), "tight": self.tr("Tight"), "too large": self.tr("Too large")}
        tone = {"fits": "text", "tight": "warn"}.get(fit, "bad")
        return Cell(texts.get(fit, ""), bar=(min(1.0, need.total / machine.total), TOKENS.get(fit, "s1")), tone=tone)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        for column_, width in LEAVING:
            self.setColumnHidden(column_, self.width() < width)


def _plain(text: str) -> Cell:
    return Cell(text or "\u2013", tone="text2" if text else "text3")


def _short(number: int) -> str:
    """A large count in few figures: 1.2 M."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if number >= size:
            return f"{figures.figure(number / size)} {unit}"
    return figures.count(number) if number else ""


class HubPage(QWidget):
    """Search at the top, results, and at the foot what to fetch of the chosen one."""

    wanted = Signal(str, str)
    """(hub id, GGUF file or "") to download."""
    local_wanted = Signal()
    """To look at what is on this computer."""

    def __init__(self, folder: Path, note_of: Callable[[str], str], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._asked = False
        self.hub = HubSearch(folder, self)
        self.hub.listed.connect(self._list)
        self.hub.looked.connect(self._look)
        self.hub.failed.connect(self._fail)
        self.table = HubTable(note_of)
        self.table.picked.connect(lambda found: self._show_chosen())
        self.table.opened.connect(lambda found: self.download())
        self.empty = EmptyState("", self.tr("Try again"), self.search_now, self.tr("Models on this computer"),
                                self.local_wanted.emit)  # fmt: skip
        self.stack = QStackedWidget()
        self.stack.addWidget(self.table)
        self.stack.addWidget(self.empty)
        body = column(self._build_tools(), Divider(), self.stack, self._build_foot(), spacing=0)
        body.setStretch(2, 1)
        self.setLayout(body)
        set_region(self, "surface")
        self._show_chosen()

    def _build_tools(self) -> QWidget:
        self.field = SearchField(self.tr("Search the hub"))
        self.field.setMinimumWidth(150)
        self.field.textChanged.connect(lambda text: self.search())
        self.task = self._choice(
            self.tr("Task"),
            [
                (self.tr("Writes text"), "text-generation"),
                (self.tr("Scores text"), "text-classification"),
                (self.tr("Any task"), ""),
            ],
        )
        licences = [(words.licence_named(each), each) for each in LICENCES]
        self.licence = self._choice(self.tr("Licence"), [(self.tr("Any licence"), ""), *licences])
        sizes = [(self.tr("Up to {size}").format(size=_spaced(each)), each) for each in SIZES]
        self.largest = self._choice(self.tr("Largest size"), [(self.tr("Any size"), ""), *sizes])
        self.sort = self._choice(
            self.tr("Order"),
            [
                (self.tr("Most downloads"), "downloads"),
                (self.tr("Most liked"), "likes"),
                (self.tr("Newest"), "newest"),
            ],
        )
        tools = row(self.field, self.task, self.licence, self.largest, self.sort, margins=(12, 7, 12, 7))
        tools.setStretch(0, 1)
        return holding(tools)

    def _choice(self, name: str, options: list[tuple[str, str]]) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        for text, value in options:
            box.addItem(text, value)
        box.activated.connect(lambda place: self.search_now())
        return box

    def _build_foot(self) -> QWidget:
        self.about = ElidedLabel("", "small", "text2")
        self.file_name = label(self.tr("File"), "small", "text2")
        self.file = QComboBox()
        self.file.setAccessibleName(self.tr("GGUF file"))
        self.file.setMinimumContentsLength(16)
        self.button = Button(self.tr("Download"), "cloud-download", "Enter", "primary")
        self.button.clicked.connect(self.download)
        self.source = label("", "small", "text3")
        line = row(self.about, self.source, self.file_name, self.file, self.button, spacing=10, margins=(16, 8, 12, 8))
        line.setStretch(0, 1)
        foot = holding(column(Divider(), line, spacing=0))
        set_region(foot, "panel")
        return foot

    # -- searching

    def open(self) -> None:
        """Called when the page is shown: the first time it lists what most people fetch."""
        if not self._asked:
            self.search_now()
        self.field.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def query(self) -> Query:
        """What is looked for."""
        text = self.largest.currentData()
        parameters, size = largest(text) if text else (0, 0)
        return Query(
            self.field.text(), self.task.currentData(), self.licence.currentData(), parameters, size,
            self.sort.currentData(),
        )  # fmt: skip

    def search(self) -> None:
        """Search when typing pauses."""
        self._begin(soon=False)

    def search_now(self) -> None:
        """Search at once."""
        self._begin(soon=True)

    def _begin(self, soon: bool) -> None:
        self._asked = True
        try:
            where = hub.endpoint()
        except WorkbenchError as error:
            self._fail(error)
            return
        self.about.setText(self.tr("Asking {place}").format(place=self._place(where)))
        self.source.setText(self.tr("from {place}").format(place=self._place(where)))
        self.hub.want(self.query(), soon)

    def _place(self, where: hub.Endpoint) -> str:
        name = where.url.split("://", 1)[-1]
        if where.told_by == "setting":
            return self.tr("the mirror {name} (Settings)").format(name=name)
        if where.told_by == "variable":
            return self.tr("the mirror {name} (HF_ENDPOINT)").format(name=name)
        return name

    def _list(self, found: list[Found]) -> None:
        self.table.show_found(found)
        if found:
            self.stack.setCurrentWidget(self.table)
        else:
            self._say(self.tr("The hub has nothing like this."), retry=False)
        self._show_chosen()

    def _look(self, found: Found) -> None:
        self.table.replace(found)
        self._show_chosen()

    def _fail(self, error: WorkbenchError) -> None:
        if self.stack.currentWidget() is self.table and self.table.rows_model.rows():
            self.about.setText(str(error))
        else:
            self._say(str(error), retry=True)

    def _say(self, text: str, retry: bool) -> None:
        self.empty.set_sentence(text)
        self.empty.action.setVisible(retry)
        self.stack.setCurrentWidget(self.empty)
        self._show_chosen()

    def set_machine(self, machine: Machine) -> None:
        """What this computer has."""
        self.table.machine = machine
        self.table.viewport().update()
        self._show_chosen()

    # -- the chosen one

    def _chosen(self) -> Found | None:
        return self.table.chosen() if self.stack.currentWidget() is self.table else None

    def _show_chosen(self) -> None:
        found = self._chosen()
        names = found.ggufs if found is not None and found.gguf else ()
        if [self.file.itemText(place) for place in range(self.file.count())] != list(names):
            self.file.clear()
            self.file.addItems(list(names))
        for widget in (self.file, self.file_name):
            widget.setVisible(len(names) > 1)
        self.button.setEnabled(found is not None and not found.trouble)
        self.about.setText(self._about(found) if found is not None else "")

    def _about(self, found: Found) -> str:
        if found.trouble:
            return self.tr("{name} {trouble}.").format(name=found.id, trouble=found.trouble.rstrip("."))
        parts = [found.id]
        need, machine = self.table.need(found), self.table.machine
        if need is not None and machine is not None and machine.total:
            told = self.tr("takes {needed} of {total} memory to run")
            parts.append(told.format(needed=figures.size(need.total), total=figures.size(machine.total)))
        if found.gated:
            parts.append(self.tr("its makers ask you to accept their terms on the hub"))
        return ", ".join(parts)

    def download(self) -> None:
        """Fetch the chosen model."""
        found = self._chosen()
        if found is not None and self.button.isEnabled():
            self.wanted.emit(found.id, self.file.currentText() if found.gguf else "")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter in the search field searches at once and goes to the results."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter) and self.field.hasFocus():
            self.search_now()
            self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)
            return
        super().keyPressEvent(event)


def _spaced(size: str) -> str:
    """A size as figures are written: 2 GB, 500 M."""
    digits = size.rstrip("BKMGT")
    return f"{digits} {size[len(digits) :]}"
