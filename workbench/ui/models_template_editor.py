"""The dialog that chooses and edits a model's chat template, with the tokens of a sample as they would be."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QComboBox, QDialog, QPlainTextEdit, QWidget

from ..errors import WorkbenchError
from ..jobs import chat_templates
from ..jobs.chat_templates import EDITED, OWN, Choice, Offer
from ..store import Model
from . import keys
from .context import Context
from .theme import set_region, set_role
from .token_view import TokenView, legend_of
from .tokens_looking import TokensLooking, Wish
from .widgets import Button, column, label, row

DRAFT = "template/{id}"


class TemplateEditor(QDialog):
    """Nothing is used before it was found fit for use; what was typed and not saved is there again the next time."""

    def __init__(self, context: Context, model: Model, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context, self._model = context, model
        self._offers = chat_templates.offers(context.store, model)
        self._before = chat_templates.choice_of(context.store, model)
        self._fit = ""
        """The text that was found fit for use last."""
        self._saving = False
        self.setWindowTitle(self.tr("Chat template of {name}").format(name=model.name))
        set_region(self, "canvas")
        self.looking = TokensLooking(context, self)
        self.looking.found.connect(self._on_found)
        self.looking.failed.connect(self._on_failed)
        self._make_fields()
        self._lay_out()
        self.resize(860, 720)
        self._begin()
        self.editor.textChanged.connect(self._on_typed)
        self.formats.activated.connect(lambda place: self._take_offer(self.formats.itemData(place)))

    # -- building

    def _make_fields(self) -> None:
        self.formats = QComboBox()
        self.formats.setAccessibleName(self.tr("Format"))
        for offer in self._offers:
            self.formats.addItem(self._title(offer), offer.name)
        self.formats.addItem(self.tr("Edited"), EDITED)
        self.editor = QPlainTextEdit()
        self.editor.setAccessibleName(self.tr("Template"))
        self.editor.setTabChangesFocus(True)
        self.editor.setLineWrapMode(QPlainTextEdit.LineWrapMode.WidgetWidth)
        set_role(self.editor, "small", mono=True)
        self.problem = label("", "small", "bad", wrap=True)
        self.problem.setAccessibleName(self.tr("What is wrong"))
        self.view = TokenView(self.tr("Tokens of a sample"))
        self.counts, self.note = label("", "small", "text2", tabular=True), label("", "small", "warn", wrap=True)
        self.reset_button = Button(self.tr("Reset"), icon="rotate-ccw", key="Alt R")
        self.reset_button.setToolTip(self.tr("What the model was trained with, or what its base has"))
        self.reset_button.clicked.connect(self.reset)
        self.cancel_button = Button(self.tr("Cancel"), key="Esc")
        self.cancel_button.clicked.connect(self.reject)
        self.save_button = Button(self.tr("Save for this project"), kind="primary", key="Ctrl Enter")
        self.save_button.clicked.connect(self.save)
        for button in (self.reset_button, self.cancel_button, self.save_button):
            button.setAutoDefault(False)
        keys.action(self, self.tr("Reset"), "Alt R", self.reset)
        keys.action(self, self.tr("Save for this project"), "Ctrl Enter", self.save)

    def _lay_out(self) -> None:
        head = row(label(self.windowTitle(), "title"), None, label(self.tr("Format"), "small", "text2"), self.formats)
        preview = row(label(self.tr("A sample as the model is given it"), "head"), None, self.counts)
        foot = row(self.reset_button, None, self.cancel_button, self.save_button)
        self.problem.setMinimumHeight(self.problem.fontMetrics().height() * 2 + 4)
        self.problem.setAlignment(Qt.AlignmentFlag.AlignTop)
        body = column(
            head, self.editor, self.problem, preview, self.view, self.note, foot, spacing=10, margins=(20, 16, 20, 16)
        )
        body.setStretch(1, 3)
        body.setStretch(4, 2)
        self.setLayout(body)

    def sizeHint(self) -> QSize:
        return QSize(860, 720)

    def _title(self, offer: Offer) -> str:
        if offer.name == OWN:
            return self.tr("The model's own")
        if offer.name.startswith(f"{OWN}/"):
            return self.tr("The model's own: {name}").format(name=offer.name.removeprefix(f"{OWN}/"))
        return offer.title

    # -- what is edited

    def _begin(self) -> None:
        draft = self._context.store.draft(DRAFT.format(id=self._model.id))
        self.editor.setPlainText(draft or self._text_of(self._before))
        self._show_format()
        if draft:
            self.note.setText(self.tr("This is what you typed the last time. It is not saved."))
        self._look()
        self.editor.setFocus()

    def _text_of(self, choice: Choice) -> str:
        return chat_templates.text_of(self._context.store, self._model, choice)

    def text(self) -> str:
        """What stands in the editor."""
        return self.editor.toPlainText()

    def choice(self) -> Choice:
        """What would be saved: a known template by its name, or a text of the person's own."""
        text = self.text()
        if text == self._text_of(Choice(OWN)):
            return Choice(OWN)
        named = next((each.name for each in self._offers if each.text == text), EDITED)
        return Choice(named, text)

    def _show_format(self) -> None:
        self.formats.setCurrentIndex(self.formats.findData(self.choice().name))

    def _take_offer(self, name: str) -> None:
        found = next((each for each in self._offers if each.name == name), None)
        if found is not None:
            self.editor.setPlainText(found.text)

    def _on_typed(self) -> None:
        self.note.setText("")
        self._show_format()
        self._look()

    def _look(self) -> None:
        self.looking.want(Wish(self._model.id, template=self.text() or " ", check=True))

    def _on_found(self, found: dict[str, Any]) -> None:
        if found["wish"].template != self.text():
            return
        self._fit = self.text()
        self.problem.setText("")
        self.view.show_tokens(found)
        self.counts.setText(legend_of(self, found))
        if found["warnings"]:
            self.note.setText(" ".join(found["warnings"]))
        if self._saving:
            self.save()

    def _on_failed(self, error: WorkbenchError) -> None:
        if self.looking.busy:  # of a text that has changed since
            return
        self._saving = False
        self.problem.setText(f"{error.text} {error.hint}")
        self.counts.setText("")

    # -- what is done with it

    def reset(self) -> None:
        """Put back what the model is used with when nothing is chosen for it; saved with the rest."""
        store = self._context.store
        trained = chat_templates.trained_with(self._model)
        base = store.models.base_of(self._model)
        usual = Choice() if base.id == self._model.id else chat_templates.chosen_for(store, base.id) or Choice()
        self.editor.setPlainText(self._text_of(usual if trained is None else chat_templates.named_by(trained)))

    def save(self) -> None:
        """Use it from now on, as soon as it was found fit for use."""
        self._saving = self._fit != self.text()
        if self._saving:
            self._look()
            return
        try:
            chat_templates.choose(self._context.store, self._model, self.choice(), by=self)
            self._context.store.set_draft(DRAFT.format(id=self._model.id), "")
        except WorkbenchError as error:
            self.problem.setText(f"{error.text} {error.hint}")
            return
        self.looking.close()
        self.accept()

    def reject(self) -> None:
        """Close; what was typed is kept for the next time."""
        unsaved = self.text() if self.text() != self._text_of(self._before) else ""
        try:
            self._context.store.set_draft(DRAFT.format(id=self._model.id), unsaved)
        except WorkbenchError as error:
            self._context.tell(error)
        self.looking.close()
        super().reject()
