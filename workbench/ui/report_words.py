"""What the report on the judgements says, in words: a verdict as the title, the statistic, a sentence, facts. No Qt.

Each function takes `tr`, which translates a whole sentence; the command line uses the sentences as they stand here.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from ..evaluation.bias import FEW, Finding
from ..evaluation.resampling import Estimate, Reliability
from ..feedback.opinions import criterion_of
from ..jobs.reporting import RELIABLE, TENTATIVE, Consistency, Report
from .figures import change, count, duration, figure, percent

Translate = Callable[[str], str]


@dataclass(frozen=True)
class Said:
    """A card in words. verdict: "good", "warn" or "none"."""

    verdict: str
    title: str
    number: str = ""
    text: str = ""
    facts: tuple[tuple[str, str], ...] = ()


def plain(text: str) -> str:
    """The English sentence itself, for the command line."""
    return text


def person(name: str, tr: Translate) -> str:
    """Who judged."""
    return {"you": tr("You"), "": tr("unknown")}.get(name, name)


def kinds(tr: Translate) -> dict[str, str]:
    """Each kind of judgement, in the plural."""
    return {
        "rating": tr("ratings"),
        "comparison": tr("comparisons"),
        "ranking": tr("rankings"),
        "edit": tr("edits"),
        "thumbs": tr("thumbs"),
        "best_worst": tr("best and worst"),
        "rubric": tr("rubrics"),
        "mark": tr("marks"),
    }


def between(low: float, high: float, tr: Translate) -> str:
    """An interval of shares."""
    return tr("{low} to {high}").format(low=percent(low), high=percent(high))


def _estimate(found: Estimate, tr: Translate) -> str:
    words = tr("{value} ({low} to {high})")
    return words.format(value=figure(found.value, 2), low=figure(found.low, 2), high=figure(found.high, 2))


# --- people


def main_agreement(report: Report) -> tuple[str, Reliability] | None:
    """The kind that most items were judged of by two people or more."""
    found = {about: each for about, each in report.agreement.items() if not criterion_of(about)}
    return max(found.items(), key=lambda item: item[1].units, default=None)


def agreement_words(report: Report, tr: Translate) -> Said:
    """Whether people agree, by the kind that most is known of."""
    found = main_agreement(report)
    if found is None:
        text = tr("Nothing was judged by two people. {count} shared items would say how far they agree.")
        return Said("none", tr("Agreement between people"), "", text.format(count=FEW))
    about, each = found
    shared = tr("{count} shared {kind}").format(count=count(each.units), kind=_about(about, tr))
    if each.units < FEW:
        return Said(
            "none", tr("Agreement between people"), "", tr("{shared}; {n} would do").format(shared=shared, n=FEW)
        )
    alpha = each.alpha
    if math.isnan(alpha.value):
        text = tr("All of them got the same judgement, which chance could do as well.")
        return Said("none", tr("Agreement between people"), "", f"{shared}. {text}")
    if alpha.value >= RELIABLE:
        title, verdict = tr("People agree"), "good"
    elif alpha.value >= TENTATIVE:
        title, verdict = tr("People agree only partly"), "warn"
    else:
        title, verdict = tr("People judge differently"), "warn"
    text = tr("{share} of the opinions on {units} are the same.")
    text = text.format(share=percent(each.raw.value), units=shared)
    return Said(
        verdict, title, f"α = {figure(alpha.value, 2)}", text, agreement_facts(each, tr) + other_agreements(report, tr)
    )


def agreement_facts(each: Reliability, tr: Translate) -> tuple[tuple[str, str], ...]:
    """Every coefficient with its interval."""
    rows = (
        (tr("α ordinal"), each.alpha_ordinal),
        (tr("α interval"), each.alpha_interval),
        (tr("Cohen's κ"), each.cohen),
        (tr("Fleiss' κ"), each.fleiss),
    )
    if each.level == "nominal":
        rows = ((tr("α nominal"), each.alpha_nominal), *rows[2:])
    return tuple((name, _estimate(found, tr)) for name, found in rows if not math.isnan(found.value))


def other_agreements(report: Report, tr: Translate) -> tuple[tuple[str, str], ...]:
    """Alpha of every other kind and criterion."""
    main = main_agreement(report)
    rest = {about: each for about, each in report.agreement.items() if main is None or about != main[0]}
    words = tr("α {alpha}, {count} shared")
    return tuple(
        (_about(about, tr), words.format(alpha=_estimate(each.alpha, tr), count=count(each.units)))
        for about, each in rest.items()
    )


def _about(about: str, tr: Translate) -> str:
    return criterion_of(about) or kinds(tr).get(about, about)


def consistency_words(report: Report, tr: Translate) -> Said:
    """Whether people say the same again."""
    whole = report.together
    if whole.n < FEW:
        text = tr("{count} were shown again without telling; {few} would say how steady the judgements are.")
        return Said("none", tr("Agreement with oneself"), "", text.format(count=count(whole.n), few=FEW))
    good = whole.share >= 0.8
    alone = len(report.consistency) == 1 and report.consistency[0].who == "you"
    title = tr("You agree with yourself") if alone else tr("People agree with themselves")
    if not good:
        title = tr("You often change your mind") if alone else tr("People often change their minds")
    text = tr("{kept} of {n} shown again got the same judgement, {interval}.")
    text = text.format(kept=count(whole.kept), n=count(whole.n), interval=between(whole.low, whole.high, tr))
    rows = [_steadiness(each, tr) for each in report.consistency] if len(report.consistency) > 1 else []
    named = kinds(tr)
    rows += [
        (tr("κ then and now, {kind}").format(kind=named.get(kind, kind)), figure(kappa, 2))
        for kind, kappa in whole.kappas.items()
        if not math.isnan(kappa)
    ]
    return Said("good" if good else "warn", title, percent(whole.share), text, tuple(rows))


def _steadiness(each: Consistency, tr: Translate) -> tuple[str, str]:
    return person(each.who, tr), tr("{kept} of {n}").format(kept=count(each.kept), n=count(each.n))


# --- bias


def finding_words(found: Finding, tr: Translate) -> Said:
    """One of the findings."""
    return _FINDINGS[found.about](found, tr)


def _few(name: str, unit: str, found: Finding, tr: Translate) -> Said:
    text = tr("{unit}; too few to tell").format(unit=unit.format(count=count(found.n)))
    return Said("none", name, "", text)


def _rows(found: Finding, tr: Translate) -> tuple[tuple[str, str], ...]:
    """The interval, and the shares by kind and by person."""
    named = kinds(tr)
    words = tr("{share} of {count}")
    rows = [(tr("95% interval"), between(found.low, found.high, tr))]
    if len(found.parts) > 1:
        rows += [
            (named.get(each.kind, each.kind), words.format(share=percent(each.value), count=count(each.n)))
            for each in found.parts
        ]
    rows += [
        (person(each.who, tr), words.format(share=percent(each.value), count=count(each.n))) for each in found.people
    ]
    return tuple(rows)


def _length(found: Finding, tr: Translate) -> Said:
    if found.verdict == "none":
        return _few(tr("Length"), tr("{count} answers of different length compared"), found, tr)
    title = tr("Length does not matter")
    if found.verdict == "warn":
        title = tr("Longer answers win") if found.value > 0.5 else tr("Shorter answers win")
    text = tr("The longer of two answers is the better one in {share} of {count}.")
    text = text.format(share=percent(found.value), count=count(found.n))
    if found.verdict == "warn":
        text = f"{text} {tr('A reward model will learn this unless it is corrected.')}"
    rows = _rows(found, tr)
    if "per_50" in found.numbers:
        rows += ((tr("50 more words"), tr("{stars} stars").format(stars=change(found.numbers["per_50"], 2))),)
        rows += ((tr("r within prompts"), figure(found.numbers["r"], 2)),)
    return Said(found.verdict, title, percent(found.value), text, rows)


def _position(found: Finding, tr: Translate) -> Said:
    if found.verdict == "none":
        return _few(tr("Position"), tr("{count} decided after answers were shuffled"), found, tr)
    title = tr("Position does not matter")
    if found.verdict == "warn":
        early, late = tr("What is shown first wins too often"), tr("What is shown later wins too often")
        title = early if found.value > 0.5 else late
    text = tr("The answer shown earlier wins {share} of {count}; answers are shuffled, so it should be half.")
    text = text.format(share=percent(found.value), count=count(found.n))
    return Said(found.verdict, title, percent(found.value), text, _rows(found, tr))


def _ends(found: Finding, tr: Translate) -> Said:
    first = found.about == "first"
    if found.verdict == "none":
        name = tr("First shown") if first else tr("Last shown")
        return _few(name, tr("{count} sets of three answers or more"), found, tr)
    title = tr("The first answer wins no more than others") if first else tr("The last answer wins no more than others")
    if found.verdict == "warn" and found.value > found.numbers["expected"]:
        title = tr("The first answer wins too often") if first else tr("The last answer wins too often")
    elif found.verdict == "warn":
        title = tr("The first answer wins too seldom") if first else tr("The last answer wins too seldom")
    text = tr("Best of {shown} in {share} of {count} sets; chance is {chance}.")
    text = text.format(
        shown=found.numbers["shown"], share=percent(found.value), count=count(found.n),
        chance=percent(found.numbers["expected"]),
    )  # fmt: skip
    rows = ((tr("95% interval"), between(found.low, found.high, tr)),)
    return Said(found.verdict, title, percent(found.value), text, rows)


def _drift(found: Finding, tr: Translate) -> Said:
    if found.verdict == "none":
        return _few(tr("Drift"), tr("{count} scored by one person over time"), found, tr)
    who = person(found.who, tr)
    title = tr("Scores stay level over time")
    if found.verdict == "warn":
        more, less = tr("{who}: more generous with time"), tr("{who}: stricter with time")
        title = (more if found.value > 0 else less).format(who=who)
    text = tr("Second half against the first, over {span}. Answers may have changed as well.")
    if found.numbers["repeats"]:
        text = tr("The same answers, judged again over {span}.")
    text = text.format(span=_span(found.numbers["days"], tr))
    interval = tr("{low} to {high} stars").format(low=change(found.low, 2), high=change(found.high, 2))
    rows = [(tr("95% interval"), interval), (tr("Judgements"), count(found.n))]
    rows += [(person(each.who, tr), change(each.value, 2)) for each in found.people]
    return Said(found.verdict, title, tr("{stars} stars").format(stars=change(found.value, 2)), text, tuple(rows))


def _span(days: float, tr: Translate) -> str:
    return tr("{count} days").format(count=count(round(days))) if days >= 2 else duration(days * 86_400)


def _haste(found: Finding, tr: Translate) -> Said:
    if found.verdict == "none":
        return _few(tr("Haste"), tr("{count} with a known time"), found, tr)
    fast = found.numbers["fast"]
    title = tr("Slow enough to have read") if found.verdict == "good" else tr("Too fast to have read")
    text = tr("{fast} of {count} took less time than anyone needs to read the answers. Half took {median} or less.")
    text = text.format(fast=count(fast), count=count(found.n), median=duration(found.numbers["median"]))
    return Said(found.verdict, title, count(fast), text, _rows(found, tr))


def _ties(found: Finding, tr: Translate) -> Said:
    if found.verdict == "none":
        return _few(tr("Ties"), tr("{count} comparisons"), found, tr)
    title = tr("Most comparisons decide") if found.verdict == "good" else tr("Many comparisons end in a tie")
    text = tr("{ties} ties and {bad} both bad of {count} comparisons teach no preference.")
    text = text.format(
        ties=count(found.numbers["ties"]), bad=count(found.numbers["both_bad"]), count=count(found.n)
    )  # fmt: skip
    return Said(found.verdict, title, percent(found.value), text, _rows(found, tr))


def _balance(found: Finding, tr: Translate) -> Said:
    if found.verdict == "none":
        return _few(tr("Stars"), tr("{count} answers rated"), found, tr)
    title = tr("The whole scale is used") if found.verdict == "good" else tr("Nearly all get the same stars")
    text = tr("{share} of {count} answers got {stars} stars.")
    text = text.format(share=percent(found.value), count=count(found.n), stars=found.numbers["stars"])
    return Said(found.verdict, title, percent(found.value), text, _rows(found, tr))


_FINDINGS: dict[str, Callable[[Finding, Translate], Said]] = {
    "length": _length,
    "position": _position,
    "first": _ends,
    "last": _ends,
    "drift": _drift,
    "haste": _haste,
    "ties": _ties,
    "balance": _balance,
}
