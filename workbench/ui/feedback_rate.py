"""Rate: every answer on its own, 1 to 5."""

from __future__ import annotations

from PySide6.QtWidgets import QWidget

from ..feedback import rating
from . import keys
from .feedback_cards import EachView
from .feedback_mode import LETTERS, AnswerCard


class RateView(EachView):
    """Cards with stars. A digit rates the active card and goes to the next without a rating."""

    kind = rating.name
    field = "ratings"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._add_cards(4)
        for choice in rating.choices:
            text = self.tr("Rate {number}: {meaning}").format(number=choice.key, meaning=self.meaning(choice.value))
            made = keys.action(self, text, choice.key, lambda value=choice.value: self.rate(value))
            made.setAutoRepeat(False)

    def meaning(self, value: int) -> str:
        """What a number means, in the person's language."""
        return {
            1: self.tr("Harmful or false"),
            2: self.tr("Misses the point"),
            3: self.tr("Usable, needs work"),
            4: self.tr("Small touch-up"),
            5: self.tr("Send as it is"),
        }.get(value, "")

    def make_card(self, place: int) -> AnswerCard:
        card = AnswerCard(place, [self.meaning(choice.value) for choice in rating.choices])
        assert card.rating is not None
        return self.finish(place, card, card.rating)

    def hints(self) -> list[tuple[str, str]]:
        return [
            ("1 – 5", self.tr("rate")),
            ("A – D", self.tr("pick answer")),
            ("T", self.tr("tags")),
        ]

    def gap(self) -> str:
        place = self._first_gap()
        if place is None:
            return ""
        if self.may_be_left():
            return self.tr("{letter} has no rating. Enter again leaves it out.").format(letter=LETTERS[place])
        return self.tr("Rate an answer first: press 1 to 5.")
