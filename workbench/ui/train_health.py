"""How a run is doing, in plain sentences that follow from its own curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtCore import QCoreApplication
from PySide6.QtWidgets import QWidget

from ..methods import METHODS, guards
from ..methods.guards import FEWEST, Curves, trend
from .figures import figure, percent
from .widgets import Banner

SHARES = ("share", "longer")
"""Figures of a guard that are shares, beside those of SHARE_GUARDS."""
SHARE_GUARDS = {"human": ("first", "now"), "accuracy_below": ("now",)}


@dataclass(frozen=True)
class Finding:
    """One thing to say. tone: "good", "info" (neither), "warn" or "bad"."""

    key: str
    tone: str
    figures: Mapping[str, str] = field(default_factory=dict)
    topic: str = ""
    """Of the guard that saw it: the run itself may have warned of the same."""


def kl_limit(method: str) -> float:
    """Above this KL an answer, or a batch, is off course: the line of the method's own panel."""
    panels = METHODS[method].PANELS if method in METHODS else ()
    limits = [panel.warn_above for panel in panels if panel.metrics[0] == "objective/kl" and panel.warn_above]
    return limits[0] if limits else guards.KL_LIMIT


def findings(method: str, options: Mapping[str, Any], curves: Curves, smoothing: float = 0.5) -> list[Finding]:
    """What the curves of a run say, most important first. What is wrong is what the run's own guards see.

    `smoothing` as in the charts, so that figures of the present agree.
    """
    wrong = guards.alarms(curves, options)
    found: list[Finding | None] = [_alarm(each, curves, smoothing) for each in wrong]
    said = {each.guard.metric for each in wrong}
    if "objective/scores" in curves:
        now = {name: _now(guards.values_of(curves, name), smoothing) for name in curves}
        found.append(_reward(curves, now))
        found += [] if "objective/kl" in said else [_kl(method, options, now)]
        found += [] if "objective/entropy" in said else [_entropy(curves)]
    elif "accuracy/held_out" in curves:
        found += [] if "accuracy/held_out" in said else [_accuracy(curves)]
        found += [] if "loss/held_out" in said else [_loss(curves)]
    elif "loss/held_out" in curves:
        found += [] if "perplexity/held_out" not in curves else [_perplexity(curves)]
        found += [] if "margin/held_out" not in curves else [_margin(curves)]
        found += [] if "loss/held_out" in said else [_loss(curves)]
    order = {"bad": 0, "warn": 1, "good": 2, "info": 2}
    return sorted((each for each in found if each is not None), key=lambda each: order[each.tone])


def _alarm(alarm: guards.Alarm, curves: Curves, smoothing: float) -> Finding:
    key = alarm.guard.key
    shares = (*SHARES, *SHARE_GUARDS.get(key, ()))
    numbers = dict(alarm.figures)
    if key in ("kl", "kl_over_target", "entropy"):
        numbers["now"] = _now(guards.values_of(curves, alarm.guard.metric), smoothing)
    shown = {name: percent(value) if name in shares else figure(value) for name, value in numbers.items()}
    shown |= {name: f"{numbers[name]:g}" for name in ("limit", "target") if name in numbers}
    return Finding(key, "bad" if alarm.guard.bad else "warn", shown, alarm.guard.topic)


def _now(values: Sequence[float], smoothing: float) -> float:
    """The running mean at the end of a curve, as its panel shows it; nan for an empty one."""
    mean = weight = 0.0
    for value in values:
        mean = smoothing * mean + (1 - smoothing) * value
        weight = smoothing * weight + (1 - smoothing)
    return mean / weight if weight else math.nan


def _reward(curves: Curves, now: Mapping[str, float]) -> Finding | None:
    values = guards.values_of(curves, "objective/scores")
    if len(values) < FEWEST:
        return Finding("early", "info")
    way = trend(values)
    return Finding(
        {1: "reward_rising", 0: "reward_flat", -1: "reward_falling"}[way],
        {1: "good", 0: "info", -1: "warn"}[way],
        {"first": figure(values[0]), "now": figure(now["objective/scores"])},
    )


def _kl(method: str, options: Mapping[str, Any], latest: Mapping[str, float]) -> Finding | None:
    now, target = latest.get("objective/kl", math.nan), options.get("target_kl")
    if math.isnan(now):
        return None
    if options.get("kl_control") == "adaptive" and target:
        return Finding("kl_near_target", "good", {"now": figure(now), "target": f"{target:g}"})
    return Finding("kl_fine", "good", {"now": figure(now), "limit": f"{kl_limit(method):g}"})


def _entropy(curves: Curves) -> Finding | None:
    values = guards.values_of(curves, "objective/entropy")
    if len(values) < FEWEST:
        return None
    return Finding("entropy_falling" if trend(values) < 0 else "entropy_steady", "good")


def _accuracy(curves: Curves) -> Finding | None:
    """Not below the line: a guard would have said so."""
    values = guards.values_of(curves, "accuracy/held_out")
    lines = guards.values_of(curves, "accuracy/longer_wins")
    if not values:
        return None
    if len(values) < 2:
        return Finding("early", "info")
    figures = {"now": percent(values[-1]), "longer": percent(lines[-1]) if lines else ""}
    return Finding("accuracy_above", "good", figures) if lines else Finding("accuracy", "info", figures)


