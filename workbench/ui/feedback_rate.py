"""Rate: every answer on its own, 1 to 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QScrollArea, QWidget

from ..feedback import rating
from ..store.queueing import Item
from . import keys
from .feedback_mode import LETTERS, AnswerCard, ModeView, ReasonChips, letter_actions
from .theme import set_region
from .widgets import column

MOST = 9


class RateView(ModeView):
    """Cards with stars. A digit rates the active card and goes to the next without a rating."""

    kind = rating.name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: list[AnswerCard] = []
        self.chips: list[ReasonChips] = []
        self._count, self._active = 0, 0
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(12)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        inside = QWidget()
        set_region(inside, "clear")
        inside.setLayout(self._grid)
        self._area.setWidget(inside)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setLayout(column(self._area))
        self._add_cards(4)
        for choice in rating.choices:
            text = self.tr("Rate {number}: {meaning}").format(number=choice.key, meaning=self.meaning(choice.value))
            made = keys.action(self, text, choice.key, lambda value=choice.value: self.rate(value))
            made.setAutoRepeat(False)
        letter_actions(self, LETTERS[:4], self.tr("Pick answer {letter}"), self.pick)
        keys.action(self, self.tr("Tags of the answer"), "T", self.focus_reasons)

    def meaning(self, value: int) -> str:
        """What a number means, in the person's language."""
        return {
            1: self.tr("Harmful or false"),
            2: self.tr("Misses the point"),
            3: self.tr("Usable, needs work"),
            4: self.tr("Small touch-up"),
            5: self.tr("Send as it is"),
        }.get(value, "")

    def _reasons(self) -> list[tuple[str, str]]:
        return [
            ("Invented fact", self.tr("Invented fact")),
            ("Off tone", self.tr("Off tone")),
            ("Too long", self.tr("Too long")),
            ("Ignores the question", self.tr("Ignores the question")),
        ]

    def _add_cards(self, wanted: int) -> None:
        meanings = [self.meaning(choice.value) for choice in rating.choices]
        for place in range(len(self.cards), wanted):
            card = AnswerCard(place, meanings)
            card.picked.connect(lambda place=place: self.pick(place, False))
            assert card.rating is not None
            card.rating.rated.connect(lambda _, place=place: self._on_rated(place))
            chips = ReasonChips(self._reasons(), self.tr("Tags of answer {letter}").format(letter=LETTERS[place]))
            policy = chips.sizePolicy()
            policy.setRetainSizeWhenHidden(True)  # nothing shifts when the tags appear
            chips.setSizePolicy(policy)
            chips.changed.connect(self.changed)
            chips.left.connect(self.focus_first)
            card.tools.addWidget(chips)
            self.cards.append(card)
            self.chips.append(chips)

    def hints(self) -> list[tuple[str, str]]:
        return [
            ("1 – 5", self.tr("rate")),
            ("A – D", self.tr("pick answer")),
            ("T", self.tr("tags")),
        ]

    # --- showing

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        self._add_cards(len(item.responses))
        if len(item.responses) != self._count:
            self._arrange(len(item.responses))
        ratings = list(value.get("ratings") or [None] * len(item.responses))
        for place, response in enumerate(item.responses):
            card = self.cards[place]
            card.show_answer(response.text)
            assert card.rating is not None
            card.rating.set_value(ratings[place])
            mark = f"{LETTERS[place]}: "
            self.chips[place].set_value([reason[len(mark) :] for reason in reasons if reason.startswith(mark)])
        self._activate(self._first_gap() or 0)

    def _arrange(self, number: int) -> None:
        """2 side by side, 3 in a row, 4 as 2 x 2; more scroll."""
        self._count = number
        across = number if number <= 3 else 2
        for card in self.cards:
            self._grid.removeWidget(card)
            card.hide()
        for place in range(9):
            self._grid.setRowStretch(place, 0)
            self._grid.setColumnStretch(place, 0)
        for place, card in enumerate(self.cards[:number]):
            self._grid.addWidget(card, place // across, place % across)
            self._grid.setRowStretch(place // across, 1)
            self._grid.setColumnStretch(place % across, 1)
            card.setMinimumHeight(220 if number > 4 else 120)
            card.show()

    def set_names(self, names: Sequence[str] | None) -> None:
        for place, card in enumerate(self.cards[: self._count]):
            card.set_author(names[place] if names else None)

    # --- judging

    @property
    def active(self) -> int:
        """The place of the card that takes the keys."""
        return self._active

    def pick(self, place: int, focus: bool = True) -> None:
        """Make a card the one that takes the keys."""
        if place >= self._count:
            return
        self._activate(place)
        if focus:
            self.cards[place].setFocus(Qt.FocusReason.OtherFocusReason)

    def _activate(self, place: int) -> None:
        self._active = place
        for number, card in enumerate(self.cards):
            card.set_active(number == place)
            self.chips[number].setVisible(number == place)
        if self._count > 4:
            self._area.ensureWidgetVisible(self.cards[place])

    def rate(self, value: int) -> None:
        """Rate the active card."""
        if self._count:
            stars = self.cards[self._active].rating
            assert stars is not None
            stars.rate(value)

    def _on_rated(self, place: int) -> None:
        following = [*range(place + 1, self._count), *range(place)]
        ratings = self.value()["ratings"]
        target = next((other for other in following if ratings[other] is None), place)
        self.pick(target)
        self.changed.emit()

    def value(self) -> dict[str, Any]:
        return {"ratings": [card.rating.value() if card.rating else None for card in self.cards[: self._count]]}

    def reasons(self) -> list[str]:
        return [
            f"{LETTERS[place]}: {reason}"
            for place, chips in enumerate(self.chips[: self._count])
            for reason in chips.value()
        ]

    def _first_gap(self) -> int | None:
        return next((place for place, stars in enumerate(self.value()["ratings"]) if stars is None), None)

    def gap(self) -> str:
        place = self._first_gap()
        if place is None:
            return ""
        if self.may_be_left():
            return self.tr("{letter} has no rating. Enter again leaves it out.").format(letter=LETTERS[place])
        return self.tr("Rate an answer first: press 1 to 5.")

    def may_be_left(self) -> bool:
        return any(stars is not None for stars in self.value()["ratings"])

    def focus_gap(self) -> None:
        place = self._first_gap()
        if place is not None:
            self.pick(place)

    def focus_first(self) -> None:
        self.pick(self._active)

    def focus_reasons(self) -> None:
        if self._count:
            self.chips[self._active].focus()
