"""The presets of a run, to choose from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication, Signal
from PySide6.QtWidgets import QWidget

from ..methods.base import Knob
from ..methods.presets import BALANCED, NAMES, QUICK, THOROUGH
from .form_controls import said, written
from .widgets import ChoiceCard, column, label, row

_TITLES: dict[str, Any] = {
    QUICK: QT_TRANSLATE_NOOP("Presets", "Quick"),
    BALANCED: QT_TRANSLATE_NOOP("Presets", "Balanced"),
    THOROUGH: QT_TRANSLATE_NOOP("Presets", "Thorough"),
}
_NOTES: dict[str, Any] = {
    QUICK: QT_TRANSLATE_NOOP("Presets", "Checks that it learns."),
    BALANCED: QT_TRANSLATE_NOOP("Presets", "Usual choice."),
    THOROUGH: QT_TRANSLATE_NOOP("Presets", "Longer, in smaller steps."),
}


def title(name: str) -> str:
    """What a preset is called."""
    return QCoreApplication.translate("Presets", _TITLES[name])


def note(name: str) -> str:
    """What it is for."""
    return QCoreApplication.translate("Presets", _NOTES[name])


class PresetCards(QWidget):
    """A card of each preset, with the time that it would take."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards: dict[str, ChoiceCard] = {}
        self.times = {name: label("", "small", "text2", tabular=True) for name in NAMES}
        side_by_side = row(spacing=10)
        for name in NAMES:
            head = row(label(title(name), "strong"), None, self.times[name])
            words = label(note(name), "small", "text2", wrap=True)
            card = ChoiceCard(title(name), column(head, words, spacing=3, margins=(12, 9, 12, 9)))
            card.clicked.connect(lambda _=False, clicked=name: self.chosen.emit(clicked))
            self.cards[name] = card
            side_by_side.addWidget(card, 1)
        self.setLayout(side_by_side)

    def choose(self, name: str) -> None:
        """Show which one is chosen."""
        self.cards[name].setChecked(True)

    def set_time(self, name: str, words: str) -> None:
        """Show how long a run with this preset would take."""
        self.times[name].setText(words)

    def tell(self, knobs: Sequence[Knob], changes: Mapping[str, Mapping[str, Any]]) -> None:
        """Say what each preset changes, for whoever wants to know before choosing it."""
        named = {knob.name: said(knob.label) for knob in knobs}
        for name, card in self.cards.items():
            words = " · ".join(f"{named[key]} {written(value)}" for key, value in changes[name].items())
            words = words or self.tr("The usual values of every setting")
            card.setToolTip(words)
            card.setAccessibleDescription(words)
