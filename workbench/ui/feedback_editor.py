"""The text fields of the Feedback pane: Editor for edits, CommentBox for the reason why."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence, QTextBlockFormat, QTextCursor
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QTextEdit, QWidget

from .feedback_marks import Mark, mark_format
from .theme import set_property, set_role, text_scale, theme_changed

LINE, SIZE = 24, 15


class Editor(QTextEdit):
    """A plain text to edit, set like a large reading text. Escape leaves it.

    Ctrl Z undoes typing; when there is no typing to undo, it is left to the pane.
    """

    left = Signal()
    focused = Signal(bool)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown, self._source = "", ""
        self.setAccessibleName(name)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.document().setDocumentMargin(0)
        set_property(self, "frameless", True)
        set_role(self, "read")
        theme_changed.connect(self._restyle)
        self._restyle()

    def show_text(self, text: str) -> None:
        """Begin with a text, and nothing to undo."""
        self.blockSignals(True)
        self.setPlainText(text)
        self._source, self._shown = text, self.toPlainText()
        self._restyle()
        self.blockSignals(False)
        self.moveCursor(QTextCursor.MoveOperation.End)
        self.verticalScrollBar().setValue(0)

    def text(self) -> str:
        """The text; an untouched one exactly as it came, with the spaces that Qt would change."""
        now = self.toPlainText()
        return self._source if now == self._shown else now

    def replace(self, text: str) -> None:
        """Another text as one step of typing."""
        cursor = self.textCursor()
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.insertText(text)
        self.setTextCursor(cursor)

    def set_marks(self, marks: Sequence[Mark]) -> None:
        """Show passages of the text that were marked; they move with what is typed."""
        text, selections = self.text(), []
        for mark in marks:
            start = mark.start if text[mark.start : mark.end] == mark.quote else text.find(mark.quote)
            if start >= 0:
                selection = QTextEdit.ExtraSelection()
                cursor = QTextCursor(self.document())
                cursor.setPosition(_units(text[:start]))
                cursor.setPosition(_units(text[: start + len(mark.quote)]), QTextCursor.MoveMode.KeepAnchor)
                # PySide's stubs lack the two fields of a C++ struct.
                selection.cursor, selection.format = cursor, mark_format(mark.label)  # type: ignore[attr-defined]
                selections.append(selection)
        self.setExtraSelections(selections)

    def go_to(self, place: int) -> None:
        """Put the cursor at a character and take the focus."""
        cursor = self.textCursor()
        cursor.setPosition(max(0, min(place, self.document().characterCount() - 1)))
        self.setTextCursor(cursor)
        self.ensureCursorVisible()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def _restyle(self) -> None:
        face = self.font()
        face.setPixelSize(round(SIZE * text_scale()))
        document = self.document()
        document.setUndoRedoEnabled(False)  # the line height is no step of typing
        document.setDefaultFont(face)
        spacing = QTextBlockFormat()
        spacing.setLineHeight(round(LINE * text_scale()), QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
        cursor = QTextCursor(document)
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(spacing)
        document.setUndoRedoEnabled(True)

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            steps = ((QKeySequence.StandardKey.Undo, True), (QKeySequence.StandardKey.Redo, False))
            for sequence, back in steps:
                document = self.document()
                free = document.isUndoAvailable() if back else document.isRedoAvailable()
                if event.matches(sequence) and not free:
                    event.ignore()
                    return False
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
            return
        super().keyPressEvent(event)

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        self.focused.emit(True)

    def focusOutEvent(self, event: QFocusEvent) -> None:
        super().focusOutEvent(event)
        self.focused.emit(False)


def _units(text: str) -> int:
    """How long a text is in the editor's document: UTF-16 units, and one for each line break."""
    return len(text.replace("\r\n", "\n").encode("utf-16-le")) // 2


class CommentBox(QPlainTextEdit):
    """One line on why. Enter and Escape go back to the answers, Shift Enter makes a new line."""

    left = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Your comment"))
        self.setPlaceholderText(self.tr("Why? One line helps the next person."))
        self.setTabChangesFocus(True)
        self.setFixedHeight(64)
        set_role(self, "body")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        enter = event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter)
        if event.key() == Qt.Key.Key_Escape or (enter and not event.modifiers() & Qt.KeyboardModifier.ShiftModifier):
            self.left.emit()
            return
        super().keyPressEvent(event)
