"""The columns of each list of Data, and what a cell of them shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from ..store.browsing import Entry
from ..store.listing import AnswerRow, PromptRow, RunRow
from .data_predicting import predicted_of
from .data_words import answer_text, feedback_cell, model_title, models_of, person, status_title, tr, when
from .figures import count
from .instant_head import InstantHead
from .rows import Cell

NUMBER, PROMPT, ANSWER, MODEL, FEEDBACK, PREDICTED, WHO, WHEN = range(8)
"""Places of the judgements' columns."""
NEWEST = ("newest", "oldest")


@dataclass(frozen=True)
class Col:
    """One column. width: 0 takes what the others leave. most: it grows with its words up to this.

    orders: what clicks on its header ask for in turn; narrow: whether it is there in a narrow window.
    """

    title: str
    cell: Callable[[Any], Cell]
    width: int = 0
    most: int = 0
    orders: tuple[str, ...] = ()
    right: bool = False
    narrow: bool = True


def columns(lists: str, head: InstantHead | None) -> list[Col]:
    """The columns of a list, from left to right."""
    return {"judgements": _judgements, "prompts": _prompts, "answers": _answers, "runs": _runs}[lists](head)


def _judgements(head: InstantHead | None) -> list[Col]:
    def cells(made: Callable[[Entry], Cell]) -> Callable[[Entry], Cell]:
        return lambda entry: replace(made(entry), tone="text3") if entry.retracted else made(entry)

    def said(entry: Entry) -> Cell:
        return Cell(tr("Taken back"), chip=("neutral", "undo-2")) if entry.retracted else feedback_cell(entry)

    def expected(entry: Entry) -> Cell:
        return Cell(predicted_of(head, entry) if head else "", tone="accent")

    return [
        Col("#", cells(lambda entry: Cell(count(entry.seq), tone="text2")), 56, 88, NEWEST),
        Col(tr("Prompt"), cells(lambda entry: Cell(entry.prompt, tone="text2"))),
        Col(tr("Answer"), cells(lambda entry: Cell(answer_text(entry)))),
        Col(tr("Model"), cells(lambda entry: Cell(models_of(entry), tone="text2")), 72, 244, narrow=False),
        Col(tr("Feedback"), said, 112, 176, ("kind",)),
        Col(tr("Predicted"), cells(expected), 100, 0, ("given",)),
        Col(tr("Who"), cells(lambda entry: Cell(person(entry.annotator), tone="text2")), 60, 168, ("annotator",),
            narrow=False),
        Col(tr("When"), cells(lambda entry: Cell(when(entry.created_at), tone="text2", right=True)), 72, 104, NEWEST,
            True),
    ]  # fmt: skip


def _prompts(head: InstantHead | None) -> list[Col]:
    def split(row: PromptRow) -> Cell:
        held = row.split == "held_out"
        return Cell(tr("Held out") if held else tr("Training"), tone="text2")

    def tags(row: PromptRow) -> Cell:
        return Cell(", ".join(row.tags), tone="text2")

    return [
        Col(tr("Prompt"), lambda row: Cell(row.prompt)),
        Col(tr("Tags"), tags, 80, 220),
        Col(tr("Split"), split, 84, 0, narrow=False),
        Col(tr("Answers"), lambda row: _number(row.answers), 84, 0, right=True),
        Col(tr("Judgements"), lambda row: _number(row.judgements), 100, 0, right=True),
        Col(tr("When"), _when, 72, 104, NEWEST, True),
    ]


def _answers(head: InstantHead | None) -> list[Col]:
    def waits(row: AnswerRow) -> Cell:
        return Cell(tr("In the queue") if row.queued else "", tone="text2")

    return [
        Col(tr("Prompt"), lambda row: Cell(row.prompt, tone="text2")),
        Col(tr("Answer"), lambda row: Cell(row.text)),
        Col(tr("Model"), lambda row: Cell(model_title(row.model), tone="text2"), 72, 244, narrow=False),
        Col(tr("Feedback"), waits, 104, 0, narrow=False),
        Col(tr("Judgements"), lambda row: _number(row.judgements), 100, 0, right=True),
        Col(tr("When"), _when, 72, 104, NEWEST, True),
    ]


_DOTS = {"finished": "good", "failed": "bad", "interrupted": "warn", "running": "accent"}


def _runs(head: InstantHead | None) -> list[Col]:
    def state(row: RunRow) -> Cell:
        return Cell(status_title(row.status), dot=(_DOTS.get(row.status, "text3"), False))

    return [
        Col(tr("Run"), lambda row: Cell(row.name, role="strong")),
        Col(tr("Method"), lambda row: Cell(row.method, tone="text2"), 96, 140),
        Col(tr("State"), state, 120, 0),
        Col(tr("Learned from"), lambda row: _number(row.judgements), 110, 0, right=True),
        Col(tr("Made"), lambda row: Cell(row.result, tone="text2"), 96, 220),
        Col(tr("When"), _when, 72, 104, NEWEST, True),
    ]


def _number(number: int) -> Cell:
    return Cell(count(number), tone="text2" if number else "text3", right=True)


def _when(row: PromptRow | AnswerRow | RunRow) -> Cell:
    return Cell(when(row.created_at), tone="text2", right=True)
