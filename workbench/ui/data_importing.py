"""Import: what a file would add, its first rows and what would be left out, and only then the import itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QDialog, QStackedWidget, QWidget

from .. import paths
from ..errors import WorkbenchError
from ..events import Event, Finished, Progress
from ..store import Store
from .figures import count
from .models_work import Steps, Work
from .tables import Cell, Column, RowsModel, Table
from .theme import set_region
from .widgets import Banner, Button, ElidedLabel, Option, Segmented, column, label, row

FIRST = 20


def trying(path: Path, annotator: str) -> Steps:
    """Import a file and take it back again: the counts are the real ones, and nothing stays."""

    def steps(store: Store) -> Iterator[Event]:
        from ..store.exchange import FORMATS
        from ..store.exchange.importing import import_file, preview

        yield Progress(0, 0, str(path))
        report = import_file(store, path, annotator=annotator, dry_run=True)
        title = FORMATS[report.format].title
        yield Finished(report.to_json() | {"title": title, "rows": preview(path, format=report.format, limit=FIRST)})

    return steps


def importing(path: Path, annotator: str) -> Steps:
    """Import a file."""

    def steps(store: Store) -> Iterator[Event]:
        from ..store.exchange.importing import import_file

        yield Progress(0, 0, str(path))
        yield Finished(import_file(store, path, annotator=annotator).to_json())

    return steps


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
    """The preview is there, or why there is none."""
    imported = Signal(dict)

    def __init__(self, folder: Path, path: Path, annotator: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.path, self._annotator = path, annotator
        self.report: dict[str, Any] = {}
        self._work = Work(folder, self)
        self._work.finished.connect(self._on_done)
        self._work.failed.connect(self._on_failed)
        self._importing = False
        self.setWindowTitle(self.tr("Import"))
        self.setAccessibleName(self.tr("Import"))
        set_region(self, "canvas")
        self.resize(820, 560)
        self._build()
        self._work.start(trying(path, annotator))

    def _build(self) -> None:
        self.summary = label(self.tr("Looking into the file..."), "title", wrap=True)
        self.note = label("", "body", "text2", wrap=True)
        name = ElidedLabel(str(self.path), "small", "text3")
        self.problem = Banner("", "", "bad")
        self.problem.hide()
        self.rows, self.left_out = Table(self.tr("First rows")), Table(self.tr("Left out"))
        self.switch = Segmented(
            [Option("rows", self.tr("First rows")), Option("out", self.tr("Left out"))],
            self.tr("What to look at"),
            "sm",
        )
        self.tables = QStackedWidget()
        for part in (self.rows, self.left_out):
            self.tables.addWidget(part)
        self.switch.changed.connect(lambda value: self.tables.setCurrentIndex(int(value == "out")))
        for part in (self.switch, self.tables):
            part.hide()
        self._rows_model = RowsModel([
            Column(self.tr("Row"), lambda r: Cell(str(r["row"]), tone="text2"), 60),
            Column(self.tr("Prompt"), lambda r: Cell(r["prompt"]), stretch=True),
            Column(self.tr("First answer"), lambda r: Cell((r["answers"] or [""])[0], tone="text2"), stretch=True),
            Column(self.tr("Answers"), lambda r: Cell(str(len(r["answers"])), tone="text2", right=True), 72),
            Column(self.tr("Judgements"), lambda r: Cell(str(r["judgements"]), tone="human", right=True), 108),
        ])  # fmt: skip
        self._out_model = RowsModel([
            Column(self.tr("Row"), lambda r: Cell(str(r["row"]), tone="text2"), 60),
            Column(self.tr("Why"), lambda r: Cell(r["reason"], tone="warn"), stretch=True),
        ])  # fmt: skip
        self.rows.setModel(self._rows_model)
        self.left_out.setModel(self._out_model)
        self.cancel = Button(self.tr("Cancel"), key="Esc")
        self.cancel.clicked.connect(self.reject)
        self.go = Button(self.tr("Import"), kind="primary", size="lg", key="Enter")
        self.go.setDefault(True)
        self.go.setEnabled(False)
        self.go.clicked.connect(self.import_now)
        layout = column(
            self.summary, name, self.note, self.problem, row(self.switch, None), self.tables,
            row(None, self.cancel, self.go), spacing=10, margins=(20, 18, 20, 16),
        )  # fmt: skip
        layout.setStretch(5, 1)
        self.setLayout(layout)

    def import_now(self) -> None:
        """Write what was shown."""
        self._importing = True
        self.go.setEnabled(False)
        self.summary.setText(self.tr("Importing..."))
        self._work.start(importing(self.path, self._annotator))

    def _on_done(self, report: dict[str, Any]) -> None:
        if self._importing:
            self.imported.emit(report)
            self.accept()
            return
        self.report = report
        self._show(report)
        self.looked.emit()

    def _show(self, report: dict[str, Any]) -> None:
        added = added_words(self, report["added"])
        self.summary.setText(self.tr("Adds {what}").format(what=added) if added else self.tr("Adds nothing new"))
        parts = [self.tr("Read as: {format}.").format(format=report["title"])]
        if changed := report["changed"]:
            one, many = self.tr("1 row is brought up to date."), self.tr("{count} rows are brought up to date.")
            parts.append(one if changed == 1 else many.format(count=count(changed)))
        if known := report["already_there"]:
            one, many = self.tr("1 row is here already."), self.tr("{count} rows are here already.")
            parts.append(one if known == 1 else many.format(count=count(known)))
        skipped: Sequence[dict[str, Any]] = report["skipped"]
        if skipped:
            one, many = self.tr("1 row is left out."), self.tr("{count} rows are left out.")
            parts.append(one if len(skipped) == 1 else many.format(count=count(len(skipped))))
        self.note.setText(" ".join(parts))
        out = {each["row"] for each in skipped}
        self._rows_model.set_rows([each for each in report["rows"] if each["row"] not in out])
        self._out_model.set_rows(list(skipped))
        self.switch.setVisible(bool(skipped))
        self.tables.show()
        self.go.setEnabled(bool(added or changed))
        if added or changed:
            self.go.setFocus()

    def _on_failed(self, error: WorkbenchError) -> None:
        self.summary.setText(self.tr("This file was not imported. Nothing was written."))
        self.problem.set_banner(error.text, error.hint, "bad")
        self.problem.show()
        self.tables.hide()
        self.go.setEnabled(False)
        self._importing = False
        self.looked.emit()


def samples() -> Path:
    """The judgements that come with the app."""
    return paths.samples() / "judgements.jsonl"
