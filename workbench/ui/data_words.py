"""A judgement in a few signs: what a row of the Data pane says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale

from ..feedback import rubric
from ..feedback.best_worst import order as best_worst_order
from ..store.browsing import Entry
from ..store.judges import is_judge
from .figures import MINUS, count, figure
from .tables import Cell
from .word_diff import difference

LETTERS = "ABCDEFGHI"


def tr(text: str) -> str:
    """A sentence of this pane in the person's language."""
    return QCoreApplication.translate("DataPane", text)


def kind_title(kind: str) -> str:
    """A kind of judgement, in the plural."""
    return {
        "rating": tr("Ratings"),
        "comparison": tr("Comparisons"),
        "ranking": tr("Rankings"),
        "edit": tr("Edits"),
        "thumbs": tr("Thumbs"),
        "best_worst": tr("Best and worst"),
        "rubric": tr("Rubrics"),
        "mark": tr("Marks"),
        "skip": tr("Skipped"),
        "flag": tr("Flagged"),
        "cannot": tr("Can't judge"),
    }.get(kind, kind)


def kind_name(kind: str) -> str:
    """A kind of judgement, one of them."""
    return {
        "rating": tr("Rating"),
        "comparison": tr("Comparison"),
        "ranking": tr("Ranking"),
        "edit": tr("Edit"),
        "thumbs": tr("Thumbs"),
        "best_worst": tr("Best and worst"),
        "rubric": tr("Rubric"),
        "mark": tr("Mark"),
        "skip": tr("Skipped"),
        "flag": tr("Flagged"),
        "cannot": tr("Can't judge"),
    }.get(kind, kind)


def only_title(name: str) -> str:
    """What a list can be narrowed to."""
    return {
        "repeats": tr("Hidden repeats"),
        "flagged": tr("Flagged"),
        "commented": tr("With a comment"),
        "imported": tr("Imported"),
    }.get(name, name)


def status_title(status: str) -> str:
    """How a run stands."""
    return {
        "waiting": tr("Waiting"),
        "running": tr("Running"),
        "finished": tr("Finished"),
        "stopped": tr("Stopped"),
        "failed": tr("Failed"),
        "interrupted": tr("Interrupted"),
    }.get(status, status)


def shown_answer(entry: Entry) -> int:
    """Which of the answers stands for the judgement in a list: the one that was judged best, else the first."""
    value = entry.value
    if entry.kind in ("rating", "thumbs", "rubric"):
        given = rubric.overall(value) if entry.kind == "rubric" else value.get("ratings", value.get("thumbs"))
        scored = [(float(score), -place) for place, score in enumerate(given) if score is not None]
        return -max(scored)[1] if scored else 0
    if entry.kind == "comparison":
        return 1 if value["choice"] == "b" else 0
    if entry.kind == "ranking":
        return value["order"][0][0]
    if entry.kind == "best_worst":
        return value["best"]
    return value.get("of") or 0


def answer_text(entry: Entry) -> str:
    """The answer that a list shows: an edited one as it was edited."""
    if entry.kind == "edit":
        return entry.value["text"]
    return entry.answers[shown_answer(entry)] if entry.answers else ""


def feedback_cell(entry: Entry) -> Cell:
    """The judgement itself."""
    value = entry.value
    human = tone_of(entry.annotator) == "human"
    if entry.kind == "rating" and len(value["ratings"]) == 1 and value["ratings"][0]:
        return Cell(rating=value["ratings"][0], rating_tone="human" if human else "ref")
    if entry.kind == "edit":
        return Cell(edit_words(entry), chip=("person" if human else "neutral", "pencil"))
    if entry.kind == "mark":
        tone, icon = MARKS[value["label"]]
        return Cell(mark_name(value["label"]), chip=(tone, icon))
    if entry.kind == "flag":
        return Cell(tr("Flagged"), chip=("warn", "flag"))
    if entry.kind in ("skip", "cannot"):
        return Cell(kind_name(entry.kind), tone="text3")
    return Cell(said(entry), tone=tone_of(entry.annotator), role="strong")


MARKS = {"good": ("good", "check"), "bad": ("warn", "minus"), "wrong": ("bad", "x")}
"""Tone and icon of each label of a marked passage."""


def mark_name(label: str) -> str:
    """What was said of a marked passage."""
    return {"good": tr("Good passage"), "bad": tr("Bad passage"), "wrong": tr("Wrong fact")}.get(label, label)


def edit_words(entry: Entry) -> str:
    """How much an edit changed."""
    of = entry.value.get("of")
    added, removed = _changed(entry.answers[of] if of is not None else "", entry.value["text"])
    text = tr("Written") if of is None else tr("Edited +{added} {minus}{removed}")
    return text.format(added=added, minus=MINUS, removed=removed)


