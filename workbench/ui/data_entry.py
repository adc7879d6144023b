"""The right panel of Data: one judgement, prompt, answer or run with everything that is known about it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QLabel, QScrollArea, QVBoxLayout, QWidget

from ..store import Store
from ..store.browsing import Entry
from ..store.judges import is_judge
from ..store.listing import AnswerRow, PromptRow, RunRow
from ..store.records import Response
from .data_history import HistoryView, LineageList, section
from .data_predicting import about, predicted
from .data_words import (
    LETTERS,
    answer_text,
    given_to,
    kind_name,
    mark_name,
    model_title,
    person,
    said,
    score_words,
    status_title,
    tone_of,
    tr,
    when_exactly,
)
from .feedback_marks import Mark
from .feedback_text import RunsText
from .figures import count, duration
from .instant_head import InstantHead
from .theme import set_region
from .widgets import (
    Button,
    Chip,
    Divider,
    ElidedLabel,
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
    """Shows a row of a list; asks to take a judgement back or to put it back, and for what belongs to it."""

    retract_wanted = Signal()
    closed = Signal()
    run_wanted = Signal(str)
    rows_wanted = Signal(object, str)
    """(fields of a Filter, what they are): show these judgements."""
    entry_wanted = Signal(str)

    def __init__(self, store: Store, head: InstantHead | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store, self._instant = store, head
        self._predicted: dict[str, QLabel] = {}
        self.row: Any = None
        self.entry: Entry | None = None
        self.line: LineageList | None = None
        self.number = ElidedLabel("", "head")
        self.chip = Chip("")
        self.retract = Button(icon="trash-2", kind="ghost", size="sm", key="Delete", tip=tr("Take back"))
        self.retract.clicked.connect(self.retract_wanted)
        self.retract.set_keys("")
        closer = Button(icon="x", kind="ghost", size="sm", tip=tr("Close the entry"))
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
        self._nothing = EmptyState(tr("Choose a row to see all of it."))
        layout = column(self._head, self._area, self._nothing, spacing=4)
        layout.setStretch(1, 1)
        self.setLayout(layout)
        self.show_entry(None)

    def show_row(self, found: Any) -> None:
        """Show a row of any list, or that none is chosen."""
        self.row = found
        self.entry = found if isinstance(found, Entry) else None
        self._clear()
        for part, shown in ((self._head, found), (self._area, found), (self._nothing, found is None)):
            part.setVisible(bool(shown))
        self.chip.setVisible(not isinstance(found, RunRow))
        self.retract.setVisible(self.entry is not None and not is_judge(self.entry.annotator))
        self.line = None
        if isinstance(found, Entry):
            self._show_judgement(found)
        elif isinstance(found, PromptRow):
            self._show_prompt_row(found)
        elif isinstance(found, AnswerRow):
            self._show_answer_row(found)
        elif isinstance(found, RunRow):
            self._show_run_row(found)
        if found is not None:
            self._list.addStretch(1)
            self._area.verticalScrollBar().setValue(0)

    def show_entry(self, entry: Entry | None) -> None:
        """Show a judgement, or that none is chosen."""
        self.show_row(entry)

    def _show_judgement(self, entry: Entry) -> None:
        self.number.setText("#" + count(entry.seq))
        gone = entry.retracted
        title = tr("taken back") if gone else kind_name(entry.kind)
        by_person = tone_of(entry.annotator) == "human" and not gone
        self.chip.set_chip(title, "undo-2" if gone else None, "person" if by_person else "neutral")
        self.retract.set_icon("rotate-ccw" if gone else "trash-2")
        name = tr("Put back") if gone else tr("Take back")
        self.retract.setToolTip(f"{name} (Delete)")
        self.retract.setAccessibleName(name)
        responses = [self._store.responses.find(id_) for id_ in entry.response_ids]
        self._show_prompt(entry.prompt_id, entry.tags)
        self._show_answers(entry)
        self._add(Divider())
        self._add(self._facts(entry, responses))
        self._show_runs(entry)
        self._show_history(entry.prompt_id, entry)

    def _show_prompt_row(self, found: PromptRow) -> None:
        self.number.setText(tr("Prompt"))
        self.chip.set_chip(tr("Held out") if found.split == "held_out" else tr("Training"), None, "neutral")
        self._show_prompt(found.id, found.tags)
        facts = FactRows(key_width=84)
        facts.set_fact(tr("Answers"), count(found.answers))
        if found.source:
            facts.set_fact(tr("From"), found.source)
        facts.set_fact(tr("Added"), when_exactly(found.created_at))
        self._add(facts)
        self._show_judgements_link({"prompt_ids": (found.id,)}, found.judgements, tr("of this prompt"))
        self._show_history(found.id, None)

    def _show_answer_row(self, found: AnswerRow) -> None:
        self.number.setText(tr("Answer"))
        self.chip.set_chip(model_title(found.model), None, "model" if found.model else "neutral")
        self._show_prompt(found.prompt_id, ())
        self._add(SectionLabel(tr("Answer")))
        self._add(self._reading(tr("Answer"), found.text))
        facts = FactRows(key_width=84)
        if sampling := self._sampling([self._store.responses.find(found.id)]):
            facts.set_fact(tr("Sampling"), sampling)
        facts.set_fact(tr("Written"), when_exactly(found.created_at))
        self._add(facts)
        self._show_judgements_link({"response_ids": (found.id,)}, found.judgements, tr("of this answer"))
        self._show_history(found.prompt_id, None)

    def _show_run_row(self, found: RunRow) -> None:
        self.number.setText(found.name)
        run = self._store.runs.find(found.id)
        facts = FactRows(key_width=84)
        facts.set_fact(tr("Method"), found.method)
        facts.set_fact(tr("State"), status_title(found.status))
        facts.set_fact(tr("Added"), when_exactly(found.created_at))
        if found.result:
            facts.set_fact(tr("Made"), found.result)
        if run.error:
            facts.set_fact(tr("Error"), run.error)
        self._add(facts)
        link = LinkButton(tr("Open in Train"))
        link.clicked.connect(lambda: self.run_wanted.emit(found.id))
        self._add(holding(row(link, None)))
        self._show_judgements_link({"used_by": found.id}, found.judgements, "")

    def _show_judgements_link(self, wanted: dict[str, Any], number: int, what: str) -> None:
        if number:
            link = LinkButton(tr("Show its judgements ({count})").format(count=count(number)))
            link.clicked.connect(lambda: self.rows_wanted.emit(wanted, what))
            self._add(holding(row(link, None)))

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

    def _show_prompt(self, prompt_id: str, tags: Sequence[str]) -> None:
        self._add(SectionLabel(tr("Prompt")))
        prompt = self._store.prompts.find(prompt_id)
        if prompt.system:
            self._add(label(prompt.system, "small", "text2", wrap=True, selectable=True))
        for turn in prompt.turns[:-1]:
            who = tr("Model") if turn["role"] == "assistant" else tr("Person")
            self._add(label(f"{who}: {turn['content']}", "small", "text2", wrap=True, selectable=True))
        self._add(self._reading(tr("Prompt"), prompt.text))
        if tags:
            chips = row(*(Chip(tag, "tag") for tag in tags[:4]), None, spacing=6)
            self._add(holding(chips))

    def _show_answers(self, entry: Entry) -> None:
        if entry.kind == "edit":
            self._show_edit(entry)
            return
        if entry.kind == "mark":
            self._show_mark(entry)
            return
        for place, text in enumerate(entry.answers):
            name = tr("Answer {letter}").format(letter=LETTERS[place])
            badge = LetterBadge(LETTERS[place])
            given = label(given_to(entry, place), "strong", tone_of(entry.annotator))
            model = label(model_title(entry.models[place]), "small", "text3")
            self._add(holding(row(badge, model, None, given)))
            self._add(self._reading(name, text))
            if entry.kind == "rubric":
                self._add(self._scores(entry, place))
            self._predicted[entry.response_ids[place]] = label("", "small", "accent", tabular=True)
            self._add(self._predicted[entry.response_ids[place]])
        self.show_predictions()

    def _scores(self, entry: Entry, place: int) -> FactRows:
        """What each criterion of a rubric was given for one answer."""
        facts = FactRows(key_width=112)
        for criterion, scores in zip(entry.value["criteria"], entry.value["scores"], strict=True):
            facts.set_fact(criterion["name"], score_words(scores[place]), tone_of(entry.annotator))
        return facts

    def _show_mark(self, entry: Entry) -> None:
        """The answer with the passage that was marked; a mark beyond its end is only named."""
        self._add(SectionLabel(mark_name(entry.value["label"])))
        marked = RunsText(tr("Marked answer"), fit=True, max_height=420)
        marked.show_runs([("plain", entry.answers[0])])
        marked.set_marks([Mark(entry.id, **entry.value)])
        self._add(marked)

    def show_predictions(self) -> None:
        """Say under each answer what is expected of it, as far as that is known."""
        for response_id, line in self._predicted.items():
            text = predicted(self._instant, response_id) if self._instant is not None else ""
            line.setText(tr("Predicted {score}").format(score=text) if text else "")
            line.setToolTip(about(self._instant) if text and self._instant is not None else "")
            line.setVisible(bool(text))

    def _show_edit(self, entry: Entry) -> None:
        of = entry.value.get("of")
        original = entry.answers[of] if of is not None else ""
        title = tr("Edited answer") if of is not None else tr("Answer written by hand")
        self._add(SectionLabel(title))
        changes = RunsText(title, fit=True, max_height=420)
        styles = {"same": "plain", "removed": "removed", "added": "added" if of is not None else "plain"}
        pieces = difference(original, answer_text(entry)).pieces
        changes.show_runs([(styles[piece.change], piece.text) for piece in pieces])
        self._add(changes)

    def _facts(self, entry: Entry, responses: Sequence[Response]) -> FactRows:
        facts = FactRows(key_width=84)
        facts.set_fact(person(entry.annotator), said(entry), tone_of(entry.annotator))
        facts.set_fact(tr("Imported") if entry.imported else tr("Judged"), when_exactly(entry.created_at))
        if entry.seconds:
            facts.set_fact(tr("Took"), duration(entry.seconds))
        if entry.comment:
            facts.set_fact(tr("Comment"), entry.comment)
        if helped := self._helped(entry):
            facts.set_fact(tr("Helped by"), helped, "accent")
        if entry.reasons:
            facts.set_fact(tr("Reasons"), ", ".join(entry.reasons))
        facts.set_fact(tr("Models"), ", ".join(dict.fromkeys(model_title(name) for name in entry.models)))
        if sampling := self._sampling(responses):
            facts.set_fact(tr("Sampling"), sampling)
        shown = tr("{count} answers, blind") if entry.blind else tr("{count} answers, names shown")
        if not entry.imported:
            facts.set_fact(tr("Shown as"), shown.format(count=len(entry.answers)))
        if entry.repeat_of:
            facts.set_fact(tr("Repeat"), tr("hidden, of an earlier judgement"))
        if version := self._guidelines(entry):
            facts.set_fact(tr("Guidelines"), version)
        held = tr("held out, never trained on")
        facts.set_fact(tr("Prompt"), held if entry.split == "held_out" else tr("for training"))
        return facts

    def _helped(self, entry: Entry) -> str:
        """Which models a person had change an edit, and how they were asked."""
        steps = entry.value.get("assisted", ()) if entry.kind == "edit" else ()
        if not steps:
            return ""
        names = {row["id"]: row["name"] for row in self._store.rows("SELECT id, name FROM models")}
        told = tr("{model}: \u201c{instruction}\u201d")
        return "\n".join(
            told.format(model=model_title(names.get(step["model_id"], "")), instruction=step["instruction"])
            for step in steps
        )

    def _guidelines(self, entry: Entry) -> str:
        """The version of the guidelines that a judgement was made under."""
        versions = self._store.guidelines.list()
        for number, version in enumerate(versions, 1):
            if version.id == entry.guideline_id:
                text = (
                    tr("version {number} of {when}") if version is not versions[-1] else tr("version {number}, current")
                )
                return text.format(number=count(number), when=when_exactly(version.created_at))
        return ""

    def _sampling(self, responses: Sequence[Response]) -> str:
        """How the first answer was sampled, as far as it is known."""
        if not responses or not responses[0].sampler:
            return ""
        first = responses[0]
        parts = []
        if first.sampler.get("temperature") is not None:
            parts.append(tr("temperature {value}").format(value=f"{first.sampler['temperature']:g}"))
        if first.sampler.get("top_p") is not None:
            parts.append(tr("top-p {value}").format(value=f"{first.sampler['top_p']:g}"))
        if first.sampler.get("engine"):
            parts.append(tr("run with {engine}").format(engine=first.sampler["engine"]))
        seeds = sorted({response.seed for response in responses if response.seed is not None})
        if len(seeds) == 1:
            parts.append(tr("seed {seed}").format(seed=seeds[0]))
        elif seeds:
            parts.append(tr("seeds {first} to {last}").format(first=seeds[0], last=seeds[-1]))
        return ", ".join(parts)

    def _show_runs(self, entry: Entry) -> None:
        self.line = LineageList(self._store, entry)
        self.line.run_wanted.connect(self.run_wanted)
        self.line.rows_wanted.connect(lambda run_id: self.rows_wanted.emit({"used_by": run_id}, ""))
        self._add(Divider())
        self._add(section(tr("Used by runs"), count(len(self.line.uses)) if self.line.uses else ""))
        self._add(self.line)

    def _show_history(self, prompt_id: str, entry: Entry | None) -> None:
        view = HistoryView(self._store, prompt_id, entry)
        view.entry_wanted.connect(self.entry_wanted)
        if view.moments:
            self._add(Divider())
            self._add(section(tr("History"), tr("nothing is deleted")))
            self._add(view)
