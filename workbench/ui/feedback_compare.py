"""Compare: which of two answers is better, and by how much."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QButtonGroup, QWidget

from ..feedback import comparison
from ..store.queueing import Item
from . import keys
from .feedback_mode import AnswerCard, ModeView, ReasonChips, choice_reasons
from .widgets import Banner, Button, column, label, row

BOTH_BAD = "X"
ARROWS = {"Shift Left": "1", "Left": "2", "Down": "3", "Right": "4", "Shift Right": "5"}


class CompareView(ModeView):
    """Two cards, five steps between them, and "both bad", which is not a tie."""

    kind = comparison.name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = [AnswerCard(place, size="large") for place in range(2)]
        self.steps: dict[str, Button] = {}
        self._group = QButtonGroup(self)
        steps = row(spacing=6)
        for choice in comparison.choices:
            button = self._step(choice.key)
            if choice.key != BOTH_BAD:
                steps.addWidget(button, 1)
        unusable = ("Other is unusable", self.tr("Other is unusable"))
        self.why = ReasonChips([*choice_reasons(self), unusable], self.tr("Why"))
        self.why.changed.connect(self.changed)
        self.why.left.connect(self.focus_first)
        why = row(label(self.tr("Why"), "body", "text2"), self.why, None, self.steps[BOTH_BAD])
        why.setStretch(1, 1)
        note = Banner("", self.tr("Sides are shuffled for each pair."), "info", "shuffle")
        cards = row(*self.cards, spacing=12)
        layout = column(cards, steps, why, note, spacing=12)
        layout.setStretch(0, 1)
        self.setLayout(layout)
        for place, card in enumerate(self.cards):
            card.picked.connect(lambda place=place: self._activate(place))
        for arrow, key in ARROWS.items():
            keys.action(self, self._text(key), arrow, lambda key=key: self.choose(key)).setAutoRepeat(False)
        keys.action(self, self.tr("Reasons"), "T", self.focus_reasons)

    def _text(self, key: str) -> str:
        return {
            "1": self.tr("A much better"),
            "2": self.tr("A better"),
            "3": self.tr("About the same"),
            "4": self.tr("B better"),
            "5": self.tr("B much better"),
            BOTH_BAD: self.tr("Both bad"),
        }[key]

    def _step(self, key: str) -> Button:
        action = keys.action(self, self._text(key), key, lambda: self.choose(key))
        action.setAutoRepeat(False)
        bad = key == BOTH_BAD
        button = Button(self._text(key), key=key, kind="person", size="md" if bad else "lg")
        button.set_keys(key, first=not bad)
        button.setCheckable(True)
        button.clicked.connect(lambda: self.choose(key))
        self._group.addButton(button)
        self.steps[key] = button
        return button

    def hints(self) -> list[tuple[str, str]]:
        return [
            ("← →", self.tr("better")),
            ("Shift ← →", self.tr("much better")),
            ("↓", self.tr("same")),
        ]

    # --- showing

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        for card, response in zip(self.cards, item.responses, strict=True):
            card.show_answer(response.text)
            card.set_active(False)
        found = [choice.key for choice in comparison.choices if choice.value.items() <= value.items()]
        self._mark(found[0] if found else None)
        self.why.set_value(reasons)

    def set_names(self, names: Sequence[str] | None) -> None:
        for place, card in enumerate(self.cards):
            card.set_author(names[place] if names else None)

    def _activate(self, place: int) -> None:
        for number, card in enumerate(self.cards):
            card.set_active(number == place)

    # --- judging

    def choose(self, key: str) -> None:
        """Say which is better, by the key of a choice."""
        self._mark(key)
        self.changed.emit()

    def _mark(self, key: str | None) -> None:
        self._group.setExclusive(False)
        for other, button in self.steps.items():
            button.setChecked(other == key)
        self._group.setExclusive(True)
        for card, better in zip(self.cards, ("12", "45"), strict=True):
            card.set_edge("humanText" if key is not None and key in better else "")

    def value(self) -> dict[str, Any]:
        for choice in comparison.choices:
            if self.steps[choice.key].isChecked():
                return dict(choice.value)
        return {}

    def reasons(self) -> list[str]:
        return self.why.value()

    def gap(self) -> str:
        return "" if self.value() else self.tr("Choose first: 1 to 5, or the arrows.")

    def focus_first(self) -> None:
        self.cards[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_reasons(self) -> None:
        self.why.focus()
