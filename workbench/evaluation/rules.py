"""Rules that judge answers where no person is at hand: openly named, so that nobody takes them for a person."""

from __future__ import annotations

import re
from dataclasses import dataclass

_WORD = re.compile(r"[A-Za-zÀ-ɏ0-9'’]+|[\u3400-\u9fff]")
_ENDINGS = tuple(".!?。！？…\"'”’）)】」`")


def words(text: str) -> float:
    """Words of a text; two Chinese characters count as one word."""
    return sum(0.5 if "\u3400" <= word[0] <= "\u9fff" else 1.0 for word in _WORD.findall(text))


@dataclass(frozen=True)
class Brief:
    """Prefers a finished answer of 5 to `most` words."""

    most: int = 40
    fewest: int = 5

    @property
    def name(self) -> str:
        """How reports call the rule, and the annotator of its judgements."""
        return "rule: brief and finished"

    @property
    def text(self) -> str:
        """The rule in one sentence."""
        return (
            f"Half of the score is for ending with a finished sentence, half for a length of {self.fewest} to "
            f"{self.most} words (less and less up to twice that, or below). This is a rule, not a person."
        )

    def score(self, answer: str) -> float:
        """From 0 to 1."""
        count = words(answer)
        if count < self.fewest:
            length = count / self.fewest
        else:
            length = min(1.0, max(0.0, 2.0 - count / self.most))
        whole = float(answer.rstrip().endswith(_ENDINGS))
        # Ending well is worth nothing to an answer that says nothing.
        return 0.5 * length + 0.5 * whole * min(1.0, count / self.fewest)

    def stars(self, answer: str) -> int:
        """From 1 to 5."""
        return 1 + round(4 * self.score(answer))
