"""What Generate offers beside writing: tasks, pasted prompts, documents and whole translations, each in a file of its
own. This connects them to the pane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QDialog, QInputDialog, QMenu, QSizePolicy, QWidget

from ..errors import WorkbenchError
from ..store import asking
from ..store.pasting import Pasted
from ..store.task_templates import Template, from_prompt, keep, templates
from . import figures
from .generate_choices import writing_models
from .generate_documents import DocumentsDialog
from .generate_pasting import PasteDialog
from .generate_prompts import Filter
from .generate_sources import Sourcing
from .generate_tasks import NOT_BY_HAND, TaskList
from .generate_translating import TranslateDialog
from .widgets import Button

if TYPE_CHECKING:
    from .generate_pane import GeneratePane


class More(QObject):
    """The actions, the foot of the prompt list, and the dialogs, each of which is there once."""

    def __init__(self, pane: GeneratePane) -> None:
        super().__init__(pane)
        self._context, self._pane = pane.context, pane
        self._dialogs: dict[str, QDialog] = {}
        self.paste_action = pane.action(self.tr("Paste prompts"), "V", self.paste, icon="copy")
        self.documents_action = pane.action(self.tr("Documents"), "D", self.documents, icon="book-open")
        self.translate_action = pane.action(self.tr("Translate a document"), "T", self.translate, icon="languages")
        self.start_action = pane.action(self.tr("Start from a task"), "Shift T", self.start, icon="list")
        self.save_action = pane.action(self.tr("Save as a task"), "Ctrl S", self.save_task, icon="save")
        self.save_action.setToolTip(self.tr("Keep the typed prompt as a task: each {{name}} in it is to be filled in"))
        self.add_button = Button(icon="plus", kind="default", tip=self.tr("Add prompts"))
        self.add_button.setMenu(self._menu(pane.import_action))
        self.add_button.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.tasks = TaskList(self._context.store, [self.translate_action])
        self.tasks.wanted.connect(self.open_task)

    def connect_pane(self) -> None:
        """Called when all of the pane is there."""
        pane = self._pane
        pane.prompts.add_parts(self.add_button, self.tasks)
        self.sources = Sourcing(self._context, pane.answers, pane.area, self)
        pane.card.task.documents_wanted.connect(self.documents)
        pane.card.task.budget = self._budget

    def _budget(self) -> int:
        """What fits into the smallest of the models that are shown."""
        store, choices = self._context.store, self._pane.columns.choices
        found = [int(store.models.base_of(each.model).info.get("context") or 0) for each in choices]
        longest = max((each.sampling.max_new_tokens for each in choices), default=0)
        return asking.budget_for(min((each for each in found if each), default=0), longest)

    def _menu(self, import_action: QAction) -> QMenu:
        menu = QMenu(self._pane)
        actions = (self.start_action, self.paste_action, import_action, self.documents_action, self.translate_action,
                   self.save_action)  # fmt: skip
        for action in actions:
            menu.addAction(action)
        return menu

    def start(self) -> QMenu:
        """Offer every task in one menu, whether the list of prompts is shown or not."""
        menu = self.tasks.menu([each for each in templates(self._context.store) if each.id != NOT_BY_HAND])
        menu.popup(self._pane.mapToGlobal(QPoint(48, 48)))
        return menu

    def save_task(self) -> None:
        """Keep what is typed in Single prompt as a task of the project, under a name that a person gives."""
        card = self._pane.card
        system, user = card.system_field.text().strip(), card.prompt_field.toPlainText().strip()
        title, agreed = QInputDialog.getText(self._pane, self.tr("Save as a task"), self.tr("Name of the task"))
        if agreed and title.strip():
            self.keep_task(title, system, user)

    def keep_task(self, title: str, system: str, user: str) -> None:
        """Keep a prompt with variables as a task, and open it."""
        try:
            template = keep(from_prompt(title, system, user), self._context.store)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.tasks.refresh()
        self.open_task(template)

    def open_task(self, template: Template) -> None:
        """Have a person fill a template, drawn as its task usually is."""
        pane = self._pane
        pane.card.open_task(template)
        pane.modes.pick("single")
        usual = {"temperature": template.temperature, "max_new_tokens": template.max_new_tokens}
        pane.columns.set_samplings([replace(each, **usual) for each in pane.columns.samplings()])
        pane.columns.changed.emit()
        pane.card.first_field().setFocus()

    # -- dialogs

    def paste(self) -> PasteDialog:
        """Open the dialog for many prompts at once."""
        dialog = self._open("paste", lambda over: PasteDialog(self._context, over))
        assert isinstance(dialog, PasteDialog)
        return dialog

    def documents(self) -> DocumentsDialog:
        """Open the list of documents."""
        dialog = self._open("documents", lambda over: DocumentsDialog(self._context, over))
        assert isinstance(dialog, DocumentsDialog)
        return dialog

    def translate(self) -> TranslateDialog:
        """Open the dialog that translates a document; one that was closed while it goes on is shown again."""
        models = writing_models(self._context.store)
        dialog = self._open("translate", lambda over: TranslateDialog(self._context, models, over), keeps=True)
        assert isinstance(dialog, TranslateDialog)
        return dialog

    def _open(self, name: str, make: Callable[[QWidget], QDialog], keeps: bool = False) -> QDialog:
        known = self._dialogs.get(name)
        if known is None or not (keeps and getattr(known, "busy", False)):
            if known is not None:
                known.deleteLater()
            known = self._dialogs[name] = make(self._pane.window())
            if isinstance(known, PasteDialog):
                known.added.connect(self._on_pasted)
        known.open()
        return known

    def _on_pasted(self, found: Pasted) -> None:
        number = figures.count(found.already_there)
        hint = self.tr("Already here: {count}.").format(count=number) if found.already_there else ""
        text = self.tr("Added prompts: {count}.").format(count=figures.count(found.added))
        self._context.message.emit(text, hint, "good")
        pane = self._pane
        pane.modes.pick("set")
        pane.refresh()
        pane.prompts.set_filter(Filter("typed"))
        pane.prompts.list.choose(found.prompt_ids[0])
