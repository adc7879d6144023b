"""What stays in place round every item of the Feedback pane: session bar, prompt, dock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QAction, QGuiApplication, QPainter, QResizeEvent
from PySide6.QtWidgets import QLabel, QSizePolicy, QStackedWidget, QWidget

from ..store.queueing import Item
from . import icons
from .feedback_at_once import AtOnceBox
from .feedback_orders import OrderBox, SetBox
from .feedback_text import Run, RunsText
from .figures import count, duration
from .theme import set_property, set_region, set_tone, theme, theme_changed
from .widgets import Bar, Button, Card, Chip, Divider, ElidedLabel, KeyHint, column, holding, label, row
from .widgets.buttons import Look

BAR_HEIGHT, DOCK_HEIGHT = 44, 56
LONG_BAR, SHORT_BAR = 150, 90
SHARE_OF_PROMPT = 0.3
SMALLEST_PROMPT = 44
HINT_GAP = 14


class SessionBar(QWidget):
    """How far this session is, what comes next, and whether names are hidden."""

    def __init__(self, blind: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_region(self, "panel")
        self.done = label("", "strong", tabular=True)
        self.bar = Bar(self.tr("Judged in this session"), "human")
        self.bar.setFixedWidth(LONG_BAR)
        self.clock = QLabel()
        self.pace = label("", "body", "text2", tabular=True)
        self.next_up = label(self.tr("Next up"), "body", "text2")
        self.order, self.sets, self.at_once = OrderBox(), SetBox(), AtOnceBox()
        self.left = label("", "body", "text2", tabular=True)
        self.blind = _BlindButton(blind.text(), "eye-off", "H", "ghost")
        self.blind.clicked.connect(blind.trigger)
        inside = row(
            self.done, self.bar, 6, self.clock, self.pace, None, self.next_up, self.order, self.sets, self.at_once,
            self.left, self._short_line(), self.blind, margins=(16, 0, 10, 0),
        )  # fmt: skip
        layout = column(holding(inside), Divider(), spacing=0)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self.setFixedHeight(BAR_HEIGHT)
        theme_changed.connect(self._restyle)
        self._restyle()

    def _short_line(self) -> QWidget:
        line = Divider(vertical=True)
        line.setFixedHeight(20)
        return line

    def _restyle(self) -> None:
        self.clock.setPixmap(icons.pixmap("clock", "text2", 16))

    def show_session(self, done: int, left: int, median: float | None) -> None:
        """Show this session's figures."""
        everything = done + left
        self.done.setText(self.tr("{done} of {all}").format(done=count(done), all=count(everything)))
        self.bar.set_fraction(done / everything if everything else 0.0, "human")
        self.clock.setVisible(median is not None)
        self.pace.setText("" if median is None else self.tr("median {time}").format(time=duration(median)))
        self.left.setText(self.tr("{count} left").format(count=count(left)))

    def show_blind(self, blind: bool) -> None:
        """Say whether the names of models are hidden."""
        self.blind.set_text(self.tr("Blind") if blind else self.tr("Names shown"))
        self.blind.set_icon("eye-off" if blind else "eye")

    def set_ordered(self, ordered: bool) -> None:
        """Show or hide the choice of order: the pairs of an evaluation have none."""
        self.order.setVisible(ordered)
        self.sets.setVisible(ordered and not self.sets.empty)
        self.next_up.setVisible(ordered and not self._narrow())

    def set_narrow(self, narrow: bool) -> None:
        """Drop what there is no room for."""
        set_property(self, "narrow", narrow)
        self.bar.setFixedWidth(SHORT_BAR if narrow else LONG_BAR)
        self.next_up.setVisible(not narrow and not self.order.isHidden())

    def _narrow(self) -> bool:
        return bool(self.property("narrow"))


class _BlindButton(Button):
    """The state of blindness as a word to press: blue, because the app does the hiding."""

    def _paint_parts(self, painter: QPainter, look: Look) -> None:
        super()._paint_parts(painter, replace(look, text=theme().color("accentText"), icon="accentText"))


