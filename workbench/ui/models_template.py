"""The chat template of a model in the inspector: its format, its tokens on a sample, and what does not fit."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication, QResizeEvent, QShowEvent
from PySide6.QtWidgets import QWidget

from ..errors import WorkbenchError
from ..jobs import chat_templates
from .context import Context
from .models_library import Entry
from .models_template_editor import TemplateEditor
from .token_view import TokenView, legend_of
from .tokens_looking import TokensLooking, Wish
from .widgets import Button, Divider, ElidedLabel, column, label, row

HIGHEST = 168


class TemplateSection(QWidget):
    """One model's template. Asks for tokens only while it is seen, and of models that have files."""

    def __init__(self, context: Context, edit: Button, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._entry: Entry | None = None
        self._wish = Wish("")
        self._stale = False
        self.looking = TokensLooking(context, self)
        self.looking.found.connect(self._on_found)
        self.looking.failed.connect(self._on_failed)
        self.format, self.counts = ElidedLabel("", "small", "text2"), label("", "small", "text2", tabular=True)
        self.view = TokenView(self.tr("Tokens of a sample"))
        self.view.drawn.connect(lambda: self.view.fit(HIGHEST))
        self.warning = label("", "small", "warn", wrap=True)
        self.copier = Button(icon="copy", kind="ghost", size="sm", tip=self.tr("Copy the sample as text"))
        self.copier.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.view.text()))
        head = row(label(self.tr("Chat template"), "head"), self.format, self.counts, self.copier, spacing=8)
        head.setStretch(1, 1)
        self.setLayout(column(head, self.view, self.warning, row(edit, None), Divider(), spacing=8))

    def show_entry(self, entry: Entry | None) -> None:
        """Show a model's template, or nothing for one that has none."""
        self._entry = entry
        self.setVisible(entry is not None and self._has_one(entry))
        if self.isHidden() or entry is None:
            return
        store = self._context.store
        self._show_name(entry)
        differs = chat_templates.mismatch(store, entry.model)
        self.warning.setText(f"{differs.text} {differs.hint}" if differs else "")
        self.warning.setVisible(differs is not None)
        wish = Wish(entry.model.id, template=chat_templates.choice_of(store, entry.model).text)
        if wish != self._wish:
            self._wish = wish
            self.counts.setText("")
            self.view.show_nothing(self.tr("Reading the tokens"))
            self._stale = True
        self._ask()

    def _has_one(self, entry: Entry) -> bool:
        return not entry.missing and bool(entry.base.info.get("generates", True))

    def _show_name(self, entry: Entry) -> None:
        store = self._context.store
        choice = chat_templates.choice_of(store, entry.model)
        title = chat_templates.title_of(store, entry.model, choice)
        if choice.name == chat_templates.EDITED:
            text = self.tr("{title}, edited").format(title=title) if title else self.tr("Edited")
        else:
            text = title or self.tr("The model's own")
        self.format.setText(text)

    def _ask(self) -> None:
        if self._stale and self.isVisible():
            self._stale = False
            self.looking.want(self._wish)

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._ask()

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.view.fit(HIGHEST)

    def _on_found(self, found: dict[str, object]) -> None:
        if found["wish"] == self._wish:
            self.view.show_tokens(found)
            self.counts.setText(legend_of(self, found))

    def _on_failed(self, error: WorkbenchError) -> None:
        self.view.show_nothing(f"{error.text} {error.hint}")

    def edit(self) -> None:
        """Open the editor for the model that is shown."""
        if self._entry is None or self.isHidden():
            return
        editor = TemplateEditor(self._context, self._entry.model, self.window())
        editor.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        editor.open()
