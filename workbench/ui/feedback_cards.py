"""Answers as cards in a grid, one of which takes the keys: what Rate, Thumbs, and Best and worst are built on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QScrollArea, QWidget

from ..store.queueing import Item
from . import keys
from .feedback_choice_row import ChoiceRow
from .feedback_mode import (
    LETTERS,
    PICKS,
    AnswerCard,
    ModeView,
    ReasonChips,
    answer_reasons,
    letter_actions,
    reasons_of,
    show_reasons,
)
from .theme import set_region
from .widgets import RatingRow, column

FEW = 4
"""So many answers stand two across; more stand three across, in lower cards."""
LOW = 120
Rater = RatingRow | ChoiceRow
"""Where one answer is given something."""


class CardsView(ModeView):
    """Cards with answers. A letter, Tab, or left and right make a card the active one."""

    low = LOW
    """The least height of a card, in pixels, where there are many."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: list[AnswerCard] = []
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
        keys.action(self, self.tr("The answer before"), "Left", lambda: self.step(-1))
        keys.action(self, self.tr("The answer after"), "Right", lambda: self.step(1))

    def make_card(self, place: int) -> AnswerCard:
        """A card with whatever the kind puts on it."""
        raise NotImplementedError

    def _add_cards(self, wanted: int) -> None:
        for place in range(len(self.cards), wanted):
            card = self.make_card(place)
            card.picked.connect(lambda place=place: self.pick(place, False))
            self.cards.append(card)

    # --- showing

    def show_answers(self, item: Item) -> None:
        """Put the item's answers on cards."""
        self._add_cards(len(item.responses))
        if len(item.responses) != self._count:
            self._arrange(len(item.responses))
        for card, response in zip(self.cards, item.responses, strict=False):
            card.show_answer(response.text)

    def _arrange(self, number: int) -> None:
        """2 side by side, 3 in a row, 4 as 2 x 2, more in rows of three."""
        self._count = number
        across = 2 if number == FEW else min(number, 3)
        for place, card in enumerate(self.cards):
            self._grid.removeWidget(card)
            if place >= number:  # a card that stays keeps the focus
                card.hide()
        for place in range(len(LETTERS)):
            self._grid.setRowStretch(place, 0)
            self._grid.setColumnStretch(place, 0)
        for place, card in enumerate(self.cards[:number]):
            self._grid.addWidget(card, place // across, place % across)
            self._grid.setRowStretch(place // across, 1)
            self._grid.setColumnStretch(place % across, 1)
            card.setMinimumHeight(self.low if number > FEW else LOW)
            card.show()

    def set_names(self, names: Sequence[str] | None) -> None:
        for place, card in enumerate(self.cards[: self._count]):
            card.set_author(names[place] if names else None)

    # --- the active card

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

    def step(self, by: int) -> None:
        """Go to the card before (-1) or after (1)."""
        self.pick(min(max(self._active + by, 0), max(self._count - 1, 0)))

    def _activate(self, place: int) -> None:
        self._active = place
        for number, card in enumerate(self.cards):
            card.set_active(number == place)
        if self._count > FEW:
            self._area.ensureWidgetVisible(self.cards[place])

    def focus_first(self) -> None:
        self.pick(self._active)


class EachView(CardsView):
    """Each answer is given something on its own, and may have tags of its own."""

    low = 170
    field = ""
    """The list of what was given, in the value of the kind."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.raters: list[Rater] = []
        self.chips: list[ReasonChips] = []
        self.setLayout(column(self._area))
        letter_actions(self, PICKS[:FEW], self.tr("Pick answer {letter}"), self.pick)
        keys.action(self, self.tr("Tags of the answer"), "T", self.focus_reasons)

    def finish(self, place: int, card: AnswerCard, rater: Rater) -> AnswerCard:
        """Give a card its tags, and go on to the next card when it is given something."""
        rater.rated.connect(lambda _, place=place: self._on_rated(place))
        chips = ReasonChips(answer_reasons(self), self.tr("Tags of answer {letter}").format(letter=LETTERS[place]))
        chips.changed.connect(self.changed)
        chips.left.connect(self.focus_first)
        card.tools.addWidget(chips)
        self.raters.append(rater)
        self.chips.append(chips)
        return card

    # --- showing

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        self.show_answers(item)
        before = list(value.get(self.field) or [None] * self._count)
        for place in range(self._count):
            self.raters[place].set_value(before[place])
        show_reasons(self.chips[: self._count], reasons)
        self._activate(self._first_gap() or 0)

    def _activate(self, place: int) -> None:
        super()._activate(place)
        for number, (rater, chips) in enumerate(zip(self.raters, self.chips, strict=True)):
            rater.set_active(number == place)
            chips.show_chips(number == place)

    # --- judging

    def rate(self, value: Any) -> None:
        """Give the active answer a value."""
        if self._count:
            self.raters[self._active].rate(value)

    def _on_rated(self, place: int) -> None:
        following = [*range(place + 1, self._count), *range(place)]
        given = self.values()
        self.pick(next((other for other in following if given[other] is None), place))
        self.changed.emit()

    def values(self) -> list[Any]:
        """What each answer was given, None for nothing yet."""
        return [rater.value() for rater in self.raters[: self._count]]

    def value(self) -> dict[str, Any]:
        return {self.field: self.values()}

    def reasons(self) -> list[str]:
        return reasons_of(self.chips[: self._count])

    def _first_gap(self) -> int | None:
        return next((place for place, value in enumerate(self.values()) if value is None), None)

    def may_be_left(self) -> bool:
        return any(value is not None for value in self.values())

    def focus_gap(self) -> None:
        place = self._first_gap()
        if place is not None:
            self.pick(place)

    def focus_reasons(self) -> None:
        if self._count:
            self.chips[self._active].focus()
