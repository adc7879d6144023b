"""What a comparison found, as plain JSON and as a table for a terminal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .alternating import Report, Side, median, median_split, peak

MIB = 2**20
TAIL = 20
"""Iterations at the end from which the growth of memory is judged."""


def describe(side: Side, reports: Sequence[Report], flops: float, rates: Mapping[str, float]) -> dict[str, Any]:
    """One side's medians, its memory at its own last iteration, what it trains, and how near it is to the limit."""
    seconds = median(reports, "seconds")
    dtype = str(side.ready["dtype"])
    rate = rates["bfloat16" if "bf16" in dtype else dtype.split(",")[0]]
    return {
        "name": side.name,
        "dtype": dtype,
        "iterations": len(reports),
        "seconds": seconds,
        "fastest_seconds": min(report["seconds"] for report in reports),
        "cpu_seconds": median(reports, "cpu_seconds"),
        "split": median_split(reports),
        "peak_bytes": peak(reports[-1]),
        "resident_bytes": reports[-1]["rss_bytes"],
        "flops": flops,
        "share_of_limit": flops / rate / seconds,
        "trains": side.ready.get("trains", {}),
    }


def growth(resident: Sequence[int]) -> float | None:
    """Bytes that an iteration adds: the slope of a straight line through the last 20; None with fewer than 3."""
    tail = list(resident)[-TAIL:]
    if len(tail) < 3:
        return None
    middle = (len(tail) - 1) / 2
    mean = sum(tail) / len(tail)
    across = sum((place - middle) * (value - mean) for place, value in enumerate(tail))
    return across / sum((place - middle) ** 2 for place in range(len(tail)))


def ratio(theirs: float, ours: float) -> float:
    """How many times theirs is ours."""
    return theirs / ours if ours else float("nan")


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Columns as wide as their widest cell; the first is set left, the others right."""
    lines = [list(head), *[list(row) for row in rows]]
    widths = [max(len(line[column]) for line in lines) for column in range(len(head))]
    found = []
    for line in lines:
        cells = [cell.ljust(widths[0]) if not place else cell.rjust(widths[place]) for place, cell in enumerate(line)]
        found.append("  ".join(cells).rstrip())
    return "\n".join([found[0], "  ".join("-" * width for width in widths), *found[1:]])


def mib(count: float) -> str:
    """Bytes in MiB."""
    return f"{count / MIB:,.0f}"


def millions(count: int) -> str:
    """A number of weights: 4.9 M, or 577."""
    return f"{count / 1e6:.1f} M" if count >= 100_000 else f"{count:,}"


def trains(parts: Mapping[str, int]) -> str:
    """What a side trains: "LoRA r=16 4.9 M + linear value head 577"."""
    return " + ".join(f"{name} {millions(count)}" for name, count in parts.items())


def about_machine(found: Mapping[str, Any]) -> str:
    """The machine, in one line."""
    rates = ", ".join(f"{name} {rate / 1e12:.2f} TFLOP/s" for name, rate in found["matmul_flops"].items())
    device = found["device"] if "threads" in found["device"] else f"{found['device']}, {found['threads']} threads"
    return f"{device}; best large matrix product here: {rates}."


def machine(side: Side, reports: Sequence[Report]) -> dict[str, Any]:
    """What the matmul side saw of the machine."""
    import platform

    import psutil

    return {
        "device": side.ready["device"],
        "threads": side.ready["threads"],
        "memory_bytes": psutil.virtual_memory().total,
        "platform": platform.platform(),
        "torch": side.ready["torch"],
        "matmul_flops": dict(reports[-1]["rates"]),
    }
