"""Many prompts at once: pasted or typed, one a line or parted by blank lines, with a look at what they become."""

from __future__ import annotations

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QLineEdit, QPlainTextEdit, QWidget

from ..errors import WorkbenchError
from ..store.pasting import BLANKS, LINES, Pasted, add_pasted, likely_parting, prompts_in
from . import figures
from .context import Context
from .theme import set_region, set_role
from .widgets import Button, Option, Segmented, column, label, row

SHOWN = 3
"""Prompts of which the beginning is shown."""


class PasteDialog(QDialog):
    """`added` carries a Pasted when prompts were added."""

    added = Signal(object)

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._by_hand = False
        self.setWindowTitle(self.tr("Paste prompts"))
        self.setAccessibleName(self.tr("Paste prompts"))
        set_region(self, "canvas")
        self.text = QPlainTextEdit()
        self.text.setAccessibleName(self.tr("Prompts"))
        self.text.setPlaceholderText(self.tr("Paste or type prompts here."))
        self.text.setTabChangesFocus(True)
        set_role(self.text, "read")
        options = [Option(LINES, self.tr("One a line")), Option(BLANKS, self.tr("Blank lines between"))]
        self.parting = Segmented(options, self.tr("How they are parted"))
        self.tag, self.system = QLineEdit(), QLineEdit()
        self.tag.setPlaceholderText(self.tr("Tag, to find them as a set. May stay empty."))
        self.tag.setAccessibleName(self.tr("Tag"))
        self.system.setPlaceholderText(self.tr("System text of all of them. May stay empty."))
        self.system.setAccessibleName(self.tr("System text"))
        self.count = label("", "strong", tabular=True)
        self.preview = label("", "small", "text2", wrap=True)
        self.preview.setMinimumHeight((SHOWN + 1) * self.preview.fontMetrics().lineSpacing())
        self.problem = label("", "small", "bad", wrap=True)
        self._build()
        self.text.textChanged.connect(self._on_text)
        self.parting.changed.connect(self._on_parting)
        self._show()

    def _build(self) -> None:
        cancel = Button(self.tr("Cancel"), key="Esc")
        cancel.clicked.connect(self.reject)
        self.go = Button("", kind="primary", size="lg", key="Ctrl Enter")
        self.go.setShortcut("Ctrl+Return")
        self.go.clicked.connect(self.add)
        how = row(self.parting, None, self.count)
        body = column(label(self.windowTitle(), "title"), self.text, how, self.preview, self.system, self.tag,
                      self.problem, row(None, cancel, self.go), spacing=10, margins=(20, 18, 20, 16))  # fmt: skip
        body.setStretch(1, 1)
        self.setLayout(body)
        self.resize(600, 560)

    def prompts(self) -> list[str]:
        """The prompts that the text holds."""
        return prompts_in(self.text.toPlainText(), self.parting.value())

    def _on_text(self) -> None:
        if not self._by_hand:
            self.parting.set_value(likely_parting(self.text.toPlainText()))
        self._show()

    def _on_parting(self, value: str) -> None:
        self._by_hand = True
        self._show()

    def _show(self) -> None:
        found = self.prompts()
        number = figures.count(len(found))
        one = len(found) == 1
        self.count.setText(self.tr("1 prompt") if one else self.tr("{count} prompts").format(count=number))
        lines = [f"{place}. {' '.join(text.split())[:90]}" for place, text in enumerate(found[:SHOWN], 1)]
        if len(found) > SHOWN:
            lines.append(self.tr("and {count} more").format(count=figures.count(len(found) - SHOWN)))
        self.preview.setText("\n".join(lines))
        self.go.set_text(self.tr("Add 1 prompt") if one else self.tr("Add {count} prompts").format(count=number))
        self.go.setEnabled(bool(found))
        self.problem.setText("")

    def add(self) -> None:
        """Add them, and close."""
        try:
            system, tags = self.system.text().strip(), [self.tag.text()]
            done: Pasted = add_pasted(self._context.store, self.prompts(), system=system, tags=tags, by=self)
        except WorkbenchError as error:
            self.problem.setText(f"{error.text} {error.hint}".strip())
            return
        self.added.emit(done)
        self.accept()
