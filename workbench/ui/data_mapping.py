"""Which column of a file is what: a choice for each role."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from .data_words import tr
from .feedback_orders import Choice
from .widgets import column, label

ACROSS = 4


def role_names() -> dict[str, tuple[str, str]]:
    """Every role: its name, and what such a column holds."""
    return {
        "prompt": (tr("Prompt"), tr("What was asked: a text, or a list of messages.")),
        "answer": (tr("Answer to judge"), tr("An answer, judged in another column or not yet.")),
        "rating": (tr("Rating"), tr("A whole number from 1 to 5 for the answer.")),
        "label": (tr("Good or bad"), tr("True or false, 1 or 0, yes or no for the answer.")),
        "chosen": (tr("Better answer"), tr("The answer that was preferred.")),
        "rejected": (tr("Worse answer"), tr("The answer that was not preferred.")),
        "margin": (tr("Margin"), tr("A number that says by how much; from 2 on it is much better.")),
        "demonstration": (tr("Answer to imitate"), tr("An answer that was written as an example.")),
        "system": (tr("System text"), tr("What the model is told before the prompt.")),
        "who": (tr("Who"), tr("The name of the person who judged.")),
        "comment": (tr("Comment"), tr("What the person wrote about it.")),
        "tags": (tr("Tags"), tr("Words for the prompt, separated by commas.")),
    }


class MappingForm(QWidget):
    """A choice among the file's columns for each role. `changed` when a person chooses."""

    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        grid = QGridLayout(self)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(12)
        grid.setVerticalSpacing(8)
        self.choices: dict[str, Choice] = {}
        for place, (role, (name, tip)) in enumerate(role_names().items()):
            choice = Choice(name)
            choice.setToolTip(tip)
            choice.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Fixed)
            choice.activated.connect(lambda _: self.changed.emit())
            self.choices[role] = choice
            title = label(name, "small", "text2")
            title.setBuddy(choice)
            grid.addLayout(column(title, choice, spacing=3), place // ACROSS, place % ACROSS)
        for place in range(ACROSS):
            grid.setColumnStretch(place, 1)

    def show_columns(self, columns: Sequence[str], mapping: Mapping[str, str]) -> None:
        """Offer these columns, and choose what the mapping says."""
        for role, choice in self.choices.items():
            if [choice.itemText(place) for place in range(1, choice.count())] != list(columns):
                choice.clear()
                choice.addItem(tr("None"))
                choice.addItems(list(columns))
            choice.setCurrentIndex(columns.index(mapping[role]) + 1 if mapping.get(role) in columns else 0)

    def mapping(self) -> dict[str, str]:
        """The column that was chosen for each role."""
        return {role: choice.currentText() for role, choice in self.choices.items() if choice.currentIndex() > 0}
