"""Answers that a run showed: which step, what was asked, what it wrote, how it was scored."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QRectF, QTimer, Signal
from PySide6.QtGui import QPainter, QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from ..store import RunSample
from .figures import count, figure
from .rows import Cell, Column, RowsModel
from .tables import CellDelegate, Table
from .theme import theme
from .widgets import Button, Card, Divider, Option, ReadingText, Segmented, column, holding, label, row, visible
from .widgets.painting import box

SHOWN = 60
KEPT = 5000
LINE = 400  # characters: more than any width shows
REPAINT = 150  # milliseconds
BAR = 28.0


@dataclass(frozen=True)
class RewardCell(Cell):
    """A reward: a bar to the right of a middle line when it is above zero, to the left when below, and its figure."""

    share: float = 0.0


class SampleDelegate(CellDelegate):
    """Draws RewardCells; leaves the rest as it is."""

    def _paint_cell(self, painter: QPainter, rect: QRectF, cell: Cell, selected: bool, group: bool) -> None:
        if isinstance(cell, RewardCell):
            middle, origin = rect.center().y(), rect.x() + BAR
            width = max(2.0, min(1.0, abs(cell.share)) * BAR)
            start = origin if cell.share >= 0 else origin - width
            box(painter, QRectF(start, middle - 3.5, width, 7), 2, theme().color("s1" if cell.share >= 0 else "bad"))
            rect = rect.adjusted(2 * BAR, 0, 0, 0)
        super()._paint_cell(painter, rect, cell, selected, group)


class SampleTable(Card):
    """The answers of a run in four orders. `send(RunSample)` is asked for the chosen one."""

    send = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._samples: list[RunSample] = []
        self._limit, self._pairs = float("inf"), False
        self._largest = 1.0
        self.title = label("", "strong")
        self.note = label("", "small", "text3")
        self.orders = Segmented(
            [
                Option("latest", self.tr("Latest")),
                Option("high", self.tr("Highest reward")),
                Option("low", self.tr("Lowest reward")),
                Option("kl", self.tr("Highest KL")),
            ],
            self.tr("Which answers to show"),
            size="sm",
        )
        self.orders.changed.connect(lambda _: self._refill())
        self.send_button = Button(self.tr("Send to feedback"), "message-square-text", size="sm")
        self.send_button.setEnabled(False)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REPAINT)
        self._timer.timeout.connect(self._refill)
        self.send_button.clicked.connect(self._send)
        self.table = self._build_table()
        self.reader = self._build_reader()
        head = row(self.title, self.note, None, self.orders, self.send_button, margins=(14, 8, 12, 8))
        body = row(self.table, self.reader, spacing=0)
        body.setStretch(0, 3)
        body.setStretch(1, 2)
        self.setLayout(column(head, Divider(), body, spacing=0, margins=(1, 0, 1, 1)))

    def _build_table(self) -> Table:
        self.model = RowsModel(
            [
                Column(self.tr("Step"), lambda s: Cell(count(s.step), tone="text2"), 76),
                Column(self.tr("Prompt"), lambda s: Cell(visible(s.prompt[:LINE]), tone="text2"), 250),
                Column(self.tr("Answer"), lambda s: Cell(visible(s.text[:LINE])), stretch=True),
                Column(self.tr("Reward"), self._reward_cell, 132, right=True),
                Column(self.tr("KL"), self._kl_cell, 72, right=True),
                Column("", self._mark_cell, 118),
            ],
            self,
        )
        table = Table(self.tr("Samples from this run"))
        table.setItemDelegate(SampleDelegate(table))
        table.setModel(self.model)
        table.setMinimumHeight(106)
        table.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        table.picked.connect(self._picked)
        table.opened.connect(lambda _: self.read(self.reader.isHidden()))
        return table

    def _build_reader(self) -> QWidget:
        self.asked = ReadingText(self.tr("Prompt"), fit=True, max_height=66)
        self.answered = ReadingText(self.tr("Answer"))
        shut = Button(icon="x", kind="ghost", size="sm", tip=self.tr("Close the answer"))
        shut.clicked.connect(lambda: self.read(False))
        head = row(label(self.tr("Prompt"), "small", "text3"), None, shut)
        words = column(head, self.asked, label(self.tr("Answer"), "small", "text3"), self.answered, spacing=4)
        words.setContentsMargins(14, 6, 12, 10)
        result = holding(row(Divider(vertical=True), holding(words), spacing=0))
        result.hide()
        return result

    # -- what is shown

    def show_samples(self, samples: Sequence[RunSample], *, pairs: bool, kl_limit: float) -> None:
        """Answers, newest first. `pairs`: they are judged pairs that a reward model misses, not new answers."""
        self._samples, self._pairs, self._limit = list(samples), pairs, kl_limit
        self.title.setText(self.tr("Held-out pairs it misses most") if pairs else self.tr("Samples from this run"))
        self.note.setText(self._span())
        self.send_button.setVisible(not pairs)
        self.orders.button("kl").setVisible(not pairs)
        if pairs and self.orders.value() == "kl":
            self.orders.set_value("latest")
        self.table.setColumnHidden(0, pairs)
        self._refill()

    def add(self, sample: RunSample) -> None:
        """One more answer, the newest."""
        self._samples.insert(0, sample)
        del self._samples[KEPT:]
        self.note.setText(self._span())
        if not self._timer.isActive():
            self._timer.start()

    def _span(self) -> str:
        steps = sorted({sample.step for sample in self._samples})
        if self._pairs or len(steps) < 2:
            return ""
        gap = min(b - a for a, b in itertools.pairwise(steps))
        return self.tr("every step") if gap == 1 else self.tr("every {gap} steps").format(gap=count(gap))

    def _refill(self) -> None:
        scored = not self._samples or any(_score(each, "reward") is not None for each in self._samples)
        self.orders.setVisible(scored)  # without a reward model there is nothing to order by
        self.table.setColumnHidden(3, not scored)
        self.table.setColumnHidden(4, self._pairs or not scored)
        ranked = list(self._samples)
        order = self.orders.value()
        if order in ("high", "low"):
            ranked = [each for each in ranked if _score(each, "reward") is not None]
            ranked.sort(key=lambda each: _score(each, "reward") or 0.0, reverse=order == "high")
        elif order == "kl":
            ranked = [each for each in ranked if _score(each, "kl") is not None]
            ranked.sort(key=lambda each: _score(each, "kl") or 0.0, reverse=True)
        ranked = ranked[:SHOWN]
        self._largest = max((abs(_score(each, "reward") or 0.0) for each in ranked), default=1.0) or 1.0
        chosen = self.table.chosen()
        self.table.blockSignals(True)
        self.model.set_rows(ranked)
        self.table.choose(chosen)
        self.table.blockSignals(False)
        self._picked(self.table.chosen())

    def _picked(self, sample: RunSample | None) -> None:
        self.send_button.setEnabled(sample is not None and bool(sample.prompt_id))
        if sample is not None:
            self.asked.set_text(sample.prompt)
            if self.answered.plain() != sample.text:
                self.answered.set_text(sample.text)

    def read(self, opened: bool) -> None:
        """Open or close the whole text of the chosen answer."""
        self.reader.setVisible(opened and self.table.chosen() is not None)
        self._fit_columns()

    def _send(self) -> None:
        if (sample := self.table.chosen()) is not None:
            self.send.emit(sample)

    # -- cells

    def _reward_cell(self, sample: RunSample) -> Cell:
        reward = _score(sample, "reward")
        if reward is None:
            return Cell("\u2013", tone="text3")
        return RewardCell(figure(reward), share=reward / self._largest)

    def _kl_cell(self, sample: RunSample) -> Cell:
        kl = _score(sample, "kl")
        over = kl is not None and kl > self._limit
        return Cell(figure(kl), tone="warn" if over else "text")

    def _mark_cell(self, sample: RunSample) -> Cell:
        if self._pairs:
            chosen = sample.scores.get("chosen")
            return Cell(self.tr("Preferred"), chip=("person", "check")) if chosen else Cell()
        kl = _score(sample, "kl")
        if kl is not None and kl > self._limit:
            return Cell(self.tr("Off course"), chip=("warn", "triangle-alert"))
        return Cell()

    # -- room

    def _fit_columns(self) -> None:
        width = self.table.width()
        self.table.setColumnHidden(1, width < 620)
        self.table.setColumnWidth(1, round(max(150, min(320, width * 0.22))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._fit_columns()


def _score(sample: RunSample, name: str) -> float | None:
    value = sample.scores.get(name)
    return float(value) if isinstance(value, int | float) else None
