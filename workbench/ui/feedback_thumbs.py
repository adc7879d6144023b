"""Thumbs: every answer on its own, good or bad."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ..feedback import thumbs
from . import keys
from .feedback_cards import EachView
from .feedback_choice_row import ChoiceRow
from .feedback_mode import LETTERS, AnswerCard
from .widgets import Option

ARROWS = {True: "Up", False: "Down"}


class ThumbsView(EachView):
    """A key judges the active card and goes to the next; where there is one answer alone, to the next item at once."""

    kind = thumbs.name
    field = "thumbs"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._add_cards(4)
        for choice in thumbs.choices:
            for key in (choice.key, ARROWS[choice.value]):
                made = keys.action(self, self._word(choice.value), key, lambda value=choice.value: self.rate(value))
                made.setAutoRepeat(False)

    def _word(self, thumb: bool) -> str:
        return self.tr("Good") if thumb else self.tr("Bad")

    def make_card(self, place: int) -> AnswerCard:
        icons = {True: "thumbs-up", False: "thumbs-down"}
        sayable = [
            Option(choice.value, self._word(choice.value), icons[choice.value], choice.key)
            for choice in thumbs.choices
        ]  # fmt: skip
        rater = ChoiceRow(self.tr("Answer {letter}").format(letter=LETTERS[place]), sayable)
        return self.finish(place, AnswerCard(place, corner=rater), rater)

    def hints(self) -> list[tuple[str, str]]:
        if self._count == 1:
            return [("1", self.tr("good, and next")), ("0", self.tr("bad, and next")), ("Z", self.tr("back"))]
        return [("↑ ↓", self.tr("good or bad")), ("A – D", self.tr("pick answer")), ("T", self.tr("tags"))]

    def _on_rated(self, place: int) -> None:
        super()._on_rated(place)
        if self._count == 1:
            self.finished.emit()

    def gap(self) -> str:
        place = self._first_gap()
        if place is None:
            return ""
        if self.may_be_left():
            return self.tr("{letter} is not judged. Enter again leaves it out.").format(letter=LETTERS[place])
        return self.tr("Judge an answer first: press 1 for good, 0 for bad.")