class PromptCard(Card):
    """The prompt: tags, system text, earlier turns, and what the person asked last."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._item: Item | None = None
        self._tags = row(spacing=8)
        self.number = label("", "small", "text3", mono=True)
        self._copy = Button(icon="copy", kind="ghost", size="sm", tip=self.tr("Copy the prompt"))
        self._copy.clicked.connect(self.copy)
        self.text = RunsText(self.tr("Prompt"), "large", fit=True)
        self.text.setMinimumHeight(SMALLEST_PROMPT)
        title = label(self.tr("Prompt"), "small", "text2")
        head = row(title, self._tags, None, self.number, self._copy)
        self.setLayout(column(head, self.text, spacing=4, margins=(16, 8, 12, 12)))
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)

    def show_item(self, item: Item) -> None:
        """Show an item's prompt."""
        self._item = item
        while (old := self._tags.takeAt(0)) is not None:
            if (widget := old.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        for place, tag in enumerate(item.prompt.tags[:6]):
            self._tags.addWidget(Chip(tag, "tag" if place == 0 else None))
        self.number.setText("#" + item.prompt.id[:6])
        self.text.show_runs(self._runs(item))
        self.text.verticalScrollBar().setValue(0)

    def _runs(self, item: Item) -> list[Run]:
        runs: list[Run] = []
        if item.prompt.system:
            runs.append(("system", item.prompt.system + "\n"))
        *earlier, last = item.prompt.turns
        for turn in earlier:
            who = self.tr("Model") if turn["role"] == "assistant" else self.tr("Person")
            runs += [("role", who + "\n"), ("system", turn["content"] + "\n")]
        if earlier:
            runs.append(("role", self.tr("Person") + "\n"))
        runs.append(("plain", last["content"]))
        return runs

    def set_room(self, height: int) -> None:
        """The prompt may take this share of the pane's height; what is longer scrolls."""
        self.text.set_most(max(SMALLEST_PROMPT + 20, round(height * SHARE_OF_PROMPT) - 52))

    def copy(self) -> None:
        """Put the prompt on the clipboard."""
        if self._item is not None:
            QGuiApplication.clipboard().setText(self._item.prompt.text)


class _Hints(QWidget):
    """Hints from the right edge to the left, the most important first; those without room are left out."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._groups: list[QWidget] = []
        self.most = 3

    def set_hints(self, hints: Sequence[tuple[str, str]]) -> None:
        """Show (keys, what they do)."""
        for old in self._groups:
            old.hide()
            old.deleteLater()
        self._groups = [
            holding(row(KeyHint(keys, usual=False), label(text, "body", "text2"), spacing=6)) for keys, text in hints
        ]
        for group in self._groups:
            group.setParent(self)
        self._place()

    def _place(self) -> None:
        widths = [group.sizeHint().width() for group in self._groups[: self.most]]
        while widths and sum(widths) + HINT_GAP * (len(widths) - 1) > self.width():
            widths.pop()
        x = self.width() - sum(widths) - HINT_GAP * max(0, len(widths) - 1)
        for place, group in enumerate(self._groups):
            group.setVisible(place < len(widths))
            if place < len(widths):
                group.setGeometry(x, 0, widths[place], self.height())
                x += widths[place] + HINT_GAP

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._place()


class Dock(QWidget):
    """Undo, skip, flag and comment; hints or a note; the one button that goes on. Nothing in it ever moves."""

    def __init__(self, actions: Sequence[QAction], submit: Callable[[], object], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        set_region(self, "panel")
        self.submit = Button(self.tr("Submit and next"), kind="primary", size="lg")
        self.submit.clicked.connect(lambda: submit())
        self.note = ElidedLabel("", "body", "human")
        self.note.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._last: list[tuple[str, str]] = []
        self._hints = QStackedWidget()
        self._hints.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self._shown = _Hints()
        self._hints.addWidget(self._shown)
        self._hints.addWidget(self.note)
        buttons = [Button.of(action, "ghost") for action in actions]
        inside = row(*buttons, 8, self._hints, 8, self.submit, margins=(8, 0, 12, 0))
        inside.setSpacing(6)
        layout = column(Divider(), holding(inside), spacing=0)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.setFixedHeight(DOCK_HEIGHT)

    def set_hints(self, hints: Sequence[tuple[str, str]]) -> None:
        """(keys as they are now, what they do), the most important first."""
        if list(hints) != self._last:
            self._last = list(hints)
            self._shown.set_hints(hints)

    def set_narrow(self, narrow: bool) -> None:
        """Two hints instead of three."""
        self._shown.most = 2 if narrow else 3
        self._shown.set_hints(self._last)

    def show_note(self, text: str, tone: str = "human") -> None:
        """Say something in the place of the hints; "" brings them back."""
        self.note.setText(text)
        set_tone(self.note, tone)
        self._hints.setCurrentWidget(self.note if text else self._shown)

    def set_submit(self, text: str, keys: str) -> None:
        """What the primary button says in this kind of feedback."""
        self.submit.set_text(text)
        self.submit.set_keys(keys)

    def minimumSizeHint(self) -> QSize:
        return QSize(400, DOCK_HEIGHT)
