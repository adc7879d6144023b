"""The life of an item in the right panel of Data: what everybody said of it, and the runs that learned from it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QFontMetricsF
from PySide6.QtWidgets import QLayout, QWidget

from ..store import Store, bulk
from ..store.browsing import Entry, history
from ..store.lineage import Use, uses
from .data_words import LETTERS, kind_name, model_title, person, said, status_title, tone_of, tr, when
from .figures import count, duration
from .theme import font
from .widgets import LinkButton, SectionLabel, StatusDot, column, holding, label, row

MOST = 40
INDENT, LINK_WIDTH = 16, 184


class Moment(QWidget):
    """One line of a history: a dot, what happened, when, and by whom under it. Judgements are links."""

    def __init__(self, title: QWidget, at: str, note: str, tone: str, hollow: bool = False) -> None:
        super().__init__()
        head = row(StatusDot(tone, hollow), title, None, label(when(at), "small", "text3", tabular=True), spacing=7)
        below = row(14, label(note, "small", "text2", wrap=True), spacing=0)
        below.setStretch(1, 1)
        self.setLayout(column(head, below, spacing=1))


class HistoryView(QWidget):
    """Every judgement of a prompt by everybody, newest first, also those that were taken back; and its tags."""

    entry_wanted = Signal(str)

    def __init__(self, store: Store, prompt_id: str, current: Entry | None = None) -> None:
        super().__init__()
        self._versions = {each.id: number for number, each in enumerate(store.guidelines.list(), 1)}
        told = history(store, prompt_id, MOST + 1)
        self.letters = letters_of(told, current)
        by_id = {entry.id: entry for entry in told}
        lines: list[tuple[str, QWidget]] = []
        for entry in told[:MOST]:
            lines.append((entry.created_at, self._judged(entry, by_id, entry == current)))
            if entry.retracted_at:
                lines.append((entry.retracted_at, self._taken_back(entry)))
        for action in bulk.tagging(store, prompt_id):
            text = tr("Tag {tag} added") if action.what == "tag" else tr("Tag {tag} taken away")
            title = label(text.format(tag=action.details["tag"]), "strong")
            made = Moment(title, action.created_at, person(action.annotator), "text3")
            lines.append((action.created_at, made))
        lines.sort(key=lambda line: line[0], reverse=True)
        self.moments = [widget for _, widget in lines]
        body = column(*self.moments, spacing=8)
        if len(told) > MOST:
            body.addWidget(label(tr("Older ones are in the list."), "small", "text3"))
        self.setLayout(body)

    def _judged(self, entry: Entry, by_id: dict[str, Entry], current: bool) -> Moment:
        text = said(entry, [self.letters.get(id_, "?") for id_ in entry.response_ids])
        if (was := by_id.get(entry.repeat_of or "")) is not None:
            before = said(was, [self.letters.get(id_, "?") for id_ in was.response_ids])
            text = tr("{now}, was {before}").format(now=text, before=before)
        if entry.kind in ("rating", "thumbs", "rubric", "comparison", "ranking", "best_worst"):
            text = tr("{kind} {said}").format(kind=kind_name(entry.kind), said=text)
        title = label(text, "strong", wrap=True) if current else LinkButton(short(text, LINK_WIDTH))
        if isinstance(title, LinkButton):
            title.setAccessibleName(tr("Show this judgement: {said}").format(said=text))
            title.clicked.connect(lambda: self.entry_wanted.emit(entry.id))
        return Moment(title, entry.created_at, self._note(entry), dot_of(entry), entry.retracted)

    def _note(self, entry: Entry) -> str:
        parts = [person(entry.annotator)]
        if entry.repeat_of:
            parts.append(tr("hidden repeat"))
        if entry.imported:
            parts.append(tr("imported"))
        elif entry.kind != "flag":
            parts.append(tr("blind") if entry.blind else tr("names shown"))
        if entry.seconds:
            parts.append(duration(entry.seconds))
        if len(entry.response_ids) > 1:
            order = " ".join(self.letters.get(id_, "?") for id_ in entry.response_ids)
            parts.append(tr("shown as {order}").format(order=order))
        if entry.guideline_id in self._versions:
            parts.append(tr("guidelines {number}").format(number=count(self._versions[entry.guideline_id])))
        said_too = [", ".join(entry.reasons)] if entry.reasons else []
        said_too += [tr("\u201c{comment}\u201d").format(comment=entry.comment)] if entry.comment else []
        return "\n".join([", ".join(parts), *said_too])

    def _taken_back(self, entry: Entry) -> Moment:
        by = tr("by undo in Feedback") if (entry.retracted_by or "").startswith("und") else tr("in Data")
        if entry.kind == "mark" and entry.retracted_by == "person":
            by = tr("by hand")
        name = tr("#{number} taken back").format(number=count(entry.seq))
        return Moment(label(name, "strong", "text2"), entry.retracted_at or "", by, "text3", True)


def letters_of(told: Sequence[Entry], current: Entry | None) -> dict[str, str]:
    """What each answer is called: as it was shown in the current judgement, the others after those."""
    ids = list(current.response_ids) if current is not None else []
    for entry in reversed(told):
        ids += [id_ for id_ in entry.response_ids if id_ not in ids]
    names = [*LETTERS, *(str(number) for number in range(10, len(ids) + 1))]
    return dict(zip(ids, names, strict=False))


def dot_of(entry: Entry) -> str:
    """Amber is for people; what a rule said is grey, a flag is a warning."""
    if entry.kind in ("flag", "skip", "cannot"):
        return "warn" if entry.kind == "flag" else "text3"
    return "human" if tone_of(entry.annotator) == "human" else "text3"


class LineageList(QWidget):
    """The runs that a judgement reached, each under the one that it came through."""

    run_wanted = Signal(str)
    rows_wanted = Signal(str)

    def __init__(self, store: Store, entry: Entry) -> None:
        super().__init__()
        found = uses(store, entry.id)
        self.uses = found
        body = column(spacing=6)
        if not found:
            body.addWidget(label(tr("No run has learned from it."), "small", "text2", wrap=True))
        for use in found:
            body.addLayout(self._line(use))
        self.setLayout(body)

    def _line(self, use: Use) -> QLayout:
        link = LinkButton(short(use.run.name, LINK_WIDTH - INDENT * use.depth))
        link.setAccessibleName(tr("Open the run {name}").format(name=use.run.name))
        link.clicked.connect(lambda: self.run_wanted.emit(use.run.id))
        head: list[Any] = [INDENT * use.depth, link, None]
        if use.depth == 0:
            rows = LinkButton(tr("Rows"))
            rows.setAccessibleName(tr("Show all rows that {name} learned from").format(name=use.run.name))
            rows.clicked.connect(lambda: self.rows_wanted.emit(use.run.id))
            head.append(rows)
        note = row(INDENT * use.depth, label(self._note(use), "small", "text2", wrap=True), spacing=0)
        note.setStretch(1, 1)
        return column(row(*head, spacing=6), note, spacing=0)

    def _note(self, use: Use) -> str:
        parts = [status_title(use.run.status)]
        if use.via is not None:
            by_reward = tr("rewarded by what {run} made") if use.role == "reward" else tr("from what {run} made")
            parts.append(by_reward.format(run=use.via.name))
        if use.result:
            parts.append(tr("made {model}").format(model=model_title(use.result)))
        return ", ".join(parts)


def short(text: str, width: float) -> str:
    """The text as far as there is room for it."""
    return QFontMetricsF(font("strong")).elidedText(text.replace("\n", " "), Qt.TextElideMode.ElideRight, width)


def section(title: str, note: str = "") -> QWidget:
    """The title over a part of the panel, with a quiet word at its right."""
    return holding(row(SectionLabel(title), None, label(note, "small", "text3")))
