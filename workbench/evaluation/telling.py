"""Which judgements would teach an ensemble of heads most, before they are made. No torch."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

Array = np.ndarray

REACH = 8
"""Of very many answers to one prompt only those are compared that stand at most so many places apart in score."""
LEAST = 1e-9
"""Nats below which a comparison tells nothing, such as that of two copies of a text."""


def information(gaps: Array) -> Array:
    """What a comparison would tell of which head is right, in nats: [n] from gaps between two answers [n, k heads].

    The mutual information between the judgement and the heads, which weigh the same (BALD, Houlsby et al. 2011): the
    entropy of what they expect together less the mean entropy of what each expects. A pair that every head calls a near
    tie is as uncertain as can be and tells nothing; one on which they disagree tells most.
    """
    p = 1 / (1 + np.exp(-np.asarray(gaps, np.float64)))
    return _entropy(p.mean(1)) - _entropy(p).mean(1)


def _entropy(p: Array) -> Array:
    p = np.clip(p, 1e-12, 1 - 1e-12)
    return -(p * np.log(p) + (1 - p) * np.log1p(-p))


def most_telling(each: Array, prompts: Array, known: Collection[tuple[int, int]] = ()) -> list[tuple[int, int]]:
    """For each prompt the two answers whose comparison would tell most, the most telling first.

    each: what every head says of every answer, [n, k], in logits of the Bradley-Terry model. prompts: of each answer,
    [n]. known: pairs of places that were compared already and are left out, as are those that would tell nothing.
    """
    one, other = _together(each, prompts)
    nats = information(each[one] - each[other])
    asked = np.flatnonzero((nats > LEAST) & ~np.isin(_codes(one, other, len(each)), _known_codes(known, len(each))))
    best = asked[np.argsort(-nats[asked], kind="stable")]
    _, first = np.unique(prompts[one[best]], return_index=True)
    chosen = best[np.sort(first)]
    return list(zip(one[chosen].tolist(), other[chosen].tolist(), strict=True))


def _together(each: Array, prompts: Array) -> tuple[Array, Array]:
    """Every two answers to the same prompt, but for those that are far apart in score among very many: [m] each."""
    order = np.lexsort((each.mean(1), prompts))
    ones, others = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
    for reach in range(1, REACH + 1):
        one, other = order[:-reach], order[reach:]
        same = prompts[one] == prompts[other]
        if not same.any():
            break
        ones.append(one[same])
        others.append(other[same])
    return np.concatenate(ones), np.concatenate(others)


def _codes(one: Array, other: Array, count: int) -> Array:
    """A number for two places, whichever comes first."""
    return np.minimum(one, other) * count + np.maximum(one, other)


def _known_codes(known: Collection[tuple[int, int]], count: int) -> Array:
    pairs = np.array(list(known), np.int64).reshape(-1, 2)
    return _codes(pairs[:, 0], pairs[:, 1], count)
