"""The cards of an evaluation: wins by blind votes, rewards, reward against KL, the table of metrics."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QStackedWidget, QWidget

from ..evaluation.winning import WinRate
from ..store import Run
from .evaluate_figures import Change, Figures
from .figures import MINUS, count, figure, percent
from .figures import change as signed
from .rows import Cell, Column, RowsModel
from .tables import Table
from .train_runs import when
from .widgets import Button, Card, Divider, ElidedLabel, EmptyState, column, holding, label, row


def title_row(title: str, note: Any) -> Any:
    """A card's title with its note behind it."""
    return row(label(title, "strong"), note, None, spacing=10)


class WinsCard(Card):
    """How often people preferred the tuned answer without knowing which it was."""

    vote_wanted = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.note = ElidedLabel("", "small", "text2")
        self.note.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.more = Button(self.tr("Vote on more"), size="sm")
        self.more.clicked.connect(self.vote_wanted)
        self.bars: Any = None
        self.verdict = label("", "small", "text2", wrap=True)
        self.empty = EmptyState("", self.tr("Vote blind"), self.vote_wanted.emit)
        self._voted = column(self.verdict, spacing=6)
        voted = holding(self._voted)
        self.stack = QStackedWidget()
        self.stack.addWidget(self.empty)
        self.stack.addWidget(voted)
        self.stack.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Ignored)
        head = row(label(self.tr("Wins against base"), "strong"), self.note, self.more, spacing=10)
        self.setLayout(column(head, self.stack, spacing=8, margins=(14, 8, 12, 10)))
        self.setMinimumSize(300, 230)

    def show_figures(self, found: Figures, base: str, tuned: str, annotator: str) -> None:
        """Show the votes, or what to do to get some."""
        voted = found.by_votes
        self.more.setVisible(voted)
        self.stack.setCurrentIndex(1 if voted else 0)
        if not voted:
            self.note.setText("")
            words = self.tr("No votes yet. See both answers without names, and say which is better.")
            self.empty.set_sentence(words if found.beside else self.tr("There are no answers to vote on."))
            self.empty.action.setEnabled(bool(found.beside))
            return
        if self.bars is None:  # built late: charts bring pyqtgraph, which takes a quarter of a second
            from .charts import WinBars

            self.bars = WinBars(self.tr("Wins against base"), tuned, base)
            self._voted.insertWidget(0, self.bars, 1)
        self.note.setText(self._voters(found.voters, annotator))
        self.bars.set_names(tuned, base)
        rows = [self._wins(self.tr("All {count}").format(count=count(found.votes.votes)), found.votes)]
        rows += [self._wins(tag, rate) for tag, rate in found.votes_by_tag.items()]
        self.bars.set_rows(rows)
        self.verdict.setText(self._verdict(found.votes))

    def _wins(self, name: str, rate: WinRate) -> Any:
        from .charts import Wins

        class Half(Wins):
            """A tie is half a win, as in the interval."""

            @property
            def share(self) -> float:
                return (self.won + self.tied / 2) / self.total

        return Half(name, rate.won, rate.tied, rate.lost, rate.low, rate.high)

    def _voters(self, voters: Mapping[str, int], annotator: str) -> str:
        others = len([who for who in voters if who != annotator])
        if annotator in voters and others:
            return self.tr("blind, by you and {count} more").format(count=others)
        if annotator in voters:
            return self.tr("blind, by you")
        return self.tr("blind, by {count} people").format(count=others) if others > 1 else self.tr("blind")

    def _verdict(self, votes: WinRate) -> str:
        interval = {"share": percent(votes.share), "low": percent(votes.low), "high": percent(votes.high)}
        if votes.decided:
            words = self.tr("{share}, and the interval {low} to {high} is clear of 50%: enough judged, stop or go on.")
        else:
            words = self.tr("{share}, but the interval {low} to {high} holds 50%: vote on more to decide.")
        said = words.format(**interval)
        if votes.both_bad:
            said += " " + self.tr("Both bad: {count}, counted as ties.").format(count=count(votes.both_bad))
        return said


@dataclass(frozen=True)
class Point:
    """A finished evaluation as a point: how far its model is from the base, and what that brought."""

    run_id: str
    name: str
    kl: float
    reward: float
    won: float | None


def drift_lines(points: Sequence[Point], current: str, base_reward: float, people: str) -> list[Any]:
    """Lines from the base at KL 0 to each evaluated model, the current one blue, and the votes in amber.

    The votes have a scale of their own: 50 % lies at the base's reward, and 0 and 100 % as far from it as the
    largest change of reward.
    """
    from .charts import Line

    tokens = iter(("s3", "s4", "s5", "ref", "ref", "ref"))
    lines = []
    for point in sorted(points, key=lambda each: each.run_id != current):
        token = "s1" if point.run_id == current else next(tokens, None)
        if token is not None:
            lines.append(Line(point.name, [0.0, point.kl], [base_reward, point.reward], token, "o"))
    voted = sorted((point for point in points if point.won is not None), key=lambda each: each.kl)
    reach = max((abs(point.reward - base_reward) for point in points), default=0.0)
    if voted and reach:
        heights = [base_reward + ((point.won or 0.0) - 0.5) * 2 * reach for point in voted]
        name = people.format(share=percent(voted[-1].won or 0.0))
        lines.append(Line(name, [0.0, *(p.kl for p in voted)], [base_reward, *heights], "s2", ""))
    return lines


