"""How an evaluation is made, and the earlier ones of the same two models."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QScrollArea, QWidget

from ..jobs.tasks import evaluate
from ..store import Model, Run
from .form import Form
from .form_controls import ChoiceBox
from .train_runs import when
from .widgets import Divider, column, holding, label


class EvaluateSettings(QWidget):
    """The right panel of Evaluate. `chosen(run id)`: an earlier evaluation is to be shown."""

    chosen = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reward = ChoiceBox()
        self.reward.setAccessibleName(self.tr("Reward model that scores the answers"))
        self.form = Form(evaluate.Options, label_width=108, dense=True)
        self.earlier = ChoiceBox()
        self.earlier.setAccessibleName(self.tr("Earlier evaluations"))
        self.earlier.activated.connect(lambda _: self.chosen.emit(self.earlier.currentData()))
        self.earlier_box = holding(
            column(Divider(), label(self.tr("Evaluations of these two"), "head"), self.earlier, spacing=10)
        )
        inside = column(
            label(self.tr("How it is measured"), "head"), label(self.tr("Scored by"), "small", "text2"), self.reward,
            self.form, self.earlier_box, None, spacing=10, margins=(16, 14, 16, 16),
        )  # fmt: skip
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setWidget(holding(inside))
        self.setLayout(column(area))

    def set_rewards(self, models: Sequence[Model]) -> None:
        """The reward models there are, newest first; "none" last."""
        chosen = self.reward.currentData()
        self.reward.clear()
        for model in models:
            self.reward.addItem(model.name, model.id)
        self.reward.addItem(self.tr("No reward model"), "")
        if chosen:
            self.reward.setCurrentIndex(max(0, self.reward.findData(chosen)))

    def reward_id(self) -> str | None:
        """The reward model that scores, or None."""
        return self.reward.currentData() or None

    def options(self) -> dict[str, Any] | None:
        """The options; None after showing what is wrong with them."""
        options = self.form.options()
        return None if options is None else dataclasses.asdict(options)

    def set_earlier(self, runs: Sequence[Run]) -> None:
        """The finished evaluations of the two models, newest first."""
        done = [run for run in runs if run.status == "finished"]
        self.earlier.clear()
        for run in done:
            words = self.tr("{time}, {count} prompts, seed {seed}")
            self.earlier.addItem(
                words.format(
                    time=when(run.ended_at), count=run.summary.get("prompts", 0), seed=run.options.get("seed", "")
                ),
                run.id,
            )
        self.earlier_box.setVisible(len(done) > 1)

    def show_run(self, run: Run) -> None:
        """Make the evaluation that is shown the chosen one."""
        self.earlier.setCurrentIndex(self.earlier.findData(run.id))
