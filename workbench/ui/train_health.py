"""How a run is doing, in plain sentences that follow from its own curves."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from PySide6.QtWidgets import QWidget

from ..methods import METHODS
from .figures import figure, percent
from .widgets import Banner

Curves = Mapping[str, Sequence[tuple[int, float | None]]]
FEWEST = 4
"""Points before anything is said about a direction."""
DEFAULT_KL_LIMIT = 30.0
LOW_ENTROPY = 0.1
CLIPPED = 0.3


@dataclass(frozen=True)
class Finding:
    """One thing to say. tone: "good", "info" (neither), "warn" or "bad"."""

    key: str
    tone: str
    figures: Mapping[str, str] = field(default_factory=dict)


def kl_limit(method: str) -> float:
    """Above this KL an answer, or a batch, is off course: the line of the method's own panel."""
    panels = METHODS[method].PANELS if method in METHODS else ()
    limits = [panel.warn_above for panel in panels if panel.metrics[0] == "objective/kl" and panel.warn_above]
    return limits[0] if limits else DEFAULT_KL_LIMIT


def findings(method: str, options: Mapping[str, Any], curves: Curves, smoothing: float = 0.5) -> list[Finding]:
    """What the curves of a run say, most important first. `smoothing` as in the charts, so that figures agree."""
    found: list[Finding] = []
    if "objective/scores" in curves:
        now = {name: _now(_values(curves, name), smoothing) for name in curves}
        found = [_reward(curves, now), _kl(method, options, now), _entropy(curves, now), _clipped(now)]  # type: ignore[list-item]
    elif "accuracy/held_out" in curves:
        found = [_accuracy(curves), _overfitting(curves)]  # type: ignore[list-item]
    order = {"bad": 0, "warn": 1, "good": 2, "info": 2}
    return sorted((each for each in found if each is not None), key=lambda each: order[each.tone])


def _values(curves: Curves, name: str) -> list[float]:
    return [value for _, value in curves.get(name, ()) if value is not None and math.isfinite(value)]


def _now(values: Sequence[float], smoothing: float) -> float:
    """The running mean at the end of a curve, as its panel shows it; nan for an empty one."""
    mean = weight = 0.0
    for value in values:
        mean = smoothing * mean + (1 - smoothing) * value
        weight = smoothing * weight + (1 - smoothing)
    return mean / weight if weight else math.nan


def trend(values: Sequence[float]) -> int:
    """1 rising, -1 falling, 0 neither: the ends of a curve differ by more than two standard errors."""
    part = max(2, len(values) // 3)
    first, last = values[:part], values[-part:]
    means = [sum(each) / part for each in (first, last)]
    squares = sum((v - m) ** 2 for each, m in zip((first, last), means, strict=True) for v in each)
    error = math.sqrt(squares / max(1, 2 * (part - 1)) * 2 / part)
    gap = means[1] - means[0]
    return 0 if abs(gap) <= max(2 * error, 1e-9) else (1 if gap > 0 else -1)


def _reward(curves: Curves, now: Mapping[str, float]) -> Finding | None:
    values = _values(curves, "objective/scores")
    if len(values) < FEWEST:
        return Finding("early", "info")
    way = trend(values)
    return Finding(
        {1: "reward_rising", 0: "reward_flat", -1: "reward_falling"}[way],
        {1: "good", 0: "info", -1: "warn"}[way],
        {"first": figure(values[0]), "now": figure(now["objective/scores"])},
    )


def _kl(method: str, options: Mapping[str, Any], latest: Mapping[str, float]) -> Finding | None:
    now, limit = latest.get("objective/kl", math.nan), kl_limit(method)
    if math.isnan(now):
        return None
    if now > limit:
        return Finding("kl", "bad", {"now": figure(now), "limit": f"{limit:g}"})
    target = options.get("target_kl")
    if options.get("kl_control") == "adaptive" and target:
        over = now > 1.5 * target
        key = "kl_over_target" if over else "kl_near_target"
        return Finding(key, "warn" if over else "good", {"now": figure(now), "target": f"{target:g}"})
    return Finding("kl_fine", "good", {"now": figure(now), "limit": f"{limit:g}"})


def _entropy(curves: Curves, latest: Mapping[str, float]) -> Finding | None:
    values = _values(curves, "objective/entropy")
    if len(values) < FEWEST:
        return None
    now = latest["objective/entropy"]
    if now < LOW_ENTROPY:
        return Finding("entropy", "warn", {"now": figure(now)})
    if now < 0.5 * values[0] and trend(values) < 0:
        return Finding("entropy_fast", "warn", {"first": figure(values[0]), "now": figure(now)})
    return Finding("entropy_falling" if trend(values) < 0 else "entropy_steady", "good")


def _clipped(latest: Mapping[str, float]) -> Finding | None:
    now = latest.get("policy/clipfrac_avg", math.nan)
    return Finding("clip", "warn", {"share": percent(now)}) if now > CLIPPED else None


def _accuracy(curves: Curves) -> Finding | None:
    values, lines = _values(curves, "accuracy/held_out"), _values(curves, "accuracy/longer_wins")
    if not values:
        return None
    if len(values) < 2:
        return Finding("early", "info")
    figures = {"now": percent(values[-1]), "longer": percent(lines[-1]) if lines else ""}
    if not lines:
        return Finding("accuracy", "info", figures)
    above = values[-1] > lines[-1]
    return Finding("accuracy_above" if above else "accuracy_below", "good" if above else "warn", figures)


def _overfitting(curves: Curves) -> Finding | None:
    values = _values(curves, "loss/held_out")
    if len(values) < 3:
        return None
    best = min(values)
    if values[-1] > 1.1 * best and values.index(best) < len(values) - 2:
        return Finding("overfitting", "warn", {"best": figure(best), "now": figure(values[-1])})
    return Finding("loss_falling", "good") if values[-1] < values[0] else None


def _topic(each: Finding) -> str:
    """The topic that a run would give its warning of the same thing."""
    return each.key.split("_")[0]


class HealthBanner(Banner):
    """The findings as sentences. A warning of the run itself, by its topic, takes the place of our own words."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.text = ""

    def show_health(self, found: Sequence[Finding], warned: Mapping[str, str], live: bool) -> str:
        """Say what was found, and what the run warned of. Returns the tone."""
        tones = [each.tone for each in found] + ["warn"] * len(warned)
        tone = next((each for each in ("bad", "warn", "good") if each in tones), "info")
        # What the run itself warned of is not said twice.
        found = [each for each in found if each.tone not in ("warn", "bad") or _topic(each) not in warned]
        sentences = [*warned.values(), *(self.sentence(each, live) for each in found)]
        self.text = " ".join(sentences[:4])
        self.set_banner(self._head(tone, live), self.text, tone)
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
            "reward_rising_ended": self.tr("Reward rose from {first} to {now}."),
            "reward_flat_ended": self.tr("Reward did not move beyond its noise: {now}."),
            "reward_falling_ended": self.tr("Reward fell from {first} to {now}: lower the learning rate."),
            "kl_fine_ended": self.tr("KL ended at {now}, under its limit of {limit}."),
            "entropy_falling_ended": self.tr("Entropy fell slowly."),
            "entropy_steady_ended": self.tr("Entropy held."),
            "loss_falling_ended": self.tr("Held-out loss fell."),
        }
