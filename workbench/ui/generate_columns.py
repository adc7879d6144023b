"""The middle of Generate: a column of answers for each model, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from PySide6.QtCore import QCoreApplication, QEvent, QPoint, Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QMenu, QScrollArea, QWidget

from ..providers.replies import cost
from ..store import Model, Response
from . import figures
from .generate_cards import AnswerCard, Placeholder
from .generate_sampling import Sampling
from .theme import set_region
from .widgets import Button, Card, ElidedLabel, StatusDot, column, holding, label, row

NARROWEST = 240


class ColumnView(QWidget):
    """One model's answers: a head with its settings, then cards downward.

    `model` is None for the column of answers that no shown model wrote.
    """

    model_wanted = Signal(str)
    removal_wanted = Signal()
    stop_wanted = Signal()
    tick_changed = Signal(str, bool)
    go_on_wanted = Signal(str)
    again_wanted = Signal()

    def __init__(self, token: str, model: Model | None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.model, self.token = model, token
        self.setMinimumWidth(NARROWEST)
        self.cards: dict[str, AnswerCard] = {}
        self.drafts: dict[int, AnswerCard] = {}
        self._choices: Callable[[], Sequence[Model]] = list
        self.name = ElidedLabel(model.name if model else self.tr("Other answers"), "strong")
        self.settings, self.speed = ElidedLabel("", "small", "text2"), label("", "small", "text2", tabular=True)
        self.menu_button = Button(icon="chevron-down", kind="ghost", size="sm", tip=self.tr("Change this column"))
        self.menu_button.clicked.connect(self._open_menu)
        self.stop_button = Button(icon="circle-stop", kind="ghost", size="sm", tip=self.tr("Stop this column"))
        self.stop_button.clicked.connect(self.stop_wanted)
        self.stop_button.hide()
        if model is None:
            self.menu_button.hide()
        self.placeholder = Placeholder()
        self._stack = column(spacing=10)
        self.setLayout(column(self._head(), self._stack, self.placeholder, None, spacing=10))

    def _head(self) -> QWidget:
        head = Card()
        names = row(StatusDot(self.token), self.name, self.stop_button, self.menu_button, spacing=8)
        names.setStretch(1, 1)
        below = row(self.settings, self.speed, spacing=8)
        below.setStretch(0, 1)
        head.setLayout(column(names, below, spacing=0, margins=(12, 5, 8, 8)))
        below.setContentsMargins(0, 0, 4, 0)
        return head

    # -- the head

    def offer(self, choices: Callable[[], Sequence[Model]]) -> None:
        """Which models the menu offers."""
        self._choices = choices

    def menu(self) -> QMenu:
        """The menu of the head: other models, and removal."""
        menu = QMenu(self)
        for model in self._choices():
            action = QAction(model.name.replace("&", "&&"), menu)
            action.setCheckable(True)
            action.setChecked(self.model is not None and model.id == self.model.id)
            action.triggered.connect(lambda _=False, id=model.id: self.model_wanted.emit(id))
            menu.addAction(action)
        menu.addSeparator()
        removal = QAction(self.tr("Remove this column"), menu)
        removal.triggered.connect(lambda _=False: self.removal_wanted.emit())
        menu.addAction(removal)
        return menu

    def _open_menu(self) -> None:
        menu = self.menu()
        menu.exec(self.menu_button.mapToGlobal(QPoint(0, self.menu_button.height())))
        menu.deleteLater()

    def show_sampling(self, sampling: Sampling) -> None:
        """Write the settings under the name."""
        if sampling.temperature == 0:
            self.settings.setText(self.tr("exact"))
            return
        text = self.tr("temp {temperature}, top-p {top_p}")
        shown = text.format(temperature=f"{sampling.temperature:g}", top_p=f"{sampling.top_p:g}")
        self.settings.setText(shown)

    def show_speed(self, responses: Sequence[Response]) -> None:
        """Tokens a second of one request: its answers were written side by side."""
        tokens = sum(response.response_tokens for response in responses)
        seconds = max((response.seconds for response in responses), default=0.0)
        text = self.tr("{speed} tok/s").format(speed=figures.figure(tokens / seconds, 2)) if seconds else ""
        self.speed.setText(text)

    def set_writing(self, on: bool) -> None:
        """Offer Stop while this column writes, in the place of its menu."""
        self.stop_button.setVisible(on)
        self.menu_button.setVisible(not on and self.model is not None)

    # -- answers

    def clear(self) -> None:
        """Take all cards away."""
        for card in [*self.cards.values(), *self.drafts.values()]:
            self._stack.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards, self.drafts = {}, {}
        self.speed.setText("")

    def _new_card(self) -> AnswerCard:
        number = len(self.cards) + len(self.drafts) + 1
        name = self.tr("Answer {number} of {model}").format(number=number, model=self.name.text())
        card = AnswerCard(name)
        card.tick_changed.connect(self.tick_changed)
        card.go_on_wanted.connect(self.go_on_wanted)
        card.again_wanted.connect(self.again_wanted)
        card.again.setVisible(self.model is not None)
        self._stack.addWidget(card)
        return card

    def add_response(self, response: Response, ticked: bool, maker: str = "") -> AnswerCard:
        """A card with a whole answer."""
        card = self._new_card()
        card.show_response(response, ticked, maker, self._cost(response))
        self.cards[response.id] = card
        return card

    def _cost(self, response: Response) -> float | None:
        if self.model is None or self.model.kind != "server":
            return None
        return cost(self.model.info, response.prompt_tokens, response.response_tokens)

    def draft(self, index: int, text: str = "") -> AnswerCard:
        """The card of an answer that is being written."""
        if index not in self.drafts:
            self.drafts[index] = self._new_card()
            self.drafts[index].begin(text)
        return self.drafts[index]

    def finish(self, index: int, response: Response, ticked: bool) -> AnswerCard:
        """A written answer is whole now."""
        card = self.drafts.pop(index, None) or self._new_card()
        card.show_response(response, ticked, cost=self._cost(response))
        self.cards[response.id] = card
        return card

    def cut(self, text: str) -> None:
        """The answers that are being written will not be finished."""
        for card in self.drafts.values():
            card.cut(text)

    def flush(self) -> None:
        """Show the pieces that have come."""
        for card in self.drafts.values():
            card.flush()

    def show_placeholder(self, text: str) -> None:
        """Say what this column waits for; "" for nothing."""
        self.placeholder.words.setText(text)
        self.placeholder.setVisible(bool(text))

    def ticked(self) -> list[str]:
        """Ids of the answers whose Send is ticked."""
        return [id_ for id_, card in self.cards.items() if card.ticked()]


class ColumnsArea(QScrollArea):
    """The columns, scrolling together."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.views: list[ColumnView] = []
        self.others: ColumnView | None = None
        self._row: QHBoxLayout = row(spacing=12, margins=(16, 0, 16, 16))
        inside = holding(self._row)
        set_region(inside, "canvas")
        self.setWidget(inside)

    def set_views(self, views: Sequence[ColumnView]) -> None:
        """Show these columns instead."""
        for view in [*self.views, *([self.others] if self.others else [])]:
            self._row.removeWidget(view)
            view.hide()
            view.deleteLater()
        self.views, self.others = list(views), None
        for view in self.views:
            self._row.addWidget(view, 1)

    def set_others(self, view: ColumnView | None) -> None:
        """Show a last column with answers that no shown model wrote, or none."""
        if self.others is not None:
            self._row.removeWidget(self.others)
            self.others.hide()
            self.others.deleteLater()
        self.others = view
        if view is not None:
            self._row.addWidget(view, 1)

    def lay_out(self) -> None:
        """Give new columns and cards their places now. Left to the event loop it takes six turns, in which all cards
        are seen squeezed into the height of the pane."""
        if not self.isVisible():
            return
        for view in self.all_views():
            # A layout would show its new children later, one by one.
            for new in (view, *view.cards.values(), *view.drafts.values()):
                new.show()
        QCoreApplication.sendPostedEvents(None, QEvent.Type.LayoutRequest)

    def all_views(self) -> list[ColumnView]:
        """Every column that is shown."""
        return [*self.views, *([self.others] if self.others else [])]

    def show_card(self, card: QWidget) -> None:
        """Scroll as far as needed to see a card."""
        inside = self.widget()
        if inside is not None and inside.layout() is not None:
            inside.layout().activate()  # type: ignore[union-attr]
        self.ensureWidgetVisible(card, 0, 24)
