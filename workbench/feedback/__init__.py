"""What a person can say about answers; one file per kind, data only."""

from __future__ import annotations

from . import best_worst, comparison, correction, mark, ranking, rating, rubric, thumbs
from .base import Kind

KINDS: dict[str, Kind] = {
    kind.name: kind  # type: ignore[misc]
    for kind in (rating, comparison, ranking, correction, thumbs, best_worst, rubric, mark)
}
ASIDE = ("skip", "flag", "cannot")
"""Kinds that set an item aside without judging it ("cannot": it cannot be judged). They teach nothing."""

NO_JUDGEMENT = (*ASIDE, mark.name)
"""Kinds of rows that do not count as a judgement of their prompt."""

__all__ = ["ASIDE", "KINDS", "NO_JUDGEMENT", "Kind"]
