"""Sentences of the Feedback pane that depend on counts."""

from __future__ import annotations

from PySide6.QtCore import QObject

from .feedback_flow import Flow
from .feedback_sources import Harvest
from .figures import count, duration
from .instant_head import InstantHead

ARROW = " → "


def becoming(tr: QObject, harvest: Harvest, first: str) -> list[tuple[str, str]]:
    """What the project's judgements become, by kind: "12 ratings → 18 pairs, 4 demonstrations", "3 edits → ..."."""
    kinds = sorted(harvest.kinds(), key=lambda kind: (kind != first, kind))
    return [(kind, _one(tr, harvest, kind)) for kind in kinds]


def _one(tr: QObject, harvest: Harvest, kind: str) -> str:
    counts = harvest.of(kind)
    made = [
        (counts["pairs"], tr.tr("1 pair"), tr.tr("{n} pairs")),
        (counts["demonstrations"], tr.tr("1 demonstration"), tr.tr("{n} demonstrations")),
        (counts["labels"] if kind == "thumbs" else 0, tr.tr("1 label"), tr.tr("{n} labels")),
    ]
    parts = [_many(number, one, many) for number, one, many in made if number]
    each = kind in ("rating", "thumbs")  # one judgement says something of each answer
    given = counts["labels"] or counts["judgements"] if each else counts["judgements"]
    return _said(tr, kind, given) + ARROW + (", ".join(parts) or tr.tr("nothing to learn yet"))


def _said(tr: QObject, kind: str, number: int) -> str:
    one, many = {
        "rating": (tr.tr("1 rating"), tr.tr("{n} ratings")),
        "comparison": (tr.tr("1 comparison"), tr.tr("{n} comparisons")),
        "ranking": (tr.tr("1 ranking"), tr.tr("{n} rankings")),
        "edit": (tr.tr("1 edit"), tr.tr("{n} edits")),
        "thumbs": (tr.tr("1 thumb"), tr.tr("{n} thumbs")),
        "best_worst": (tr.tr("1 best and worst"), tr.tr("{n} best and worst")),
        "rubric": (tr.tr("1 rubric"), tr.tr("{n} rubrics")),
    }[kind]
    return _many(number, one, many)


def _many(number: int, one: str, many: str) -> str:
    return one if number == 1 else many.format(n=count(number))


def head_words(tr: QObject, head: InstantHead, order: str, kind: str) -> str:
    """The quiet line about the instant head: how good it is, or what it lacks; and what the order goes by."""
    if head.reading is None and head.problem is None:
        return ""
    if not head.ready:
        return tr.tr("Instant head: {missing}").format(missing=head.missing())
    known = head.accuracy()
    text = (
        tr.tr("Instant head: {accuracy}.").format(accuracy=known) if known else tr.tr("The instant head is learning.")
    )
    if order != "uncertain":
        return text
    if kind in ("comparison", "ranking", "best_worst"):
        why = tr.tr("Next up: answers that it is unsure how to order.")
    else:
        why = tr.tr("Next up: answers that it is least sure about.")
    return f"{text} {why}"


def empty_words(tr: QObject, flow: Flow) -> tuple[str, str, str]:
    """(sentence, primary action, link) for a queue that has nothing."""
    if flow.run_id is not None:
        return tr.tr("All pairs are judged. The result is in Evaluate."), tr.tr("Back to Evaluate"), ""
    if flow.searching:
        return tr.tr("Looking for the next item…"), "", ""
    if flow.order == "again":
        return tr.tr("Everything that lies far enough back was asked again."), tr.tr("Go on with the newest"), ""
    if flow.tag is not None:
        return tr.tr("Nothing is left in the prompt set {tag}.").format(tag=flow.tag), tr.tr("Show all prompts"), ""
    if flow.judged:
        text = tr.tr("Queue finished: {count} judged in {time}.")
        sentence = text.format(count=count(flow.judged), time=duration(flow.seconds_spent))
        return sentence, tr.tr("Train on these"), tr.tr("Generate more answers")
    sentence = {
        "rating": tr.tr("Nothing to rate. Generate answers or import some."),
        "comparison": tr.tr("Nothing to compare. Generate two answers to a prompt, or import some."),
        "ranking": tr.tr("Nothing to rank. Generate three answers to a prompt, or import some."),
        "edit": tr.tr("Nothing to edit. Generate answers or import some."),
        "thumbs": tr.tr("Nothing to judge. Generate answers or import some."),
        "best_worst": tr.tr("Nothing to choose from. Generate three answers to a prompt, or import some."),
        "rubric": tr.tr("Nothing to score. Generate answers or import some."),
    }[flow.kind]
    return sentence, tr.tr("Generate answers"), tr.tr("Import")
