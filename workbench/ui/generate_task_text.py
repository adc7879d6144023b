"""The text of a template with its variables in amber, and the fields that they are filled in with."""

from __future__ import annotations

import re

from PySide6.QtCore import Signal
from PySide6.QtGui import QFont, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QSizePolicy, QWidget

from ..store.task_templates import Template, Variable, parts
from .theme import font, set_role, theme, theme_changed
from .widgets import ReadingText, column, label, row

LONG_HEIGHT = 52
SHORT_WIDTH, MOST_SHORT_WIDTH = 120, 320


class TemplateText(ReadingText):
    """A template to read: whose turn it is in grey, what stands for a variable in amber."""

    def __init__(self, name: str, max_height: int, parent: QWidget | None = None) -> None:
        super().__init__(name, fit=True, max_height=max_height, parent=parent)
        self._template: Template | None = None
        theme_changed.connect(self._draw)

    def show_template(self, template: Template) -> None:
        """Show another one."""
        self._template = template
        self._draw()

    def _draw(self) -> None:
        if self._template is None:
            return
        names = {each.name: each.label for each in self._template.variables}
        turns = [(self.tr("System"), self._template.system), (self.tr("User"), self._template.user)]
        self.set_text("")
        cursor = QTextCursor(self.document())
        for name, text in turns:
            if not text.strip():
                continue
            if not self.document().isEmpty():
                cursor.insertText("\n")
            cursor.insertText(f"{name}  ", _format("text2", font("smallb")))
            for words, variable in parts(text.strip()):
                shown = f"\u00a0{names[variable]}\u00a0" if variable else re.sub(r"\n{2,}", "\n", words)
                cursor.insertText(shown, _amber() if variable else _format("text", font("read")))
        self._space_lines()
        self._fit_height()
        self.moveCursor(QTextCursor.MoveOperation.Start)


def _format(token: str, face: QFont) -> QTextCharFormat:
    result = QTextCharFormat()
    result.setForeground(theme().color(token))
    result.setFont(face, QTextCharFormat.FontPropertiesInheritanceBehavior.FontPropertiesSpecifiedOnly)
    return result


def _amber() -> QTextCharFormat:
    result = _format("humanText", font("read"))
    result.setBackground(theme().color("humanSoft"))
    return result


class ValueField(QWidget):
    """The label of a variable in amber, and a field for its value. `changed` when a person types."""

    changed = Signal()

    def __init__(self, variable: Variable, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.variable = variable
        name = label(variable.label, "small", "human")
        self.field: QLineEdit | QPlainTextEdit
        if variable.long:
            self.field = QPlainTextEdit()
            self.field.setTabChangesFocus(True)
            self.field.setFixedHeight(LONG_HEIGHT)
            self.setLayout(column(name, self.field, spacing=2))
            self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        else:
            self.field = QLineEdit()
            self.field.setFixedWidth(min(MOST_SHORT_WIDTH, max(SHORT_WIDTH, 24 + 8 * len(variable.sample))))
            self.setLayout(row(name, self.field, spacing=6))
            self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        set_role(self.field, "body")
        self.field.setAccessibleName(variable.label)
        self.field.setPlaceholderText(" ".join(variable.sample.split())[:120])
        self.field.textChanged.connect(lambda *_: self.changed.emit())

    def value(self) -> str:
        """What stands in it."""
        return self.field.text() if isinstance(self.field, QLineEdit) else self.field.toPlainText()

    def set_value(self, text: str) -> None:
        """Put a value in, without saying that it changed."""
        self.field.blockSignals(True)
        if isinstance(self.field, QLineEdit):
            self.field.setText(text)
            self.field.setCursorPosition(0)
        else:
            self.field.setPlainText(text)
        self.field.blockSignals(False)
