"""Translate a document: which, into what, with which glossary and model; then how far it is, and the result."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from PySide6.QtCore import Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QComboBox, QCompleter, QDialog, QFileDialog, QGridLayout, QLineEdit, QWidget

from .. import events as ev
from ..errors import WorkbenchError
from ..jobs import translating
from ..store import Model, Run
from . import figures
from .context import Context
from .theme import set_region, set_tone
from .widgets import Bar, Button, column, label, row

SETTING = "translate"
MOST_TERMS = 6
"""Terms that were not used and are named."""


class TranslateDialog(QDialog):
    """Starts a translation and follows it. Closing it does not stop it: the job goes on beside the window."""

    ended = Signal()
    """A translation has ended, with whatever it has added to the project."""

    def __init__(self, context: Context, models: list[Model], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.run: Run | None = None
        self._begun, self.result_path, self._agreed = 0.0, "", ""
        self.setWindowTitle(self.tr("Translate a document"))
        self.setAccessibleName(self.windowTitle())
        set_region(self, "canvas")
        self._make_fields(models)
        self._build()
        self._put_kept()
        context.run_event.connect(self._on_event)
        context.runs_changed.connect(self._show_state)
        self._show_state()

    def _make_fields(self, models: list[Model]) -> None:
        languages = [
            self.tr("Chinese"), self.tr("English"), self.tr("French"), self.tr("German"), self.tr("Italian"),
            self.tr("Japanese"), self.tr("Portuguese"), self.tr("Russian"), self.tr("Spanish"),
        ]  # fmt: skip
        self.file, self.out, self.glossary = (QLineEdit() for _ in range(3))
        self.source, self.target = QLineEdit(), QLineEdit()
        for field in (self.source, self.target):
            known = QCompleter(languages, field)
            known.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
            field.setCompleter(known)
        self.source.setPlaceholderText(self.tr("As the text says it"))
        self.target.setPlaceholderText(self.tr("Such as French"))
        self.glossary.setPlaceholderText(self.tr("CSV of words and their translations. May stay empty."))
        self.model = QComboBox()
        for model in models:
            self.model.addItem(model.name, model.id)
        self.file.textChanged.connect(self._suggest)
        self.target.textChanged.connect(self._suggest)
        self.out.textEdited.connect(lambda text: self._show_state())

    def _build(self) -> None:
        grid = QGridLayout()
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        grid.setColumnStretch(1, 1)
        rows: list[tuple[str, QWidget, Any]] = [
            (self.tr("Document"), self.file, self.choose_file),
            (self.tr("From"), self.source, None),
            (self.tr("To"), self.target, None),
            (self.tr("Glossary"), self.glossary, self.choose_glossary),
            (self.tr("Model"), self.model, None),
            (self.tr("Write to"), self.out, self.choose_out),
        ]
        for place, (name, field, choose) in enumerate(rows):
            field.setAccessibleName(name)
            grid.addWidget(label(name, "body", "text2"), place, 0)
            grid.addWidget(field, place, 1)
            if choose is not None:
                button = Button(self.tr("Choose"), "folder-open", size="sm")
                button.setAccessibleName(self.tr("Choose: {name}").format(name=name))
                button.clicked.connect(choose)
                grid.addWidget(button, place, 2)
        intro = label(
            self.tr("Text, Markdown or Word, paragraph by paragraph. What is done is kept, so it can stop and go on."),
            "body", "text2", wrap=True,
        )  # fmt: skip
        self.bar = Bar(self.tr("Translated paragraphs"))
        self.about = label("", "small", "text2", wrap=True, tabular=True)
        self.about.setMinimumHeight(3 * self.about.fontMetrics().lineSpacing())
        self.about.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.setLayout(column(label(self.windowTitle(), "title"), intro, grid, self.bar, self.about, None,
                              self._buttons(), spacing=12, margins=(20, 18, 20, 16)))  # fmt: skip
        self.resize(640, 470)

    def _buttons(self) -> Any:
        self.open_button = Button(self.tr("Open the result"), "external-link")
        self.open_button.clicked.connect(self.open_result)
        self.stop_button = Button(self.tr("Stop"), "circle-stop")
        self.stop_button.clicked.connect(self.stop)
        close = Button(self.tr("Close"), key="Esc")
        close.clicked.connect(self.accept)
        self.go = Button(self.tr("Translate"), "languages", kind="primary", size="lg", key="Ctrl Enter")
        self.go.setShortcut("Ctrl+Return")
        self.go.clicked.connect(self.start)
        return row(self.open_button, None, close, self.stop_button, self.go)

    # -- choosing

    def choose_file(self) -> None:
        """Have a person choose the document."""
        kinds = self.tr("Text, Markdown and Word (*.md *.markdown *.txt *.docx)")
        found, _ = QFileDialog.getOpenFileName(self, self.tr("Translate a document"), "", kinds)
        if found:
            self.file.setText(found)

    def choose_glossary(self) -> None:
        """Have a person choose the glossary."""
        found, _ = QFileDialog.getOpenFileName(self, self.tr("Glossary"), "", self.tr("Tables (*.csv *.tsv)"))
        if found:
            self.glossary.setText(found)

    def choose_out(self) -> None:
        """Have a person choose where the translation goes."""
        found, _ = QFileDialog.getSaveFileName(self, self.tr("Write to"), self.out.text())
        if found:
            self.out.setText(found)
            self._agreed = found  # the dialog has asked whether a file that is there may go
            self._show_state()

    def _suggest(self) -> None:
        """Beside the document, unless a person has said another place."""
        file, target = self.file.text().strip(), self.target.text().strip()
        if file and target and not self.out.isModified():
            self.out.setText(str(translating.out_for(Path(file), target)))
        self._show_state()

    def _put_kept(self) -> None:
        kept = self._context.store.setting(SETTING) or {}
        for name, field in (("source", self.source), ("target", self.target), ("glossary", self.glossary)):
            field.setText(str(kept.get(name, "")))
        self.model.setCurrentIndex(max(0, self.model.findData(kept.get("model"))))

    def _keep(self) -> None:
        kept = {"source": self.source.text(), "target": self.target.text(), "glossary": self.glossary.text()}
        self._context.store.set_setting(SETTING, kept | {"model": self.model.currentData()})

    # -- the job

    @property
    def busy(self) -> bool:
        """Whether a translation that was started here goes on."""
        return self.run is not None and self.run.id in self._context.jobs

    def start(self) -> None:
        """Start, or go on with what is left of it."""
        if self.busy or not self.go.isEnabled():
            return
        glossary, out = self.glossary.text().strip(), self.out.text().strip()
        try:
            self._keep()
            run, spec = translating.prepare(
                self._context.store, Path(self.file.text().strip()), self.target.text(),
                source=self.source.text(), model_id=self.model.currentData(),
                terms_file=Path(glossary) if glossary else None, out=Path(out) if out else None,
                overwrite=self._agreed == out,
            )  # fmt: skip
            self.run = self._context.start_task(run, spec)
        except WorkbenchError as error:
            self._say(f"{error.text} {error.hint}".strip(), "bad")
            return
        self.result_path, self._begun = "", time.monotonic()
        self.bar.set_fraction(0.0)
        self._say(self.tr("Starting"))

    def stop(self) -> None:
        """Stop it; what is done is kept."""
        if self.run is not None:
            self._context.stop_run(self.run.id)
            self._say(self.tr("Stopping"))

    def open_result(self) -> None:
        """Open what was written in the program that is meant for it."""
        QDesktopServices.openUrl(QUrl.fromLocalFile(self.result_path))

    def _on_event(self, run_id: str, event: ev.Event) -> None:
        if self.run is None or run_id != self.run.id:
            return
        if isinstance(event, ev.Started):
            self._begun = time.monotonic()
        elif isinstance(event, ev.Progress):
            self._on_progress(event)
        elif isinstance(event, ev.ENDINGS):
            self._on_end(event)

    def _on_progress(self, event: ev.Progress) -> None:
        if not event.total:
            self._say(self.tr("Loading the model"))
            return
        self.bar.set_fraction(event.done / event.total)
        words = self.tr("{done} of {all} paragraphs")
        text = words.format(done=figures.count(event.done), all=figures.count(event.total))
        left = (time.monotonic() - self._begun) / max(1, event.done) * (event.total - event.done)
        if event.done >= max(2, event.total // 20):
            text += ", " + self.tr("{time} left").format(time=_duration(left))
        self._say(text)

    def _on_end(self, event: ev.Event) -> None:
        if isinstance(event, ev.Finished):
            self.result_path = str(event.summary["out"])
            self.bar.set_fraction(1.0)
            self._say(self._summary(event.summary), "good" if not event.summary["left"] else "text2")
        elif isinstance(event, ev.Stopped):
            words = self.tr("Stopped. {count} paragraphs are kept; Translate goes on with the rest.")
            self._say(words.format(count=figures.count(event.summary.get("translated", 0))))
        elif isinstance(event, ev.Failed):
            self._say(f"{event.text} {event.hint}".strip(), "bad")
        self._context.store_changed.emit("prompts", None)
        self.ended.emit()

    def _summary(self, found: dict[str, Any]) -> str:
        words = self.tr("{count} paragraphs, {now} translated now.")
        text = words.format(count=figures.count(found["paragraphs"]), now=figures.count(found["translated"]))
        if found["left"]:
            text += " " + self.tr("{count} stay as they were.").format(count=figures.count(found["left"]))
        unused = list(dict.fromkeys(f"{each['source']} = {each['target']}" for each in found["terms_unused"]))
        if unused:
            more = "" if len(unused) <= MOST_TERMS else ", \u2026"
            text += " " + self.tr("Terms not used: {terms}.").format(terms=", ".join(unused[:MOST_TERMS]) + more)
        return text

    def _say(self, text: str, tone: str = "text2") -> None:
        self.about.setText(text)
        set_tone(self.about, tone)
        self._show_state()

    def _show_state(self) -> None:
        busy = self.busy
        whole = all(field.text().strip() for field in (self.file, self.target)) and self.model.count() > 0
        self.go.setEnabled(whole and not busy)
        self.stop_button.setVisible(busy)
        self.open_button.setVisible(bool(self.result_path) and not busy)
        for field in (self.file, self.source, self.target, self.glossary, self.model, self.out):
            field.setEnabled(not busy)


def _duration(seconds: float) -> str:
    return f"{seconds / 60:.0f} min" if seconds >= 90 else f"{max(1, round(seconds))} s"
