"""Messages in the window: never a dialog for work in the background, never only a traceback.

strip = MessageStrip(body)                      # floats over the bottom of `body`; nothing moves
strip.show_message("Imported 86 ratings.", action=("Undo", undo))
strip.show_error(error)                         # a WorkbenchError, with its hint
strip.show_message("Out of memory.", "Try a smaller batch.", tone="bad", details=log)
DetailsBox(text)                                # shut at first, with "Copy report"
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QRectF, QTimer, Signal
from PySide6.QtGui import QGuiApplication, QPainter, QPaintEvent
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy, QVBoxLayout, QWidget

from .. import __version__
from ..errors import WorkbenchError
from . import icons
from .theme import set_role, theme
from .widgets import Button, column, label, row, soft_broken, visible
from .widgets.containers import BANNER_TONES
from .widgets.painting import box

MOST = 3
WIDTH = 720
STAY = 8_000  # milliseconds for a note that asks for nothing


class DetailsBox(QWidget):
    """Technical details, shut at first, with a button that copies them."""

    def __init__(self, details: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._details = details
        self._opener = Button(self.tr("Details"), "chevron-right", kind="ghost", size="sm")
        self._opener.setCheckable(False)
        self._opener.clicked.connect(self.toggle)
        self._copier = Button(self.tr("Copy report"), "copy", kind="ghost", size="sm")
        self._copier.clicked.connect(self.copy)
        self._text = QPlainTextEdit()
        self._text.setReadOnly(True)
        self._text.setAccessibleName(self.tr("Details"))
        self._text.setPlainText(soft_broken(visible(details)))
        self._text.setMaximumHeight(160)
        self._text.hide()
        set_role(self._text, "small", mono=True)
        self.setLayout(column(row(self._opener, None, self._copier), self._text, spacing=4))

    def set_details(self, details: str) -> None:
        """Change the details."""
        self._details = details
        self._text.setPlainText(soft_broken(visible(details)))

    def toggle(self) -> None:
        """Open or shut."""
        self._text.setVisible(self._text.isHidden())
        self._opener.set_icon("chevron-right" if self._text.isHidden() else "chevron-down")

    def is_open(self) -> bool:
        """Whether the details are shown."""
        return not self._text.isHidden()

    def report(self) -> str:
        """What "Copy report" copies: the version and the details, nothing about the person."""
        return f"Feedback Workbench {__version__}\n\n{self._details}"

    def copy(self) -> None:
        """Put the report on the clipboard."""
        QGuiApplication.clipboard().setText(self.report())


class Message(QFrame):
    """One message: what happened, what to do, an action, details."""

    closed = Signal()

    def __init__(self, text: str, hint: str = "", tone: str = "info", details: str = "") -> None:
        super().__init__()
        self.tone = tone
        self.setAccessibleName(f"{text} {hint}".strip())
        self._title = label(text, "strong", wrap=True, selectable=True)
        self._hint = label(hint, "small", "text2", wrap=True, selectable=True)
        self._hint.setVisible(bool(hint))
        self._buttons = row(spacing=8)
        closer = Button(icon="x", kind="ghost", size="sm", tip=self.tr("Close this message"))
        closer.clicked.connect(self.closed)
        for part in (self._title, self._hint):
            part.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        words = column(self._title, self._hint, spacing=2)
        top = row(words, self._buttons, closer)
        top.setStretch(0, 1)
        layout = column(top, spacing=6, margins=(40, 9, 8, 9))
        self.details = DetailsBox(details) if details else None
        if self.details is not None:
            layout.addWidget(self.details)
        self.setLayout(layout)

    @property
    def text(self) -> str:
        return self._title.text()

    def add_action(self, text: str, slot: Callable[[], object]) -> Button:
        """A button that does something about it and closes the message."""
        button = Button(text, size="sm")
        button.clicked.connect(lambda: slot())
        button.clicked.connect(self.closed)
        self._buttons.addWidget(button)
        return button

    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        fill, ink, name = BANNER_TONES[self.tone]
        rect = QRectF(self.rect())
        box(painter, rect, 8, theme().color("raised"), theme().color("line2"))
        box(painter, rect.adjusted(1, 1, -1, -1), 7, theme().color(fill))
        icons.paint(painter, name, ink, 14, 12)
        painter.end()


class MessageStrip(QWidget):
    """Messages floating over the bottom of a widget, the newest lowest, three at most.

    lift: pixels at the bottom that stay free, such as those of a bar with what a person does next.
    """

    def __init__(self, over: QWidget, lift: Callable[[], int] = lambda: 0) -> None:
        super().__init__(over)
        self._over, self._lift = over, lift
        self._stack = QVBoxLayout(self)
        self._stack.setContentsMargins(0, 0, 0, 0)
        self._stack.setSpacing(8)
        over.installEventFilter(self)
        self.hide()

    def messages(self) -> list[Message]:
        """The messages shown now, oldest first."""
        items = [self._stack.itemAt(place) for place in range(self._stack.count())]
        widgets = [item.widget() for item in items if item is not None]
        return [widget for widget in widgets if isinstance(widget, Message)]

    def show_message(
        self,
        text: str,
        hint: str = "",
        tone: str = "info",
        action: tuple[str, Callable[[], object]] | None = None,
        details: str = "",
    ) -> Message:
        """Show one. A note (info, good) without an action goes by itself; anything else waits to be closed."""
        for old in self.messages():
            if old.text == text and old.tone == tone:
                self._drop(old)  # the same thing again is not news
        message = Message(text, hint, tone, details)
        if action is not None:
            message.add_action(*action)
        message.closed.connect(lambda: self._drop(message))
        self._stack.addWidget(message)
        for old in self.messages()[:-MOST]:
            self._drop(old)
        if tone in ("info", "good") and action is None:
            timer = QTimer(message)
            timer.setSingleShot(True)
            timer.timeout.connect(message.closed)
            timer.start(STAY)
        self.show()
        self.place()
        return message

    def show_error(self, error: WorkbenchError, action: tuple[str, Callable[[], object]] | None = None) -> Message:
        """Show an error as its sentence and its hint."""
        return self.show_message(error.text, error.hint, "bad", action)

    def clear(self) -> None:
        """Close all."""
        for message in self.messages():
            self._drop(message)

    def _drop(self, message: Message) -> None:
        self._stack.removeWidget(message)
        message.hide()
        message.deleteLater()
        self.setVisible(bool(self.messages()))
        self.place()

    def place(self) -> None:
        """Take the place again: what is below may have changed."""
        width = min(WIDTH, max(280, self._over.width() - 32))
        height = max(self._stack.totalHeightForWidth(width), self._stack.totalMinimumSize().height())
        bottom = self._over.height() - 16 - self._lift()
        self.setGeometry((self._over.width() - width) // 2, bottom - height, width, height)
        self.raise_()

    def event(self, event: QEvent) -> bool:
        result = super().event(event)
        if event.type() == QEvent.Type.LayoutRequest:  # details were opened
            self.place()
        return result

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize:
            self.place()
        return False
