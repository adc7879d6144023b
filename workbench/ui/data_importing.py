"""Import: what a file would add, its first rows and what would be left out, and only then the import itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal
from PySide6.QtWidgets import QDialog, QStackedWidget, QWidget

from .. import paths
from ..errors import WorkbenchError
from ..feedback import KINDS
from ..store.browsing import Entry
from .data_import_steps import Look, Reading, Watch, importing, trying
from .data_mapping import MappingForm
from .data_words import feedback_cell, person, said, tone_of
from .feedback_orders import Choice
from .figures import count
from .tables import Cell, Column, RowsModel, Table
from .theme import set_region
from .widgets import Banner, Bar, Button, ElidedLabel, Option, Segmented, column, label, row
from .work import Work

_ROWS, _OUT, _RAW, _NOTHING = range(4)
_MOST_RAW = 6
"""Columns that are shown of a file in which nobody has said what they are."""
PAUSE_MS = 250
"""After a choice, before the file is read again: people change several at a time."""


def added_words(owner: QObject, added: Mapping[str, int]) -> str:
    """ "12 prompts, 48 answers, 40 judgements", without what is none."""
    names = {
        "prompts": (owner.tr("1 prompt"), owner.tr("{n} prompts")),
        "responses": (owner.tr("1 answer"), owner.tr("{n} answers")),
        "feedback": (owner.tr("1 judgement"), owner.tr("{n} judgements")),
    }
    parts = [
        one if added[table] == 1 else many.format(n=count(added[table]))
        for table, (one, many) in names.items()
        if added.get(table)
    ]
    return ", ".join(parts)


class ImportDialog(QDialog):
    """Looks into a file beside the window, shows what it found, and imports it when asked to."""

    looked = Signal()
    """Everything is read, or there is a reason why not."""
    imported = Signal(dict)

    def __init__(self, folder: Path, path: Path, annotator: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path, self._annotator = path, annotator
        self.report: dict[str, Any] = {}
        self._work = Work(folder, self)
        self._work.finished.connect(self._on_done)
        self._work.failed.connect(self._on_failed)
        self._reading, self._look = Reading(), None
        self._watch = Watch()
        self._importing = self._again = False
        self._pause = QTimer(self, singleShot=True, interval=PAUSE_MS)
        self._pause.timeout.connect(self._start)
        self.setWindowTitle(self.tr("Import"))
        self.setAccessibleName(self.tr("Import"))
        set_region(self, "canvas")
        self.resize(940, 640)
        self._build()
        self._start()

    # --- building

    def _build(self) -> None:
        self.summary = label("", "title", wrap=True)
        self.note = label("", "body", "text2", wrap=True)
        self.format = self._formats()
        self.mapping = MappingForm()
        self.mapping.changed.connect(self._assign)
        self.problem = Banner("", "", "bad")
        self.rows, self.left_out = Table(self.tr("First rows")), Table(self.tr("Left out"))
        switch = [Option("rows", self.tr("First rows")), Option("out", self.tr("Left out"))]
        self.switch = Segmented(switch, self.tr("What to look at"), "sm")
        self.tables = QStackedWidget()
        self.raw = Table(self.tr("The file's columns"))
        for part in (self.rows, self.left_out, self.raw, QWidget()):
            self.tables.addWidget(part)
        self.tables.setCurrentIndex(_NOTHING)
        self.switch.changed.connect(lambda value: self.tables.setCurrentIndex(_OUT if value == "out" else _ROWS))
        self.bar = Bar(self.tr("Rows imported"))
        for part in (self.mapping, self.problem, self.switch, self.bar):
            part.hide()
        self._make_models()
        self._make_buttons()
        read_as = row(label(self.tr("Read as"), "body", "text2"), self.format, self.note)
        read_as.setStretch(2, 1)
        layout = column(
            self.summary, ElidedLabel(str(self.path), "small", "text3"), read_as, self.mapping, self.problem,
            row(self.switch, None), self.tables, self.bar, row(None, self.cancel, self.go),
            spacing=10, margins=(20, 18, 20, 16),
        )  # fmt: skip
        layout.setStretch(6, 1)
        self.setLayout(layout)

    def _formats(self) -> Choice:
        from ..store.exchange import FORMATS, MAPPED, title_of

        choice = Choice(self.tr("Read as"))
        for name in (MAPPED, *FORMATS):
            choice.addItem(title_of(name), name)
        choice.setPlaceholderText(self.tr("Not recognised"))
        choice.setCurrentIndex(-1)
        choice.activated.connect(self._choose_format)
        return choice

    def _make_models(self) -> None:
        self._rows_model = RowsModel([
            Column(self.tr("Row"), lambda r: Cell(str(r["row"]), tone="text2"), 60),
            Column(self.tr("Prompt"), lambda r: Cell(r["prompt"]), stretch=True),
            Column(self.tr("First answer"), lambda r: Cell((r["answers"] or [""])[0], tone="text2"), stretch=True),
            Column(self.tr("Answers"), lambda r: Cell(str(len(r["answers"])), tone="text2", right=True), 72),
            Column(self.tr("Judgement"), judged_cell, 150),
            Column(self.tr("Who"), who_cell, 110),
        ])  # fmt: skip
        self._out_model = RowsModel([
            Column(self.tr("Row"), lambda r: Cell(str(r["row"]), tone="text2"), 60),
            Column(self.tr("Why"), lambda r: Cell(r["reason"], tone="warn"), stretch=True),
        ])  # fmt: skip
        self.rows.setModel(self._rows_model)
        self.left_out.setModel(self._out_model)

    def _make_buttons(self) -> None:
        self.cancel = Button(self.tr("Cancel"), key="Esc")
        self.cancel.clicked.connect(self.reject)
        self.go = Button(self.tr("Import"), kind="primary", size="lg", key="Enter")
        self.go.setDefault(True)
        self.go.setEnabled(False)
        self.go.clicked.connect(self.import_now)

    # --- looking

    def _start(self) -> None:
        """Look into the file as it is to be read now."""
        if self._work.busy:  # it is being read as it was to be read before
            self._again = True
            self._watch.stop()
            return
        self._again, self.report = False, {}
        self.go.setEnabled(False)
        self.problem.hide()
        self.summary.setText(self.tr("Looking into the file..."))
        self._watch = self._new_watch()
        self._work.start(trying(self.path, self._annotator, self._reading, self._watch))

    def _new_watch(self) -> Watch:
        watch = Watch()  # connected without a function that would hold it, so that it ends in this thread
        watch.looked.connect(self._on_looked)
        watch.read.connect(self._on_read)
        return watch

    def _choose_format(self, place: int) -> None:
        from ..store.exchange import MAPPED

        name = self.format.itemData(place)
        mapping = self.mapping.mapping() if name == MAPPED else None
        self._reading = Reading(mapping=mapping) if name == MAPPED else Reading(format=name)
        self._start()

    def _assign(self) -> None:
        self._reading = Reading(mapping=self.mapping.mapping())
        self.go.setEnabled(False)
        self._pause.start()

    def _on_looked(self, found: Look) -> None:
        """The first rows are there; what all of them would add is found out meanwhile."""
        if self.sender() is not self._watch:
            return
        self._look = found
        self.format.setCurrentIndex(self.format.findData(found.format))
        self.mapping.setVisible(found.mapping is not None)
        if found.mapping is not None:
            self.mapping.show_columns(found.columns, found.mapping)
        self._rows_model.set_rows([each for each in found.rows if "skipped" not in each])
        self.switch.hide()
        self.switch.pick("rows")
        self.rows.setFocus()
        self.tables.setCurrentIndex(_ROWS if found.rows else _RAW if found.raw else _NOTHING)
        self.note.setText("")
        if found.problem is not None:
            self.raw.setModel(RowsModel([raw_column(name) for name in found.columns[:_MOST_RAW]], self))
            self.raw.model().set_rows(found.raw)  # type: ignore[attr-defined]
            self.summary.setText(self.tr("Say which column is what"))
            self.note.setText(str(found.problem))

    def _on_read(self, rows: int) -> None:
        total = self.report.get("rows", 0)
        if self.sender() is not self._watch:
            return
        if not self._importing:
            self.summary.setText(self.tr("Looking into the file: {count} rows").format(count=count(rows)))
        elif rows < total:
            self.bar.set_fraction(rows / total)
            text = self.tr("Reading row {count} of {total}")
            self.summary.setText(text.format(count=count(rows), total=count(total)))
        else:
            self.bar.set_fraction(1.0)
            self.summary.setText(self.tr("Writing {total} rows").format(total=count(total)))

    # --- importing

    def import_now(self) -> None:
        """Write what was shown."""
        if self._look is None:
            return
        self._importing = True
        for part in (self.go, self.format, self.mapping):
            part.setEnabled(False)
        self.bar.show()
        self.summary.setText(self.tr("Importing..."))
        self._watch = self._new_watch()
        self._work.start(importing(self.path, self._annotator, self._look, self._watch))

    def reject(self) -> None:
        """Stop what is going on, and close; an import is first taken back."""
        self._watch.stop()
        self._pause.stop()
        if self._importing:
            self.cancel.setEnabled(False)
            self.summary.setText(self.tr("Stopping. Nothing will be written."))
            return
        super().reject()

    def _on_done(self, report: dict[str, Any]) -> None:
        if self._importing:
            self._importing = False
            if report["stopped"]:
                super().reject()
                return
            self.imported.emit(report)
            self.accept()
        elif self._again:
            self._start()
        elif report.get("stopped"):
            return
        else:
            if report:
                self._show(report)
            self.looked.emit()

    def _show(self, report: dict[str, Any]) -> None:
        self.report = report
        added = added_words(self, report["added"])
        self.summary.setText(self.tr("Adds {what}").format(what=added) if added else self.tr("Adds nothing new"))
        parts = []
        if known := report["already_there"]:
            one, many = self.tr("1 row is here already."), self.tr("{count} rows are here already.")
            parts.append(one if known == 1 else many.format(count=count(known)))
        if refused := report["refused"]:
            one, many = self.tr("1 row is left out."), self.tr("{count} rows are left out.")
            parts.append(one if refused == 1 else many.format(count=count(refused)))
        self.note.setText(" ".join(parts))
        skipped: Sequence[dict[str, Any]] = report["skipped"]
        out = {each["row"] for each in skipped}
        self._rows_model.set_rows([each for each in self._rows_model.rows() if each["row"] not in out])
        self._out_model.set_rows(list(skipped))
        self.switch.setVisible(bool(skipped))
        self.go.setEnabled(bool(added) or bool(report["changed"]))
        if self.go.isEnabled():
            self.go.setFocus()

    def _on_failed(self, error: WorkbenchError) -> None:
        if self._again:
            self._start()
            return
        self._importing = False
        self.summary.setText(self.tr("This file was not imported. Nothing was written."))
        self.problem.set_banner(error.text, error.hint, "bad")
        self.problem.show()
        self.switch.hide()
        self.tables.setCurrentIndex(_NOTHING)
        self.bar.hide()
        for part in (self.format, self.mapping):
            part.setEnabled(True)
        self.go.setEnabled(False)
        self.looked.emit()


def judged_cell(item: Mapping[str, Any]) -> Cell:
    """The first judgement of a row as the Data pane shows it, and how many more there are."""
    found = [entry for entry in (_entry(item, each) for each in item.get("said", ())) if entry is not None]
    if not found:
        return Cell("")
    if len(found) == 1:
        return feedback_cell(found[0])
    return Cell(f"{said(found[0])} +{len(found) - 1}", tone=tone_of(found[0].annotator), role="strong")


def raw_column(name: str) -> Column:
    """A column of the file as it is."""
    return Column(name, lambda item: Cell("" if item.get(name) is None else str(item[name])[:200]), 150, stretch=True)


def who_cell(item: Mapping[str, Any]) -> Cell:
    """Who judged in a row, each once."""
    people = dict.fromkeys(each["who"] for each in item.get("said", ()) if each["who"])
    return Cell(", ".join(person(name) for name in people), tone="text2")


def _entry(item: Mapping[str, Any], each: Mapping[str, Any]) -> Entry | None:
    """A judgement as the Data pane has it; None for one that will be refused."""
    try:
        value = KINDS[each["kind"]].check(each["value"], len(item["answers"]))
    except (KeyError, WorkbenchError):
        return None
    return Entry(
        seq=0, id="", kind=each["kind"], prompt_id="", prompt="", split="", tags=(), response_ids=(),
        answers=tuple(item["answers"]), models=(), value=value, annotator=each["who"], comment="", reasons=(),
        created_at="", seconds=0.0, blind=False, run_id=None, imported=True, retracted_at=None,
    )  # fmt: skip


def samples() -> Path:
    """The judgements that come with the app."""
    return paths.samples() / "judgements.jsonl"