class MetricsCard(Card):
    """The metrics of both models, and the decision that follows."""

    decided = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.note = label("", "small", "text2")
        self._names: dict[str, str] = {}
        self.model = RowsModel(
            [
                Column(self.tr("Metric"), lambda c: Cell(self._names[c.key]), stretch=True),
                Column(self.tr("Base"), lambda c: Cell(self._shown(c.key, c.base), tone="text2"), 80, right=True),
                Column(self.tr("Tuned"), lambda c: Cell(self._shown(c.key, c.tuned), role="strong"), 72, right=True),
                Column(self.tr("Change"), self._change_cell, 78, right=True),
                Column(self.tr("95% interval"), self._interval_cell, 122, right=True),
                Column("", self._verdict_cell, 98),
            ],
            self,
        )
        self.table = Table(self.tr("Metrics"))
        self.table.setModel(self.model)
        self.table.setMinimumHeight(150)
        self.setMinimumWidth(470)
        self.decision = label("", "small", "text2", wrap=True)
        self.decision.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.discard = Button(self.tr("Discard"), "trash-2")
        self.keep = Button(self.tr("Keep"), "check", kind="primary")
        self.discard.clicked.connect(lambda: self.decided.emit(False))
        self.keep.clicked.connect(lambda: self.decided.emit(True))
        foot = row(label(self.tr("Your decision"), "strong"), self.decision, self.discard, self.keep)
        foot.setContentsMargins(14, 8, 12, 10)
        head = title_row(self.tr("Metrics"), self.note)
        head.setContentsMargins(14, 8, 12, 6)
        self.setLayout(column(head, self.table, Divider(), foot, spacing=0, margins=(1, 0, 1, 0)))

    def show_figures(self, found: Figures, tuned: str) -> None:
        """Show the metrics of an evaluation and what was decided."""
        self._names = self._words()
        summary = found.run.summary
        words = self.tr("{prompts} held-out prompts, {answers} answers of each, 95% bootstrap")
        self.note.setText(
            words.format(prompts=count(summary.get("prompts", 0)), answers=count(summary.get("samples", 0)))
            if found.changes
            else ""
        )
        self.model.set_rows(list(found.changes.values()))
        self.keep.set_text(self.tr("Keep {model}").format(model=tuned))
        self._show_decision(found.run)

    def _show_decision(self, run: Run) -> None:
        made = run.summary.get("decision")
        for button in (self.keep, self.discard):
            button.setEnabled(run.status == "finished")
        if not isinstance(made, Mapping):
            self.decision.setText(self.tr("goes with the run"))
            self.keep.set_kind("primary")
            return
        self.keep.set_kind("default")
        words = self.tr("Kept, {time}") if made.get("kept") else self.tr("Discarded, {time}")
        self.decision.setText(words.format(time=when(str(made.get("at") or datetime.now().isoformat()))))

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self.table.setColumnHidden(4, self.width() < 540)

    def _words(self) -> dict[str, str]:
        return {
            "reward": self.tr("Reward"),
            "kl": self.tr("KL to base"),
            "words": self.tr("Words an answer"),
            "tokens": self.tr("Tokens an answer"),
            "finished": self.tr("Finished answers"),
        }

    def _shown(self, key: str, value: float) -> str:
        return percent(value) if key == "finished" else figure(value)

    def _change_cell(self, row_: Change) -> Cell:
        tone = {"better": "good", "worse": "bad"}.get(row_.verdict, "text2")
        if row_.key == "finished":
            points = f"{round(100 * row_.change):+d}".replace("-", MINUS)
            return Cell(self.tr("{points} pts").format(points=points), tone=tone, role="strong")
        return Cell(signed(row_.change), tone=tone, role="strong")

    def _interval_cell(self, row_: Change) -> Cell:
        scale = 100 if row_.key == "finished" else 1
        words = self.tr("{low} to {high}")
        return Cell(
            words.format(low=figure(scale * row_.low), high=figure(scale * row_.high)), tone="text3", role="small"
        )

    def _verdict_cell(self, row_: Change) -> Cell:
        if row_.verdict == "better":
            return Cell(self.tr("better"), tone="good", role="small")
        if row_.verdict == "worse":
            return Cell(self.tr("worse"), tone="bad", role="small")
        if row_.verdict == "noise":
            return Cell(self.tr("within noise"), tone="text3", role="small")
        if row_.key == "words" and row_.base > 0:
            share = abs(row_.change) / row_.base
            words = self.tr("{share} longer") if row_.change > 0 else self.tr("{share} shorter")
            return Cell(words.format(share=percent(share)), tone="text2", role="small")
        return Cell(self.tr("moved"), tone="text2", role="small")
