"""What the kinds of feedback have in common on screen: ModeView, and the card of one answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtGui import QFocusEvent, QGuiApplication, QKeyEvent, QMouseEvent, QResizeEvent
from PySide6.QtWidgets import QPushButton, QSizePolicy, QWidget

from ..store.queueing import Item
from . import keys
from .feedback_marks import Mark, MarkedText
from .figures import count
from .theme import KEYBOARD_REASONS
from .widgets import Button, Card, ElidedLabel, LetterBadge, RatingRow, ToggleChip, column, row
from .word_diff import word_count

LETTERS = "ABCDEFGHI"
PICKS = "ABCD56789"
"""The key of each answer where letters choose: from E on, letters have other meanings in this pane."""
CHIP_HEIGHT, CHIP_GAP = 24, 6


class ModeView(QWidget):
    """The middle of the pane for one kind of feedback.

    It shows an item with what was said about it so far, and says what is said now. It stores nothing.
    """

    changed = Signal()
    finished = Signal()
    """Everything is said, and there is nothing to confirm: go on at once."""
    kind = ""
    cards: list[AnswerCard] = []
    """One card for each answer, perhaps with more that are hidden; none where answers stand elsewhere."""

    def submit_words(self) -> tuple[str, str]:
        """Text and keys of the primary button."""
        return self.tr("Submit and next"), "Enter"

    def hints(self) -> list[tuple[str, str]]:
        """(keys, what they do) for the dock, the most important first."""
        return []

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        """Show an item; `value` may be {} or have gaps."""
        raise NotImplementedError

    def value(self) -> dict[str, Any]:
        """What is said now, in the form of the kind, perhaps with gaps."""
        raise NotImplementedError

    def reasons(self) -> list[str]:
        """Why, in the words of the chips."""
        return []

    def gap(self) -> str:
        """What is still to say, as a sentence; "" when everything is said."""
        return ""

    def may_be_left(self) -> bool:
        """Whether it can be submitted although there is a gap."""
        return False

    def focus_gap(self) -> None:
        """Go to what is still to say."""

    def set_names(self, names: Sequence[str] | None) -> None:
        """Show who wrote the answers, or hide it with None."""

    def readers(self) -> list[MarkedText]:
        """Where the answers stand, in their order, and passages of them can be marked."""
        return [card.text for card in self.cards]

    def set_marks(self, marks: Sequence[Sequence[Mark]]) -> None:
        """Show what was marked in each answer."""
        for card, of_answer in zip(self.cards, marks, strict=False):
            card.text.set_marks(of_answer)

    def focus_first(self) -> None:
        """Put the keyboard where judging begins."""

    def focus_reasons(self) -> None:
        """Put the keyboard on the reasons, where there are some."""


class AnswerCard(Card):
    """One answer: letter, length, who wrote it (when that is shown), the text, and stars and reasons if asked for."""

    picked = Signal()

    def __init__(
        self,
        place: int,
        meanings: Sequence[str] | None = None,
        size: str = "read",
        corner: QWidget | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        name = self.tr("Answer {letter}").format(letter=LETTERS[place])
        self.setAccessibleName(name)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.badge = LetterBadge(LETTERS[place])
        self.length = ElidedLabel("", "small", "text3")
        self.author = ElidedLabel("", "small", "accent")
        self.text = MarkedText(name, size)
        # The card has the focus and scrolls its text; the text itself would only be a second stop.
        self.text.setFocusPolicy(Qt.FocusPolicy.ClickFocus)
        self.text.viewport().installEventFilter(self)
        self.rating = RatingRow(name, meanings) if meanings is not None else None
        self.tools = row(spacing=6)
        self.author.hide()
        head = row(self.badge, self.length, self.author, None)
        if self.rating is not None:
            for button in self.rating.findChildren(QPushButton):
                button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            head.addWidget(self.rating)
        elif corner is not None:
            head.addWidget(corner)
        else:
            copier = Button(icon="copy", kind="ghost", size="sm", tip=self.tr("Copy the answer"))
            copier.setFocusPolicy(Qt.FocusPolicy.NoFocus)
            copier.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.plain()))
            head.addWidget(copier)
        self.setLayout(column(head, self.text, self.tools, spacing=8, margins=(16, 12, 14, 10)))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)

    def show_answer(self, text: str) -> None:
        """Show an answer from its beginning."""
        self.text.set_text(text)
        if not text.strip():
            self.length.setText(self.tr("empty answer"))
        else:
            self.length.setText(self.tr("{count} words").format(count=count(word_count(text))))

    def set_author(self, name: str | None) -> None:
        """Show who wrote it; None hides it."""
        self.author.setText(name or "")
        self.author.setVisible(bool(name))

    def set_active(self, active: bool) -> None:
        """Mark the card that takes the keys."""
        self.active = active
        self.badge.set_look("active" if active else "plain")
        if self.rating is not None:
            self.rating.set_active(active)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonPress:
            self.picked.emit()
        return False

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self.picked.emit()

    def focusInEvent(self, event: QFocusEvent) -> None:
        super().focusInEvent(event)
        if event.reason() in KEYBOARD_REASONS:
            self.picked.emit()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up, Down, Page Up and Page Down scroll a long answer."""
        bar = self.text.verticalScrollBar()
        steps = {
            Qt.Key.Key_Up: -44,
            Qt.Key.Key_Down: 44,
            Qt.Key.Key_PageUp: -bar.pageStep(),
            Qt.Key.Key_PageDown: bar.pageStep(),
        }
        step = steps.get(Qt.Key(event.key()))
        if step is None:
            super().keyPressEvent(event)
        else:
            bar.setValue(bar.value() + step)


