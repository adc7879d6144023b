"""What is said of judges, in words: for the report's card, the dialog and the command line. No Qt."""

from __future__ import annotations

import math

from ..evaluation.resampling import Estimate
from ..jobs.judge_report import Agreement, JudgeReport, Judging
from ..jobs.judging import Estimate as Cost
from .figures import count, duration, figure, percent
from .report_words import Said, Translate, between

BIASED, FEW = 0.2, 20
"""A share of choices that follow the place from which it is worth a warning; pairs under which nothing is said."""


def judging_words(found: Judging, tr: Translate) -> Said:
    """One judge at one kind of judgement: whether it agrees with people, and how many it judged."""
    title, verdict = _agreeing(found.agreement, tr)
    if found.places and found.places.pairs >= FEW and found.places.low > BIASED:
        title, verdict = tr("Follows the place of an answer too often"), "warn"
    return Said(verdict, title, _number(found, tr), _counted(found, tr), tuple(_facts(found, tr)))


def _agreeing(found: Agreement | None, tr: Translate) -> tuple[str, str]:
    if found is None:
        return tr("People judged none of it"), "none"
    words = {
        "as people": (tr("Agrees with people as people agree with each other"), "good"),
        "near people": (tr("Agrees with people nearly as people agree with each other"), "good"),
        "below people": (tr("Agrees with people less than people agree with each other"), "warn"),
    }
    return words.get(found.beside.words, (tr("Compared with one person, or too few answers that two judged"), "none"))


def main_figure(found: Judging) -> tuple[str, Estimate] | None:
    """The figure that counts first: rank correlation of ratings, accuracy of comparisons."""
    if found.agreement is None:
        return None
    name = "spearman" if found.kind == "rating" else "accuracy"
    return name, found.agreement.figures[name]


def _number(found: Judging, tr: Translate) -> str:
    main = main_figure(found)
    if main is None or math.isnan(main[1].value):
        return ""
    return f"ρ = {figure(main[1].value, 2)}" if main[0] == "spearman" else percent(main[1].value)


def _counted(found: Judging, tr: Translate) -> str:
    what = tr("{count} ratings") if found.kind == "rating" else tr("{count} comparisons")
    said = what.format(count=count(found.given))
    if found.no_verdict:
        said += tr(", {count} without a verdict").format(count=count(found.no_verdict))
    if found.agreement is None:
        return f"{said}."
    shared = tr("{said}; people judged {items} of them, to {prompts} prompts.")
    return shared.format(said=said, items=count(found.agreement.items), prompts=count(found.agreement.prompts))


def _facts(found: Judging, tr: Translate) -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    if found.agreement is not None:
        rows += _figures(found, found.agreement, tr)
    if found.places is not None:
        rows.append((tr("Follows the place"), places_words(found, tr)))
    if found.length.n:
        own, people = percent(found.length.value), percent(found.people_length.value)
        beside = tr("{share} of {n}; with people {people}") if found.people_length.n else tr("{share} of {n}")
        rows.append((tr("Longer one wins"), beside.format(share=own, n=count(found.length.n), people=people)))
    rows.append((tr("Took"), spent_words(found, tr)))
    return rows


def _figures(found: Judging, agreement: Agreement, tr: Translate) -> list[tuple[str, str]]:
    named = {
        "spearman": tr("Spearman's ρ"), "kendall": tr("Kendall's τ-b"), "alpha": tr("Krippendorff's α"),
        "accuracy": tr("Prefers the same"), "same": tr("Says the same"),
    }  # fmt: skip
    rows = [(named[name], _estimate(name, each, tr)) for name, each in agreement.figures.items()]
    if found.kind == "comparison":
        rows[0] = (rows[0][0], tr("{share}, of {n} pairs that people decided; a tie is half right").format(
            share=rows[0][1], n=count(agreement.decided)))  # fmt: skip
    beside = agreement.beside
    both = tr("{judge}; people among themselves {people}")
    people = _estimate("kappa", beside.among_people, tr) if beside.items else "\u2013"
    rows.append((tr("κ with people"), both.format(judge=_estimate("kappa", beside.with_people, tr), people=people)))
    return rows


def _estimate(name: str, each: Estimate, tr: Translate) -> str:
    if math.isnan(each.value):
        return "\u2013"
    if name in ("accuracy", "same"):
        return f"{percent(each.value)} ({between(each.low, each.high, tr)})"
    words = tr("{value} ({low} to {high})")
    return words.format(value=figure(each.value, 2), low=figure(each.low, 2), high=figure(each.high, 2))


def places_words(found: Judging, tr: Translate) -> str:
    """How often the choice followed the place, with its interval."""
    if found.places is None:
        return ""
    words = tr("{share} of {n} pairs ({interval}), which count as ties")
    interval = between(found.places.low, found.places.high, tr)
    return words.format(share=percent(found.places.share), n=count(found.places.pairs), interval=interval)


def spent_words(found: Judging, tr: Translate) -> str:
    """Time, tokens and money, as far as they are known."""
    parts = [tr("{time} each").format(time=_each(found.seconds)) if found.seconds >= 0.01 else tr("a moment")]
    if found.tokens_in or found.tokens_out:
        tokens = tr("{read} tokens read, {written} written")
        parts.append(tokens.format(read=count(found.tokens_in), written=count(found.tokens_out)))
    if found.cost:
        parts.append(tr("cost {cost}").format(cost=figure(found.cost)))
    return ", ".join(parts)


def _each(seconds: float) -> str:
    return duration(seconds) if seconds >= 10 else f"{figure(seconds, 2)} s"


def estimate_words(found: Cost, tr: Translate) -> str:
    """What an order comes to, before it is given."""
    if not found.count:
        return tr("This judge was asked about all of it already, or there is nothing to judge.")
    words = tr("{count} to judge, about {time}") if found.known else tr("{count} to judge, perhaps {time}")
    if found.seconds < 1:
        words = tr("{count} to judge, in a moment")
    said = words.format(count=count(found.count), time=duration(found.seconds))
    return said + (tr(", cost about {cost}").format(cost=figure(found.cost, 2)) if found.cost else "") + "."


def short_name(name: str) -> str:
    """A judge's name without the word before it."""
    return name.removeprefix("judge: ")


def report_text(report: JudgeReport, tr: Translate) -> str:
    """Every judge as text."""
    lines = []
    for found in report.judges:
        said = judging_words(found, tr)
        lines.append(f"{short_name(found.judge.name)}: {said.title}{f' ({said.number})' if said.number else ''}.")
        lines.append(f"    {said.text}")
        lines += [f"    {name}: {value}" for name, value in said.facts]
        lines.append(f"    {tr('Rubric')}: {found.rubric.text}")
    return "\n".join(lines) or tr("No judge has judged anything yet.")
