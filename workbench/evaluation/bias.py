"""What judgements lean on beside the answers: their length, where they stood, the day, haste. With intervals.

A share is counted once for every judgement that decides anything, whatever number of pairs it holds, because pairs of
one ranking are not independent; stars and thumbs of one person on one prompt count together.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np

from .intervals import Z95, wilson

FEW = 20
"""Under so many cases no verdict is given."""
SLIGHT = 0.03
"""A share so close to the expected one is no bias that matters, however sure it is."""
FASTEST_WORDS, FASTEST_CHARACTERS = 10.0, 15.0
"""A second. Adults read about 4 English words (Brysbaert 2019) or 4 to 8 Chinese characters; nobody reads so fast."""
HASTY, MANY_TIES, LOPSIDED = 0.05, 1 / 3, 0.6
"""Shares from which haste, ties, and the most common number of stars are worth a warning."""
DRIFTED = 0.2
"""Stars."""
SHORTEST = 60.0
"""Seconds. What was judged within a moment, as by a rule, has no first and second half."""
MOST_DOTS, BARS = 300, 16
_SCORED = ("rating", "thumbs", "rubric")
_CJK = "\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\uac00-\ud7af"
_CHARACTER = re.compile(f"[{_CJK}]")
_LETTER = f"[^\\W_{_CJK}]"
_WORD = re.compile(f"{_LETTER}+(?:['’-]{_LETTER}+)*")


@dataclass(frozen=True)
class Seen:
    """A judgement as these figures see it; answers in the order in which they were shown.

    at: seconds since 1970. seconds: how long it took, 0 if not known. standings: higher is better, None for nothing
    said. reading: words and Chinese, Japanese or Korean characters of all answers. verdict: a comparison's choice.
    imported: how it was shown, and when, is not known.
    """

    id: str
    kind: str
    annotator: str
    prompt_id: str
    at: float
    seconds: float
    standings: tuple[float | None, ...]
    lengths: tuple[float, ...]
    reading: tuple[int, int]
    verdict: str = ""
    repeat: bool = False
    imported: bool = False


@dataclass(frozen=True)
class Finding:
    """One question answered: a share or a difference with its 95 % interval, from n cases.

    verdict: "good", "warn", or "none" where there are too few to tell. parts: the same by kind of judgement. people:
    the same by person, of those who judged enough. ids: the judgements that it points at.
    """

    about: str
    verdict: str
    value: float
    low: float
    high: float
    n: int
    numbers: Mapping[str, Any] = field(default_factory=dict)
    kind: str = ""
    who: str = ""
    parts: tuple[Finding, ...] = ()
    people: tuple[Finding, ...] = ()
    ids: tuple[str, ...] = ()


def findings(seen: Sequence[Seen], rises: Mapping[str, Sequence[float]] | None = None) -> list[Finding]:
    """Every finding. rises: by person, by how much scores rose when the same was judged again."""
    first = [each for each in seen if not each.repeat]  # what was judged again counts once
    here = [each for each in first if not each.imported]  # a file may list the better answer first
    return [
        _split("length", first, longer_wins),
        _split("position", here, _position),
        _split("first", here, lambda some: _end(some, "first")),
        _split("last", here, lambda some: _end(some, "last")),
        drift(here, rises or {}),
        _split("haste", [each for each in seen if not each.imported], _haste),
        _split("ties", first, _ties),
        _split("balance", first, _balance),
    ]


Measure = Callable[[Sequence[Seen]], Finding]


def _split(about: str, seen: Sequence[Seen], measure: Measure) -> Finding:
    """A finding on everything, by kind and by person."""
    kinds, people = _by(seen, lambda each: each.kind), _by(seen, lambda each: each.annotator)
    parts = tuple(replace(measure(some), kind=kind) for kind, some in kinds.items())
    persons = (replace(measure(some), who=who) for who, some in people.items() if len(people) > 1)
    told = tuple(each for each in persons if each.verdict != "none")
    return replace(measure(seen), about=about, parts=tuple(each for each in parts if each.n), people=told)


def _by(seen: Iterable[Seen], key: Callable[[Seen], Any]) -> dict[Any, list[Seen]]:
    found: dict[Any, list[Seen]] = {}
    for each in seen:
        found.setdefault(key(each), []).append(each)
    return found


def _share(about: str, cases: Sequence[float], expected: float, **more: Any) -> Finding:
    """A share that should be near what is expected."""
    n, total = len(cases), float(sum(cases))
    low, high = wilson(total, n)
    value = total / n if n else math.nan
    off = n and not low <= expected <= high and abs(value - expected) >= SLIGHT
    verdict = "none" if n < FEW else "warn" if off else "good"
    return Finding(about, verdict, value, low, high, n, {"expected": expected}, **more)


# --- length and order


def longer_wins(seen: Sequence[Seen]) -> Finding:
    """How often the longer of two answers to one prompt is the better one."""
    cases = []
    for group in _comparable(seen):
        sides = [
            float((one[1] > other[1]) == (one[0] > other[0]))
            for one, other in combinations(group, 2)
            if one[0] != other[0] and one[1] != other[1]
        ]
        if sides:
            cases.append(sum(sides) / len(sides))
    found = _share("length", cases, 0.5)
    return replace(found, numbers={**found.numbers, **_line(seen)})


def _comparable(seen: Sequence[Seen]) -> list[list[tuple[float, float]]]:
    """(length, standing) of answers whose standings can be compared: of one judgement, or of one person and prompt."""
    groups: dict[Any, list[tuple[float, float]]] = {}
    for each in seen:
        scored = each.kind in _SCORED
        key = (each.kind, each.annotator, each.prompt_id) if scored else each.id
        placed = zip(each.lengths, each.standings, strict=False)
        groups.setdefault(key, []).extend((length, stand) for length, stand in placed if stand is not None)
    return [group for group in groups.values() if len(group) > 1]


def _line(seen: Sequence[Seen]) -> dict[str, Any]:
    """Stars against length within prompts: Pearson's r, stars per 50 words, and some dots to draw.

    Within prompts, because some prompts ask for longer answers and that is no bias.
    """
    groups = [np.array(group) for group in _comparable([each for each in seen if each.kind == "rating"])]
    rows = [
        (length, stars)
        for each in seen
        if each.kind == "rating"
        for length, stars in zip(each.lengths, each.standings, strict=False)
        if stars is not None
    ]
    if not groups:
        return {}
    words, stars = np.concatenate([group - group.mean(axis=0) for group in groups]).T
    spread = float(np.sqrt((words**2).sum() * (stars**2).sum()))
    if spread == 0:
        return {}
    step = max(1, math.ceil(len(rows) / MOST_DOTS))
    slope = float((words * stars).sum() / (words**2).sum())
    middle = np.mean(rows, axis=0)
    return {
        "r": float((words * stars).sum() / spread),
        "per_50": 50 * slope,
        "dots": rows[::step],
        "line": (slope, float(middle[1] - slope * middle[0])),
    }


def _position(seen: Sequence[Seen]) -> Finding:
    """How often the answer that was shown earlier is the better one of two."""
    cases = []
    for each in seen:
        given = [stand for stand in each.standings if stand is not None]
        sides = [float(one > other) for one, other in combinations(given, 2) if one != other]
        if sides:
            cases.append(sum(sides) / len(sides))
    return _share("position", cases, 0.5)


def _end(seen: Sequence[Seen], end: str) -> Finding:
    """How often the first, or the last, of three answers or more is the best; of the most common number shown."""
    places: dict[int, list[int]] = {}
    for each in seen:
        given = [stand for stand in each.standings if stand is not None]
        whole = len(given) == len(each.standings) >= 3
        if whole and given.count(max(given)) == 1:
            places.setdefault(len(given), []).append(given.index(max(given)))
    shown, best = max(places.items(), key=lambda item: len(item[1]), default=(0, []))
    if not best:
        return _share(end, [], 0.0)
    found = _share(end, [float(place == (0 if end == "first" else shown - 1)) for place in best], 1 / shown)
    counts = Counter(best)
    bars = [(counts[place] / len(best), *wilson(counts[place], len(best))) for place in range(shown)]
    return replace(found, numbers={**found.numbers, "shown": shown, "bars": bars})


# --- time


def drift(seen: Sequence[Seen], rises: Mapping[str, Sequence[float]]) -> Finding:
    """Whether anyone has become more generous or stricter: the person of whom that is clearest, and the others.

    On what was judged again where that is enough, as answers may have become better; else the second half of a
    person's scores against the first.
    """
    scored = [each for each in seen if each.kind in ("rating", "rubric") and _mean(each) is not None]
    people = [
        _on_repeats(who, rises[who], some) if len(rises.get(who, ())) >= FEW else _halves(who, some)
        for who, some in _by(scored, lambda each: each.annotator).items()
    ]
    told = [each for each in people if each.verdict != "none"]
    if not told:
        n = max((each.n for each in people), default=0)
        return Finding("drift", "none", math.nan, math.nan, math.nan, n)
    clearest = max(told, key=lambda each: (each.verdict == "warn", abs(each.value)))
    return replace(clearest, people=tuple(told) if len(told) > 1 else ())


def _mean(each: Seen) -> float | None:
    given = [stand for stand in each.standings if stand is not None]
    return sum(given) / len(given) if given else None


def _halves(who: str, seen: Sequence[Seen]) -> Finding:
    ordered = sorted(seen, key=lambda each: each.at)
    values = np.array([_mean(each) for each in ordered], float)
    half = len(values) // 2
    if len(values) < 2 * FEW or ordered[-1].at - ordered[0].at < SHORTEST:
        return Finding("drift", "none", math.nan, math.nan, math.nan, len(values), who=who)
    one, other = values[:half], values[half:]
    error = math.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    return _change(who, float(other.mean() - one.mean()), error, len(values), ordered, False)


def _on_repeats(who: str, rises: Sequence[float], seen: Sequence[Seen]) -> Finding:
    values = np.asarray(rises, float)
    error = float(values.std(ddof=1)) / math.sqrt(len(values))
    return _change(who, float(values.mean()), error, len(values), sorted(seen, key=lambda each: each.at), True)


def _change(who: str, value: float, error: float, n: int, ordered: Sequence[Seen], repeats: bool) -> Finding:
    low, high = value - Z95 * error, value + Z95 * error
    verdict = "warn" if (low > 0 or high < 0) and abs(value) >= DRIFTED else "good"
    days = (ordered[-1].at - ordered[0].at) / 86_400 if ordered else 0.0
    numbers = {"days": days, "repeats": repeats, "series": _series(ordered)}
    return Finding("drift", verdict, value, low, high, n, numbers, who=who)


def _series(ordered: Sequence[Seen]) -> list[tuple[float, float, float, float]]:
    """(when, mean, low, high) of about a dozen parts of as many judgements."""
    parts = np.array_split(np.arange(len(ordered)), max(1, min(12, len(ordered) // 5)))
    found = []
    for part in parts:
        values = np.array([_mean(ordered[place]) for place in part], float)
        half = Z95 * float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else 0.0
        mean = float(values.mean())
        found.append((float(np.mean([ordered[place].at for place in part])), mean, mean - half, mean + half))
    return found


def reading_of(texts: Iterable[str]) -> tuple[int, int]:
    """How many words, and how many Chinese, Japanese or Korean characters, there are to read."""
    words = characters = 0
    for text in texts:
        characters += len(_CHARACTER.findall(text))
        words += len(_WORD.findall(text))
    return words, characters


def least_seconds(reading: tuple[int, int]) -> float:
    """Under so many seconds nobody can have read that much."""
    return reading[0] / FASTEST_WORDS + reading[1] / FASTEST_CHARACTERS


def _haste(seen: Sequence[Seen]) -> Finding:
    """Judgements that took less time than reading the answers at a speed that nobody has."""
    timed = [each for each in seen if each.seconds > 0]
    fast = [each for each in timed if each.seconds < least_seconds(each.reading)]
    n = len(timed)
    value = len(fast) / n if n else math.nan
    verdict = "none" if n < FEW else "warn" if value >= HASTY else "good"
    numbers: dict[str, Any] = {"fast": len(fast)}
    if n:
        seconds = np.array([each.seconds for each in timed])
        edges = np.linspace(0, max(1.0, float(np.quantile(seconds, 0.98))), BARS + 1)
        hurried = np.histogram([each.seconds for each in fast], edges)[0]
        numbers |= {"median": float(np.median(seconds)), "edges": edges.tolist()}
        numbers |= {"counts": np.histogram(seconds, edges)[0].tolist(), "fast_counts": hurried.tolist()}
    ids = tuple(each.id for each in fast)
    return Finding("haste", verdict, value, *wilson(len(fast), n), n, numbers, ids=ids)


# --- what is said


def _ties(seen: Sequence[Seen]) -> Finding:
    """How many comparisons end without a winner and teach nothing."""
    verdicts = [each.verdict for each in seen if each.kind == "comparison"]
    ties, bad, n = verdicts.count("tie"), verdicts.count("both_bad"), len(verdicts)
    low, high = wilson(ties + bad, n)
    value = (ties + bad) / n if n else math.nan
    verdict = "none" if n < FEW else "warn" if low > MANY_TIES else "good"
    return Finding("ties", verdict, value, low, high, n, {"ties": ties, "both_bad": bad})


def _balance(seen: Sequence[Seen]) -> Finding:
    """The share of the most common number of stars: where all get the same, nothing is learned."""
    stars = [stand for each in seen if each.kind == "rating" for stand in each.standings if stand is not None]
    counts, n = Counter(stars), len(stars)
    (most, times), *_ = counts.most_common(1) or [(0.0, 0)]
    low, high = wilson(times, n)
    verdict = "none" if n < FEW else "warn" if low > LOPSIDED else "good"
    numbers = {"stars": int(most), "counts": [counts[float(each)] for each in range(1, 6)]}
    return Finding("balance", verdict, times / n if n else math.nan, low, high, n, numbers)