def _perplexity(curves: Curves) -> Finding | None:
    values = guards.values_of(curves, "perplexity/held_out")
    if len(values) < 2:
        return Finding("early", "info")
    figures = {"first": figure(values[0]), "best": figure(min(values))}
    return Finding("perplexity_fell", "good", figures) if min(values) < values[0] else Finding("perplexity", "info")


def _margin(curves: Curves) -> Finding | None:
    values = guards.values_of(curves, "margin/held_out")
    if len(values) < 2:
        return Finding("early", "info")
    figures = {"first": figure(values[0]), "now": figure(values[-1])}
    return Finding("margin_rose", "good", figures) if values[-1] > values[0] else Finding("margin", "info", figures)


def _loss(curves: Curves) -> Finding | None:
    values = guards.values_of(curves, "loss/held_out")
    return Finding("loss_falling", "good") if len(values) >= guards.RECENT and values[-1] < values[0] else None


class HealthBanner(Banner):
    """The findings as sentences. A warning of the run itself, by its topic, takes the place of our own words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.text = ""

    def show_health(
        self, found: Sequence[Finding], warned: Mapping[str, str], live: bool, curves: Curves | None = None
    ) -> str:
        """Say what was found, and what the run warned of; on asking, what to watch for. Returns the tone."""
        tones = [each.tone for each in found] + ["warn"] * len(warned)
        tone = next((each for each in ("bad", "warn", "good") if each in tones), "info")
        # What the run itself warned of is not said twice.
        found = [each for each in found if each.tone not in ("warn", "bad") or each.topic not in warned]
        sentences = [*warned.values(), *(self.sentence(each, live) for each in found)]
        self.text = " ".join(sentences[:4])
        self.set_banner(self._head(tone, live), self.text, tone)
        watch = [QCoreApplication.translate("Guard", each) for each in guards.to_watch(curves or {})]
        self.setToolTip("\n".join([self.tr("What to watch for:"), *watch]) if watch else "")
        return tone

    def _head(self, tone: str, live: bool) -> str:
        if tone == "bad":
            return self.tr("Off course")
        if tone == "warn":
            return self.tr("Worth a look")
        if tone == "good":
            return self.tr("Healthy so far") if live else self.tr("It went well")
        return self.tr("Just begun") if live else self.tr("Ended early")

    def sentence(self, each: Finding, live: bool = True) -> str:
        """A finding in words, of a run that goes on or of one that has ended."""
        words = self._sentences()
        chosen = words[each.key] if live else words.get(f"{each.key}_ended", words[each.key])
        return chosen.format(**each.figures)

    def _sentences(self) -> dict[str, str]:
        return {
            "early": self.tr("Too few points yet to tell a direction."),
            "reward_rising": self.tr("Reward is rising, from {first} to {now}."),
            "reward_flat": self.tr("Reward neither rises nor falls beyond its noise: {now}."),
            "reward_falling": self.tr("Reward is falling, from {first} to {now}: lower the learning rate."),
            "kl": self.tr("KL is {now}, past its limit of {limit}: answers may stop making sense."),
            "kl_growing": self.tr("KL runs away, from {first} to {now} within three rounds."),
            "human": self.tr(
                "Reward rises from {score_first} to {score_now} while held-out human accuracy falls from {first} to "
                "{now}: it pleases the reward model, not people."
            ),
            "reward_clipped": self.tr(
                "Scores are {now} on average, past the reward clip of {limit}: lower the weights, or raise the clip."
            ),
            "length_end": self.tr("Answers grow into their limit: {now} of {limit} tokens, and {share} end."),
            "length_doubled": self.tr("Answers have doubled in length, from {first} to {now} tokens."),
            "kl_over_target": self.tr("KL is {now}, well over its target of {target}."),
            "kl_near_target": self.tr("KL is {now}, its target {target}."),
            "kl_fine": self.tr("KL sits at {now}, under its limit of {limit}."),
            "entropy": self.tr("Entropy is {now}: the model has almost stopped choosing."),
            "entropy_fast": self.tr("Entropy fell by more than half, from {first} to {now}."),
            "entropy_falling": self.tr("Entropy is falling slowly."),
            "entropy_steady": self.tr("Entropy is steady."),
            "clip": self.tr("{share} of tokens hit the clip: steps are too large."),
            "accuracy": self.tr("Held-out accuracy is {now}."),
            "accuracy_above": self.tr("Held-out accuracy is {now}; choosing the longer answer gives {longer}."),
            "accuracy_below": self.tr("Held-out accuracy is {now}, no better than the longer answer ({longer})."),
            "overfitting": self.tr("Held-out loss rose from {best} to {now}; the best weights so far are kept."),
            "loss_falling": self.tr("Held-out loss is falling."),
            "perplexity_fell": self.tr("Held-out perplexity fell from {first} to {best}."),
            "perplexity": self.tr("Held-out perplexity has not fallen."),
            "margin_rose": self.tr("Good answers were raised over bad ones: the held-out margin is {now}."),
            "margin": self.tr("The held-out margin has not risen: {now}."),
            "reward_rising_ended": self.tr("Reward rose from {first} to {now}."),
            "reward_flat_ended": self.tr("Reward did not move beyond its noise: {now}."),
            "reward_falling_ended": self.tr("Reward fell from {first} to {now}: lower the learning rate."),
            "kl_fine_ended": self.tr("KL ended at {now}, under its limit of {limit}."),
            "entropy_falling_ended": self.tr("Entropy fell slowly."),
            "entropy_steady_ended": self.tr("Entropy held."),
            "loss_falling_ended": self.tr("Held-out loss fell."),
        }
