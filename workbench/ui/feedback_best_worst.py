"""Best and worst: of three to nine answers, the two that stand out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtWidgets import QWidget

from ..feedback import best_worst, ranking
from ..store.queueing import Item
from . import keys
from .feedback_cards import CardsView
from .feedback_choice_row import ChoiceRow
from .feedback_mode import LETTERS, PICKS, AnswerCard, ReasonChips, choice_reasons, letter_actions
from .figures import count
from .widgets import Option, column, label, row

BEST, WORST = "best", "worst"


class BestWorstView(CardsView):
    """The first letter is the best, the second the worst; a letter with Shift is the worst at once."""

    kind = best_worst.name
    low = 130

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.rows: list[ChoiceRow] = []
        self._said: dict[str, int | None] = {BEST: None, WORST: None}
        unusable = ("Worst is unusable", self.tr("Worst is unusable"))
        self.why = ReasonChips([*choice_reasons(self), unusable], self.tr("Why"))
        self.why.changed.connect(self.changed)
        self.why.left.connect(self.focus_first)
        self.tally = label("", "small", "text2", tabular=True)
        foot = row(label(self.tr("Why"), "body", "text2"), self.why, self.tally)
        foot.setStretch(1, 1)
        layout = column(self._area, foot, spacing=12)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        self._add_cards(4)
        letter_actions(self, PICKS, self.tr("Answer {letter} is the best, or then the worst"), self.say)
        worst = self.tr("Answer {letter} is the worst")
        letter_actions(self, PICKS[:4], worst, lambda place: self.choose(WORST, place), "Shift ")
        for text, key, what in ((self.tr("Best"), "Up", BEST), (self.tr("Worst"), "Down", WORST)):
            keys.action(self, text, key, lambda what=what: self.choose(what, self._active)).setAutoRepeat(False)
        keys.action(self, self.tr("Clear"), "Backspace", self.clear)
        keys.action(self, self.tr("Reasons"), "T", self.focus_reasons)

    def make_card(self, place: int) -> AnswerCard:
        sayable = [Option(BEST, self.tr("Best"), "arrow-up"), Option(WORST, self.tr("Worst"), "arrow-down")]
        choices = ChoiceRow(self.tr("Answer {letter}").format(letter=LETTERS[place]), sayable)
        choices.rated.connect(lambda what, place=place: self.choose(what, place))
        self.rows.append(choices)
        return AnswerCard(place, corner=choices)

    def hints(self) -> list[tuple[str, str]]:
        return [
            ("A – D" if self._count <= 4 else "A – D 5 – 9", self.tr("best, then worst")),
            ("Shift A", self.tr("worst")),
            ("Backspace", self.tr("clear")),
        ]

    # --- showing

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        self.show_answers(item)
        self._said = {what: value.get(what) for what in (BEST, WORST)}
        self.why.set_value(reasons)
        self._activate(0)

    def _activate(self, place: int) -> None:
        super()._activate(place)
        self._mark()

    def _mark(self) -> None:
        """Say in words, in the row of each card, which it is; amber besides for the best."""
        best, worst = self._said[BEST], self._said[WORST]
        for place, (card, choices) in enumerate(zip(self.cards, self.rows, strict=True)):
            choices.set_value(BEST if place == best else WORST if place == worst else None)
            choices.set_active(place == self._active)
            card.set_edge("humanText" if place == best else "lineHC" if place == worst else "")
            if place == best and place != self._active:
                card.badge.set_look("chosen")
        self._show_tally()

    def _show_tally(self) -> None:
        best, worst = self._said[BEST], self._said[WORST]
        if best is None and worst is None:
            text = self.tr("Press the letter of the best, then of the worst.")
        elif worst is None:
            text = self.tr("{best} is the best. Which is the worst?").format(best=LETTERS[best or 0])
        elif best is None:
            text = self.tr("{worst} is the worst. Which is the best?").format(worst=LETTERS[worst])
        else:
            pairs = ranking.pair_count(best_worst.order(self.value(), self._count))
            text = self.tr("{best} best, {worst} worst · gives {pairs} preference pairs")
            text = text.format(best=LETTERS[best], worst=LETTERS[worst], pairs=count(pairs))
        self.tally.setText(text)

    # --- judging

    def say(self, place: int) -> None:
        """The best while there is none, then the worst; once both are said, another best. The best again: not so."""
        best, worst = self._said[BEST], self._said[WORST]
        if best == place:
            self._say(BEST, None, place)
        elif best is None or worst is not None:
            self.choose(BEST, place)
        else:
            self.choose(WORST, place)

    def choose(self, what: str, place: int) -> None:
        """Say that an answer is the best or the worst; the two change places where it was the other."""
        if place >= self._count:
            return
        other = WORST if what == BEST else BEST
        if self._said[other] == place:
            self._said[other] = self._said[what]
        self._say(what, place, place)

    def _say(self, what: str, said: int | None, place: int) -> None:
        self._said[what] = said
        self.pick(place)
        self.changed.emit()

    def clear(self) -> None:
        """Begin again."""
        self._said = {BEST: None, WORST: None}
        self.pick(self._active)
        self.changed.emit()

    def value(self) -> dict[str, Any]:
        return dict(self._said)

    def reasons(self) -> list[str]:
        return self.why.value()

    def gap(self) -> str:
        if self._said[BEST] is None:
            return self.tr("Choose the best first: press its letter.")
        return self.tr("Choose the worst too: press its letter.") if self._said[WORST] is None else ""

    def focus_reasons(self) -> None:
        self.why.focus()
