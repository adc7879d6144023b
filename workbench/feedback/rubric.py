"""Rate each answer by several criteria that the person has defined: stars, pass or fail, or with a critical failure.

A rubric stands whole in every judgement made under it: rubrics change, and a judgement must mean the same afterwards,
in another project too.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import Any

from ..errors import WorkbenchError
from .base import Choice, Demonstration, Example, Judgement, Label, Pair, Rules

name = "rubric"
title = "Rubric"
shows = (1, 9)
choices: tuple[Choice, ...] = ()

SCALES: dict[str, tuple[Any, ...]] = {
    "stars": (1, 2, 3, 4, 5),
    "pass_fail": ("fail", "pass"),
    "pass_fail_critical": ("critical", "fail", "pass"),
}
"""What can be said of a criterion, worst first."""
MOST = 12
_SHARES = {"pass": 1.0, "fail": 0.0, "critical": 0.0}
_HINT = "Give each criterion a name, a scale and a weight above 0."


def check_criteria(criteria: Any) -> list[dict[str, Any]]:
    """Criteria in their stored form: {"name", "scale", "weight"} each. Raises WorkbenchError when they are none."""
    if not isinstance(criteria, list | tuple) or not 0 < len(criteria) <= MOST:
        raise WorkbenchError(f"A rubric has 1 to {MOST} criteria.", _HINT)
    return [_criterion(item) for item in criteria]


def _criterion(item: Any) -> dict[str, Any]:
    found = item if isinstance(item, Mapping) else {}
    named, scale, weight = found.get("name"), found.get("scale", "stars"), found.get("weight", 1.0)
    heavy = isinstance(weight, int | float) and not isinstance(weight, bool) and 0 < weight <= 1000
    if not isinstance(named, str) or not named.strip() or scale not in SCALES or not heavy:
        raise WorkbenchError("That is no criterion of a rubric.", _HINT)
    return {"name": named.strip(), "scale": scale, "weight": float(weight)}


def check(value: Mapping[str, Any], shown: int) -> dict[str, Any]:
    """{"criteria": [{"name", "scale", "weight"}, ...], "scores": [[one per answer shown or None, ...], ...]}.

    One list of scores per criterion, of its scale's values; at least one score in all.
    """
    criteria = check_criteria(value.get("criteria"))
    given = value.get("scores")
    scores = [list(row) if isinstance(row, list | tuple) else [] for row in given] if isinstance(given, list) else []
    fits = len(scores) == len(criteria) and all(
        len(row) == shown and all(score is None or _is_of(score, item["scale"]) for score in row)
        for row, item in zip(scores, criteria, strict=False)
    )
    if not fits or all(score is None for row in scores for score in row):
        raise WorkbenchError("A rubric has a score of its scale for each answer.", "Judge at least one criterion.")
    return {"criteria": criteria, "scores": scores}


def _is_of(score: Any, scale: str) -> bool:
    return not isinstance(score, bool) and isinstance(score, int | str) and score in SCALES[scale]


def overall(value: Mapping[str, Any]) -> list[float | None]:
    """Each answer's score in stars, 1 to 5: the weighted mean of its criteria, 1 after a critical failure.

    Passed is 5 stars, failed is 1. Criteria without a score do not count; None where there is none at all.
    """
    shown = len(value["scores"][0])
    return [_stars([(row[place], item) for row, item in zip(value["scores"], value["criteria"], strict=True)])
            for place in range(shown)]  # fmt: skip


def _stars(scored: list[tuple[Any, Mapping[str, Any]]]) -> float | None:
    given = [(score, item["weight"]) for score, item in scored if score is not None]
    if not given:
        return None
    if any(score == "critical" for score, _ in given):
        return 1.0
    shares = [((score - 1) / 4 if isinstance(score, int) else _SHARES[score], weight) for score, weight in given]
    return 1 + 4 * sum(share * weight for share, weight in shares) / sum(weight for _, weight in shares)


def examples(judgement: Judgement, rules: Rules) -> list[Example]:
    """What ratings teach that are the overall scores."""
    if not rules.use_rubrics:
        return []
    scored = [
        (answer.text, stars)
        for answer, stars in zip(judgement.answers, overall(judgement.value), strict=True)
        if stars is not None
    ]
    about = {"prompt_id": judgement.prompt_id, "messages": judgement.messages, "split": judgement.split}
    sources = (judgement.id,)
    found: list[Example] = [Label(text=text, value=stars, sources=sources, **about) for text, stars in scored]
    found += [
        Demonstration(text=text, sources=sources, **about)
        for text, stars in scored
        if stars >= rules.good_rating and text.strip()
    ]
    for one, other in combinations(scored, 2):
        better, worse = (one, other) if one[1] > other[1] else (other, one)
        gap = better[1] - worse[1]
        # Sums of weights are not exact: 4.6 - 3.6 is a gap of one star.
        if gap > 1e-9 and gap >= rules.min_gap - 1e-9 and better[0] != worse[0]:
            found.append(Pair(chosen=better[0], rejected=worse[0], margin=gap, sources=sources, **about))
    return found
