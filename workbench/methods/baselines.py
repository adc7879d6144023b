"""What a method has to beat: figures that need no learning."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ..feedback.base import Pair


def longer_wins(pairs: Sequence[Pair]) -> float:
    """How often "the longer answer is better" agrees with the judgements: the line to beat. Ties count half."""
    points = [
        0.5 if len(pair.chosen) == len(pair.rejected) else float(len(pair.chosen) > len(pair.rejected))
        for pair in pairs
    ]
    return sum(points) / len(points) if points else math.nan
