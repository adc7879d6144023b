"""What a language model has to beat: how surprised counts of single tokens and of pairs are by held-out text."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

ADDED = 1.0
"""Added to every count of a single token, so that none is impossible (Laplace)."""


@dataclass(frozen=True)
class Counts:
    """Counts of a stream of token ids. `pairs` are sorted, each `before * vocabulary + token`, seen `times` times."""

    singles: np.ndarray
    pairs: np.ndarray
    times: np.ndarray
    vocabulary: int

    @classmethod
    def of(cls, ids: np.ndarray, vocabulary: int) -> Counts:
        """Count ids [n], all below `vocabulary`."""
        pairs, times = np.unique(ids[:-1].astype(np.int64) * vocabulary + ids[1:], return_counts=True)
        return cls(np.bincount(ids, minlength=vocabulary), pairs, times, vocabulary)

    def unigram(self, tokens: np.ndarray) -> np.ndarray:
        """Probabilities of tokens [n] by their frequency alone."""
        return (self.singles[tokens] + ADDED) / (self.singles.sum() + ADDED * self.vocabulary)

    def bigram(self, before: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        """Probabilities of tokens [n] after the tokens `before` [n]: each pair's count less a discount, and what that
        frees by the frequency of the single token (interpolated absolute discounting, Ney et al. 1994)."""
        first = self.pairs // self.vocabulary
        seen = np.bincount(first, weights=self.times, minlength=self.vocabulary)[before]
        followers = np.bincount(first, minlength=self.vocabulary)[before]
        discounted = np.maximum(self._times_of(before, tokens) - self.discount, 0.0)
        freed = self.discount * followers
        alone = self.unigram(tokens)
        return np.where(seen > 0, (discounted + freed * alone) / np.maximum(seen, 1), alone)

    @property
    def discount(self) -> float:
        """How much less a pair is counted than it was seen: n1 / (n1 + 2 n2) of pairs seen once and twice."""
        once, twice = int((self.times == 1).sum()), int((self.times == 2).sum())
        return once / (once + 2 * twice) if once and twice else 0.5

    def _times_of(self, before: np.ndarray, tokens: np.ndarray) -> np.ndarray:
        wanted = before.astype(np.int64) * self.vocabulary + tokens
        if not len(self.pairs):
            return np.zeros(len(wanted))
        places = np.minimum(np.searchsorted(self.pairs, wanted), len(self.pairs) - 1)
        return np.where(self.pairs[places] == wanted, self.times[places], 0)


def surprise(probabilities: np.ndarray) -> float:
    """The sum of -log p, in nats."""
    return float(-np.log(probabilities).sum())
