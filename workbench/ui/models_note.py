"""A person's note on a model, saved as it is typed."""

from __future__ import annotations

from PySide6.QtWidgets import QPlainTextEdit, QWidget

from ..errors import WorkbenchError
from .context import Context
from .models_library import Entry
from .theme import set_role
from .widgets import Divider, column, label, row


class NoteSection(QWidget):
    """One field. Each change is on the disk before the next key."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._model_id = ""
        self.field = QPlainTextEdit()
        self.field.setAccessibleName(self.tr("Note"))
        self.field.setPlaceholderText(self.tr("What this model is for, or what you found out."))
        self.field.setTabChangesFocus(True)
        self.field.setFixedHeight(64)
        set_role(self.field, "small")
        self.saved = label("", "small", "text3")
        head = row(label(self.tr("Note"), "head"), None, self.saved)
        self.setLayout(column(head, self.field, Divider(), spacing=8))
        self.field.textChanged.connect(self._keep)

    def show_entry(self, entry: Entry | None) -> None:
        """Show a model's note; what is being typed stays as it is."""
        self.setVisible(entry is not None)
        if entry is None:
            return
        note = self._context.store.models.find(entry.model.id).note
        if (entry.model.id, note) == (self._model_id, self.field.toPlainText()):
            return
        self._model_id = entry.model.id
        self.field.blockSignals(True)
        self.field.setPlainText(note)
        self.field.blockSignals(False)
        self.saved.setText("")

    def _keep(self) -> None:
        try:
            self._context.store.models.annotate(self._model_id, self.field.toPlainText())
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self.saved.setText(self.tr("Saved"))
