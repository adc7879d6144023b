"""The right panel of Data: one judgement with everything that is known about it."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from ..store import Store
from ..store.browsing import Entry
from ..store.records import Response, Run
from .data_predicting import about, predicted
from .data_words import LETTERS, answer_text, kind_name, model_title, person, said, tone_of, when_exactly
from .feedback_text import RunsText
from .figures import count, duration
from .instant_head import InstantHead
from .theme import set_region
from .widgets import (
    Button,
    Chip,
    Divider,
    EmptyState,
    FactRows,
    LetterBadge,
    LinkButton,
    ReadingText,
    SectionLabel,
    column,
    holding,
    label,
    row,
)
from .word_diff import difference


class EntryPanel(QWidget):
    """Shows an entry; asks to take it back or to put it back."""

    retract_wanted = Signal()
    closed = Signal()
    run_wanted = Signal(str)

    def __init__(self, store: Store, head: InstantHead | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store, self._instant = store, head
        self._predicted: dict[str, QLabel] = {}
        self.entry: Entry | None = None
        self.number = label("", "head", tabular=True)
        self.chip = Chip("")
        self.retract = Button(icon="trash-2", kind="ghost", size="sm", key="Delete", tip=self.tr("Take back"))
        self.retract.clicked.connect(self.retract_wanted)
        self.retract.set_keys("")
        closer = Button(icon="x", kind="ghost", size="sm", tip=self.tr("Close the entry"))
        closer.clicked.connect(self.closed)
        self._head = holding(row(self.number, self.chip, None, self.retract, closer, margins=(16, 10, 10, 0)))
        self._list = QVBoxLayout()
        self._list.setContentsMargins(16, 4, 14, 14)
        self._list.setSpacing(8)
        body = holding(self._list)
        set_region(body, "clear")
        self._area = QScrollArea()
        self._area.setWidgetResizable(True)
        self._area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self._area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._area.setWidget(body)
        self._nothing = EmptyState(self.tr("Choose a row to see all of it."))
        layout = column(self._head, self._area, self._nothing, spacing=4)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.show_entry(None)

    def show_entry(self, entry: Entry | None) -> None:
        """Show a judgement, or that none is chosen."""
        self.entry = entry
        self._clear()
        for part, shown in ((self._head, entry), (self._area, entry), (self._nothing, entry is None)):
            part.setVisible(bool(shown))
        if entry is None:
            return
        self.number.setText("#" + count(entry.seq))
        gone = entry.retracted
        title = self.tr("taken back") if gone else kind_name(entry.kind)
        self.chip.set_chip(title, "undo-2" if gone else None, "neutral" if gone else "person")
        self.retract.set_icon("rotate-ccw" if gone else "trash-2")
        name = self.tr("Put back") if gone else self.tr("Take back")
        self.retract.setToolTip(f"{name} (Delete)")
        self.retract.setAccessibleName(name)
        responses = [self._store.responses.find(id_) for id_ in entry.response_ids]
        self._show_prompt(entry)
        self._show_answers(entry)
        self._add(Divider())
        self._add(self._facts(entry, responses))
        self._show_runs(self._store.runs.runs_of(entry.id))
        self._show_history(entry)
        self._list.addStretch(1)
        self._area.verticalScrollBar().setValue(0)

    def _clear(self) -> None:
        self._predicted.clear()
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()

    def _add(self, widget: QWidget) -> None:
        self._list.addWidget(widget)

    def _reading(self, name: str, text: str) -> ReadingText:
        made = ReadingText(name, fit=True, max_height=420)
        made.set_text(text)
        return made

    def _show_prompt(self, entry: Entry) -> None:
        self._add(SectionLabel(self.tr("Prompt")))
        prompt = self._store.prompts.find(entry.prompt_id)
        if prompt.system:
            self._add(label(prompt.system, "small", "text2", wrap=True, selectable=True))
        for turn in prompt.turns[:-1]:
            who = self.tr("Model") if turn["role"] == "assistant" else self.tr("Person")
            self._add(label(f"{who}: {turn['content']}", "small", "text2", wrap=True, selectable=True))
        self._add(self._reading(self.tr("Prompt"), entry.prompt))
        if entry.tags:
            chips = row(*(Chip(tag) for tag in entry.tags[:4]), None, spacing=6)
            self._add(holding(chips))

    def _show_answers(self, entry: Entry) -> None:
        if entry.kind == "edit":
            self._show_edit(entry)
            return
        for place, text in enumerate(entry.answers):
            name = self.tr("Answer {letter}").format(letter=LETTERS[place])
            badge = LetterBadge(LETTERS[place])
            stars = entry.value["ratings"][place] if entry.kind == "rating" else None
            words = "" if stars is None else self.tr("{stars} of 5").format(stars=stars)
            given = label(words, "strong", tone_of(entry.annotator))
            model = label(model_title(entry.models[place]), "small", "text3")
            self._add(holding(row(badge, model, None, given)))
            self._add(self._reading(name, text))
            self._predicted[entry.response_ids[place]] = label("", "small", "accent", tabular=True)
            self._add(self._predicted[entry.response_ids[place]])
        self.show_predictions()

    def show_predictions(self) -> None:
        """Say under each answer what is expected of it, as far as that is known."""
        for response_id, line in self._predicted.items():
            text = predicted(self._instant, response_id) if self._instant is not None else ""
            line.setText(self.tr("Predicted {score}").format(score=text) if text else "")
            line.setToolTip(about(self._instant) if text and self._instant is not None else "")
            line.setVisible(bool(text))

    def _show_edit(self, entry: Entry) -> None:
        of = entry.value.get("of")
        original = entry.answers[of] if of is not None else ""
        title = self.tr("Edited answer") if of is not None else self.tr("Answer written by hand")
        self._add(SectionLabel(title))
        changes = RunsText(title, fit=True, max_height=420)
        styles = {"same": "plain", "removed": "removed", "added": "added" if of is not None else "plain"}
        pieces = difference(original, answer_text(entry)).pieces
        changes.show_runs([(styles[piece.change], piece.text) for piece in pieces])
        self._add(changes)

    def _facts(self, entry: Entry, responses: Sequence[Response]) -> FactRows:
        facts = FactRows(key_width=84)
        facts.set_fact(person(entry.annotator), said(entry), tone_of(entry.annotator))
        if entry.seconds:
            facts.set_fact(self.tr("Took"), duration(entry.seconds))
        if entry.comment:
            facts.set_fact(self.tr("Comment"), entry.comment)
        if entry.reasons:
            facts.set_fact(self.tr("Reasons"), ", ".join(entry.reasons))
        facts.set_fact(self.tr("Models"), ", ".join(dict.fromkeys(model_title(name) for name in entry.models)))
        if sampling := self._sampling(responses):
            facts.set_fact(self.tr("Sampling"), sampling)
        shown = self.tr("{count} answers, blind") if entry.blind else self.tr("{count} answers, names shown")
        if not entry.imported:
            facts.set_fact(self.tr("Shown as"), shown.format(count=len(entry.answers)))
        held = self.tr("held out, never trained on")
        facts.set_fact(self.tr("Prompt"), held if entry.split == "held_out" else self.tr("for training"))
        return facts

    def _sampling(self, responses: Sequence[Response]) -> str:
        """How the first answer was sampled, as far as it is known."""
        if not responses or not responses[0].sampler:
            return ""
        first = responses[0]
        parts = []
        if first.sampler.get("temperature") is not None:
            parts.append(self.tr("temperature {value}").format(value=f"{first.sampler['temperature']:g}"))
        if first.sampler.get("top_p") is not None:
            parts.append(self.tr("top-p {value}").format(value=f"{first.sampler['top_p']:g}"))
        seeds = sorted({response.seed for response in responses if response.seed is not None})
        if len(seeds) == 1:
            parts.append(self.tr("seed {seed}").format(seed=seeds[0]))
        elif seeds:
            parts.append(self.tr("seeds {first} to {last}").format(first=seeds[0], last=seeds[-1]))
        return ", ".join(parts)

    def _show_runs(self, runs: Sequence[Run]) -> None:
        self._add(Divider())
        self._add(SectionLabel(self.tr("Used by")))
        if not runs:
            self._add(label(self.tr("No run has learned from it."), "small", "text2", wrap=True))
        for run in runs[:12]:
            link = LinkButton(run.name)
            link.clicked.connect(lambda _=False, run=run: self.run_wanted.emit(run.id))
            self._add(holding(row(link, None)))

    def _show_history(self, entry: Entry) -> None:
        self._add(Divider())
        self._add(SectionLabel(self.tr("History")))
        made = self.tr("Imported {when}") if entry.imported else self.tr("Judged {when}")
        self._add(label(made.format(when=when_exactly(entry.created_at)), "small", "text2", wrap=True))
        if entry.retracted_at:
            text = self.tr("Taken back {when}").format(when=when_exactly(entry.retracted_at))
            self._add(label(text, "small", "text2", wrap=True))
