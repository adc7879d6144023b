"""What can go wrong while a model learns, told from the run's own curves: what to watch for, and what to change.

Each guard is a pure function of the curves so far. The run warns of what its guards see, once a topic; the window says
the same of a run by the same definitions. Numbers that are no numbers end a run at once and are not looked for here.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from ..events import Warned

Curves = Mapping[str, Sequence[tuple[int, float | None]]]
"""Points (step, value) of each metric, in order of the steps."""
Figures = Mapping[str, float]

KL_LIMIT = 30.0
"""Nats an answer, above which a model is far from its base."""
OVER_TARGET = 1.5
LOW_ENTROPY = 0.1
CLIPPED = 0.3
NEAR_END = 0.9
FALLEN = 0.1
"""How far held-out accuracy falls before it counts: with 32 pairs the mean of two figures is known to about 0.05."""
HUMAN = "accuracy/human"
SHARE_ENDED = "val/ended"

FEWEST = 4
"""Points before anything is said about a direction."""
RECENT = 3
FIRST = 5
KEPT = 40
"""Points that a running history keeps of each curve after its first: no guard looks further back."""


def values_of(curves: Curves, name: str) -> list[float]:
    """The finite values of a curve."""
    return [value for _, value in curves.get(name, ()) if value is not None and math.isfinite(value)]


def mean(values: Sequence[float]) -> float:
    """Their mean; nan of none."""
    return sum(values) / len(values) if values else math.nan


def trend(values: Sequence[float]) -> int:
    """1 rising, -1 falling, 0 neither: the ends of a curve differ by more than two standard errors."""
    part = max(2, len(values) // 3)
    first, last = values[:part], values[-part:]
    means = [mean(first), mean(last)]
    squares = sum((v - m) ** 2 for each, m in zip((first, last), means, strict=True) for v in each)
    error = math.sqrt(squares / max(1, 2 * (part - 1)) * 2 / part)
    gap = means[1] - means[0]
    return 0 if abs(gap) <= max(2 * error, 1e-9) else (1 if gap > 0 else -1)


# --- the guards: figures when something is wrong, None when not or when it cannot be told ----------------------------


def kl_far(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """The KL of an answer is past the limit."""
    now = mean(values_of(curves, "objective/kl")[-RECENT:])
    return {"now": now, "limit": KL_LIMIT} if now > KL_LIMIT else None


def kl_growing(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """The KL has tripled within three rounds, and is no longer small."""
    values = values_of(curves, "objective/kl")
    if len(values) < 2 * RECENT:
        return None
    before, now = mean(values[-2 * RECENT : -RECENT]), mean(values[-RECENT:])
    grown = now > KL_LIMIT / 6 and now > 3 * max(before, 0.0)
    return {"first": before, "now": now} if grown else None


def kl_over_target(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """An adaptive run is well over the KL that it aims for."""
    target = options.get("target_kl")
    if options.get("kl_control") != "adaptive" or not target:
        return None
    now = mean(values_of(curves, "objective/kl")[-RECENT:])
    return {"now": now, "target": float(target)} if OVER_TARGET * target < now <= KL_LIMIT else None


def entropy_gone(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """The model hardly chooses any more."""
    now = mean(values_of(curves, "objective/entropy")[-RECENT:])
    return {"now": now} if now < LOW_ENTROPY else None


def entropy_falling(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """Entropy has lost more than half of what it was, and goes on falling."""
    values = values_of(curves, "objective/entropy")
    if len(values) < FEWEST:
        return None
    now = mean(values[-RECENT:])
    fast = LOW_ENTROPY <= now < 0.5 * values[0] and trend(values) < 0
    return {"first": values[0], "now": now} if fast else None


def clipping(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """Too many tokens hit the clip."""
    now = mean(values_of(curves, "policy/clipfrac_avg")[-RECENT:])
    return {"share": now} if now > CLIPPED else None


def length_at_end(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """Answers run into the length limit: long and growing, while fewer end by themselves."""
    values, ended = values_of(curves, "val/length"), values_of(curves, SHARE_ENDED)
    most = options.get("max_new_tokens")
    if not most or options.get("min_new_tokens") == most or min(len(values), len(ended)) < 2 * FEWEST:
        return None
    now = mean(values[-RECENT:])
    off = now >= NEAR_END * most and trend(values) > 0 and trend(ended) < 0
    return {"now": now, "limit": float(most), "share": mean(ended[-RECENT:])} if off else None


def length_doubled(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """Answers are twice as long as in the first rounds."""
    values = values_of(curves, "val/length")
    if len(values) < FIRST + RECENT:
        return None
    first, now = mean(values[:FIRST]), mean(values[-RECENT:])
    return {"first": first, "now": now} if now >= 2 * first and now - first >= 8 else None


def reward_hacked(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """The reward model is ever more pleased while people's own preferences are followed less (Gao et al. 2022).

    Accuracy begins at one half: before it has learned, the policy prefers nothing that its reference does not.
    """
    human = [(step, value) for step, value in curves.get(HUMAN, ()) if value is not None and math.isfinite(value)]
    if len(human) < FEWEST:
        return None
    means = [(step, (value + before) / 2) for (_, before), (step, value) in pairwise(human)]
    peak_step, peak = max([(human[0][0], 0.5), *means], key=lambda each: each[1])
    now = means[-1][1]
    then = [v for step, v in curves.get("objective/scores", ()) if v is not None and step <= peak_step]
    scores = values_of(curves, "objective/scores")
    if peak - now < FALLEN or len(then) == len(scores) or len(scores) < 2 * RECENT:
        return None
    before, after = then[-RECENT:] or scores[:RECENT], scores[-RECENT:]
    spread = max(_deviation(before), _deviation(after)) * math.sqrt(2 / RECENT)
    if mean(after) - mean(before) <= 2 * spread:
        return None
    return {"first": peak, "now": now, "score_first": mean(before), "score_now": mean(after)}


def _deviation(values: Sequence[float]) -> float:
    middle = mean(values)
    return math.sqrt(sum((value - middle) ** 2 for value in values) / max(1, len(values) - 1))


def reward_clipped(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """Scores lie past the clip on average, where one is worth no more than the other."""
    limit = float(options.get("reward_clip") or 0.0)
    now = mean(values_of(curves, "objective/scores")[-RECENT:])
    return {"now": now, "limit": limit} if abs(now) > limit > 0 else None


def overfitting(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """Held-out loss has risen by a tenth since its best, two measurements ago or more."""
    values = values_of(curves, "loss/held_out")
    if len(values) < RECENT:
        return None
    best = min(values)
    worse = values[-1] > 1.1 * best and values.index(best) < len(values) - 2
    return {"best": best, "now": values[-1]} if worse else None


def no_better_than_length(curves: Curves, options: Mapping[str, Any]) -> Figures | None:
    """A reward model tells no more than which answer is longer."""
    values, lines = values_of(curves, "accuracy/held_out"), values_of(curves, "accuracy/longer_wins")
    if len(values) < 2 or not lines or values[-1] > lines[-1]:
        return None
    return {"now": values[-1], "longer": lines[-1]}


# --- their words ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Guard:
    """One thing that can go wrong. `topic`: what it is about; guards of one topic warn once between them.

    `key` names it; `watch`: what to watch for, in a sentence; `words`: what is wrong and what to change, with the
    figures of `judge` in braces. `bad`: the run is off course, not only worth a look. `live`: the run itself warns of
    it; else only those who look at its curves do.
    """

    key: str
    topic: str
    metric: str
    judge: Callable[[Curves, Mapping[str, Any]], Figures | None]
    watch: str
    words: str
    bad: bool = False
    live: bool = True


_KL = "KL rises slowly and stays under its limit: past it, answers may stop making sense."
_ENTROPY = "Entropy falls slowly: when it nears zero, all answers to a prompt are alike."
_LENGTH = "Answers keep a length that suits the prompt, and end by themselves."

GUARDS = (
    Guard(
        "kl",
        "kl",
        "objective/kl",
        kl_far,
        _KL,
        "The model is {now} nats from its base, past {limit}: answers may stop making sense. Raise the KL coefficient.",
        bad=True,
    ),
    Guard(
        "kl_growing",
        "kl",
        "objective/kl",
        kl_growing,
        _KL,
        "KL runs away: from {first} to {now} within three rounds. Lower the learning rate, or raise the KL "
        "coefficient.",
    ),
    Guard(
        "kl_over_target",
        "kl_target",
        "objective/kl",
        kl_over_target,
        _KL,
        "KL is {now}, well over its target of {target}, and the control does not hold it. Lower the learning rate.",
    ),
    Guard(
        "human",
        "human",
        HUMAN,
        reward_hacked,
        "Reward and held-out human accuracy rise together: reward alone can be won by fooling the reward model.",
        "The score rose from {score_first} to {score_now} while the share of people's held-out preferences that the "
        "model follows fell from {first} to {now}: it learns to please the reward model, not people. Stop here, judge "
        "some of these answers and train the reward model again, or raise the KL coefficient.",
        bad=True,
    ),
    Guard(
        "reward_clipped",
        "reward_clipped",
        "objective/scores",
        reward_clipped,
        "Scores stay within the reward clip: past it, no answer is better than another.",
        "Scores are {now} on average, past the reward clip of {limit}, where no answer is better than another. Lower "
        "the weights of the rewards, or raise the clip.",
    ),
    Guard(
        "entropy",
        "entropy",
        "objective/entropy",
        entropy_gone,
        _ENTROPY,
        "The model has almost stopped choosing (entropy {now}): answers will be alike. Raise the KL coefficient, or "
        "lower the learning rate.",
    ),
    Guard(
        "entropy_fast",
        "entropy_fast",
        "objective/entropy",
        entropy_falling,
        _ENTROPY,
        "Entropy fell by more than half, from {first} to {now}. Lower the learning rate, or raise the entropy "
        "coefficient.",
    ),
    Guard(
        "clip",
        "clip",
        "policy/clipfrac_avg",
        clipping,
        "Few tokens hit the clip: many mean that steps are too large.",
        "Steps are too large: {share} of the tokens hit the clip. Lower the learning rate.",
    ),
    Guard(
        "length_end",
        "length",
        "val/length",
        length_at_end,
        _LENGTH,
        "Answers grow into the limit: {now} of {limit} tokens on average, and only {share} end by themselves. Raise "
        "the penalty for not ending, or the limit; look whether the reward model likes length.",
    ),
    Guard(
        "length_doubled",
        "length",
        "val/length",
        length_doubled,
        _LENGTH,
        "Answers have doubled in length, from {first} to {now} tokens. Look whether the reward model likes length, or "
        "raise the KL coefficient.",
    ),
    Guard(
        "overfitting",
        "overfitting",
        "loss/held_out",
        overfitting,
        "Held-out loss falls, or stays level: when it rises, the model learns its examples by heart.",
        "Held-out loss rose from {best} to {now}: it learns its examples by heart. Train for fewer epochs; the best "
        "weights so far are kept.",
        live=False,
    ),
    Guard(
        "accuracy_below",
        "accuracy",
        "accuracy/held_out",
        no_better_than_length,
        "Held-out accuracy is above that of choosing the longer answer.",
        "Held-out accuracy is {now}, no better than choosing the longer answer ({longer}). Judge more answers.",
        live=False,
    ),
)


@dataclass(frozen=True)
class Alarm:
    """What a guard sees, with its figures."""

    guard: Guard
    figures: Figures

    @property
    def text(self) -> str:
        """What is wrong and what to change."""
        shares = {"share", "longer"} if self.guard.topic != "human" else {"first", "now"}
        shares |= {"now"} if self.guard.topic == "accuracy" else set()
        shown = {key: f"{100 * v:.0f} %" if key in shares else f"{v:.3g}" for key, v in self.figures.items()}
        return self.guard.words.format(**shown)


def alarms(curves: Curves, options: Mapping[str, Any]) -> list[Alarm]:
    """What is wrong now, one alarm a topic at most: a topic's first guard that sees something speaks for it."""
    found: dict[str, Alarm] = {}
    for guard in GUARDS:
        if guard.metric in curves and guard.topic not in found:
            figures = guard.judge(curves, options)
            if figures is not None:
                found[guard.topic] = Alarm(guard, figures)
    return list(found.values())


def to_watch(curves: Curves) -> list[str]:
    """What to watch for in a run that has these curves, each sentence once."""
    return list(dict.fromkeys(guard.watch for guard in GUARDS if guard.metric in curves))


@dataclass
class Watch:
    """The guards of a run that goes on: a short history, and what was said already. Both are plain JSON."""

    options: Mapping[str, Any]
    curves: dict[str, list[tuple[int, float | None]]] = field(default_factory=dict)
    warned: list[str] = field(default_factory=list)

    def see(self, step: int, values: Mapping[str, float]) -> Iterator[Warned]:
        """Take in a round's metrics, and warn of what has gone wrong, once a topic."""
        for name in {"objective/scores", SHARE_ENDED, *(guard.metric for guard in GUARDS)} & values.keys():
            curve = self.curves.setdefault(name, [])
            curve.append((step, float(values[name])))
            del curve[FIRST : max(FIRST, len(curve) - KEPT)]
        for alarm in alarms(self.curves, self.options):
            if alarm.guard.live and alarm.guard.topic not in self.warned:
                self.warned.append(alarm.guard.topic)
                yield Warned(step, alarm.text, alarm.guard.topic)
