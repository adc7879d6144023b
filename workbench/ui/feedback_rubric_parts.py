"""Parts of the Rubric view: a criterion's name, the cell of one score, an answer's overall score, the legend."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent, QPainter, QPaintEvent, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QWidget

from .feedback_choice_row import ChoiceRow
from .figures import figure
from .theme import set_tone, theme
from .widgets import Button, Chip, ElidedLabel, LetterBadge, Option, column, holding, label, row
from .widgets.painting import box, ring

ROW_HEIGHT = 34


class CriterionLabel(QWidget):
    """The name of a criterion and its weight, at the left of its row."""

    picked = Signal()

    def __init__(self, criterion: Mapping[str, Any], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.name = ElidedLabel(criterion["name"], "strong", "text2")
        weight = criterion["weight"]
        self.weight = label("" if weight == 1 else f"× {figure(weight)}", "small", "text3", tabular=True)
        self.setToolTip(self.tr("Weight {weight}").format(weight=figure(weight)))
        self.setAccessibleName(criterion["name"])
        line = row(self.name, self.weight, spacing=6)
        line.setStretch(0, 1)
        self.setLayout(line)
        self.setFixedHeight(ROW_HEIGHT)

    def set_active(self, active: bool) -> None:
        """Bright where the keys go."""
        set_tone(self.name, "text" if active else "text2")

    def mousePressEvent(self, event: QMouseEvent) -> None:
        super().mousePressEvent(event)
        self.picked.emit()


class Cell(QWidget):
    """What one answer is given for one criterion; a ring where the keys go."""

    def __init__(self, name: str, sayable: Sequence[Option], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.active = False
        self.choices = ChoiceRow(name, sayable)
        self.setLayout(row(self.choices, None, margins=(3, 3, 3, 3)))
        self.setFixedHeight(ROW_HEIGHT)

    def set_active(self, active: bool, of_answer: bool) -> None:
        """`of_answer`: the answer is the one that is judged now, in this criterion or in another."""
        self.choices.set_active(of_answer)
        if active != self.active:
            self.active = active
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        if self.active:
            painter = QPainter(self)
            around = QRectF(0, 0, self.choices.width() + 6, self.height())
            box(painter, around, 8, theme().color("selected"))
            ring(painter, around, 8)
            painter.end()


class Overall(QWidget):
    """The score that an answer has from all its criteria together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.stars = label("", "strong", "human", tabular=True)
        self.critical = Chip(self.tr("Critical"), "triangle-alert", "bad")
        self.setLayout(row(self.stars, self.critical, None, margins=(4, 2, 3, 0)))
        self.setFixedHeight(ROW_HEIGHT - 8)

    def show_stars(self, stars: float | None, critical: bool) -> None:
        """1 to 5, or None; `critical` says that one criterion failed so badly that nothing else counts."""
        text = "–" if stars is None else self.tr("{stars} of 5").format(stars=figure(stars, 2))
        self.stars.setText(text)
        set_tone(self.stars, "text3" if stars is None else "human")
        self.critical.setVisible(critical)


class Legend(QWidget):
    """Left of the answers: the criterion that is judged now, and what each digit says on its scale."""

    editor_wanted = Signal()

    def __init__(self, scales: Mapping[str, Sequence[Option]], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._name = ElidedLabel("", "strong")
        self._scales = QStackedWidget()
        # Where there is little room the words go, and not the answers' room.
        self._scales.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Ignored)
        self._places = {
            scale: self._scales.addWidget(self._digits(scale, sayable)) for scale, sayable in scales.items()
        }
        edit = Button(self.tr("Edit criteria"), key="Ctrl E", size="sm")
        edit.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        edit.clicked.connect(self.editor_wanted)
        layout = column(self._name, self._scales, row(edit, None), spacing=8, margins=(0, 4, 0, 8))
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def _digits(self, scale: str, sayable: Sequence[Option]) -> QWidget:
        words = [each.text for each in sayable]
        if scale == "stars":
            words = [self.tr("Very poor"), self.tr("Poor"), self.tr("Fair"), self.tr("Good"), self.tr("Very good")]
        lines = column(spacing=4)
        for digit, word in reversed(list(enumerate(words, start=1))):
            lines.addWidget(holding(row(LetterBadge(str(digit)), label(word, "small", "text2"), None)))
        lines.addStretch(1)
        return holding(lines)

    def show_criterion(self, criterion: Mapping[str, Any]) -> None:
        """The criterion that the next digit is about."""
        self._name.setText(criterion["name"])
        self._scales.setCurrentIndex(self._places[criterion["scale"]])
        self._show_what_fits()

    def _show_what_fits(self) -> None:
        page = self._scales.currentWidget()
        if page is not None:
            page.setVisible(self._scales.height() >= page.sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_what_fits()
