"""A reward function is shown before it runs for the first time: it is Python, and can do whatever the person can."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QPlainTextEdit, QWidget

from ..jobs.functions import Untrusted
from .theme import set_region, set_role
from .widgets import Button, column, label, row, soft_broken, visible

MOST_SHOWN = 200_000
"""Characters of the file that are shown."""


class TrustDialog(QDialog):
    """The file's text, and whether it may run. `accepted` when it may."""

    def __init__(self, error: Untrusted, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("May this function run?"))
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        set_region(self, "canvas")
        self.text = QPlainTextEdit()
        self.text.setReadOnly(True)
        self.text.setAccessibleName(error.path.name)
        self.text.setPlainText(soft_broken(visible(self._read(error))))
        set_role(self.text, "small", mono=True)
        why = self.tr("It runs with all that you may do on this computer. Only go on if you know what it does.")
        no = Button(self.tr("Do not run it"), key="Esc", size="lg")
        no.clicked.connect(self.reject)
        yes = Button(self.tr("I have read it: run it"), kind="primary", size="lg")
        yes.clicked.connect(self.accept)
        said = label(f"{error.text} {why}", "body", "text2", wrap=True)
        body = column(
            label(self.windowTitle(), "title"),
            said,
            self.text,
            row(None, no, yes),
            spacing=12,
            margins=(20, 18, 20, 16),
        )
        body.setStretch(2, 1)
        self.setLayout(body)
        self.resize(720, 520)
        no.setFocus()

    def _read(self, error: Untrusted) -> str:
        try:
            return error.path.read_text(encoding="utf-8", errors="replace")[:MOST_SHOWN]
        except OSError as problem:
            return self.tr("It cannot be read: {reason}").format(reason=problem.strerror or "")
