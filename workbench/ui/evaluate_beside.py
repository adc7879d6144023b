"""Side by side: the answers of both models to one prompt at a time, as text or as a difference."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Signal
from PySide6.QtGui import QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from . import keys
from .evaluate_figures import Beside, Figures, reward_of
from .figures import count, figure
from .form_controls import ChoiceBox
from .theme import theme, theme_changed
from .widgets import (
    Button,
    Card,
    Chip,
    ElidedLabel,
    Option,
    ReadingText,
    Segmented,
    StatusDot,
    column,
    holding,
    label,
    row,
    visible,
)  # fmt: skip
from .word_diff import difference

RESULTS = ("won", "tied", "lost")


class DiffText(ReadingText):
    """A text with what it has and the other has not: what is gone struck through, what is new underlined."""

    def __init__(self, name: str) -> None:
        super().__init__(name, size="large")
        self._pieces: list[tuple[str, str]] = []
        theme_changed.connect(self._paint_pieces)

    def show_plain(self, text: str) -> None:
        """The text alone."""
        self._pieces = []
        self.set_text(text)

    def show_change(self, text: str, pieces: Sequence[tuple[str, str]]) -> None:
        """The text in pieces: ("same" | "removed" | "added", words)."""
        self.set_text(text)
        self._pieces = list(pieces)
        self._paint_pieces()

    def _paint_pieces(self) -> None:
        if not self._pieces:
            return
        text = self.plain()
        self.set_text("".join(words for _, words in self._pieces))
        self._source = text
        cursor, at = QTextCursor(self.document()), 0
        for change, words in self._pieces:
            cursor.setPosition(at)
            at += len(visible(words).encode("utf-16-le")) // 2  # Qt counts in UTF-16
            cursor.setPosition(min(at, self.document().characterCount() - 1), QTextCursor.MoveMode.KeepAnchor)
            if change != "same":
                cursor.mergeCharFormat(_format(change))


def _format(change: str) -> QTextCharFormat:
    result = QTextCharFormat()
    ink, ground = ("bad", "badSoft") if change == "removed" else ("good", "goodSoft")
    result.setForeground(theme().color(ink))
    result.setBackground(theme().color(ground))
    result.setFontStrikeOut(change == "removed")
    result.setFontUnderline(change == "added")
    return result


class AnswerCard(Card):
    """One model's answer: whose, its reward, whether people preferred it."""

    def __init__(self, role: str, token: str, parent: QWidget | None = None) -> None:
        super().__init__(parent, fill="sunken" if role == "base" else "surface")
        self.name = label("", "strong")
        self.chip = Chip("", "check", "person")
        self.score = label("", "small", "text2", tabular=True)
        self.text = DiffText(self.tr("Answer of the base") if role == "base" else self.tr("Answer of the tuned model"))
        head = row(StatusDot(token), self.name, None, self.chip, self.score)
        self.setLayout(column(head, self.text, spacing=6, margins=(14, 8, 12, 10)))
        self.chip.hide()

    def show_head(self, name: str, reward: float | None, preferred: str) -> None:
        """Whose answer it is, its score, and by how many it was preferred."""
        self.name.setText(name)
        self.score.setText("" if reward is None else self.tr("reward {value}").format(value=figure(reward)))
        self.chip.setVisible(bool(preferred))
        if preferred:
            self.chip.set_chip(preferred, "check", "person")
        self.set_edge("humanText" if preferred else "")


