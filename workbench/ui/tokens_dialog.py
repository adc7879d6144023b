"""The prompt that is shown, as a model is given it: every token, its id, and where the model begins to write."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QGuiApplication
from PySide6.QtWidgets import QDialog, QWidget

from ..errors import WorkbenchError
from ..feedback.base import Message
from ..jobs import chat_templates
from ..store import Model
from . import figures, keys
from .context import Context
from .theme import set_region
from .token_view import TokenView, legend_of
from .tokens_looking import TokensLooking, Wish
from .widgets import Button, Chip, ToggleChip, column, label, row


class TokensDialog(QDialog):
    """The tokens of one prompt for one model, with its ids or without."""

    def __init__(
        self, context: Context, model: Model, messages: Sequence[Message], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("What {name} is given").format(name=model.name))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        set_region(self, "canvas")
        self.view = TokenView(self.windowTitle())
        self.view.show_nothing(self.tr("Reading the tokens"))
        self.counts, self.template = label("", "small", "text2", tabular=True), label("", "small", "text2")
        self.warning = label("", "small", "warn", wrap=True)
        self.ids = ToggleChip(self.tr("Ids"), tone="model")
        self.ids.setToolTip(self.tr("The number of each token: I"))
        self.ids.toggled.connect(self.view.show_ids)
        keys.action(self, self.tr("Ids"), "I", self.ids.toggle)
        self._lay_out()
        self._show_template(context, model)
        self.looking = TokensLooking(context, self, pause=0)
        self.looking.found.connect(self._on_found)
        self.looking.failed.connect(self._on_failed)
        self.looking.want(Wish(model.id, tuple(messages)), soon=True)
        self.resize(760, 520)

    def _lay_out(self) -> None:
        copier = Button(self.tr("Copy as text"), "copy")
        copier.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.view.text()))
        done = Button(self.tr("Done"), kind="primary", key="Esc")
        done.clicked.connect(self.accept)
        for button in (copier, done):
            button.setAutoDefault(False)
        special = Chip(self.tr("special token"), tone="model")
        head = row(label(self.windowTitle(), "title"), None, special, self.ids)
        facts = row(self.template, None, self.counts)
        body = column(
            head, facts, self.view, self.warning, row(copier, None, done), spacing=10, margins=(20, 16, 20, 16)
        )
        body.setStretch(2, 1)
        self.setLayout(body)
        self.view.setFocus()

    def _show_template(self, context: Context, model: Model) -> None:
        title = chat_templates.title_of(context.store, model) or self.tr("a format of its own")
        self.template.setText(self.tr("Chat template: {title}").format(title=title))
        differs = chat_templates.mismatch(context.store, model)
        self.warning.setText(f"{differs.text} {differs.hint}" if differs else "")
        self.warning.setVisible(differs is not None)

    def _on_found(self, found: dict[str, Any]) -> None:
        self.view.show_tokens(found)
        words = self.tr("{tokens}, {text} of the text")
        self.counts.setText(words.format(tokens=legend_of(self, found), text=figures.count(found["of_text"])))

    def _on_failed(self, error: WorkbenchError) -> None:
        self.view.show_nothing(f"{error.text} {error.hint}")


def tokens_action(
    owner: QWidget, context: Context, shown: Callable[[], tuple[Model | None, Sequence[Message]]]
) -> QAction:
    """An action of a pane that opens the dialog for the model and the conversation that `shown` tells."""

    def show() -> None:
        model, messages = shown()
        if model is not None and messages:
            TokensDialog(context, model, messages, owner.window()).open()

    text = owner.tr("Show the tokens")
    return keys.action(
        owner, text, "W", show, icon="eye", tip=owner.tr("The prompt as the first column's model is given it")
    )
