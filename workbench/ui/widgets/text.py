"""Text: label, SectionLabel, ElidedLabel, ReadingText, FactRows, Divider.

Every text is shown as plain text, whatever it holds: text of models and data sets is never markup.
"""

from __future__ import annotations

import re

from PySide6.QtCore import QEvent, QSize, Qt, Signal
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent, QResizeEvent, QTextBlockFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QGridLayout, QLabel, QSizePolicy, QTextEdit, QWidget

from ..theme import set_property, set_role, set_tone, text_scale, theme, theme_changed

# Characters that change how other text looks, or that show nothing: bidirectional controls, zero-width
# marks and control codes. The joiners U+200C and U+200D stay: Persian and emoji need them.
HIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
MOST_UNBROKEN = 2000
LONG_RUN = re.compile(rf"\S{{{MOST_UNBROKEN}}}")


def visible(text: str) -> str:
    """The text with hidden and direction-changing characters spelled out, as in ⟨U+202E⟩."""
    text = text.replace("\r\n", "\n").replace("\u2028", "\n").replace("\u2029", "\n")
    return HIDDEN.sub(lambda match: f"\u27e8U+{ord(match[0]):04X}\u27e9", text)


def soft_broken(text: str) -> str:
    """The text with a line break after each 2000 characters of an unbroken run: layout of those never ends."""
    return LONG_RUN.sub(lambda match: match[0] + "\n", text)


def label(
    text: str = "",
    role: str = "body",
    tone: str = "text",
    wrap: bool = False,
    tabular: bool = False,
    mono: bool = False,
    selectable: bool = False,
) -> QLabel:
    """A plain-text label in a type role and a tone."""
    result = QLabel()
    result.setTextFormat(Qt.TextFormat.PlainText)
    result.setText(text)
    result.setWordWrap(wrap)
    if wrap:
        # Preferred, never Maximum: a wrapped label under Maximum is clipped.
        policy = result.sizePolicy()
        policy.setHeightForWidth(True)
        result.setSizePolicy(policy)
    if selectable:
        flags = Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        result.setTextInteractionFlags(flags)
    set_role(result, role, tabular, mono)
    set_tone(result, tone)
    return result


class SectionLabel(QLabel):
    """The small grey title over a part of a side panel."""

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)
        set_role(self, "small")
        set_tone(self, "text2")


