"""Judges in the quality report: each with how far it agrees with people, one to run, and what runs to stop."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QApplication, QWidget

from ..errors import WorkbenchError
from ..events import Event, Finished, Progress, Stopped
from ..jobs import judge_report, judging, running
from ..jobs.judge_report import JudgeReport, Judging
from ..jobs.judging import Order
from ..jobs.process import Child
from ..store import Store
from . import icons
from .context import Context
from .data_judging_dialog import JudgeDialog
from .data_report import ICONS, MARGINS
from .figures import count, duration
from .judge_words import judging_words, short_name
from .train_pace import Pace
from .widgets import Bar, Button, Card, Chip, Divider, FactRows, LinkButton, column, holding, label, row
from .work import Refreshing, Work

if TYPE_CHECKING:
    from .data_pane import DataPane


class JudgeRun(QObject):
    """Runs one judge at a time beside the window, in a child that can be stopped."""

    progressed = Signal(str, float)
    ended = Signal(str)
    """What to say of its end."""
    failed = Signal(object)

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._child: Child | None = None
        self._work = Work(context.store.folder, self)
        self._work.progressed.connect(self.progressed)
        self._work.finished.connect(lambda found: self.ended.emit(self._words(found)))
        self._work.failed.connect(self.failed)
        app = QApplication.instance()
        if app is not None:
            app.aboutToQuit.connect(self.stop)

    @property
    def busy(self) -> bool:
        """Whether a judge is at work."""
        return self._work.busy

    def start(self, order: Order) -> None:
        """Have a judge begin. Raises WorkbenchError while another one is at work."""
        self._work.start(lambda store: self._steps(store, order))

    def stop(self) -> None:
        """Have it stop; what it said is kept."""
        if self._child is not None and self._work.busy:
            self._child.stop()

    def _steps(self, store: Store, order: Order) -> Iterator[Event]:
        yield Progress(0, 0, self.tr("Asking the judge"))
        run, spec = judging.prepare(store, order)
        pace = Pace()
        for event in running.events_of(store, run, spec, self._take):
            if isinstance(event, Stopped):
                event = Finished(dict(event.summary) | {"stopped": True})
            if isinstance(event, Progress) and event.total:
                event = replace(event, text=self._progress_words(pace, event.done, event.total))
            yield event

    def _take(self, child: Child) -> None:
        self._child = child

    def _progress_words(self, pace: Pace, done: int, total: int) -> str:
        pace.hear(done, time.monotonic())
        left = pace.left(total)
        words = self.tr("{done} of {total} judged").format(done=count(done), total=count(total))
        return words if left is None else words + self.tr(", {time} left").format(time=duration(left))

    def _words(self, found: dict[str, Any]) -> str:
        judged = count(int(found.get("judged", 0)))
        if found.get("stopped"):
            return self.tr("The judge was stopped. Its {count} verdicts are kept.").format(count=judged)
        silent = int(found.get("no_verdict", 0))
        words = self.tr("The judge gave {count} verdicts.").format(count=judged)
        return words + (self.tr(" It gave none for {count}.").format(count=count(silent)) if silent else "")


class JudgeLine(QWidget):
    """One judge at one kind of judgement: its verdict in words, and every figure."""

    rows_wanted = Signal(str)

    def __init__(self, found: Judging, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        said = judging_words(found, self.tr)
        self.setAccessibleName(f"{short_name(found.judge.name)}: {said.title} {said.number}. {said.text}")
        mark = label()
        mark.setPixmap(icons.pixmap(*ICONS[said.verdict], 16))
        what = self.tr("Ratings") if found.kind == "rating" else self.tr("Comparisons")
        self.title = label(said.title, "strong", wrap=True)
        head = row(mark, self.title, label(said.number, "strong", tabular=True), spacing=8)
        head.setStretch(1, 1)
        name = label(short_name(found.judge.name), "body", wrap=True)
        name.setToolTip(found.rubric.text)
        named = row(name, Chip(what, "scale", "neutral"), spacing=8)
        named.setStretch(0, 1)
        self.rows = LinkButton(self.tr("Show what it said"))
        self.rows.setAccessibleName(self.tr("Show what {name} said").format(name=short_name(found.judge.name)))
        self.rows.clicked.connect(lambda: self.rows_wanted.emit(found.judge.name))
        self.facts = FactRows(key_width=130)
        self.facts.set_facts(list(said.facts))
        words = column(
            named, head, label(said.text, "small", "text2", wrap=True), holding(row(self.rows, None)), None, spacing=6
        )
        both = row(holding(words), self.facts, spacing=24)
        both.setStretch(0, 1)
        both.setStretch(1, 1)
        self.setLayout(both)


class JudgesCard(Card):
    """Every judge; runs one, and stops it."""

    rows_wanted = Signal(str)
    """The name of the judge whose rows are wanted."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.context = context
        self.report: JudgeReport | None = None
        self.dialog: JudgeDialog | None = None
        self.lines: list[JudgeLine] = []
        self.work = JudgeRun(context, self)
        self._reports = Refreshing(context.store.folder, lambda: judge_report.reporting, 0, self)
        self._reports.found.connect(lambda found: self.show_report(found["judges"]))
        self._reports.failed.connect(context.tell)
        self.work.progressed.connect(self._show_progress)
        self.work.ended.connect(self._on_end)
        self.work.failed.connect(self._on_failed)
        self._build()

    def _build(self) -> None:
        self.summary = label("", "body", "text2", wrap=True)
        self.run = Button(self.tr("Run a judge"), "scale", size="sm", key="Shift N")
        self.run.clicked.connect(self.choose)
        self.stopper = Button(self.tr("Stop"), "circle-stop", size="sm")
        self.stopper.setAccessibleName(self.tr("Stop the judge"))
        self.stopper.clicked.connect(self.stop)
        self.progress = label("", "small", "text2", tabular=True)
        self.bar = Bar(self.tr("Judged"))
        self._going = holding(column(self.progress, self.bar, spacing=6))
        head = row(label(self.tr("Judges"), "head"), self.summary, self.stopper, self.run, spacing=14)
        head.setStretch(1, 1)
        self._list = column(spacing=14)
        self.setLayout(column(head, self._going, self._list, spacing=12, margins=MARGINS))
        self._show_going(False)

    def refresh(self) -> None:
        """Work it out again."""
        self._reports.want()

    def show_report(self, report: JudgeReport) -> None:
        """Show every judge."""
        self.report = report
        self.summary.setText(
            self.tr("Kept apart from what people say, and counted for nothing until you ask for it.")
            if report.judges
            else self.tr("A model or a rule can judge answers too, and you see how far it agrees with you.")
        )
        while (item := self._list.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.hide()
                widget.deleteLater()
        self.lines = [JudgeLine(each) for each in report.judges]
        for line in self.lines:
            line.rows_wanted.connect(self.rows_wanted)
            self._list.addWidget(Divider())
            self._list.addWidget(line)

    # --- doing

    def choose(self) -> None:
        """Ask who is to judge what."""
        if self.work.busy:
            text = self.tr("A judge is at work already.")
            self.context.tell(WorkbenchError(text, self.tr("Wait until it is done, or stop it.")))
            return
        self.dialog = JudgeDialog(self.context, self)
        self.dialog.chosen.connect(self.start)
        self.dialog.finished.connect(lambda _: setattr(self, "dialog", None))
        self.dialog.open()

    def start(self, order: Order) -> None:
        """Have a judge begin."""
        try:
            self.work.start(order)
        except WorkbenchError as error:
            self.context.tell(error)
            return
        self._show_progress(self.tr("Asking the judge"), -1.0)
        self._show_going(True)

    def stop(self) -> None:
        """Stop the judge that is at work."""
        self.work.stop()

    def _show_progress(self, text: str, share: float) -> None:
        self.progress.setText(text)
        if share < 0:
            self.bar.setRange(0, 0)
        else:
            self.bar.setRange(0, 1000)
            self.bar.setValue(round(1000 * share))

    def _show_going(self, going: bool) -> None:
        self._going.setVisible(going)
        self.stopper.setVisible(going)
        self.run.setEnabled(not going)

    def _on_end(self, words: str) -> None:
        self._show_going(False)
        self.context.message.emit(words, "", "info")
        self.context.store_changed.emit("judges", None)
        self.refresh()

    def _on_failed(self, error: WorkbenchError) -> None:
        self._show_going(False)
        self.context.tell(error)
        self.refresh()


def offer_judges(pane: DataPane) -> None:
    """Give the Data pane what it does with judges: their rows apart from people's, and one to run."""
    card = pane.quality.judges

    def rows(on: bool, who: str = "") -> None:
        wanted = {"judges": on or None, "annotators": (who,) if who else None}
        pane.show_rows(replace(pane.facets.filter(), ids=None, **wanted))

    def run() -> None:
        pane.show_view("quality")
        card.choose()

    pane.action(pane.tr("Show what judges said"), "Shift J", lambda: rows(not pane.facets.held.judges))
    pane.action(pane.tr("Run a judge"), "Shift N", run, icon="scale")
    pane.action(pane.tr("Stop the judge"), "", card.stop)
    pane.list.judges_wanted.connect(rows)
    card.rows_wanted.connect(lambda who: rows(True, who))
