"""The report on the judgements as cards in words, and as plain text for the command line and the clipboard. No Qt."""

from __future__ import annotations

from ..jobs.reporting import Report
from .figures import count
from .report_advice import becoming_line, curve_words, readiness_words, step_words
from .report_words import Said, Translate, agreement_words, consistency_words, finding_words


def report_cards(report: Report, tr: Translate) -> dict[str, Said]:
    """Every card in words, by name, in the order in which they are shown."""
    found = {"curve": curve_words(report.readiness, tr), "people": agreement_words(report, tr)}
    found["self"] = consistency_words(report, tr)
    return found | {each.about: finding_words(each, tr) for each in report.findings}


_MARKS = {"good": "ok  ", "warn": "LOOK", "none": "  ? "}


def report_text(report: Report, tr: Translate) -> str:
    """The whole report as text: for the command line and the clipboard."""
    title, why = readiness_words(report.readiness, tr)
    lines = [f"{title}. {why}".strip()]
    if report.becoming.counts:
        lines.append(becoming_line(report.becoming, tr))
        lines.append(tr("{count} pairs in all, votes of the same two answers merged.").format(
            count=count(report.becoming.pairs)))  # fmt: skip
    conflicts = len(report.becoming.contradictions)
    if conflicts:
        lines.append(tr("{count} sets of two answers were judged both ways.").format(count=count(conflicts)))
    lines.append("")
    for said in report_cards(report, tr).values():
        number = f" ({said.number})" if said.number else ""
        lines.append(f"{_MARKS[said.verdict]}  {said.title}{number}: {said.text}")
        lines += [f"        {name}: {value}" for name, value in said.facts]
    lines += ["", tr("Worth doing next:")] if report.steps else []
    lines += [f"{place}. {' - '.join(step_words(step, tr)[:2])}" for place, step in enumerate(report.steps, 1)]
    return "\n".join(lines)
