"""What runs of `bench learn` add up to: reward at equal KL and at equal samples, over seeds."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

Point = Mapping[str, Any]
Curve = list[tuple[float, float]]

LEVELS = 8
"""KL values at which the sides are compared, the largest the last one that every run has reached."""


def curve(points: Sequence[Point]) -> Curve:
    """(KL, reward) in the order of KL; points at the same KL become their mean."""
    at: dict[float, list[float]] = {}
    for point in points:
        at.setdefault(float(point["kl"]), []).append(float(point["reward"]))
    return [(kl, sum(at[kl]) / len(at[kl])) for kl in sorted(at)]


def reward_at(kl: float, line: Curve) -> float:
    """The reward at this KL, straight between the points beside it. Outside the curve there is none: NaN."""
    for (left, below), (right, above) in itertools.pairwise(line):
        if left <= kl <= right:
            return below + (above - below) * (kl - left) / (right - left)
    return line[0][1] if len(line) == 1 and line[0][0] == kl else float("nan")


def grid(curves: Sequence[Curve]) -> list[float]:
    """KL values that all curves reach, evenly apart and without zero."""
    most = min(line[-1][0] for line in curves)
    return [most * step / LEVELS for step in range(1, LEVELS + 1)]


def spread(values: Sequence[float]) -> dict[str, float]:
    """Mean and range over seeds."""
    return {"mean": sum(values) / len(values), "low": min(values), "high": max(values)}


def at_equal_kl(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, float]]]:
    """For each side the reward at each KL of the grid: mean and range over its seeds."""
    lines = [(run["side"], curve(run["points"])) for run in runs]
    levels = grid([line for _, line in lines])
    sides = list(dict.fromkeys(name for name, _ in lines))
    return {
        side: [{"kl": kl} | spread([reward_at(kl, line) for name, line in lines if name == side]) for kl in levels]
        for side in sides
    }


def at_equal_samples(runs: Sequence[Mapping[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """For each side, after the same number of samples: reward (mean and range), and the means of KL and seconds."""
    found: dict[str, list[dict[str, Any]]] = {}
    for side in dict.fromkeys(run["side"] for run in runs):
        points = [point for run in runs if run["side"] == side for point in run["points"]]
        for samples in sorted({point["samples"] for point in points}):
            here = [point for point in points if point["samples"] == samples]
            means = {key: sum(point[key] for point in here) / len(here) for key in ("kl", "seconds", "cpu_seconds")}
            row = {"samples": samples} | spread([point["reward"] for point in here]) | means
            found.setdefault(side, []).append(row)
    return found


def advantage(table: Mapping[str, Sequence[Mapping[str, float]]], ours: str) -> dict[str, dict[str, float]]:
    """For each other side: ours less theirs, as the mean over the grid and where it is least."""
    found = {}
    for side, rows in table.items():
        if side != ours:
            gaps = [mine["mean"] - theirs["mean"] for mine, theirs in zip(table[ours], rows, strict=True)]
            found[side] = {"mean": sum(gaps) / len(gaps), "least": min(gaps), "most": max(gaps)}
    return found
