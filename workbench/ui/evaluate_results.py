"""What an evaluation found, as cards: wins, rewards, drift, a caution, metrics, answers side by side."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QBoxLayout, QScrollArea, QSizePolicy, QWidget

from ..store import Run
from .context import Context
from .evaluate_beside import BesideCard
from .evaluate_cards import MetricsCard, Point, WinsCard, drift_lines
from .evaluate_figures import Figures, cautions, evaluations, figures, models_of
from .train_health import kl_limit
from .widgets import Banner, column, holding, row


class EvaluateResults(QScrollArea):
    """Everything that is shown of one finished evaluation."""

    def __init__(self, context: Context, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self.wins, self.metrics, self.beside = WinsCard(), MetricsCard(), BesideCard()
        self._charts: tuple[Any, Any] | None = None
        self._narrow: bool | None = None
        self._top = row(self.wins, spacing=12)
        self.caution = Banner()
        self.caution.hide()
        self.metrics.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.metrics.setMinimumHeight(280)
        self.beside.setMinimumHeight(280)
        self._low = row(spacing=12)
        top = holding(self._top)
        top.setMinimumHeight(236)
        top.setMaximumHeight(346)  # a plot would take all that there is
        whole = column(top, self.caution, self._low, spacing=12)
        whole.setStretch(0, 5)
        whole.setStretch(2, 6)
        self._lay_out()
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setWidget(holding(whole))

    def _lay_out(self) -> None:
        """The table stands beside the answers, or under them where there is little room."""
        # Widths of words differ by language and text size, so the cards are asked.
        needed = self.metrics.minimumWidth() + self.beside.minimumSizeHint().width() + self._low.spacing()
        narrow = self.width() < needed
        if narrow == self._narrow:
            return
        self._narrow = narrow
        ways = QBoxLayout.Direction.TopToBottom, QBoxLayout.Direction.LeftToRight
        self._low.setDirection(ways[0] if narrow else ways[1])
        for part in (self.metrics, self.beside):
            self._low.removeWidget(part)
        for part, stretch in (
            ((self.beside, 15), (self.metrics, 11)) if narrow else ((self.metrics, 11), (self.beside, 15))
        ):
            self._low.addWidget(part, stretch)

    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._lay_out()

    def show_figures(self, found: Figures, base: str, tuned: str) -> None:
        """Show an evaluation; `base` and `tuned` are the names of its models."""
        self.wins.show_figures(found, base, tuned, self._context.annotator)
        self._show_charts(found, base, tuned)
        self._show_cautions(found)
        self.metrics.show_figures(found, tuned)
        self.beside.show_figures(found, base, tuned)

    def _show_charts(self, found: Figures, base: str, tuned: str) -> None:
        from .charts import DensityPanel, Sampled, ScatterLinePanel

        if self._charts is None:
            rewards = DensityPanel(self.tr("Reward of every answer"))
            drift = ScatterLinePanel(self.tr("Reward against KL"), self.tr("amber: people, 50% at the base"))
            for panel in (rewards, drift):
                panel.setMinimumSize(280, 230)
                self._top.addWidget(panel)
            for place, stretch in enumerate((6, 5, 5)):
                self._top.setStretch(place, stretch)
            self._charts = (rewards, drift)
        rewards, drift = self._charts
        run = found.run
        scorer = self._context.store.models.find(run.reward_id).name if run.reward_id else ""
        words = self.tr("scored by {model}").format(model=scorer) if scorer else self.tr("no reward model was chosen")
        rewards.note.setText(words)
        rewards.set_samples(
            [Sampled(base, found.rewards("base"), "ref"), Sampled(tuned, found.rewards("tuned"))]
            if found.rewards("tuned")
            else []
        )
        change = found.changes.get("reward")
        people = self.tr("people {share}")
        points = self._points(run)
        drift.note.setVisible(any(point.won is not None for point in points))
        drift.set_lines(drift_lines(points, run.id, change.base, people) if change else [])

    def _points(self, run: Run) -> list[Point]:
        """This evaluation, and the newest of each other model with the same base and the same reward model."""
        store, pair = self._context.store, models_of(run)
        points: dict[str, Point] = {}
        for each in [run, *evaluations(store)]:
            other = models_of(each)
            alike = other is not None and pair is not None and other[0] == pair[0] and each.reward_id == run.reward_id
            if not alike or other is None or other[1] in points or each.status != "finished":
                continue
            read = figures(store, each)
            reward, kl = read.changes.get("reward"), read.changes.get("kl")
            if reward is not None and kl is not None:
                won = read.votes.share if read.by_votes else None
                points[other[1]] = Point(each.id, store.models.find(other[1]).name, kl.tuned, reward.tuned, won)
        return list(points.values())

    def _show_cautions(self, found: Figures) -> None:
        words = {
            "people_disagree": (
                self.tr("The reward model likes it better, people do not."),
                self.tr("It won {share} of the votes. The run may have learned to please the reward model alone."),
            ),
            "kl": (
                self.tr("It is far from its base."),
                self.tr("KL is {kl} nats an answer: read some answers before you keep it."),
            ),
            "longer": (self.tr("Answers grew by {share}."), self.tr("Part of the gain may be length.")),
            "cut_off": (
                self.tr("More answers are cut off."),
                self.tr("{share} of its answers did not end within the longest answer allowed."),
            ),
        }
        said = cautions(found, kl_limit("ppo"))
        self.caution.setVisible(bool(said))
        if said:
            strong, text = words[said[0].key]
            more = " ".join(words[each.key][0].format(**each.figures) for each in said[1:])
            self.caution.set_banner(
                strong.format(**said[0].figures), f"{text.format(**said[0].figures)} {more}".strip(), "warn"
            )
