"""The result of `bench learn` in words and tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import report
from .learning import NAMES


def words(found: Mapping[str, Any]) -> str:
    """The comparison, with the settings that matter."""
    job, sides = found["job"], {"ours": found["ours"], **found["theirs"]}
    title = (
        f"Learning: reward is {job['rule']}; {job['iterations']} iterations of {job['samples']} answers of at most "
        f"{job['new_tokens']} tokens at temperature {job['temperature']:g}, KL coefficient {job['beta']:g}, rank "
        f"{job['rank']}. Measured on held-out prompts; mean (range over seeds)."
    )
    parts = [title, "", "Reward at equal KL", _by_kl(found), "", "After equal samples", _by_samples(found), ""]
    for side, facts in sides.items():
        about = ", ".join(f"{key} {value}" for key, value in facts["about"].items())
        seeds = ", ".join(map(str, facts["seeds"]))
        parts.append(
            f"{NAMES[side]}, seeds {seeds}: trains {report.trains(facts['trains'])} in {facts['dtype']}, with {about}."
        )
    for side, gap in found["advantage_at_equal_kl"].items():
        parts.append(
            f"Ours less {NAMES[side]} at equal KL: {gap['mean']:+.2f} on average, {gap['least']:+.2f} at the least "
            f"and {gap['most']:+.2f} at the most."
        )
    return "\n".join(parts)


def _by_kl(found: Mapping[str, Any]) -> str:
    table = found["at_equal_kl"]
    levels = [row["kl"] for row in next(iter(table.values()))]
    rows = [(f"{kl:.2f}", *(_range(table[side][place]) for side in table)) for place, kl in enumerate(levels)]
    return report.table(("KL, nats an answer", *(NAMES[side] for side in table)), rows)


def _by_samples(found: Mapping[str, Any]) -> str:
    rows = [
        (
            NAMES[side],
            f"{row['samples']}",
            _range(row),
            f"{row['kl']:.2f}",
            f"{row['seconds']:.0f}",
            f"{row['cpu_seconds']:.0f}",
        )
        for side, found_rows in found["at_equal_samples"].items()
        for row in found_rows
    ]
    return report.table(("side", "samples", "reward", "KL", "wall s", "CPU s"), rows)


def _range(row: Mapping[str, float]) -> str:
    return f"{row['mean']:.2f} ({row['low']:.2f} to {row['high']:.2f})"
