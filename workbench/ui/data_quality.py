"""The quality report of Data: is it ready, what does it become, and one card a question with its verdict as title."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QGridLayout, QScrollArea, QWidget

from ..jobs.reporting import Report, Step, reporting
from .context import Context
from .data_judging import JudgesCard
from .data_report import BecomingCard, FindingCard, StepsCard, UnknownCard
from .figures import count
from .report_advice import readiness_words
from .report_drawing import draw
from .report_text import report_cards, report_text
from .report_words import Said
from .theme import set_region
from .widgets import Banner, column, holding
from .work import Refreshing

TONES = {"ready": "good", "thin": "warn", "missing": "info"}
COLUMNS, NARROW = 3, 900


class QualityView(QWidget):
    """Works the report out beside the window whenever it is shown and something changed."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.report: Report | None = None
        self._columns = COLUMNS
        self._said: dict[str, Said] = {}
        self._reports = Refreshing(context.store.folder, lambda: reporting, 0, self)
        self._reports.found.connect(lambda found: self.show_report(found["report"]))
        self._reports.failed.connect(context.tell)
        self._build_top()
        self.judges = JudgesCard(context)
        names = self._names()
        self.cards = {name: FindingCard(title) for name, title in names.items()}
        for name, card in self.cards.items():
            card.rows_wanted.connect(lambda name=name: self.open_rows(name))
            card.hide()
        self._grid = QGridLayout()
        self._grid.setSpacing(12)
        top = column(self.banner, self.becoming, self._grid, self.judges, None, spacing=12, margins=(16, 14, 16, 14))
        inside = holding(top)
        set_region(inside, "clear")
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setAccessibleName(self.tr("Quality report"))
        area.setWidget(inside)
        self.setLayout(column(area))
        set_region(self, "canvas")

    def _names(self) -> dict[str, str]:
        return {
            "curve": self.tr("Accuracy by number of judgements"),
            "people": self.tr("Agreement between people"),
            "self": self.tr("Agreement with oneself"),
            "length": self.tr("Length"),
            "position": self.tr("Position"),
            "first": self.tr("First shown"),
            "last": self.tr("Last shown"),
            "drift": self.tr("Drift"),
            "haste": self.tr("Haste"),
            "ties": self.tr("Ties"),
            "balance": self.tr("Stars"),
        }

    def _build_top(self) -> None:
        self.banner = Banner(self.tr("Working it out..."), "", "info")
        self.train = self.banner.add_action(self.tr("New reward run"), self._train)
        self.copy = self.banner.add_action(self.tr("Copy report"), self.copy_report, as_link=True)
        self.train.hide()
        self.copy.hide()
        self.becoming, self.steps, self.unknown = BecomingCard(), StepsCard(), UnknownCard()
        for part in (self.becoming, self.steps, self.unknown):
            part.hide()
        self.becoming.kind_wanted.connect(lambda kind: self._show_rows({"kinds": [kind]}))
        self.becoming.conflicts_wanted.connect(self._open_conflicts)
        self.steps.step_wanted.connect(self.take)

    def refresh(self) -> None:
        """Work it out again; what changes meanwhile is taken in afterwards."""
        self._reports.want()
        self.judges.refresh()

    # --- showing

    def show_report(self, report: Report) -> None:
        """Show all of it."""
        self.report = report
        self._said = report_cards(report, self.tr)
        title, why = readiness_words(report.readiness, self.tr)
        acts = sum(said.verdict == "warn" for name, said in self._said.items() if name != "curve")
        if acts:
            many = self.tr("{count} things below are worth a look.").format(count=count(acts))
            why = f"{why} {self.tr('1 thing below is worth a look.') if acts == 1 else many}"
        self.banner.set_banner(title, why, TONES[report.readiness.verdict])
        self.train.setVisible(report.readiness.verdict != "missing")
        self.copy.show()
        self.becoming.show_becoming(report.becoming, report.judgements)
        self.becoming.setVisible(bool(report.becoming.counts))
        self.steps.show_steps(report.steps)
        for name, card in self.cards.items():
            card.show_said(self._said[name])
            draw(card.picture, name, report, self.tr)
            card.show_rows(self._rows_words(name))
        self.unknown.show_unknown([said for said in self._said.values() if said.verdict == "none"])
        self._place()

    def _rows_words(self, name: str) -> str:
        if self.report is None or not self._ids(name):
            return ""
        return self.tr("Open these {count}").format(count=count(len(self._ids(name))))

    def _ids(self, name: str) -> list[str]:
        """The judgements that a card points at."""
        if self.report is None:
            return []
        if name == "self":
            changed = [each for each in self.report.together.repeats if not each.kept]
            return list(dict.fromkeys(id_ for each in changed for id_ in (each.first, each.id)))
        return list(self.report.finding(name).ids) if name == "haste" else []

    def _place(self) -> None:
        """Cards with an answer first, beside what to do next; one card for all that cannot be told."""
        shown: list[QWidget] = [self.cards[name] for name, said in self._said.items() if self._shows(name, said)]
        shown.insert(min(2, len(shown)), self.steps)
        if any(said.verdict == "none" for said in self._said.values()):
            shown.append(self.unknown)
        for card in (*self.cards.values(), self.steps, self.unknown):
            self._grid.removeWidget(card)
            card.setVisible(card in shown)
        for place, card in enumerate(shown):
            self._grid.addWidget(card, place // self._columns, place % self._columns)
        for each in range(COLUMNS):
            self._grid.setColumnStretch(each, int(each < self._columns))

    def _shows(self, name: str, said: Said) -> bool:
        # The first and the last place are drawn in one picture, so the last has a card only when it is the news.
        return said.verdict == "warn" or (said.verdict == "good" and name != "last")

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        wanted = COLUMNS if self.width() >= NARROW else COLUMNS - 1
        if wanted != self._columns:
            self._columns = wanted
            if self.report is not None:
                self._place()

    # --- doing

    def take(self, step: Step) -> None:
        """Do what a step says: open the pane where it is done."""
        self.context.show_pane(step.pane, step.payload)

    def open_rows(self, name: str) -> None:
        """List the judgements that a card points at."""
        self._show_rows({"ids": self._ids(name)})

    def copy_report(self) -> None:
        """Put the report into the clipboard as text."""
        if self.report is not None:
            QGuiApplication.clipboard().setText(report_text(self.report, self.tr))
            self.context.message.emit(self.tr("Copied the report."), "", "info")

    def _open_conflicts(self) -> None:
        if self.report is not None:
            found = self.report.becoming.contradictions
            self._show_rows({"ids": list(dict.fromkeys(source for each in found for source in each.sources))})

    def _train(self) -> None:
        self.context.show_pane("train", {"new": "reward"})

    def _show_rows(self, filters: Mapping[str, Any]) -> None:
        self.context.show_pane("data", {"filters": dict(filters)})