class ReasonChips(QWidget):
    """A short fixed list of reasons. Left and right go through them, Space turns one on, Escape leaves."""

    changed = Signal()
    left = Signal()

    def __init__(self, reasons: Sequence[tuple[str, str]], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(name)
        self._chips: dict[str, ToggleChip] = {}
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        for value, text in reasons:
            chip = ToggleChip(text, parent=self)
            chip.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # T comes here; Tab goes on to the next answer
            chip.clicked.connect(lambda _=False: self.changed.emit())
            chip.installEventFilter(self)
            self._chips[value] = chip
        self.setFixedHeight(CHIP_HEIGHT)
        self._widest = sum(chip.sizeHint().width() + CHIP_GAP for chip in self._chips.values())

    def sizeHint(self) -> QSize:
        return QSize(self._widest, self.height())

    def minimumSizeHint(self) -> QSize:
        return QSize(max(chip.sizeHint().width() for chip in self._chips.values()), self.height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Chips go on in another line where one is too short for them."""
        super().resizeEvent(event)
        x = y = 0
        for chip in self._chips.values():
            size = chip.sizeHint()
            if x and x + size.width() > self.width():
                x, y = 0, y + CHIP_HEIGHT + 4
            chip.setGeometry(x, y, size.width(), CHIP_HEIGHT)
            x += size.width() + CHIP_GAP
        if self.height() != y + CHIP_HEIGHT:
            self.setFixedHeight(y + CHIP_HEIGHT)

    def show_chips(self, shown: bool) -> None:
        """Show the chips or not; their room stays, so that nothing shifts when they appear."""
        for chip in self._chips.values():
            chip.setVisible(shown)

    def value(self) -> list[str]:
        """The reasons that are on."""
        return [value for value, chip in self._chips.items() if chip.isChecked()]

    def set_value(self, on: Sequence[str]) -> None:
        """Turn on exactly these."""
        for value, chip in self._chips.items():
            chip.setChecked(value in on)

    def chip(self, value: str) -> ToggleChip:
        """The chip of a reason."""
        return self._chips[value]

    def focus(self) -> None:
        """Put the keyboard on the first chip."""
        next(iter(self._chips.values())).setFocus(Qt.FocusReason.ShortcutFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        wanted = (Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Space, Qt.Key.Key_Escape)
        if not isinstance(event, QKeyEvent) or event.key() not in wanted:
            return False
        if event.type() == QEvent.Type.ShortcutOverride:  # arrows judge elsewhere, Space reads on
            event.accept()
            return True
        if event.type() == QEvent.Type.KeyPress:
            if event.key() in (Qt.Key.Key_Left, Qt.Key.Key_Right):
                self._step(watched, 1 if event.key() == Qt.Key.Key_Right else -1)
                return True
            if event.key() == Qt.Key.Key_Escape:
                self.left.emit()
                return True
        return False

    def _step(self, chip: QObject, by: int) -> None:
        chips: list[Any] = list(self._chips.values())
        chips[(chips.index(chip) + by) % len(chips)].setFocus(Qt.FocusReason.ShortcutFocusReason)


def answer_reasons(tr: QObject) -> list[tuple[str, str]]:
    """What may be wrong with one answer: what is stored, and what is shown."""
    return [
        ("Invented fact", tr.tr("Invented fact")),
        ("Off tone", tr.tr("Off tone")),
        ("Too long", tr.tr("Too long")),
        ("Ignores the question", tr.tr("Ignores the question")),
    ]


def show_reasons(chips: Sequence[ReasonChips], reasons: Sequence[str]) -> None:
    """Turn on what was said of each answer, see reasons_of."""
    for letter, each in zip(LETTERS, chips, strict=False):
        mark = f"{letter}: "
        each.set_value([reason[len(mark) :] for reason in reasons if reason.startswith(mark)])


def reasons_of(chips: Sequence[ReasonChips]) -> list[str]:
    """What is on for each answer, as it is stored: "B: Too long"."""
    return [f"{letter}: {reason}" for letter, each in zip(LETTERS, chips, strict=False) for reason in each.value()]


def choice_reasons(tr: QObject) -> list[tuple[str, str]]:
    """Why one answer is above another: what is stored, and what is shown."""
    return [
        ("Solves it", tr.tr("Solves it")),
        ("Better tone", tr.tr("Better tone")),
        ("Shorter", tr.tr("Shorter")),
        ("More truthful", tr.tr("More truthful")),
    ]


def letter_actions(view: ModeView, picks: str, text: str, pick: Callable[[int], object], held: str = "") -> None:
    """One action for each key of PICKS, calling pick(place). held: "Shift " for the same keys with Shift."""
    for place, key in enumerate(picks):
        made = keys.action(view, text.format(letter=LETTERS[place]), held + key, lambda place=place: pick(place))
        made.setAutoRepeat(False)
