"""`bench head`: how long linear reward heads on cached features take to refit after one more judgement."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from .alternating import Plan, Tell, alternate, median, running


@dataclass(frozen=True)
class Options:
    """The work, and how often it is done."""

    judgements: int = 1000
    width: int = 1152
    iterations: int = 9
    threads: int = 0


def compare(options: Options, tell: Tell) -> dict[str, Any]:
    """Refits of an ensemble of heads; the features are random with a planted preference, and noise in the judge."""
    config = {"judgements": options.judgements, "width": options.width, "turns": options.iterations + 1}
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        with running([Plan("head", "head", config)], options.threads, Path(name), lambda text: None) as (side,):
            reports = alternate([side], options.iterations, tell)["head"]
            accuracy = side.measure()["accuracy"]
    return {
        "job": {"judgements": options.judgements, "width": options.width, "heads": side.ready["heads"]},
        "ours": {
            "seconds": median(reports, "seconds"),
            "slowest_seconds": max(report["seconds"] for report in reports),
            "first_fit_seconds": side.ready["cold_seconds"],
            "choosing_seconds": side.ready["strength_seconds"],
            "accuracy": accuracy,
            "peak_bytes": reports[-1]["peak_bytes"],
        },
    }


def words(result: dict[str, Any]) -> str:
    """The result in words."""
    job, ours = result["job"], result["ours"]
    return (
        f"{job['heads']} linear heads on {job['judgements']:,} judgements with {job['width']:,} cached features: "
        f"refitted after one more judgement in {1000 * ours['seconds']:.1f} ms (median; slowest "
        f"{1000 * ours['slowest_seconds']:.1f})."
        f"\nThe first fit took {1000 * ours['first_fit_seconds']:.0f} ms, choosing the regularisation before it "
        f"{1000 * ours['choosing_seconds']:.0f} ms. Right on {ours['accuracy']:.1%} of new pairs (planted preference, "
        "noisy judge)."
    )
