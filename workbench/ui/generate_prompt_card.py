"""The prompt over the columns: to read in Prompt set, to type or to fill into a task in Single prompt."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QCoreApplication, Qt, QTimer, Signal
from PySide6.QtGui import QAction, QHideEvent
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QWidget

from ..errors import WorkbenchError
from ..feedback.base import Message
from ..store import Prompt, asking
from ..store.task_templates import Template
from . import figures
from .context import Context
from .generate_prompts import TYPED
from .generate_task_card import TaskView
from .theme import set_role
from .widgets import Button, Card, Chip, ElidedLabel, ReadingText, column, holding, label, row

HIGHEST = 176
DRAFT_MS = 500


class PromptCard(Card):
    """One prompt. `typed` when what is in the fields changes."""

    typed = Signal()

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DRAFT_MS)
        self._timer.timeout.connect(self.keep_draft)
        self.place, self.system_line = label("", "smallb", "text2", tabular=True), ElidedLabel("", "small", "text2")
        self._chips = row(spacing=6)
        self.text = ReadingText(self.tr("Prompt"), fit=True, max_height=HIGHEST)
        head = self._head = row(self.place, self._chips, 8, self.system_line, spacing=8)
        head.setStretch(3, 1)
        self.reading = holding(column(head, self.text, spacing=6))
        self.writing = self._fields()
        self.task = TaskView(context)
        self.task.changed.connect(self.typed)
        self.task.closed.connect(self._on_task_closed)
        self.setLayout(column(self.reading, self.writing, self.task, spacing=0, margins=(16, 12, 16, 12)))
        self.writing.hide()
        self.task.hide()

    def _fields(self) -> QWidget:
        self.system_field = QLineEdit()
        self.system_field.setAccessibleName(self.tr("System text"))
        self.system_field.setPlaceholderText(
            self.tr("System text: who the model is and what it knows. May stay empty.")
        )
        self.prompt_field = QPlainTextEdit()
        self.prompt_field.setAccessibleName(self.tr("Prompt"))
        self.prompt_field.setPlaceholderText(self.tr("Type a prompt, then press Ctrl Enter."))
        self.prompt_field.setTabChangesFocus(True)
        self.prompt_field.setFixedHeight(92)
        set_role(self.prompt_field, "read")
        self.system_field.textChanged.connect(lambda text: self.typed.emit())
        self.prompt_field.textChanged.connect(self.typed)
        self.typed.connect(self._timer.start)
        self._over = row(self.system_field, spacing=8)
        return holding(column(self._over, self.prompt_field, spacing=8))

    def add_action(self, action: QAction) -> None:
        """Put a small button at the upper right, whether the prompt is read or typed."""
        for line in (self._head, self._over):
            button = Button.of(action, "ghost", "sm")
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            line.addWidget(button)

    def set_typing(self, typing: bool) -> None:
        """Show the fields to type in, or the prompt to read."""
        in_task = typing and self.task.template is not None
        self.writing.setVisible(typing and not in_task)
        self.task.setVisible(in_task)
        self.reading.setVisible(not typing)

    def first_field(self) -> QWidget:
        """Where a person begins to type."""
        return self.task.first_field() or self.prompt_field

    def open_task(self, template: Template, values: Mapping[str, str] | None = None) -> None:
        """Fill a template instead of typing a prompt."""
        self.task.open(template, values)
        self.set_typing(True)

    def _on_task_closed(self) -> None:
        self.set_typing(True)
        self.typed.emit()
        self.first_field().setFocus()

    def show_picked(self, prompt: Prompt) -> None:
        """Go on from a prompt that was made before: in its task, or as text."""
        store = self._context.store
        filling, template = store.fillings.of(prompt.id), asking.template_of(store, prompt)
        if filling is not None and template is not None and len(prompt.turns) == 1:
            typed = {each.name for each in template.typed()}
            self.open_task(template, {name: text for name, text in filling.variables.items() if name in typed})
            return
        if self.task.template is not None:
            self.task.close_task()
        self.fill_fields(prompt.system, prompt.text)

    def add_prompt(self, by: object) -> tuple[Prompt, bool]:
        """Keep what is typed or filled in as a prompt, with True when it is new. Raises WorkbenchError."""
        if self.task.template is not None:
            return self.task.add_prompt(by)
        system, text = self.fields()
        return self._context.store.prompts.add(text, system=system, source=TYPED, by=by)

    def show_prompt(self, prompt: Prompt, number: int, total: int) -> None:
        """Show a prompt and where it stands in its list."""
        text = self.tr("Prompt {number} of {total}")
        self.place.setText(text.format(number=figures.count(number), total=figures.count(total)))
        self._show_tags(prompt.tags[:4])
        self.system_line.setText(self.tr("System: {text}").format(text=prompt.system) if prompt.system else "")
        self.text.set_text(said(prompt.turns))

    def _show_tags(self, tags: Sequence[str]) -> None:
        while (item := self._chips.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for tag in tags:
            self._chips.addWidget(Chip(tag, "tag"))

    def fill_fields(self, system: str, text: str) -> None:
        """Put a prompt into the fields."""
        for field in (self.system_field, self.prompt_field):
            field.blockSignals(True)
        self.system_field.setText(system)
        self.prompt_field.setPlainText(text)
        for field in (self.system_field, self.prompt_field):
            field.blockSignals(False)
        self.typed.emit()

    def fields(self) -> tuple[str, str]:
        """(system text, prompt) as typed or filled in."""
        if self.task.template is not None:
            return self.task.filled()
        return self.system_field.text().strip(), self.prompt_field.toPlainText().strip()

    def read_draft(self) -> None:
        """Put back what was typed the last time."""
        store = self._context.store
        self.fill_fields(store.draft("generate/system"), store.draft("generate/prompt"))
        self._timer.stop()

    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        if self._timer.isActive():
            self.keep_draft()

    def keep_draft(self) -> None:
        """Keep what is typed, so that closing the app loses nothing."""
        self._timer.stop()
        self.task.keep()
        system, text = self.system_field.text().strip(), self.prompt_field.toPlainText().strip()
        try:
            self._context.store.set_draft("generate/system", system)
            self._context.store.set_draft("generate/prompt", text)
        except WorkbenchError as error:
            self._context.tell(error)


def said(turns: Sequence[Message]) -> str:
    """A conversation as text to read: who said what, and the text alone where one turn is all."""
    if len(turns) == 1:
        return turns[0]["content"]
    tr = QCoreApplication.translate
    names = {"user": tr("PromptCard", "User"), "assistant": tr("PromptCard", "Model")}
    return "\n\n".join(f"{names.get(turn['role'], turn['role'])}: {turn['content']}" for turn in turns)
