"""A task that is filled in: its text with the variables in amber, a strip of fields, and a table to step through."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtCore import QTimer, Signal
from PySide6.QtWidgets import QFileDialog, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished, Progress
from ..store import Prompt, Store, asking
from ..store.filling import TableRow, best_examples, fill, fill_rows, table_rows
from ..store.retrieving import BUDGET, Passage, numbered, retrieve
from ..store.task_templates import Template
from . import figures
from .context import Context
from .generate_task_text import TemplateText, ValueField
from .widgets import Button, Chip, ElidedLabel, WholeField, column, holding, label, row, wrapping
from .work import Steps, Work

HIGHEST = 134
KEEP_MS, LOOK_MS = 500, 200
PASSAGES_SHOWN, MOST_EXAMPLES = 4, 16


class TaskView(QWidget):
    """The fields of one template. `changed` when what they make changes, `closed` when a person leaves the task."""

    changed = Signal()
    closed = Signal()
    documents_wanted = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.template: Template | None = None
        self.rows: list[TableRow] = []
        self.at = 0
        self.fields: dict[str, ValueField] = {}
        self.passages: list[Passage] = []
        self.budget: Callable[[], int] = lambda: BUDGET
        """Tokens of passages that the models which are to answer can be given."""
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(self._on_done)
        self._work.failed.connect(context.tell)
        self._build()
        self._keeping = self._timer(KEEP_MS, self._keep)
        self._looking = self._timer(LOOK_MS, self._look_again)
        context.store_changed.connect(lambda table, by: self._looking.start() if table == "documents" else None)

    def _timer(self, pause: int, slot: Any) -> QTimer:
        timer = QTimer(self, singleShot=True)
        timer.setInterval(pause)
        timer.timeout.connect(slot)
        return timer

    def _build(self) -> None:
        self.title, self._tags = label("", "strong"), row(spacing=6)
        self.file_button = Button(self.tr("Fill from a file"), "table", kind="ghost", size="sm")
        self.file_button.setToolTip(self.tr("CSV, JSONL, JSON or Parquet with a column for each variable"))
        self.file_button.clicked.connect(self.ask_for_table)
        self.close_button = Button(icon="x", kind="ghost", size="sm", tip=self.tr("Leave this task"))
        self.close_button.clicked.connect(self.close_task)
        self.documents_button = Button(self.tr("Documents"), "book-open", kind="ghost", size="sm")
        self.documents_button.clicked.connect(self.documents_wanted)
        self.examples = WholeField(self.tr("Examples"), dense=True)
        self.examples.setRange(0, MOST_EXAMPLES)
        self.examples.setToolTip(self.tr("Good answers of this task, put before the question as earlier turns"))
        self._examples = holding(row(label(self.tr("Examples"), "small", "text2"), self.examples, spacing=6))
        head = row(
            self.title,
            self._tags,
            None,
            self._examples,
            self.documents_button,
            self.file_button,
            self.close_button,
            spacing=8,
        )
        self.text = TemplateText(self.tr("Task"), HIGHEST)
        self._strip = column(spacing=0)
        self.found = column(spacing=2)
        self._build_table()
        self.setLayout(column(head, self.text, self._strip, holding(self.found), self.table, spacing=8))

    def _build_table(self) -> None:
        self.place = label("", "small", "text2", tabular=True)
        self.note = ElidedLabel("", "small", "text2")
        self.before = Button(icon="arrow-left", kind="ghost", size="sm", tip=self.tr("The row before"))
        self.after = Button(icon="arrow-right", kind="ghost", size="sm", tip=self.tr("The next row"))
        self.before.clicked.connect(lambda: self.step(-1))
        self.after.clicked.connect(lambda: self.step(1))
        self.all_button = Button("", "plus", size="sm")
        self.all_button.clicked.connect(self.add_all)
        line = row(self.note, None, self.place, self.before, self.after, self.all_button, spacing=6)
        line.setStretch(0, 1)
        self.table = holding(line)
        self.table.hide()

    # -- a template

    def open(self, template: Template, values: Mapping[str, str] | None = None) -> None:
        """Fill this template, with these values or what was typed the last time."""
        self._leave()
        self.template, self.rows, self.passages = template, [], []
        self.title.setText(template.title)
        self.title.setToolTip(template.text)
        _empty(self._tags)
        for tag in template.tags[:3]:
            self._tags.addWidget(Chip(tag, "tag"))
        self.text.show_template(template)
        self._show_fields(template)
        self._fill(values if values is not None else self._draft())
        self.file_button.setVisible(not self._asks())
        self.documents_button.setVisible(self._asks())
        self._examples.setVisible(not self._asks())
        self.table.hide()
        self._look()
        self.changed.emit()

    def close_task(self) -> None:
        """Leave the task; what was typed is kept for the next time."""
        self._leave()
        self.template = None
        self.closed.emit()

    def _leave(self) -> None:
        if self._keeping.isActive():
            self._keep()

    def _show_fields(self, template: Template) -> None:
        _empty(self._strip)
        self.fields = {each.name: ValueField(each) for each in template.typed()}
        for field in self.fields.values():
            field.changed.connect(self._on_typed)
        ordered = sorted(self.fields.values(), key=lambda field: field.variable.long)
        self._strip.addWidget(wrapping(*ordered, spacing=8))

    def _fill(self, values: Mapping[str, str]) -> None:
        for name, field in self.fields.items():
            field.set_value(values.get(name, ""))

    def _on_typed(self) -> None:
        self._keeping.start()
        if self._asks():
            self._looking.start()
        self.changed.emit()

    def first_field(self) -> QWidget | None:
        """The first field to type in; None while no task is open."""
        return next((field.field for field in self.fields.values()), None) if self.template is not None else None

    def values(self) -> dict[str, str]:
        """What was typed."""
        return {name: field.value() for name, field in self.fields.items()}

    def filled(self) -> tuple[str, str]:
        """(system text, prompt) of the values; two empty texts while one is missing."""
        template = self.template
        if template is None:
            return "", ""
        values = self.values()
        if self._asks():
            values["passages"] = numbered(self.passages)
        try:
            return template.filled(values)
        except WorkbenchError:
            return "", ""

    def add_prompt(self, by: object) -> tuple[Prompt, bool]:
        """Keep what is filled in as a prompt. Raises WorkbenchError when something is missing."""
        assert self.template is not None
        self._leave()
        store = self._context.store
        if self._asks():
            question = self.values()["question"]
            prompt, self.passages = asking.ask(store, question, budget=self.budget(), by=by)
            self._show_passages()
            return prompt, True
        shown = best_examples(store, self.template, self.examples.value()) if self.examples.value() else []
        if len(shown) < self.examples.value():
            words = self.tr("Good answers of this task that can be shown: {count}.")
            self._context.message.emit(words.format(count=figures.count(len(shown))), "", "info")
        return fill(store, self.template, self.values(), examples=shown, by=by)

    def _asks(self) -> bool:
        return self.template is not None and self.template.id == asking.TEMPLATE

    # -- passages of documents

    def _look_again(self) -> None:
        self._look()
        self.changed.emit()

    def _look(self) -> None:
        """Find the passages that the question would be given."""
        self._looking.stop()
        question = self.values().get("question", "") if self._asks() else ""
        try:
            found = retrieve(self._context.store, question, budget=self.budget()) if question.strip() else []
            self.passages = found
        except WorkbenchError as error:
            self._context.tell(error)
        self._show_passages()

    def _show_passages(self) -> None:
        _empty(self.found)
        if not self._asks():
            return
        if not self.passages:
            asked = bool(self.values().get("question", "").strip())
            none = self.tr("No document has a word of this question.")
            self.found.addWidget(label(none if asked else self.tr("Passages that fit will be listed here."), "small",
                                       "text2"))  # fmt: skip
        for number, passage in enumerate(self.passages[:PASSAGES_SHOWN], 1):
            flat = " ".join(passage.text.split())
            line = ElidedLabel(f"[{number}] {passage.title}: {flat[:300]}", "small", "text2")
            self.found.addWidget(line)

    # -- a table

    def ask_for_table(self) -> None:
        """Have a person choose a file of values."""
        kinds = self.tr("Tables (*.csv *.tsv *.jsonl *.json *.parquet)")
        found, _ = QFileDialog.getOpenFileName(self.window(), self.tr("Fill from a file"), "", kinds)
        if found:
            self.open_table(Path(found))

    def open_table(self, path: Path) -> None:
        """Read a file of values beside the window, to step through and to add."""
        template = self.template
        if template is not None:
            self._start(_reading(template, path))

    def _start(self, steps: Steps) -> None:
        try:
            self._work.start(steps)
        except WorkbenchError as error:
            self._context.tell(error)

    def _on_done(self, found: dict[str, Any]) -> None:
        if "rows" in found:
            self.rows, self.at = list(found["rows"]), 0
            self.table.show()
            self._show_row()
        else:
            self._on_added(found)

    def step(self, by: int) -> None:
        """Show the values of the next (1) or the previous (-1) row."""
        if 0 <= self.at + by < len(self.rows):
            self.at += by
            self._show_row()

    def _show_row(self) -> None:
        this = self.rows[self.at]
        self._fill(this.values)
        place, total = figures.count(self.at + 1), figures.count(len(self.rows))
        self.place.setText(self.tr("{place} of {total}").format(place=place, total=total))
        self.before.setEnabled(self.at > 0)
        self.after.setEnabled(self.at + 1 < len(self.rows))
        whole = sum(1 for row in self.rows if not row.problem)
        self.note.setText(this.problem or self._odd_rows(len(self.rows) - whole))
        self.all_button.set_text(self.tr("Add all {count}").format(count=figures.count(whole)))
        self.all_button.setEnabled(whole > 0)
        self.changed.emit()

    def _odd_rows(self, count: int) -> str:
        if not count:
            return ""
        return self.tr("Rows that lack a value and are passed over: {count}").format(count=figures.count(count))

    def add_all(self) -> None:
        """Make a prompt of each row, beside the window."""
        if self.template is not None and self.rows:
            self._start(_adding(self.template, self.rows, self.examples.value()))

    def _on_added(self, found: Mapping[str, Any]) -> None:
        self._context.store_changed.emit("prompts", None)
        text = self.tr("Added prompts: {count}.").format(count=figures.count(found["added"]))
        known, refused = found["already_there"], found["refused"]
        hints = [self.tr("Already here: {count}.").format(count=figures.count(known))] if known else []
        if refused:
            first = found["skipped"][0]
            words = self.tr("Passed over: {count}, the first of them row {row}: {reason}")
            hints.append(words.format(count=figures.count(refused), row=first["row"], reason=first["reason"]))
        self._context.message.emit(text, " ".join(hints), "good")

    # -- what was typed

    def _draft(self) -> dict[str, str]:
        assert self.template is not None
        try:
            kept = json.loads(self._context.store.draft(f"generate/task/{self.template.id}") or "{}")
        except ValueError:
            return {}
        return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}

    def _keep(self) -> None:
        self._keeping.stop()
        if self.template is None:
            return
        values = {name: value for name, value in self.values().items() if value}
        try:
            kept = json.dumps(values, ensure_ascii=False) if values else ""
            self._context.store.set_draft(f"generate/task/{self.template.id}", kept)
        except WorkbenchError as error:
            self._context.tell(error)

    def keep(self) -> None:
        """Keep what is typed now, so that closing the app loses nothing."""
        self._leave()


def _empty(layout: Any) -> None:
    while (item := layout.takeAt(0)) is not None:
        if (widget := item.widget()) is not None:
            widget.hide()
            widget.deleteLater()


def _reading(template: Template, path: Path) -> Steps:
    def steps(store: Store) -> Iterator[Event]:
        yield Progress(0, 0, str(path))
        yield Finished({"rows": table_rows(template, path)})

    return steps


def _adding(template: Template, rows: Sequence[TableRow], count: int) -> Steps:
    def steps(store: Store) -> Iterator[Event]:
        yield Progress(0, 0, template.title)
        shown = best_examples(store, template, count) if count else []
        report = vars(fill_rows(store, template, rows, examples=shown))
        yield Finished({name: value for name, value in report.items() if name != "rows"})

    return steps
