"""The quality report of Data: one card a question, its verdict as the title, the statistic on the right."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QGridLayout, QScrollArea, QWidget

from . import icons
from .context import Context
from .data_report import AGREES, FEW, PARTLY, reporting
from .data_words import person
from .figures import change, count, figure, percent
from .models_work import Work
from .theme import set_region, theme_changed
from .widgets import Card, FactRows, column, label, row

ICONS = {"good": ("circle-check", "good"), "warn": ("triangle-alert", "warn"), "none": ("info", "text3")}
MOST_PAIRS = 6


class FindingCard(Card):
    """A verdict, its figure, a sentence, and facts."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._verdict = "none"
        self._picture = label()
        self.title = label("", "head", wrap=True)
        self.number = label("", "head", tabular=True)
        self.text = label("", "body", "text2", wrap=True)
        self.facts = FactRows(key_width=180)
        head = row(self._picture, self.title, None, self.number)
        head.setStretch(1, 1)
        self.setLayout(column(head, self.text, self.facts, None, spacing=10, margins=(16, 14, 16, 14)))
        theme_changed.connect(self._restyle)
        self.show_finding("none", self.tr("Working it out..."), "", "", [])

    def show_finding(self, verdict: str, title: str, number: str, text: str, facts: list[tuple[str, str]]) -> None:
        """Show all of it."""
        self._verdict = verdict
        self.title.setText(title)
        self.number.setText(number)
        self.text.setText(text)
        self.facts.set_facts(facts)
        self.setAccessibleName(f"{title} {number}. {text}")
        self._restyle()

    def _restyle(self) -> None:
        self._picture.setPixmap(icons.pixmap(*ICONS[self._verdict], 16))


class QualityView(QWidget):
    """Works the report out beside the window whenever it is shown and something changed."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(self._show)
        self._work.failed.connect(context.tell)
        self.cards = {about: FindingCard() for about in ("ratings", "comparisons", "length", "position")}
        grid = QGridLayout()
        grid.setContentsMargins(16, 14, 16, 14)
        grid.setSpacing(12)
        for place, card in enumerate(self.cards.values()):
            grid.addWidget(card, place // 2, place % 2)
            grid.setColumnStretch(place % 2, 1)
        grid.setRowStretch(2, 1)
        inside = QWidget()
        inside.setLayout(grid)
        set_region(inside, "clear")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setWidget(inside)
        self.setLayout(column(area))
        set_region(self, "canvas")

    def refresh(self) -> None:
        """Work it out again."""
        if not self._work.busy:
            self._work.start(reporting)

    def _show(self, found: Mapping[str, Any]) -> None:
        for finding in found["findings"]:
            about, verdict, numbers = finding["about"], finding["verdict"], finding["numbers"]
            words = {"length": self._length, "position": self._position}.get(about, self._agreement)
            self.cards[about].show_finding(verdict, *words(about, verdict, numbers))

    def _agreement(self, about: str, verdict: str, numbers: Mapping[str, Any]) -> tuple[str, str, str, list[Any]]:
        rated = about == "ratings"
        units, alpha = numbers["units"], numbers["alpha"]
        what = self.tr("{count} answers were rated by two people or more.")
        if not rated:
            what = self.tr("{count} pairs were compared by two people or more.")
        text = what.format(count=count(units))
        if verdict == "none":
            title = self.tr("Ratings: too few shared ones to say") if rated else self.tr("Comparisons: too few shared")
            wanted = self.tr("{count} or more would say how far people agree.").format(count=FEW)
            if units >= FEW:
                title = self.tr("Ratings: no difference to agree on") if rated else self.tr("Comparisons: all the same")
                wanted = self.tr("All of them got the same judgement, which chance could do as well.")
            return title, "", f"{text} {wanted}", []
        agree = self.tr("People agree on ratings") if rated else self.tr("People agree on comparisons")
        partly = self.tr("People agree on ratings only partly") if rated else self.tr("People agree only partly")
        differ = self.tr("People rate differently") if rated else self.tr("People compare differently")
        title = agree if alpha >= AGREES else partly if alpha >= PARTLY else differ
        same = self.tr("{share} of the opinions are the same.").format(share=percent(numbers["same"]))
        pairs = sorted(numbers["pairs"], key=lambda pair: -pair[2])[:MOST_PAIRS]
        between = self.tr("{count} shared, kappa {kappa}")
        facts = [
            (f"{person(one)}, {person(other)}", between.format(count=count(n), kappa=figure(kappa, 2)))
            for one, other, n, kappa in pairs
        ]
        return title, f"α = {figure(alpha, 2)}", f"{text} {same}", facts

    def _length(self, about: str, verdict: str, numbers: Mapping[str, Any]) -> tuple[str, str, str, list[Any]]:
        if verdict == "none":
            text = self.tr("{count} rated answers can be compared within their prompts.")
            return self.tr("Length: too few ratings to say"), "", text.format(count=count(numbers["answers"])), []
        longer, shorter = self.tr("Longer answers score higher"), self.tr("Shorter answers score higher")
        title = self.tr("No sign that length matters")
        text = self.tr("Within a prompt, long and short answers score alike, as far as this many can tell.")
        if verdict == "warn":
            title = longer if numbers["r"] > 0 else shorter
            text = self.tr("Within a prompt, 50 extra words go with {stars} stars. A reward model will learn this.")
            text = text.format(stars=change(numbers["per_50"], 2))
        facts = [
            (self.tr("95% interval"), f"{figure(numbers['low'], 2)} … {figure(numbers['high'], 2)}"),
            (self.tr("Rated answers"), count(numbers["answers"])),
        ]
        return title, f"r = {figure(numbers['r'], 2)}", text, facts

    def _position(self, about: str, verdict: str, numbers: Mapping[str, Any]) -> tuple[str, str, str, list[Any]]:
        if verdict == "none":
            text = self.tr("{count} comparisons have a winner.").format(count=count(numbers["decided"]))
            return self.tr("Position: too few comparisons to say"), "", text, []
        left, right = self.tr("The left answer wins too often"), self.tr("The right answer wins too often")
        title = self.tr("No sign that the side matters")
        if verdict == "warn":
            title = left if numbers["share"] > 0.5 else right
        text = self.tr("Sides are shuffled, so that each should win about half of {count} comparisons.")
        facts = [(self.tr("95% interval"), f"{percent(numbers['low'])} … {percent(numbers['high'])}")]
        number = self.tr("left {share}").format(share=percent(numbers["share"]))
        return title, number, text.format(count=count(numbers["decided"])), facts
