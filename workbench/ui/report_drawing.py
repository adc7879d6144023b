"""Which drawing stands in which card of the report, and what it says to those who do not see it."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from PySide6.QtCore import QDateTime, QLocale, QRectF
from PySide6.QtGui import QPainter

from ..evaluation.bias import Finding
from ..evaluation.readiness import LearningCurve, Point
from ..evaluation.resampling import Reliability
from ..jobs.reporting import RELIABLE, TENTATIVE, Report
from .data_words import LETTERS
from .figures import count, figure, percent
from .report_pictures import Bar, Curve, Paint, Picture, bars, curve, dots, gauge, matrix, series, squares
from .report_words import Translate, main_agreement, person

MOST_PEOPLE, MOST_SQUARES = 8, 120
TALL = 150


def draw(picture: Picture, name: str, report: Report, tr: Translate) -> None:
    """Draw what belongs into the card of this name; nothing where there is nothing to draw."""
    if name == "curve" and report.readiness.curve is not None:
        _curve(picture, report.readiness.curve, tr)
    elif name == "people" and (found := main_agreement(report)) is not None:
        _people(picture, found[1], tr)
    elif name == "self" and report.together.n:
        kept = [each.kept for each in report.together.repeats[-MOST_SQUARES:]]
        rows = math.ceil(len(kept) / 17)
        said = tr("{kept} of {n} stayed").format(kept=report.together.kept, n=report.together.n)
        picture.draw(squares(kept), 18 * rows + 4, said)
    elif name in _FINDINGS and report.finding(name).verdict != "none":
        _FINDINGS[name](picture, report.finding(name), tr)
    else:
        picture.draw(None, 0, "")


def _curve(picture: Picture, found: LearningCurve, tr: Translate) -> None:
    measured, ahead = ([_row(point) for point in part] for part in (found.points, found.ahead))
    rows = [*measured, *ahead]
    marks = _percents(min(row[2] for row in rows), max(row[3] for row in rows))
    most = rows[-1][0]
    below = [(x, count(round(x))) for x in (most / 4, most / 2, 3 * most / 4, most)]
    now = tr("now {accuracy}").format(accuracy=percent(found.now.accuracy))
    words = tr("{accuracy} after {count} judgements")
    said = [words.format(accuracy=percent(row[1]), count=count(round(row[0]))) for row in rows]
    picture.draw(curve(Curve(measured, ahead), marks, below, now), 168, "; ".join(said))


def _row(point: Point) -> tuple[float, float, float, float]:
    return point.judgements, point.accuracy, point.low, point.high


def _percents(low: float, high: float) -> list[tuple[float, str]]:
    """Round shares that hold a range, three to six of them."""
    step = next(each for each in (0.02, 0.05, 0.1, 0.2, 0.25) if (high - low) / each <= 4 or each == 0.25)
    first, last = math.floor(low / step), math.ceil(high / step)
    return [(place * step, percent(place * step)) for place in range(first, last + 1)]


def _people(picture: Picture, found: Reliability, tr: Translate) -> None:
    alpha = found.alpha
    if math.isnan(alpha.value):
        picture.draw(None, 0, "")
        return
    low, high = (alpha.value if math.isnan(each) else each for each in (alpha.low, alpha.high))
    zones = [(TENTATIVE, "bad", tr("weak")), (RELIABLE, "human", tr("tentative")), (1.0, "good", tr("reliable"))]
    scale = gauge(zones, 0.0, alpha.value, low, high)
    if not 3 <= len(found.people) <= MOST_PEOPLE:
        picture.draw(scale, 44, f"{figure(alpha.value, 2)} ({figure(low, 2)}, {figure(high, 2)})")
        return
    grid, said = _everybody(found, tr)

    def both(painter: QPainter, place: QRectF) -> None:
        scale(painter, place)
        painter.translate(0, 52)
        grid(painter, place)

    picture.draw(both, 52 + 24 * len(found.people) + 20, said)


def _everybody(found: Reliability, tr: Translate) -> tuple[Paint, str]:
    """Everybody against everybody, and the same as a sentence."""
    kappas = {frozenset(who): (n, each.value) for who, (n, each) in found.pairs.items()}
    known = [[kappas.get(frozenset((one, other))) for other in found.people] for one in found.people]
    values = [[None if cell is None or math.isnan(cell[1]) else cell[1] for cell in line] for line in known]
    texts = [["" if value is None else figure(value, 2) for value in line] for line in values]
    names = [person(name, tr) for name in found.people]
    words = tr("{one} and {other}: κ {kappa} on {count}")
    said = [
        words.format(
            one=person(one, tr), other=person(other, tr), kappa=figure(each.value, 2), count=count(n)
        )
        for (one, other), (n, each) in found.pairs.items()
    ]  # fmt: skip
    return matrix(names, values, texts), "; ".join(said)


# --- findings


def _gauge(picture: Picture, found: Finding, zones: list[tuple[float, str, str]]) -> None:
    said = f"{percent(found.value)} ({percent(found.low)}, {percent(found.high)})"
    picture.draw(gauge(zones, 0.0, found.value, found.low, found.high), 44, said)


def _length(picture: Picture, found: Finding, tr: Translate) -> None:
    if "dots" not in found.numbers:
        zones = [(0.4, "warn", tr("shorter")), (0.6, "good", tr("neither")), (1.0, "warn", tr("longer"))]
        _gauge(picture, found, zones)
        return
    slope, offset = found.numbers["line"]
    said = tr("Stars against words: r {r}").format(r=figure(found.numbers["r"], 2))
    picture.draw(dots(found.numbers["dots"], slope, offset, tr("{count} words")), TALL, said)


def _position(picture: Picture, found: Finding, tr: Translate) -> None:
    zones = [(0.4, "warn", tr("later")), (0.6, "good", tr("no bias")), (1.0, "warn", tr("first"))]
    _gauge(picture, found, zones)


def _ends(picture: Picture, found: Finding, tr: Translate) -> None:
    shown = [Bar(share, LETTERS[place], (low, high)) for place, (share, low, high) in enumerate(found.numbers["bars"])]
    said = "; ".join(f"{each.name} {percent(each.value)}" for each in shown)
    expected = found.numbers["expected"]
    picture.draw(bars(shown, [(0, "0"), (expected, percent(expected))], expected), TALL, said)


def _haste(picture: Picture, found: Finding, tr: Translate) -> None:
    numbers = found.numbers
    edges, counts, hurried = numbers["edges"], numbers["counts"], numbers["fast_counts"]
    named = {0: "0", len(counts) // 2: f"{edges[len(counts) // 2]:.0f}", len(counts) - 1: f"{edges[-1]:.0f} s"}
    shown = [
        Bar(float(n), named.get(place, ""), None, float(fast))
        for place, (n, fast) in enumerate(zip(counts, hurried, strict=True))
    ]
    said = tr("{fast} of {count} were too fast").format(fast=count(numbers["fast"]), count=count(found.n))
    picture.draw(bars(shown, [(0, "0"), (max(counts), count(max(counts)))]), TALL, said)


def _balance(picture: Picture, found: Finding, tr: Translate) -> None:
    counts = found.numbers["counts"]
    shown = [Bar(float(n), str(stars)) for stars, n in enumerate(counts, 1)]
    said = "; ".join(
        tr("{stars} stars: {count}").format(stars=bar.name, count=count(round(bar.value))) for bar in shown
    )
    picture.draw(bars(shown, [(0, "0"), (max(counts), count(max(counts)))]), TALL, said)


def _drift(picture: Picture, found: Finding, tr: Translate) -> None:
    people: Sequence[Finding] = found.people or (found,)
    shown = [(person(each.who, tr), each.numbers["series"]) for each in people[:4] if each.numbers["series"]]
    if not shown:
        picture.draw(None, 0, "")
        return
    rows = [row for _, part in shown for row in part]
    low, high = math.floor(min(row[2] for row in rows)), math.ceil(max(row[3] for row in rows))
    marks = [(float(each), str(each)) for each in range(low, high + 1)]
    first, last = min(row[0] for row in rows), max(row[0] for row in rows)
    below = [(first, _day(first, last)), (last, _day(last, first))]
    said = "; ".join(f"{name}: {figure(part[0][1], 2)} → {figure(part[-1][1], 2)}" for name, part in shown)
    picture.draw(series(shown, marks, below), TALL, said)


def _day(at: float, other: float) -> str:
    form = "d MMM" if abs(at - other) > 86_400 else "HH:mm"
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(round(at)), form)


def _ties(picture: Picture, found: Finding, tr: Translate) -> None:
    _gauge(picture, found, [(1 / 3, "good", tr("few")), (1.0, "warn", tr("many"))])


_FINDINGS: dict[str, Callable[[Picture, Finding, Translate], None]] = {
    "length": _length,
    "position": _position,
    "first": _ends,
    "last": _ends,
    "drift": _drift,
    "haste": _haste,
    "ties": _ties,
    "balance": _balance,
}
