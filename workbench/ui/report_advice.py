"""Whether there is enough to train on, what judgements become, and what to do next, in words. No Qt."""

from __future__ import annotations

import math
from collections.abc import Mapping

from ..evaluation.readiness import LearningCurve, Readiness
from ..jobs.reporting import Becoming, Step
from .figures import count, figure, percent
from .report_words import Said, Translate, between, kinds


def readiness_words(ready: Readiness, tr: Translate) -> tuple[str, str]:
    """The verdict, and why."""
    title = {
        "ready": tr("Ready to train a reward model"),
        "thin": tr("Thin, but a reward model can be trained"),
        "missing": tr("Not yet enough to train a reward model"),
    }[ready.verdict]
    reasons = [reason_words(reason, ready, tr) for reason in ready.reasons]
    if ready.verdict == "ready":
        have = tr("{pairs} pairs to learn from and {held} held out to test on.")
        reasons.insert(0, have.format(pairs=count(ready.train_pairs), held=count(ready.held_pairs)))
    return title, " ".join(reasons)


def reason_words(reason: str, ready: Readiness, tr: Translate) -> str:
    """One reason as a sentence."""
    words = {
        "no_pairs": tr("{pairs} pairs to learn from; training needs at least 4."),
        "no_held_out": tr("No pair is on a held-out prompt, so nothing could test it."),
        "few_pairs": tr("{pairs} pairs to learn from; 50 or more teach better."),
        "few_held_out": tr("{held} held-out pairs to test on; 20 or more say more."),
        "chance": tr("Heads trained on it are hardly better than chance."),
        "rising": tr("About {more} more judgements are likely to pay."),
        "no_vectors": tr("What more would bring is not known: too few judged answers have been read."),
    }[reason]
    more = "" if ready.more is None else count(ready.more)
    return words.format(pairs=count(ready.train_pairs), held=count(ready.held_pairs), more=more)


def curve_words(ready: Readiness, tr: Translate) -> Said:
    """What the learning curve says."""
    curve = ready.curve
    if curve is None:
        text = tr("{vectors} of {pairs} pairs can be measured. Load a model to have answers read, or run: {command}")
        text = text.format(vectors=count(ready.vectors), pairs=count(ready.pairs), command="workbench features")
        return Said("none", tr("Accuracy by number of judgements"), "", text)
    title, verdict = tr("Accuracy has levelled off"), "good"
    if "chance" in ready.reasons:
        title, verdict = tr("Hardly better than chance"), "warn"
    elif "rising" in ready.reasons:
        title, verdict = tr("Accuracy is still rising"), "warn"
    elif ready.more:
        title = tr("Accuracy rises slowly now")
    more = round_step(curve.now.judgements)
    text = tr("{more} more judgements should add about {points} points.")
    text = text.format(more=count(more), points=figure(100 * curve.gain(more), 2))
    now = tr("now {accuracy}").format(accuracy=percent(curve.now.accuracy))
    return Said(verdict, title, now, text, curve_facts(ready, curve, tr))


def curve_facts(ready: Readiness, curve: LearningCurve, tr: Translate) -> tuple[tuple[str, str], ...]:
    """What was measured."""
    wanted = tr("none") if not ready.more else tr("about {count}").format(count=count(ready.more))
    last = curve.ahead[-1]
    return (
        (tr("Likely needed still"), wanted),
        (tr("With twice as many"), between(last.low, last.high, tr)),
        (tr("Unseen pairs, a split"), count(round(curve.held_pairs))),
    )


def round_step(judgements: float) -> int:
    """A round number of judgements, about a quarter of what there is."""
    size = max(20.0, judgements / 4)
    scale = 10 ** math.floor(math.log10(size))
    return int(min((1, 2, 5, 10), key=lambda times: abs(times * scale - size)) * scale)


# --- what it becomes


def becoming_rule(kind: str, becoming: Becoming, tr: Translate) -> str:
    """The rule behind a count."""
    gap = becoming.rules.min_gap
    if kind == "rating":
        return tr("gap of {gap} or more, same prompt").format(gap=gap)
    return {
        "rubric": tr("gap of {gap} or more, same prompt").format(gap=gap),
        "comparison": tr("ties teach nothing"),
        "ranking": tr("each answer over those below"),
        "edit": tr("edit over original"),
        "thumbs": tr("up over down"),
        "best_worst": tr("best over all, all over worst"),
    }.get(kind, tr("kept for reading"))


def becoming_line(becoming: Becoming, tr: Translate) -> str:
    """ "212 ratings → 148 pairs (gap ≥ 2), 31 rankings → 93 pairs, 18 edits → 18 pairs + 18 demonstrations"."""
    return ", ".join(_becomes(kind, counts, becoming, tr) for kind, counts in becoming.counts.items())


def _becomes(kind: str, counts: Mapping[str, int], becoming: Becoming, tr: Translate) -> str:
    parts = [tr("{count} pairs").format(count=count(counts["pairs"]))]
    if kind in ("rating", "rubric"):
        parts[0] = tr("{pairs} (gap ≥ {gap})").format(pairs=parts[0], gap=becoming.rules.min_gap)
    if counts["demonstrations"]:
        parts.append(tr("{count} demonstrations").format(count=count(counts["demonstrations"])))
    said = tr("{count} {kind}").format(count=count(counts["judgements"]), kind=kinds(tr).get(kind, kind))
    return f"{said} → {' + '.join(parts)}"


# --- worth doing next


def step_words(step: Step, tr: Translate) -> tuple[str, str, str]:
    """What to do, why, and the word on its button."""
    found = {
        "train": (tr("Train a reward model"), tr("{pairs} pairs are waiting."), tr("New run")),
        "judge": (tr("Judge more"), tr("{pairs} pairs so far; 50 teach better."), tr("Judge")),
        "more": (tr("Judge about {count} more"), tr("Accuracy is likely to rise."), tr("Judge")),
        "held_out": (tr("Judge more prompts"), tr("1 in 5 is held out; {pairs} test pairs so far."), tr("Judge")),
        "read": (tr("Have answers read"), tr("An idle model reads them: {vectors} of {pairs} pairs."), tr("Models")),
        "settle": (tr("Settle {count} conflicts"), tr("A over B and B over A."), tr("Open")),
        "haste": (tr("Look at {count} fast ones"), tr("Less time than reading takes."), tr("Open")),
        "length": (tr("Compare blind to length"), tr("One length wins {share}. Say why in a reason."), tr("Judge")),
        "changed": (tr("Look at {count} changes of mind"), tr("The same answers, judged otherwise."), tr("Open")),
        "share": (tr("Judge {count} shared items"), tr("Then agreement can be measured."), tr("Judge")),
    }[step.key]
    numbers = {
        name: percent(value) if name == "share" else count(value) if isinstance(value, int) else str(value)
        for name, value in step.numbers.items()
    }
    title, text, button = (words.format(**numbers) for words in found)
    return title, text, button
