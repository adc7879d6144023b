"""What a finished reward model is worth: its reliability curve, and the figures beside it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from PySide6.QtWidgets import QWidget

from .figures import count, figure, percent
from .widgets import Card, FactRows, column, label, row

HEIGHT = 230


class RewardWorth(QWidget):
    """Shown for a reward run that has ended with figures; hidden for every other."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.chart: Any = None  # a ReliabilityPanel: made when there is something to draw, as pyqtgraph loads slowly
        self.facts = FactRows(key_width=150)
        card = Card()
        title = label(self.tr("On held-out pairs"), "strong")
        card.setLayout(column(title, self.facts, None, spacing=10, margins=(14, 10, 14, 12)))
        self._row = row(card, spacing=10)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setStretch(0, 2)
        self.setLayout(self._row)
        self.setFixedHeight(HEIGHT)
        self.hide()

    def show_summary(self, summary: Mapping[str, Any]) -> bool:
        """Show the figures of an ended run; False when it has none of this kind."""
        curve = summary.get("reliability") or ()
        self.setVisible(bool(curve))
        if curve:
            from ..evaluation.calibration import Bin

            self._panel().set_curve([Bin(**each) for each in curve])
            self._show_facts(summary)
        return bool(curve)

    def _panel(self) -> Any:
        if self.chart is None:
            from .charts import ReliabilityPanel

            self.chart = ReliabilityPanel(self.tr("Right, by how sure it is"), self.tr("with 95% intervals"))
            self._row.insertWidget(0, self.chart, 3)
        return self.chart

    def _show_facts(self, summary: Mapping[str, Any]) -> None:
        low, high = summary.get("accuracy_ci") or (math.nan, math.nan)
        words = self.tr("{accuracy} ({low} to {high})")
        shown = words.format(accuracy=percent(summary["accuracy"]), low=percent(low), high=percent(high))
        facts = [
            (self.tr("Right"), shown),
            (self.tr("Pairs"), count(summary["held_out_pairs"])),
            (self.tr("Calibration error"), figure(summary.get("ece"))),
        ]
        sure, unsure = summary.get("accuracy_certain"), summary.get("accuracy_uncertain")
        if sure is not None and unsure is not None:
            facts.append((self.tr("Right where heads agree"), percent(sure)))
            facts.append((self.tr("Right where they do not"), percent(unsure)))
            facts.append((self.tr("Spread of the heads"), figure(summary.get("spread"))))
        self.facts.set_facts(facts)
