"""A judgement in a few signs: what a row of the Data pane says."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from PySide6.QtCore import QCoreApplication, QLocale

from ..feedback import rubric
from ..store.browsing import Entry
from .figures import MINUS, count
from .tables import Cell
from .word_diff import difference

LETTERS = "ABCDEFGHI"
SIGNS = {("a", 2): "A ≫ B", ("a", 1): "A > B", ("b", 1): "B > A", ("b", 2): "B ≫ A"}


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
        "rubric": tr("Rubric"),
        "mark": tr("Mark"),
        "cannot": tr("Could not judge"),
        "skip": tr("Skipped"),
        "flag": tr("Flagged"),
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
        "cannot": tr("Could not judge"),
        "skip": tr("Skipped"),
        "flag": tr("Flagged"),
    }.get(kind, kind)


def shown_answer(entry: Entry) -> int:
    """Which of the answers stands for the judgement in a list: the one that was judged best, else the first."""
    value = entry.value
    if entry.kind == "rating":
        rated = [(stars, -place) for place, stars in enumerate(value["ratings"]) if stars is not None]
        return -max(rated)[1] if rated else 0
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
    if entry.kind == "rating" and len(value["ratings"]) == 1 and value["ratings"][0]:
        return Cell(rating=value["ratings"][0])
    if entry.kind == "edit":
        added, removed = _changed(entry.answers[value["of"]] if value.get("of") is not None else "", value["text"])
        text = tr("Written") if value.get("of") is None else tr("Edited +{added} {minus}{removed}")
        return Cell(text.format(added=added, minus=MINUS, removed=removed), chip=("person", "pencil"))
    if entry.kind == "flag":
        return Cell(tr("Flagged"), chip=("warn", "flag"))
    if entry.kind in ("skip", "cannot"):
        return Cell(kind_name(entry.kind), tone="text3")
    return Cell(said(entry), tone=tone_of(entry.annotator), role="strong")


@lru_cache(maxsize=2_000)
def _changed(original: str, edited: str) -> tuple[str, str]:
    found = difference(original, edited)
    return count(found.added), count(found.removed)


def said(entry: Entry) -> str:
    """The judgement as a line: "A 5  B 2", "A > B", "A > D = B"."""
    value: Mapping[str, Any] = entry.value
    if entry.kind == "rating":
        return "  ".join(f"{LETTERS[place]} {stars or '–'}" for place, stars in enumerate(value["ratings"]))
    if entry.kind == "comparison":
        if value["choice"] in ("tie", "both_bad"):
            return "A = B" if value["choice"] == "tie" else tr("Both bad")
        return SIGNS[value["choice"], value.get("strength", 1)]
    if entry.kind == "ranking":
        return " > ".join(" = ".join(LETTERS[place] for place in group) for group in value["order"])
    if entry.kind in _SAYING:
        return _SAYING[entry.kind](value)
    return feedback_cell(entry).text


def _thumbs(value: Mapping[str, Any]) -> str:
    signs = {True: tr("good"), False: tr("bad"), None: "–"}
    return "  ".join(f"{LETTERS[place]} {signs[thumb]}" for place, thumb in enumerate(value["thumbs"]))


def _best_worst(value: Mapping[str, Any]) -> str:
    return tr("Best {best}, worst {worst}").format(best=LETTERS[value["best"]], worst=LETTERS[value["worst"]])


def _rubric(value: Mapping[str, Any]) -> str:
    scores = enumerate(rubric.overall(value))
    return "  ".join(f"{LETTERS[place]} {'–' if stars is None else f'{stars:.3g}'}" for place, stars in scores)


def _mark(value: Mapping[str, Any]) -> str:
    names = {"good": tr("Good: “{quote}”"), "bad": tr("Bad: “{quote}”"), "wrong": tr("Wrong: “{quote}”")}
    return names[value["label"]].format(quote=value["quote"])


_SAYING = {"thumbs": _thumbs, "best_worst": _best_worst, "rubric": _rubric, "mark": _mark}


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
    """Amber is for people; what a rule said is grey."""
    return "text2" if name.startswith("rule:") else "human"


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