class BesideCard(Card):
    """Walks the prompts of an evaluation. `send(list[Beside])` asks to judge the lost ones again."""

    send = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._found: Figures | None = None
        self._shown: list[Beside] = []
        self._names = ("", "")
        self.place = 0
        self.where = ElidedLabel("", "small", "text2")
        self.where.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.view = Segmented(
            [Option("text", self.tr("Text")), Option("diff", self.tr("Diff"))], self.tr("How to show answers"), "sm"
        )
        self.view.changed.connect(lambda _: self._show_texts())
        self.base, self.tuned = AnswerCard("base", "ref"), AnswerCard("tuned", "s1")
        self.comments = ElidedLabel("", "small", "human")
        head = row(label(self.tr("Side by side"), "strong"), self.where, self.view, spacing=10)
        texts = row(self.base, self.tuned, spacing=10)
        texts.setStretch(0, 1)
        texts.setStretch(1, 1)
        self._foot = self._build_foot()
        self.setLayout(column(head, texts, self.comments, self._foot, spacing=8, margins=(14, 8, 12, 10)))
        self.layout().setStretch(1, 1)  # type: ignore[union-attr]

    def _build_foot(self) -> QWidget:
        self.filter = Segmented(
            [Option("all", ""), *(Option(each, "") for each in RESULTS)], self.tr("Which prompts"), "sm"
        )
        self.filter.changed.connect(lambda _: self._filter())
        self.order = ChoiceBox()
        self.order.setAccessibleName(self.tr("Order of the prompts"))
        for value, words in (("change", self.tr("Biggest change first")), ("order", self.tr("In order"))):
            self.order.addItem(words, value)
        self.order.setProperty("dense", True)
        self.order.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
        self.order.currentIndexChanged.connect(lambda _: self._filter())
        self.next_action = keys.action(self, self.tr("Next"), "J", lambda: self.step(1))
        self.previous_action = keys.action(self, self.tr("Previous"), "K", lambda: self.step(-1))
        self.send_button = Button(self.tr("Send lost ones to feedback"), "message-square-text", size="sm")
        self.send_button.clicked.connect(self._send)
        self.steps = [Button.of(action, "ghost", "sm") for action in (self.next_action, self.previous_action)]
        return holding(row(self.filter, self.order, *self.steps, None, self.send_button, spacing=6))

    # -- what is shown

    def show_figures(self, found: Figures, base: str, tuned: str) -> None:
        """Show the prompts of an evaluation; the place is kept where it can be."""
        before = self.current()
        self._found, self._names = found, (base, tuned)
        counts = {each: len(found.of_result(each)) for each in RESULTS}
        words = {
            "all": self.tr("All {count}").format(count=count(len(found.beside))),
            "won": self.tr("Won {count}").format(count=count(counts["won"])),
            "tied": self.tr("Tied {count}").format(count=count(counts["tied"])),
            "lost": self.tr("Lost {count}").format(count=count(counts["lost"])),
        }
        for value, text in words.items():
            button = self.filter.button(value)
            button.setText(text)
            button.setAccessibleName(text)
            button.updateGeometry()
        how = self.tr("by the votes") if found.by_votes else self.tr("by the reward model")
        self.filter.setToolTip(how)
        self.send_button.setEnabled(counts["lost"] > 0)
        self._filter()
        if before is not None:
            kept = [place for place, each in enumerate(self._shown) if each.base.id == before.base.id]
            self.place = kept[0] if kept else 0
            self._show_texts()

    def current(self) -> Beside | None:
        """The prompt that is shown."""
        return self._shown[self.place] if 0 <= self.place < len(self._shown) else None

    def _filter(self) -> None:
        if self._found is None:
            return
        result = self.filter.value()
        shown = list(self._found.beside) if result == "all" else self._found.of_result(result)
        if self.order.currentData() == "change":
            shown.sort(key=lambda each: -abs(each.gain or 0.0))
        self._shown, self.place = shown, 0
        self._show_texts()

    def step(self, by: int) -> None:
        """Go to the next or previous prompt."""
        if 0 <= self.place + by < len(self._shown):
            self.place += by
            self._show_texts()

    def _show_texts(self) -> None:
        each = self.current()
        self.next_action.setEnabled(self.place + 1 < len(self._shown))
        self.previous_action.setEnabled(self.place > 0)
        if each is None:
            self.where.setText(self.tr("none of these"))
            for card in (self.base, self.tuned):
                card.show_head("", None, "")
                card.text.show_plain("")
            self.comments.setText("")
            return
        words = self.tr("prompt {place} of {count}: {prompt}")
        self.where.setText(
            words.format(place=count(self.place + 1), count=count(len(self._shown)), prompt=each.prompt.text)
        )
        self._show_heads(each)
        if self.view.value() == "text":
            self.base.text.show_plain(each.base.text)
            self.tuned.text.show_plain(each.tuned.text)
        else:
            pieces = [(piece.change, piece.text) for piece in difference(each.base.text, each.tuned.text).pieces]
            self.base.text.show_change(each.base.text, [piece for piece in pieces if piece[0] != "added"])
            self.tuned.text.show_change(each.tuned.text, [piece for piece in pieces if piece[0] != "removed"])
        self.comments.setText("   ".join(f"{who}: {said}" for who, said in each.comments))

    def _show_heads(self, each: Beside) -> None:
        base, tuned = self._names
        won, lost, total = each.votes.count("won"), each.votes.count("lost"), len(each.votes)
        words = self.tr("Preferred by {number} of {total}")
        ours = words.format(number=won, total=total) if won > lost else ""
        theirs = words.format(number=lost, total=total) if lost > won else ""
        self.base.show_head(base, reward_of(each.base), theirs)
        self.tuned.show_head(tuned, reward_of(each.tuned), ours)

    def _send(self) -> None:
        if self._found is not None:
            self.send.emit(self._found.of_result("lost"))
