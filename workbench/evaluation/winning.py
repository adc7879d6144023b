"""Win rates: how often people prefer one of two models when they do not know which is which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .intervals import wilson

OUTCOMES = ("won", "tied", "lost", "both_bad")


@dataclass(frozen=True)
class WinRate:
    """Votes counted. `tied` holds every vote without a winner, "both bad" among them."""

    won: int = 0
    tied: int = 0
    lost: int = 0
    both_bad: int = 0
    low: float = 0.0
    high: float = 1.0

    @property
    def votes(self) -> int:
        """How many votes there are."""
        return self.won + self.tied + self.lost

    @property
    def share(self) -> float:
        """The share won, a tie as half a win; nan for no votes."""
        return (self.won + self.tied / 2) / self.votes if self.votes else float("nan")

    @property
    def decided(self) -> str:
        """ "better" or "worse" when the interval is clear of one half, else ""."""
        if not self.votes:
            return ""
        return "better" if self.low > 0.5 else "worse" if self.high < 0.5 else ""


def outcome(value: Mapping[str, Any], ours_first: bool) -> str:
    """What a comparison says about our answer: one of OUTCOMES. `ours_first`: it was shown as A."""
    choice = value["choice"]
    if choice == "both_bad":
        return "both_bad"
    if choice == "tie":
        return "tied"
    return "won" if (choice == "a") == ours_first else "lost"


def win_rate(votes: Iterable[str]) -> WinRate:
    """Count outcomes, with the 95 % Wilson interval (Wilson 1927) of the share won, ties counted as half.

    "both_bad" says nothing about which is better, so it counts as a tie; how many there were is kept beside that.
    """
    counts: dict[str, int] = dict.fromkeys(OUTCOMES, 0)
    for vote in votes:
        counts[vote] += 1
    tied = counts["tied"] + counts["both_bad"]
    total = counts["won"] + tied + counts["lost"]
    low, high = wilson(counts["won"] + tied / 2, total)
    return WinRate(counts["won"], tied, counts["lost"], counts["both_bad"], low, high)
