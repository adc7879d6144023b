"""What metrics and figures of runs are called, from what their methods declare."""

from __future__ import annotations

from PySide6.QtCore import QT_TRANSLATE_NOOP, QCoreApplication

from ..methods import METHODS

SECONDS = {
    "objective/rlhf_reward": QT_TRANSLATE_NOOP("Metric", "less KL"),
    "loss/held_out": QT_TRANSLATE_NOOP("Metric", "held-out"),
    "accuracy/train": QT_TRANSLATE_NOOP("Metric", "training"),
    "accuracy/longer_wins": QT_TRANSLATE_NOOP("Metric", "longer wins"),
    "margin/held_out": QT_TRANSLATE_NOOP("Metric", "held-out"),
    "tokens_right/train": QT_TRANSLATE_NOOP("Metric", "training"),
    "rejected/held_out": QT_TRANSLATE_NOOP("Metric", "rejected"),
    "kl/held_out": QT_TRANSLATE_NOOP("Metric", "held-out"),
}
"""What the second line of a panel is called."""

FIGURES = {
    "estimate_bytes": QT_TRANSLATE_NOOP("Metric", "Memory, estimated"),
    "peak_bytes": QT_TRANSLATE_NOOP("Metric", "Memory, at most"),
    "accuracy": QT_TRANSLATE_NOOP("Metric", "Accuracy, held-out"),
    "loss": QT_TRANSLATE_NOOP("Metric", "Loss, held-out"),
    "held_out_loss": QT_TRANSLATE_NOOP("Metric", "Loss, held-out"),
    "perplexity": QT_TRANSLATE_NOOP("Metric", "Perplexity, held-out"),
    "margin": QT_TRANSLATE_NOOP("Metric", "Margin, held-out"),
    "longer_wins": QT_TRANSLATE_NOOP("Metric", "Accuracy of the longer answer"),
    "kl_coef": QT_TRANSLATE_NOOP("Metric", "KL coefficient"),
}
"""Figures of a summary that no panel draws."""


def second_words(metric: str) -> str:
    """What a line is called that is not the first of its panel."""
    known = SECONDS.get(metric)
    return QCoreApplication.translate("Metric", str(known)) if known else _plain(metric)


def metric_words(metric: str) -> str:
    """What a metric is called where it stands alone."""
    for method in METHODS.values():
        for panel in method.PANELS:
            if metric in panel.metrics:
                title = QCoreApplication.translate("Panel", panel.title)
                return title if metric == panel.metrics[0] else f"{title}, {second_words(metric)}"
    if metric in FIGURES:
        return QCoreApplication.translate("Metric", str(FIGURES[metric]))
    words = _plain(metric)
    return words[:1].upper() + words[1:]


def _plain(metric: str) -> str:
    return metric.rsplit("/", 1)[-1].replace("_", " ")
