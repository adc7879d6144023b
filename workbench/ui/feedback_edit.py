"""Edit: write the answer that should have been given, and see what changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtWidgets import QCheckBox, QWidget

from ..feedback import correction
from ..store.queueing import Item
from . import icons, keys
from .feedback_asking import AskBar, Step, Steps
from .feedback_editor import Editor
from .feedback_marks import Mark
from .feedback_mode import LETTERS, ModeView, ReasonChips, answer_reasons, letter_actions
from .feedback_text import RunsText
from .figures import count, percent
from .theme import theme_changed
from .widgets import Button, Card, ElidedLabel, LetterBadge, Option, Segmented, column, label, row
from .word_diff import Difference, difference, word_count

BLANK = "blank"
DIFF_MS = 90
"""Quiet time before the changes are drawn again: they never wait in the way of a key."""


class EditView(ModeView):
    """Editor on the left, changes on the right. What is typed is kept apart for every starting point."""

    kind = correction.name
    turned = Signal()
    """Another text stands in the editor: of another item, or begun from another answer."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._originals: list[str] = []
        self._ids: Sequence[str] = ()
        self._names: Sequence[str] | None = None
        self._texts: dict[str, str] = {}
        self._ratings: Sequence[int | None] = ()
        self._marks: Sequence[Sequence[Mark]] = ()
        self._steps: dict[str, Steps] = {}
        self._difference = difference("", "")
        self._start = BLANK
        self._build_parts()
        wrong = label(self.tr("What was wrong"), "small", "text2")
        top = row(label(self.tr("Start from"), "small", "text2"), self.start, 12, wrong, self.why, self.rated)
        top.setStretch(4, 1)
        cards = row(self._left_card(), self._right_card(), spacing=12)
        layout = column(top, cards, self.ask, self._save_card(), spacing=10)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self._timer = QTimer(self, singleShot=True, interval=DIFF_MS)
        self._timer.timeout.connect(self._compare)
        self._connect()
        theme_changed.connect(self._restyle)
        self._restyle()

    def _build_parts(self) -> None:
        options = [Option(str(place), LETTERS[place]) for place in range(len(LETTERS))]
        self.start = Segmented([*options, Option(BLANK, self.tr("Blank"))], self.tr("Start from"))
        self.rated = label("", "small", "text2", tabular=True)
        self.why = ReasonChips(answer_reasons(self), self.tr("What was wrong"))
        self.badge = LetterBadge("A")
        self.badge.set_look("active")
        self.words = label("", "small", "text3", tabular=True)
        self.author = ElidedLabel("", "small", "accent")
        self.editor = Editor(self.tr("Your edit"))
        self.restore = keys.action(self, self.tr("Restore"), "Ctrl R", self.restore_original, icon="rotate-ccw")
        self.ask = AskBar()
        self.changes = RunsText(self.tr("Changes"), "large")
        self.added = label("", "strong", "good", tabular=True)
        self.removed = label("", "strong", "bad", tabular=True)
        self.look = Segmented(
            [Option("inline", self.tr("Inline")), Option("side", self.tr("Side by side"))], self.tr("Changes"), "sm"
        )
        self.demonstration = QCheckBox(self.tr("SFT example"))
        self.pair = QCheckBox(self.tr("Preference pair, edit over original"))
        self.kept = label("", "small", "text2", tabular=True)

    def _left_card(self) -> Card:
        card = Card()
        self.left_card = card
        restore = Button.of(self.restore, "ghost", "sm")
        restore.set_keys("")
        restore.setToolTip(self.tr("Back to the original (Ctrl R)"))
        head = row(self.badge, label(self.tr("Your edit"), "head"), self.words, self.author, restore)
        head.setStretch(3, 1)
        card.setLayout(column(head, self.editor, spacing=8, margins=(16, 12, 14, 14)))
        return card

    def _right_card(self) -> Card:
        card = Card()
        self._picture = label()
        self._title = label(self.tr("Changes"), "head")
        words = label(self.tr("words"), "body")
        head = row(self._picture, self._title, 2, self.added, self.removed, words, None, self.look)
        card.setLayout(column(head, self.changes, spacing=8, margins=(16, 12, 14, 14)))
        return card

    def _save_card(self) -> Card:
        card = Card(fill="panel")
        title = label(self.tr("Save as"), "small", "text2")
        card.setLayout(row(title, self.demonstration, 8, self.pair, None, self.kept, margins=(14, 7, 14, 7)))
        return card

    def _connect(self) -> None:
        self.editor.textChanged.connect(self._on_typed)
        self.editor.left.connect(self._on_escape)
        self.ask.left.connect(self.focus_first)
        self.why.changed.connect(self.changed)
        self.why.left.connect(self.focus_first)
        self.editor.focused.connect(lambda on: setattr(self.left_card, "active", on))
        self.start.changed.connect(self.start_from)
        self.look.changed.connect(lambda _: self._show_changes())
        for box in (self.demonstration, self.pair):
            box.toggled.connect(lambda _: self.changed.emit())
        letter_actions(self, LETTERS[:4], self.tr("Start from answer {letter}"), lambda place: self._pick(str(place)))
        keys.action(self, self.tr("What was wrong"), "T", self.focus_reasons)
        keys.action(self, self.tr("Next change"), "F6", self.next_change)
        keys.action(self, self.tr("Ask the model to change it"), "Ctrl I", self.ask.field.setFocus)
        keys.action(self, self.tr("Accept the proposal"), "Alt Enter", self.ask.accept.click).setAutoRepeat(False)

    def _restyle(self) -> None:
        self._picture.setPixmap(icons.pixmap("git-compare", "text2", 16))

    def submit_words(self) -> tuple[str, str]:
        return self.tr("Save edit and next"), "Ctrl Enter"

    def hints(self) -> list[tuple[str, str]]:
        return [
            ("Ctrl R", self.tr("restore")),
            ("Ctrl I", self.tr("ask the model")),
            ("F6", self.tr("next change")),
            ("Esc", self.tr("leave editor")),
        ]

    # --- showing

    def set_ratings(self, ratings: Sequence[int | None]) -> None:
        """What the person rated these answers before; the best is where an edit begins. Call before show_item."""
        self._ratings = ratings
        given = [f"{LETTERS[place]} {stars}" for place, stars in enumerate(ratings) if stars is not None]
        text = self.tr("Ratings for this prompt: {ratings}").format(ratings=" · ".join(given))
        self.rated.setText(text if given else "")

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        self._originals = [response.text for response in item.responses]
        self._ids = item.response_ids
        self._texts, self._marks = {}, ()
        self.why.set_value(reasons)
        for place, _ in enumerate(LETTERS):
            self.start.button(str(place)).setVisible(place < len(self._originals))
        start = value.get("of", self._best())
        self._start = BLANK if start is None else str(start)
        self._steps = {self._start: Steps(value.get("assisted", ()))}
        for box, name in ((self.demonstration, "demonstration"), (self.pair, "pair")):
            box.blockSignals(True)
            box.setChecked(bool(value.get(name, True)))
            box.blockSignals(False)
        self._fill(value.get("text", self.original()))

    def _best(self) -> int:
        rated = [(stars, -place) for place, stars in enumerate(self._ratings) if stars is not None]
        return -max(rated)[1] if rated else 0

    def original(self) -> str:
        """The text that the edit began with."""
        return "" if self._start == BLANK else self._originals[int(self._start)]

    def _fill(self, text: str) -> None:
        self.start.set_value(self._start)
        blank = self._start == BLANK
        self.badge.setText("+" if blank else LETTERS[int(self._start)])
        self.pair.setEnabled(not blank)
        self._show_author()
        self.editor.show_text(text)
        self.turned.emit()
        self._show_marks()
        self._compare()

    def set_marks(self, marks: Sequence[Sequence[Mark]]) -> None:
        self._marks = marks
        self._show_marks()

    def _show_marks(self) -> None:
        of = None if self._start == BLANK else int(self._start)
        self.editor.set_marks(self._marks[of] if of is not None and of < len(self._marks) else ())

    def set_names(self, names: Sequence[str] | None) -> None:
        self._names = names
        self._show_author()

    def _show_author(self) -> None:
        known = self._names is not None and self._start != BLANK
        self.author.setText(self._names[int(self._start)] if known and self._names else "")

    # --- editing

    def start_from(self, start: str) -> None:
        """Edit another answer, or begin with nothing; what was typed waits where it was."""
        self._texts[self._start] = self.text()
        self._start = start
        self._fill(self._texts.get(start, self.original()))
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)
        self.changed.emit()

    def _pick(self, start: str) -> None:
        if start == BLANK or int(start) < len(self._originals):
            self.start_from(start)

    def text(self) -> str:
        """The edited text; untouched, it is the original to the last character."""
        return self.editor.text()

    def restore_original(self) -> None:
        """Back to what was there before a proposal, else to the original; which can be undone like typing."""
        if self.ask.state == "proposal":
            self.ask.refuse.click()
            return
        self.steps.restart(self.text())
        self.editor.replace(self.original())

    @property
    def steps(self) -> Steps:
        """What a model did to the present text."""
        return self._steps.setdefault(self._start, Steps())

    def propose(self, step: Step) -> None:
        """Put what a model wrote in the place of the text, as one step of typing."""
        self.steps.add(step)
        self.editor.replace(step.text)
        self.focus_first()

    def take_back(self) -> None:
        """The text as it was before the last proposal."""
        step = self.steps.last
        if step is not None and step.before is not None:
            self.editor.replace(step.before)

    def _on_escape(self) -> None:
        if self.ask.state == "writing":
            self.ask.stopped.emit()
        else:
            self.changes.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_typed(self) -> None:
        self.steps.see(self.text())
        self._timer.start()
        self.changed.emit()

    def _compare(self) -> None:
        self._timer.stop()
        text = self.text()
        self._difference: Difference = difference(self.original(), text)
        self.words.setText(self.tr("{count} words").format(count=count(word_count(text))))
        self.added.setText(f"+{count(self._difference.added)}")
        self.removed.setText(f"\u2212{count(self._difference.removed)}")
        blank = self._start == BLANK
        kept = self.tr("{share} of the words kept").format(share=percent(self._difference.kept))
        self.kept.setText(self.tr("Written from nothing") if blank else kept)
        self._show_changes()

    def _show_changes(self) -> None:
        side = self.look.value() == "side"
        self._title.setText(self.tr("Original") if side else self.tr("Changes"))
        styles = {"same": "plain", "removed": "removed", "added": "added"}
        pieces = [piece for piece in self._difference.pieces if not (side and piece.change == "added")]
        self.changes.show_runs([(styles[piece.change], piece.text) for piece in pieces])

    def next_change(self) -> None:
        """Put the cursor on the next change, from the last one to the first again."""
        self._compare()
        places = self._difference.places()
        if places:
            here = self.editor.textCursor().position()
            self.editor.go_to(next((place for place in places if place > here), places[0]))

    # --- judging

    def value(self) -> dict[str, Any]:
        of = None if self._start == BLANK else int(self._start)
        pair = self.pair.isChecked() and of is not None
        said = {"of": of, "text": self.text(), "pair": pair, "demonstration": self.demonstration.isChecked()}
        assisted = self.steps.values()
        return said | {"assisted": assisted} if assisted else said

    def reasons(self) -> list[str]:
        return self.why.value()

    def draft(self) -> str:
        """What is typed, to be kept; "" while nothing was changed."""
        others = {start: text for start, text in self._texts.items() if start != self._start}
        touched = self.text() != self.original() or any(
            text != ("" if start == BLANK else self._originals[int(start)]) for start, text in others.items()
        )
        value = self.value()
        of = None if value["of"] is None else self._ids[value["of"]]
        return json.dumps(value | {"of": of}, ensure_ascii=False) if touched else ""

    def gap(self) -> str:
        if not self.text().strip():
            return self.tr("Write the answer you would have wanted.")
        unchanged = self._start != BLANK and self.text() == self.original()
        if not self.demonstration.isChecked() and (unchanged or not self.value()["pair"]):
            return self.tr("This would teach nothing: change the text, or save it as an SFT example.")
        return ""

    def focus_gap(self) -> None:
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_first(self) -> None:
        self.editor.setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_reasons(self) -> None:
        self.why.focus()


def value_of_draft(text: str, item: Item) -> dict[str, Any]:
    """A kept draft as a value for this item; {} when there is none.

    A draft names the answer that it began with by id, because the order on screen is drawn anew each session.
    """
    if not text:
        return {}
    kept = json.loads(text)
    ids = list(item.response_ids)
    return kept | {"of": ids.index(kept["of"]) if kept["of"] in ids else None}