@lru_cache(maxsize=2_000)
def _changed(original: str, edited: str) -> tuple[str, str]:
    found = difference(original, edited)
    return count(found.added), count(found.removed)


def said(entry: Entry, letters: Sequence[str] = LETTERS) -> str:
    """The judgement as a line: "A 5  B 2", "A > B", "A > D = B". letters: what each answer is called."""
    value: Mapping[str, Any] = entry.value
    if entry.kind == "rating":
        return "  ".join(f"{letters[place]} {stars or '–'}" for place, stars in enumerate(value["ratings"]))
    if entry.kind == "thumbs":
        return "  ".join(f"{letters[place]} {THUMBS[thumb]}" for place, thumb in enumerate(value["thumbs"]))
    if entry.kind == "rubric":
        overall = [figure(stars, 2) if stars is not None else "–" for stars in rubric.overall(value)]
        return "  ".join(f"{letters[place]} {stars}" for place, stars in enumerate(overall))
    if entry.kind == "comparison":
        return _compared(value, letters)
    if entry.kind == "ranking":
        return _ranked(value["order"], letters)
    if entry.kind == "best_worst":
        return _ranked(best_worst_order(value, len(entry.answers)), letters)
    if entry.kind == "mark":
        return tr("{label}: \u201c{quote}\u201d").format(label=mark_name(value["label"]), quote=value["quote"])
    return edit_words(entry) if entry.kind == "edit" else kind_name(entry.kind)


THUMBS = {True: "\u2191", False: "\u2193", None: "–"}


def _compared(value: Mapping[str, Any], letters: Sequence[str]) -> str:
    a, b = letters[0], letters[1]
    if value["choice"] in ("tie", "both_bad"):
        return f"{a} = {b}" if value["choice"] == "tie" else tr("Both bad")
    better, worse = (a, b) if value["choice"] == "a" else (b, a)
    return f"{better} {'≫' if value.get('strength', 1) == 2 else '>'} {worse}"


def _ranked(order: Sequence[Sequence[int]], letters: Sequence[str]) -> str:
    return " > ".join(" = ".join(letters[place] for place in group) for group in order)


def score_words(score: Any) -> str:
    """What a criterion of a rubric was given: "4 of 5", "pass", "fail", "critical"."""
    if isinstance(score, int):
        return tr("{stars} of 5").format(stars=score)
    names = {"pass": tr("Pass"), "fail": tr("Fail"), "critical": tr("Critical"), None: "–"}
    return names.get(score, str(score))


def given_to(entry: Entry, place: int) -> str:
    """What a judgement says of one of its answers alone; "" where it says nothing of it alone."""
    value = entry.value
    if entry.kind == "rating" and value["ratings"][place] is not None:
        return score_words(value["ratings"][place])
    if entry.kind == "thumbs" and value["thumbs"][place] is not None:
        return tr("Good") if value["thumbs"][place] else tr("Bad")
    if entry.kind == "rubric":
        stars = rubric.overall(value)[place]
        return "" if stars is None else tr("{stars} of 5").format(stars=figure(stars, 2))
    if entry.kind == "best_worst" and place in (value["best"], value["worst"]):
        return tr("Best") if place == value["best"] else tr("Worst")
    return ""


def models_of(entry: Entry) -> str:
    """Who wrote the answers, each once."""
    return ", ".join(dict.fromkeys(model_title(name) for name in entry.models))


def model_title(name: str) -> str:
    """A model's name; answers from a file have none."""
    return name or tr("imported")


def person(name: str) -> str:
    """Who judged."""
    return {"you": tr("You"), "": tr("unknown")}.get(name, name)


def tone_of(name: str) -> str:
    """Amber is for people; what a rule or a judge said is grey."""
    return "text2" if name.startswith("rule:") or is_judge(name) else "human"


def moment(text: str) -> datetime:
    """A stored time on this computer's clock."""
    return datetime.fromisoformat(text).astimezone()


def when(text: str, today: datetime | None = None) -> str:
    """ "09:46" today, "24 Nov" this year, else the date."""
    at, now = moment(text), today or datetime.now().astimezone()
    if at.date() == now.date():
        return at.strftime("%H:%M")
    locale = QLocale()
    return locale.toString(at.date(), "d MMM" if at.year == now.year else "d MMM yyyy")  # type: ignore[arg-type]


def when_exactly(text: str) -> str:
    """Day and time."""
    at = moment(text)
    return QLocale().toString(at.date(), "d MMM yyyy") + at.strftime(", %H:%M")  # type: ignore[arg-type]