class ElidedLabel(QLabel):
    """One line that ends in an ellipsis where room ends; the whole text is in the tooltip."""

    def __init__(
        self,
        text: str = "",
        role: str = "body",
        tone: str = "text",
        mode: Qt.TextElideMode = Qt.TextElideMode.ElideRight,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self._mode = mode
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        set_role(self, role)
        set_tone(self, tone)
        self.setText(text)

    def minimumSizeHint(self) -> QSize:
        return QSize(24, super().minimumSizeHint().height())

    def paintEvent(self, event: QPaintEvent) -> None:
        text = self.text().replace("\n", " ")
        metrics = QFontMetrics(self.font())
        shown = metrics.elidedText(text, self._mode, self.width())
        tip = self.text() if shown != text else ""
        if tip != self.toolTip():
            self.setToolTip(tip)
        painter = QPainter(self)
        painter.setFont(self.font())
        painter.setPen(self.palette().color(self.foregroundRole()))
        painter.drawText(self.rect(), self.alignment() | Qt.AlignmentFlag.AlignVCenter, shown)
        painter.end()


class Divider(QFrame):
    """A line of one pixel."""

    def __init__(self, vertical: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if vertical:
            self.setFixedWidth(1)
        else:
            self.setFixedHeight(1)

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.fillRect(self.rect(), theme().color("line"))
        painter.end()


class ReadingText(QTextEdit):
    """Text to read: no frame, an even line height for every script, nothing hidden, nothing interpreted.

    `size` "read" is 14/22, "large" is 15/24. With `fit` the height follows the text up to `max_height`.
    `plain()` gives back the text exactly as it was set.
    """

    height_changed = Signal(int)

    def __init__(
        self, name: str, size: str = "read", fit: bool = False, max_height: int = 16_000, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._run = 0  # letters since the last gap of a text that streams in
        self._source, self._large, self._fit, self._max = "", size == "large", fit, max_height
        self.setAccessibleName(name)
        self.setReadOnly(True)
        self.setAcceptRichText(False)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setLineWrapMode(QTextEdit.LineWrapMode.WidgetWidth)
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().setDocumentMargin(0)
        set_property(self, "frameless", True)
        set_role(self, "read")
        theme_changed.connect(self._restyle)
        self._restyle()

    def set_text(self, text: str) -> None:
        """Show a text from its beginning."""
        self._source, self._run = text, 0
        self.setPlainText(soft_broken(visible(text)))
        self._space_lines()
        self._fit_height()

    def append_text(self, text: str) -> None:
        """Add a streamed piece at the end, without moving what is being read.

        Each call lays the last paragraph out again, so gather tokens and call it at most 20 times a second.
        """
        self._source += text
        shown = visible(text)
        words = shown.split()
        ended = not words or shown[-1].isspace()
        self._run = 0 if ended else len(words[-1]) + (self._run if len(words) == 1 and not shown[0].isspace() else 0)
        if self._run > MOST_UNBROKEN:
            shown, self._run = soft_broken(shown) + "\n", 0
        cursor = QTextCursor(self.document())
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.insertText(shown)
        self._fit_height()

    def plain(self) -> str:
        """The text as it was set, hidden characters and all."""
        return self._source

    def _restyle(self) -> None:
        face = self.font()
        face.setPixelSize(round((15 if self._large else 14) * text_scale()))
        self.document().setDefaultFont(face)
        self._space_lines()
        self._fit_height()

    def _space_lines(self) -> None:
        # A percentage would multiply each font's own height, and Chinese would get looser than Latin.
        height = round((24 if self._large else 22) * text_scale())
        spacing = QTextBlockFormat()
        spacing.setLineHeight(height, QTextBlockFormat.LineHeightTypes.MinimumHeight.value)
        cursor = QTextCursor(self.document())
        cursor.select(QTextCursor.SelectionType.Document)
        cursor.mergeBlockFormat(spacing)

    def _fit_height(self) -> None:
        if not self._fit:
            return
        wanted = round(self.document().size().height()) + 2
        height = min(self._max, wanted)
        never, needed = Qt.ScrollBarPolicy.ScrollBarAlwaysOff, Qt.ScrollBarPolicy.ScrollBarAsNeeded
        self.setVerticalScrollBarPolicy(needed if wanted > self._max else never)
        if height != self.height():
            self.setFixedHeight(height)
            self.height_changed.emit(height)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_height()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange and hasattr(self, "_source"):
            self._restyle()


class FactRows(QWidget):
    """Pairs of a word and its value, one a row."""

    def __init__(self, parent: QWidget | None = None, key_width: int = 108) -> None:
        super().__init__(parent)
        self._values: dict[str, QLabel] = {}
        self._grid = QGridLayout(self)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(9)
        self._grid.setColumnMinimumWidth(0, key_width)
        self._grid.setColumnStretch(1, 1)

    def set_fact(self, key: str, value: str, tone: str = "text") -> None:
        """Add a row, or change the value of the row with this word."""
        if key not in self._values:
            row = self._grid.rowCount()
            shown = label("", "small", tone, wrap=True, tabular=True, selectable=True)
            shown.setAccessibleName(key)
            self._grid.addWidget(label(key, "small", "text2"), row, 0, Qt.AlignmentFlag.AlignTop)
            self._grid.addWidget(shown, row, 1)
            self._values[key] = shown
        self._values[key].setText(value)
        set_tone(self._values[key], tone)

    def set_facts(self, facts: list[tuple[str, str]]) -> None:
        """Show exactly these rows."""
        self.clear()
        for key, value in facts:
            self.set_fact(key, value)

    def fact(self, key: str) -> str:
        """The value of a row, "" if there is none."""
        return self._values[key].text() if key in self._values else ""

    def clear(self) -> None:
        """Remove all rows."""
        while (item := self._grid.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self._values.clear()
