"""Rank: several answers, best first, with ties."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from ..feedback import ranking
from ..store.queueing import Item
from . import keys
from .feedback_marks import Mark
from .feedback_mode import LETTERS, PICKS, AnswerCard, ModeView, ReasonChips, choice_reasons, letter_actions
from .feedback_rank_rows import NextSlot, RankRow, Relation
from .figures import count
from .theme import set_region
from .widgets import KeyHint, SectionLabel, column, holding, label, row

FEWEST = 2


class Order:
    """Places in order, best first. `ties[n]` says that place n is as good as the one above it."""

    def __init__(self, groups: Sequence[Sequence[int]] = ()) -> None:
        self.places: list[int] = [place for group in groups for place in group]
        self.ties: list[bool] = [number > 0 for group in groups for number in range(len(group))]

    def groups(self) -> list[list[int]]:
        """The order as it is stored."""
        found: list[list[int]] = []
        for place, tied in zip(self.places, self.ties, strict=True):
            if tied and found:
                found[-1].append(place)
            else:
                found.append([place])
        return found

    def insert(self, place: int, at: int) -> None:
        """Put an answer in, in front of the one that stands there now."""
        self.places.insert(at, place)
        self.ties.insert(at, at < len(self.ties) and self.ties[at])  # among tied answers it is tied as well

    def take(self, place: int) -> None:
        """Take an answer out."""
        at = self.places.index(place)
        del self.places[at]
        led = not self.ties.pop(at)
        if led and at < len(self.ties):
            self.ties[at] = False  # the next one of its group is not tied with the group above

    def move(self, place: int, by: int) -> None:
        """Move an answer up (-1) or down (1); ties stay where they are."""
        at = self.places.index(place)
        to = at + by
        if 0 <= to < len(self.places):
            self.places[at], self.places[to] = self.places[to], self.places[at]

    def tie(self, place: int) -> None:
        """As good as the one above, or better than before again."""
        at = self.places.index(place)
        if at > 0:
            self.ties[at] = not self.ties[at]

    def rank(self, place: int) -> int:
        """1 for the best; tied answers share a rank."""
        return next(number for number, group in enumerate(self.groups(), start=1) if place in group)


class RankView(ModeView):
    """Rows that are placed, a slot for the next best, and the answers that are not placed yet."""

    kind = ranking.name

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.order = Order()
        self._count, self._active = 0, -1
        self._names: list[str] | None = None
        self._texts: list[str] = []
        self.tally = label("", "small", "text2", tabular=True)
        self.rows: list[RankRow] = []
        self.relations: list[Relation] = []
        self.cards: list[AnswerCard] = []
        self._last_relation = Relation()
        self._last_relation.setEnabled(False)
        self.slot = NextSlot()
        self._placed = QVBoxLayout()
        self._placed.setContentsMargins(0, 0, 0, 0)
        self._placed.setSpacing(3)
        self._waiting_title = SectionLabel(self.tr("Not placed yet"))
        self._waiting = QGridLayout()
        self._waiting.setContentsMargins(0, 0, 0, 0)
        self._waiting.setSpacing(12)
        self.why = ReasonChips(choice_reasons(self), self.tr("Why"))
        self._build()
        self._make_actions()

    def _build(self) -> None:
        title = row(SectionLabel(self.tr("Your ranking, best first")), None, self.tally)
        for part in (self._last_relation, self.slot):
            part.hide()
            self._placed.addWidget(part)
        waiting = holding(self._waiting)
        inside = column(holding(self._placed), self._waiting_title, waiting, spacing=8)
        inside.setStretch(2, 1)
        body = holding(inside)
        set_region(body, "clear")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(body)
        self._area = area
        why = row(label(self.tr("Why"), "body", "text2"), self.why)
        why.setStretch(1, 1)
        layout = column(title, area, why, spacing=6)
        layout.setStretch(1, 1)
        self.setLayout(layout)

    def _add_answers(self, wanted: int) -> None:
        for place in range(len(self.cards), wanted):
            ranked, card = RankRow(place), AnswerCard(place, corner=KeyHint(PICKS[place]))
            ranked.picked.connect(lambda place=place: self.pick(place))
            ranked.dropped.connect(lambda at, place=place: self._on_drop(place, at))
            card.picked.connect(lambda place=place: self._on_card(place))
            card.setCursor(Qt.CursorShape.OpenHandCursor)
            card.setMinimumHeight(110)
            ranked.let_drag(card, lambda at, place=place: self._on_drop(place, at))
            relation = Relation()
            relation.clicked.connect(lambda _=False, relation=relation: self._on_relation(relation))
            for part in (ranked, relation):
                part.hide()
                self._placed.addWidget(part)
            self.rows.append(ranked)
            self.relations.append(relation)
            self.cards.append(card)

    def _make_actions(self) -> None:
        self.why.changed.connect(self.changed)
        self.why.left.connect(self.focus_first)
        letter_actions(self, PICKS, self.tr("Place answer {letter} next"), self.place_next)
        keys.action(self, self.tr("Reasons"), "T", self.focus_reasons)
        keys.action(self, self.tr("Tie with the one above"), "=", self.tie)
        keys.action(self, self.tr("Move up"), "Alt Up", lambda: self.move(-1))
        keys.action(self, self.tr("Move down"), "Alt Down", lambda: self.move(1))
        keys.action(self, self.tr("The row above"), "Up", lambda: self.step(-1))
        keys.action(self, self.tr("The row below"), "Down", lambda: self.step(1))
        keys.action(self, self.tr("Take out the last"), "Backspace", self.take_last)
        keys.action(self, self.tr("Read on"), "Space", self.read_on).setAutoRepeat(False)

    def submit_words(self) -> tuple[str, str]:
        return self.tr("Submit ranking"), "Enter"

    def hints(self) -> list[tuple[str, str]]:
        return [
            ("A – D" if self._count <= 4 else "A – D 5 – 9", self.tr("place next")),
            ("Alt ↑ ↓", self.tr("move")),
            ("=", self.tr("tie")),
        ]

    # --- showing

    def show_item(self, item: Item, value: Mapping[str, Any], reasons: Sequence[str]) -> None:
        self._count, self._names = len(item.responses), None
        self._texts = [response.text for response in item.responses]
        self._add_answers(self._count)
        self.order = Order(value.get("order") or [])
        self._active = self.order.places[-1] if self.order.places else -1
        for place, text in enumerate(self._texts):
            self.rows[place].show_answer(text)
            self.cards[place].show_answer(text)
        self._area.verticalScrollBar().setValue(0)
        self.why.set_value(reasons)
        self._draw()

    def set_names(self, names: Sequence[str] | None) -> None:
        self._names = list(names) if names else None
        for place in range(self._count):
            name = self._names[place] if self._names else None
            self.rows[place].set_author(name)
            self.cards[place].set_author(name)

    def set_marks(self, marks: Sequence[Sequence[Mark]]) -> None:
        super().set_marks(marks)
        for ranked, of_answer in zip(self.rows, marks, strict=False):
            ranked.set_marks(of_answer)

    def _draw(self) -> None:
        placed = self.order.places
        self.setUpdatesEnabled(False)
        for part in (*self.rows, *self.relations):
            self._placed.removeWidget(part)
            part.setVisible(False)
        for part in (self._last_relation, self.slot):
            self._placed.removeWidget(part)
        for at, place in enumerate(placed):
            if at:
                self.relations[at].show_tie(self.order.ties[at])
                self._placed.addWidget(self.relations[at])
                self.relations[at].show()
            self.rows[place].show_rank(self.order.rank(place))
            self.rows[place].set_active(place == self._active)
            self._placed.addWidget(self.rows[place])
            self.rows[place].show()
        waiting = [place for place in range(self._count) if place not in placed]
        for part in (self._last_relation, self.slot):
            self._placed.addWidget(part)
        self._last_relation.setVisible(bool(placed and waiting))
        self.slot.setVisible(bool(waiting))
        self.slot.show_next(len(self.order.groups()) + 1, [PICKS[place] for place in waiting])
        self._lay_out_waiting(waiting)
        self._waiting_title.setVisible(bool(waiting))
        self._show_tally()
        self.setUpdatesEnabled(True)

    def _lay_out_waiting(self, waiting: Sequence[int]) -> None:
        """Up to four side by side; more stand in two rows."""
        for place, card in enumerate(self.cards):
            self._waiting.removeWidget(card)
            if place not in waiting:
                card.hide()
        across = len(waiting) if len(waiting) <= 4 else (len(waiting) + 1) // 2
        for place in range(len(LETTERS)):
            self._waiting.setColumnStretch(place, 1 if place < across else 0)
        for number, place in enumerate(waiting):
            self._waiting.addWidget(self.cards[place], number // across, number % across)
            self.cards[place].show()

    def _show_tally(self) -> None:
        pairs = ranking.pair_count(self.order.groups())
        placed, whole = count(len(self.order.places)), count(self._count)
        if pairs == 1:
            text = self.tr("{placed} of {all} placed · gives 1 preference pair so far")
        else:
            text = self.tr("{placed} of {all} placed · gives {pairs} preference pairs so far")
        self.tally.setText(text.format(placed=placed, all=whole, pairs=count(pairs)))

    # --- judging

    def _act(self) -> None:
        self._draw()
        self.changed.emit()

    def place_next(self, place: int) -> None:
        """Place an answer after those that are placed; one that is placed already becomes the active row."""
        if place >= self._count:
            return
        if place in self.order.places:
            self.pick(place)
            return
        self.order.insert(place, len(self.order.places))
        self._active = place
        self._act()
        self._area.ensureWidgetVisible(self.rows[place])

    def pick(self, place: int) -> None:
        """Make a placed row the active one."""
        self._active = place
        for number, ranked in enumerate(self.rows):
            ranked.set_active(number == place)

    def step(self, by: int) -> None:
        """Go to the placed row above (-1) or below (1)."""
        if self._active in self.order.places:
            at = self.order.places.index(self._active) + by
            if 0 <= at < len(self.order.places):
                self.pick(self.order.places[at])

    def tie(self) -> None:
        """The active row is as good as the one above, or no longer."""
        if self._active in self.order.places:
            self.order.tie(self._active)
            self._act()

    def move(self, by: int) -> None:
        """Move the active row."""
        if self._active in self.order.places:
            self.order.move(self._active, by)
            self._act()

    def take_last(self) -> None:
        """Take the last answer out of the ranking."""
        if self.order.places:
            self.order.take(self.order.places[-1])
            self._active = self.order.places[-1] if self.order.places else -1
            self._act()

    def read_on(self) -> None:
        """Show the active row's whole answer, or three lines again; on a button, press it instead."""
        focused = self.window().focusWidget()
        if isinstance(focused, QAbstractButton):
            focused.click()
        elif self._active in self.order.places:
            self.rows[self._active].toggle()

    def _on_relation(self, relation: Relation) -> None:
        at = self.relations.index(relation)
        self.order.ties[at] = not self.order.ties[at]
        self._active = self.order.places[at]
        self._act()

    def _on_card(self, place: int) -> None:
        self.cards[place].setFocus(Qt.FocusReason.MouseFocusReason)

    def _on_drop(self, place: int, at: QPoint) -> None:
        """Put a dragged answer where it was let go (in global coordinates): between rows, or out of the ranking."""
        centre = [self.rows[other].mapToGlobal(self.rows[other].rect().center()).y() for other in self.order.places]
        was = self.order.places.index(place) if place in self.order.places else None
        target = sum(1 for y in centre if at.y() > y)
        over_waiting = not self._waiting_title.isHidden() and (
            at.y() > self._waiting_title.mapToGlobal(QPoint(0, 0)).y()
        )
        if was is not None:
            self.order.take(place)
            target -= 1 if was < target else 0
        if not over_waiting:
            self.order.insert(place, target)
            self._active = place
        elif self._active not in self.order.places:
            self._active = self.order.places[-1] if self.order.places else -1
        self._act()

    def value(self) -> dict[str, Any]:
        return {"order": self.order.groups()}

    def reasons(self) -> list[str]:
        return self.why.value()

    def gap(self) -> str:
        waiting = [LETTERS[place] for place in range(self._count) if place not in self.order.places]
        if not waiting:
            return ""
        if self.may_be_left():
            return self.tr("Not placed: {letters}. Enter again leaves it out.").format(letters=", ".join(waiting))
        return self.tr("Place at least two answers: press a letter.")

    def may_be_left(self) -> bool:
        return len(self.order.places) >= FEWEST

    def focus_gap(self) -> None:
        waiting = [place for place in range(self._count) if place not in self.order.places]
        if waiting:
            self.cards[waiting[0]].setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_first(self) -> None:
        self._area.viewport().setFocus(Qt.FocusReason.OtherFocusReason)

    def focus_reasons(self) -> None:
        self.why.focus()
