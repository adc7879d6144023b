"""Under an answer: the passages that it cites, or where it cites none, those whose words it shares."""

from __future__ import annotations

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QVBoxLayout, QWidget

from ..store import asking
from ..store.citing import Sources, sources
from ..store.retrieving import Passage
from .context import Context
from .generate_answers import Answers
from .generate_cards import AnswerCard
from .generate_columns import ColumnsArea
from .widgets import Button, Chip, Divider, ReadingText, SectionLabel, column, row

MOST_HEIGHT = 180


class PassageRow(QWidget):
    """The number of a passage and what it is from; its text opens under it."""

    def __init__(self, number: int, passage: Passage, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.passage = passage
        self.button = Button(f"[{number}] {passage.title}", "chevron-right", kind="ghost", size="sm")
        self.button.setCheckable(True)
        self.button.setToolTip(self.tr("Show the passage"))
        self.button.toggled.connect(self._on_toggle)
        self.text = ReadingText(self.tr("Passage {number}").format(number=number), fit=True, max_height=MOST_HEIGHT)
        self.text.setContentsMargins(8, 0, 0, 0)
        self.setLayout(column(row(self.button, None), self.text, spacing=2))
        self.text.hide()

    def _on_toggle(self, on: bool) -> None:
        self.button.set_icon("chevron-down" if on else "chevron-right")
        if on:
            self.text.set_text(self.passage.text)
        self.text.setVisible(on)


class SourcesView(QWidget):
    """What an answer says of where it comes from."""

    def __init__(self, found: Sources, given: list[Passage], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Where the answer comes from"))
        self.rows: list[PassageRow] = []
        lines = column(spacing=2, margins=(0, 2, 0, 0))
        lines.addWidget(Divider())
        lines.addWidget(SectionLabel(self._title(found)))
        cited = {each.number: each.passage for each in found.cited if each.passage is not None}
        shown = cited or {each.number: each.passage for each in found.used}
        for number, passage in sorted(shown.items()) or enumerate(given, 1):
            self.rows.append(PassageRow(number, passage))
            lines.addWidget(self.rows[-1])
        for number in found.unknown:
            words = self.tr("[{number}] was not given to the model").format(number=number)
            lines.addLayout(row(Chip(words, "triangle-alert", "warn"), None))
        self.setLayout(lines)

    def _title(self, found: Sources) -> str:
        if any(each.passage is not None for each in found.cited):
            return self.tr("Cites")
        if found.used:
            return self.tr("Cites nothing. Used, by words in common:")
        return self.tr("Cites nothing. It was given:")


class Sourcing(QObject):
    """Puts a SourcesView under every answer to a question that was asked of documents."""

    def __init__(self, context: Context, answers: Answers, area: ColumnsArea, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context, self._answers, self._area = context, answers, area
        self._prompt_id, self._given = "", []
        answers.ticks_changed.connect(self.show_sources)

    def show_sources(self) -> None:
        """Follow what is shown."""
        prompt = self._answers.prompt
        if (prompt.id if prompt else "") != self._prompt_id:
            self._prompt_id = prompt.id if prompt else ""
            self._given: list[Passage] = asking.given_to(self._context.store, prompt.id) if prompt else []
        if self._given:
            for view in self._area.all_views():
                for card in view.cards.values():
                    self._show(card)

    def _show(self, card: AnswerCard) -> None:
        layout = card.layout()
        if card.response is None or card.findChild(SourcesView) or not isinstance(layout, QVBoxLayout):
            return
        layout.addWidget(SourcesView(sources(card.response.text, self._given), self._given))
