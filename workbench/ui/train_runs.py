"""The list of runs: Now, Waiting, Done; each with its state, two lines and a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from PySide6.QtCore import QCoreApplication, QLocale, QRectF, Qt
from PySide6.QtGui import QFontMetricsF, QKeyEvent, QPainter
from PySide6.QtWidgets import QAbstractItemView, QWidget

from ..store import Run
from . import icons
from .figures import count, duration
from .rows import GROUP, Cell, Column, Group, Index, RowsModel
from .tables import CellDelegate, Table
from .theme import font, set_region, text_scale, theme
from .widgets.meters import paint_ring
from .widgets.painting import box

LIVE = ("waiting", "running")
STATES = {  # status -> icon, its colour
    "waiting": ("clock", "text2"),
    "running": ("loader-circle", "accentText"),
    "finished": ("circle-check", "good"),
    "stopped": ("circle-stop", "text2"),
    "failed": ("circle-alert", "bad"),
    "interrupted": ("circle-alert", "warn"),
}


def when(moment: str | None, today: datetime | None = None) -> str:
    """A stored moment as a person says it: "09:12" today, "Mon" this week, "12 Nov" before that."""
    if not moment:
        return ""
    then = datetime.fromisoformat(moment).astimezone()
    now = (today or datetime.now()).astimezone()
    locale = QLocale()
    if then.date() == now.date():
        return then.strftime("%H:%M")
    if now - then < timedelta(days=6):
        return locale.dayName(then.isoweekday(), QLocale.FormatType.ShortFormat)
    return f"{then.day} {locale.monthName(then.month, QLocale.FormatType.ShortFormat)}"


def waiting_words(run: Run, place: int) -> str:
    """How a run waits: where in line, or where it was paused."""
    if run.step:
        return QCoreApplication.translate("Run", "paused at step {step}").format(step=count(run.step))
    if place == 1:
        return QCoreApplication.translate("Run", "next in line")
    return QCoreApplication.translate("Run", "{place} in line").format(place=count(place))


@dataclass(frozen=True)
class RunCell(Cell):
    """What the delegate draws: a Cell with a time at its right end and, while it runs, a ring for an icon."""

    time: str = ""
    time_tone: str = "text2"
    fraction: float | None = None


class RunDelegate(CellDelegate):
    """Draws rows without lines, the chosen one as a rounded field."""

    def _paint_ground(self, painter: QPainter, rect: QRectF, index: Index, selected: bool) -> None:
        hovered = index.row() == self._table.hovered and not index.data(GROUP)
        selected = index.row() == self._table.currentIndex().row()
        if selected or hovered:
            box(painter, rect.adjusted(0, 1, 0, -1), 6, theme().color("selected" if selected else "hover"))

    def _paint_cell(self, painter: QPainter, rect: QRectF, cell: Cell, selected: bool, group: bool) -> None:
        if not isinstance(cell, RunCell):
            words = Cell(cell.text, role="small", tone="text2")
            return super()._paint_cell(painter, rect.adjusted(-12, 4, 0, 0), words, selected, False)
        rect = rect.adjusted(-2, 0, 2, 0)
        middle = rect.center().y()
        if cell.fraction is not None:
            paint_ring(painter, QRectF(rect.x(), middle - 8, 16, 16), cell.fraction)
        else:
            icons.paint(painter, cell.icon, cell.icon_tone, round(rect.x()), round(middle - 8))
        face = font("small", tabular=True)
        width = QFontMetricsF(face).horizontalAdvance(cell.time)
        painter.setFont(face)
        tone = "text2" if selected and cell.time_tone == "text3" else cell.time_tone
        painter.setPen(theme().color(tone))
        flags = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        painter.drawText(rect, flags, cell.time)
        words = Cell(cell.text, cell.sub)
        self._paint_text(painter, rect.adjusted(26, 0, -width - 10, 0), words, selected, False)
        return None


class RunList(Table):
    """All runs of methods. `picked` sends the id of a run."""

    def __init__(self, time_left: Callable[[Run], float | None], parent: QWidget | None = None) -> None:
        super().__init__("", two_lines=True, parent=parent)
        self.setAccessibleName(self.tr("Runs"))
        self._time_left = time_left
        self._runs: dict[str, Run] = {}
        self._methods: Mapping[str, str] = {}
        self._line: list[str] = []
        self._rows = RowsModel([Column("", self._cell, stretch=True)], self)
        self.setItemDelegate(RunDelegate(self))
        # The view would fill a selected row from edge to edge; the delegate draws the current one itself.
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setModel(self._rows)
        self.horizontalHeader().hide()
        self.viewport().setAutoFillBackground(False)
        set_region(self, "panel")

    @property
    def row_height(self) -> int:
        return round(54 * max(1.0, text_scale()))

    def set_runs(
        self, runs: Sequence[Run], methods: Mapping[str, str], line: Sequence[str] = (), rests: bool = False
    ) -> None:
        """Show these runs, newest first, and those that wait in the order of `line`.

        `methods` gives the title of each method. rests: nobody works through the queue.
        """
        self._runs = {run.id: run for run in runs}
        self._methods, self._line = methods, [id_ for id_ in line if id_ in self._runs]
        waiting = self.tr("Waiting, queue paused") if rests and self._line else self.tr("Waiting")
        parts = {
            self.tr("Now"): [run.id for run in runs if run.status == "running"],
            waiting: [*self._line, *(run.id for run in runs if run.status == "waiting" and run.id not in self._line)],
            self.tr("Done"): [run.id for run in runs if run.status not in LIVE],
        }
        rows: list[str | Group] = []
        for title, ids in parts.items():
            if ids:
                rows += [Group(title), *ids]
        chosen = self.chosen()
        self.blockSignals(True)
        self._rows.set_rows(rows)
        if chosen is not None:
            self.choose(chosen)
        self.blockSignals(False)

    def update_run(self, run: Run) -> None:
        """Show what changed of one run that is in the list."""
        place = self._rows.place_of(run.id)
        if place >= 0:
            self._runs[run.id] = run
            self._rows.update_row(place, run.id)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Up and Down go from run to run, past the names of the groups."""
        steps = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1}
        if event.key() in steps:
            self.step(steps[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)

    def ids(self) -> list[str]:
        """The runs in the order shown."""
        return list(self._rows.rows())

    def cell_of(self, run_id: str) -> RunCell:
        """What is shown of a run."""
        return self._cell(run_id)

    def _cell(self, run_id: str) -> RunCell:
        run = self._runs[run_id]
        icon, tone = STATES[run.status]
        running = run.status == "running"
        fraction = run.step / run.total if running and run.total else (0.0 if running else None)
        left = self._time_left(run) if running else None
        time = duration(max(1.0, left)) if left is not None else when(run.ended_at or run.started_at or run.created_at)
        if run_id in self._line:
            time = count(1 + self._line.index(run_id))
        bad = run.status == "failed"
        return RunCell(
            text=run.name, sub=self._second_line(run), icon=icon, icon_tone=tone,
            time=time, time_tone="bad" if bad else "text2", fraction=fraction,
        )  # fmt: skip

    def _second_line(self, run: Run) -> str:
        if run.status == "running":
            if not run.total:
                return self.tr("starting")
            return self.tr("step {step} of {total}").format(step=count(run.step), total=count(run.total))
        if run.status == "waiting":
            return waiting_words(run, 1 + self._line.index(run.id)) if run.id in self._line else self.tr("starting")
        if run.status == "failed":
            return run.error or self.tr("failed")
        if run.status == "interrupted":
            return self.tr("cut off at step {step}").format(step=count(run.step))
        if run.status == "stopped" and run.summary.get("discarded"):
            return self.tr("discarded at step {step}").format(step=count(run.step))
        if run.status == "stopped":
            return self.tr("stopped at step {step}").format(step=count(run.step))
        return self._result(run)

    def _result(self, run: Run) -> str:
        accuracy = run.summary.get("accuracy")
        if isinstance(accuracy, float | int):
            return self.tr("{share} accuracy").format(share=f"{100 * accuracy:.1f}%")
        score = run.summary.get("objective/scores")
        kl = run.summary.get("objective/kl")
        if isinstance(score, float | int) and isinstance(kl, float | int):
            return self.tr("reward {reward} · KL {kl}").format(
                reward=f"{score:.2f}".replace("-", "\u2212"), kl=f"{kl:.1f}"
            )
        return self._methods.get(run.method, run.method)
