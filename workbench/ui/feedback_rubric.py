"""Rubric: every answer by several criteria, as a table under the answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QScrollArea, QStackedWidget, QWidget

from ..feedback import rubric
from ..store.queueing import Item
from . import keys
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
from .feedback_rubric_parts import Cell, CriterionLabel, Legend, Overall
from .theme import set_region
from .widgets import Option, SectionLabel, column, label, row

Criterion = Mapping[str, Any]
LOW, NARROW = 120, 170
"""The least height and width of an answer's card, in pixels."""
FIRST, GAP = 2, 4
"""The row of the first criterion, and pixels between it and the cards."""


class RubricView(ModeView):
    """A column for each answer, a row for each criterion. A digit judges, and goes on to what is not judged yet."""

    kind = rubric.name
    editor_wanted = Signal()

    def __init__(self, criteria: Sequence[Criterion], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.own = [dict(criterion) for criterion in criteria]
        self.criteria: list[dict[str, Any]] = []
        self._scores: list[list[Any]] = []
        self._count, self._place, self._row = 0, 0, 0
        self.cards: list[AnswerCard] = []
        self.chips: list[ReasonChips] = []
        self.labels: list[CriterionLabel] = []
        self.cells: list[list[Cell]] = []
        self.overall: list[Overall] = []
        self.legend = Legend({scale: self._sayable(scale) for scale in rubric.SCALES})
        self.legend.editor_wanted.connect(self.editor_wanted)
        self._total = SectionLabel(self.tr("Overall"))
        self._build()
        self._make_actions()

    def _build(self) -> None:
        self._grid = QGridLayout()
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setHorizontalSpacing(12)
        self._grid.setVerticalSpacing(2)
        self._grid.addWidget(self.legend, 0, 0)
        self._grid.setRowStretch(0, 1)
        self._grid.setRowMinimumHeight(1, GAP)
        inside = QWidget()
        set_region(inside, "clear")
        inside.setLayout(self._grid)
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(inside)
        self._tags = QStackedWidget()
        foot = row(label(self.tr("Tags"), "body", "text2"), self._tags)
        foot.setStretch(1, 1)
        layout = column(self._area, foot, spacing=8)
        layout.setStretch(0, 1)
        self.setLayout(layout)

    def _make_actions(self) -> None:
        for digit in range(1, 6):
            text = self.tr("Score {number}").format(number=digit)
            keys.action(self, text, str(digit), lambda digit=digit: self.judge(digit)).setAutoRepeat(False)
        for text, key, by in (
            (self.tr("The criterion above"), "Up", (-1, 0)),
            (self.tr("The criterion below"), "Down", (1, 0)),
            (self.tr("The answer before"), "Left", (0, -1)),
            (self.tr("The answer after"), "Right", (0, 1)),
        ):
            keys.action(self, text, key, lambda by=by: self.step(*by))
        letter_actions(self, PICKS[:4], self.tr("Pick answer {letter}"), self.pick_answer)
        keys.action(self, self.tr("Clear the score"), "Backspace", self.clear)
        keys.action(self, self.tr("Tags of the answer"), "T", self.focus_reasons)
        keys.action(self, self.tr("Edit the criteria"), "Ctrl E", self.editor_wanted.emit)

    def _sayable(self, scale: str) -> list[Option]:
        """What can be said on a scale, worst first: the first has the key 1."""
        words = {"critical": self.tr("Critical"), "fail": self.tr("Fail"), "pass": self.tr("Pass")}
        return [Option(value, words.get(value, str(value))) for value in rubric.SCALES[scale]]

    def hints(self) -> list[tuple[str, str]]:
        return [("1 – 5", self.tr("score")), ("← ↑ ↓ →", self.tr("move")), ("Ctrl E", self.tr("criteria"))]

    # --- showing

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        scores = [list(given) for given in value.get("scores", [])]
        judged = any(score is not None for given in scores for score in given)
        criteria = [dict(each) for each in value["criteria"]] if judged else self.own
        self._lay_out(criteria, len(item.responses))
        self._scores = scores if judged else [[None] * self._count for _ in criteria]
        for place, response in enumerate(item.responses):
            self.cards[place].show_answer(response.text)
        show_reasons(self.chips[: self._count], reasons)
        self._draw()
        self._activate(*(self._first_gap() or (0, 0)))

    def set_own(self, criteria: Sequence[Criterion]) -> None:
        """The project has other criteria. What is judged of the item on screen stays, where its criterion does."""
        self.own = [dict(each) for each in criteria]
        if not self._count or self.criteria == self.own:
            return
        kept = {(each["name"], each["scale"]): given for each, given in zip(self.criteria, self._scores, strict=True)}
        self._lay_out(self.own, self._count)
        self._scores = [kept.get((each["name"], each["scale"]), [None] * self._count)[:] for each in self.own]
        self._draw()
        self._activate(*(self._first_gap() or (0, 0)))
        self.changed.emit()

    def _lay_out(self, criteria: list[dict[str, Any]], count: int) -> None:
        """Make the table anew where it has other rows or columns than before."""
        if (criteria, count) == (self.criteria, self._count):
            return
        self._clear_table(count)
        self.criteria, self._count = [dict(each) for each in criteria], count
        self._add_cards(count)
        self.labels = [CriterionLabel(each) for each in self.criteria]
        self.cells = [[self._cell(at, place) for place in range(count)] for at in range(len(self.criteria))]
        for at, name in enumerate(self.labels):
            name.picked.connect(lambda at=at: self.pick(at, self._place))
            self._grid.addWidget(name, at + FIRST, 0)
            for place, cell in enumerate(self.cells[at]):
                self._grid.addWidget(cell, at + FIRST, place + 1)
        last = len(self.criteria) + FIRST
        self._grid.addWidget(self._total, last, 0)
        for place in range(count):
            self._grid.addWidget(self.cards[place], 0, place + 1)
            self._grid.addWidget(self.overall[place], last, place + 1)
            self._grid.setColumnStretch(place + 1, 1)
            self.cards[place].show()
            self.overall[place].show()

    def _clear_table(self, count: int) -> None:
        """Take the rows away, and columns after `count` answers; a card that stays keeps the focus."""
        for old in (*self.labels, *(cell for cells in self.cells for cell in cells)):
            self._grid.removeWidget(old)
            old.hide()
            old.deleteLater()
        for place, (card, overall) in enumerate(zip(self.cards, self.overall, strict=True)):
            self._grid.removeWidget(card)
            self._grid.removeWidget(overall)
            if place >= count:
                card.hide()
                overall.hide()
                self._grid.setColumnStretch(place + 1, 0)

    def _add_cards(self, wanted: int) -> None:
        for place in range(len(self.cards), wanted):
            card = AnswerCard(place)
            card.setMinimumSize(NARROW, LOW)
            card.picked.connect(lambda place=place: self.pick_answer(place, False))
            name = self.tr("Tags of answer {letter}").format(letter=LETTERS[place])
            chips = ReasonChips(answer_reasons(self), name)
            chips.changed.connect(self.changed)
            chips.left.connect(self.focus_first)
            self._tags.addWidget(chips)
            self.cards.append(card)
            self.chips.append(chips)
            self.overall.append(Overall())

    def _cell(self, at: int, place: int) -> Cell:
        criterion = self.criteria[at]
        name = self.tr("{criterion}, answer {letter}").format(criterion=criterion["name"], letter=LETTERS[place])
        cell = Cell(name, self._sayable(criterion["scale"]))
        cell.choices.rated.connect(lambda score: self._on_scored(at, place, score))
        return cell

    def _draw(self) -> None:
        for given, cells in zip(self._scores, self.cells, strict=True):
            for score, cell in zip(given, cells, strict=True):
                cell.choices.set_value(score)
        self._show_overall()

    def _show_overall(self) -> None:
        for place, stars in enumerate(rubric.overall(self.value())):
            critical = any(given[place] == "critical" for given in self._scores)
            self.overall[place].show_stars(stars, critical)

    def set_names(self, names: Sequence[str] | None) -> None:
        for place, card in enumerate(self.cards[: self._count]):
            card.set_author(names[place] if names else None)

    # --- where the keys go

    @property
    def at(self) -> tuple[int, int]:
        """(criterion, answer) of the cell that takes the keys."""
        return self._row, self._place

    def pick(self, at: int, place: int, focus: bool = True) -> None:
        """Make the cell of a criterion and an answer the one that takes the keys."""
        if at < len(self.criteria) and place < self._count:
            self._activate(at, place)
            if focus:
                self.cards[place].setFocus(Qt.FocusReason.OtherFocusReason)

    def pick_answer(self, place: int, focus: bool = True) -> None:
        """Go to an answer: to its first criterion that is not judged, else to the criterion that is on."""
        if place < self._count:
            gaps = (at for at in range(len(self.criteria)) if self._scores[at][place] is None)
            self.pick(next(gaps, self._row), place, focus)

    def step(self, down: int, right: int) -> None:
        """Go to the cell beside, where there is one."""
        at, place = self._row + down, self._place + right
        if at >= 0 and place >= 0:
            self.pick(at, place)

    def _activate(self, at: int, place: int) -> None:
        self._row, self._place = at, place
        for number, card in enumerate(self.cards):
            card.set_active(number == place)
        for number, name in enumerate(self.labels):
            name.set_active(number == at)
            for other, cell in enumerate(self.cells[number]):
                cell.set_active((number, other) == (at, place), other == place)
        self._tags.setCurrentWidget(self.chips[place])
        self.legend.show_criterion(self.criteria[at])
        self._area.ensureWidgetVisible(self.cells[at][place])

    # --- judging

    def judge(self, digit: int) -> None:
        """Score the active cell: 1 is the worst of its scale."""
        if self._count:
            scale = rubric.SCALES[self.criteria[self._row]["scale"]]
            if digit <= len(scale):
                self.cells[self._row][self._place].choices.rate(scale[digit - 1])

    def _on_scored(self, at: int, place: int, score: Any) -> None:
        self._scores[at][place] = score
        self._show_overall()
        after = (place * len(self.criteria) + at + 1) % (len(self.criteria) * self._count)
        self.pick(*(self._first_gap(after) or (at, place)))
        self.changed.emit()

    def clear(self) -> None:
        """Take the score of the active cell away."""
        if self._count:
            self._scores[self._row][self._place] = None
            self.cells[self._row][self._place].choices.set_value(None)
            self._show_overall()
            self.changed.emit()

    def _first_gap(self, after: int = 0) -> tuple[int, int] | None:
        """The first cell without a score, answer by answer from the `after`th cell on; then those before it."""
        criteria = len(self.criteria)
        whole = criteria * self._count
        for number in (*range(after, whole), *range(after)):
            place, at = divmod(number, criteria)
            if self._scores[at][place] is None:
                return at, place
        return None

    def value(self) -> dict[str, Any]:
        return {"criteria": [dict(each) for each in self.criteria], "scores": [list(given) for given in self._scores]}

    def reasons(self) -> list[str]:
        return reasons_of(self.chips[: self._count])

    def gap(self) -> str:
        found = self._first_gap()
        if found is None:
            return ""
        at, place = found
        if self.may_be_left():
            text = self.tr("{letter} has no score for {criterion}. Enter again leaves it out.")
            return text.format(letter=LETTERS[place], criterion=self.criteria[at]["name"])
        return self.tr("Score a criterion first: press a digit.")

    def may_be_left(self) -> bool:
        return any(score is not None for given in self._scores for score in given)

    def focus_gap(self) -> None:
        found = self._first_gap()
        if found is not None:
            self.pick(*found)

    def focus_first(self) -> None:
        self.pick(self._row, self._place)

    def focus_reasons(self) -> None:
        if self._count:
            self.chips[self._place].focus()
