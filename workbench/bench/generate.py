"""`bench generate`: our sampling against transformers' own generate(), in batches of several sizes."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from . import flops, models, report
from .alternating import Plan, Report, Side, Tell, alternate, running, same

OURS, THEIRS = "ours", "transformers"


@dataclass(frozen=True)
class Options:
    """The work, and how often it is done."""

    model: str = ""
    batches: tuple[int, ...] = (1, 8, 32)
    new_tokens: int = 32
    device: str = "auto"
    dtype: str = "auto"
    iterations: int = 5
    threads: int = 0
    transformers: bool = False


def compare(options: Options, tell: Tell) -> dict[str, Any]:
    """The comparison: an iteration writes one batch of each size."""
    folder = models.model_folder(options.model)
    config = {
        "model": str(folder),
        "batches": list(options.batches),
        "new_tokens": options.new_tokens,
        "device": options.device,
        "dtype": options.dtype,
    }
    plans = [Plan("machine", "matmul", config), Plan(OURS, "generate", config)]
    if options.transformers:
        plans.append(Plan(THEIRS, "transformers-generate", config))
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        with running(plans, options.threads, Path(name), tell) as (machine, *sides):
            same(sides, "prompts_digest")
            found = alternate([machine, *sides], options.iterations, tell)
    return _result(options, flops.Shape.of(folder), machine, sides, found)


def _result(
    options: Options, shape: flops.Shape, machine: Side, sides: Sequence[Side], found: dict[str, list[Report]]
) -> dict[str, Any]:
    about = report.machine(machine, found[machine.name])
    described = {side.name: _describe(options, shape, side, found[side.name], about) for side in sides}
    ours, theirs = described[OURS], described.get(THEIRS, {})
    result = {
        "job": {"batches": list(options.batches), "new_tokens": options.new_tokens},
        "ours": ours,
        "theirs": theirs,
        "share_of_limit": ours["share_of_limit"],
        "machine": about,
    }
    if theirs:
        speedups = {
            size: report.ratio(batch["tokens_per_second"], theirs["batches"][size]["tokens_per_second"])
            for size, batch in ours["batches"].items()
        }
        result |= {
            "speedup": report.ratio(theirs["seconds"], ours["seconds"]),
            "speedup_by_batch": speedups,
            "memory_ratio": report.ratio(ours["peak_bytes"], theirs["peak_bytes"]),
            "same_answers": found[OURS][-1]["answers_digest"] == found[THEIRS][-1]["answers_digest"],
        }
    return result


def _describe(
    options: Options, shape: flops.Shape, side: Side, reports: Sequence[Report], machine: dict[str, Any]
) -> dict[str, Any]:
    """One side, all sizes together and each."""
    prompts = side.ready["prompt_tokens"]
    batches, cost, written = {}, 0.0, 0
    for size in map(str, options.batches):
        seconds = statistics.median(item["batches"][size]["seconds"] for item in reports)
        tokens = int(reports[-1]["batches"][size]["tokens"])
        batches[size] = {"seconds": seconds, "tokens": tokens, "tokens_per_second": tokens / seconds}
        cost += flops.generating(shape, flops.Tokens(prompts[size], tokens))
        written += tokens
    made = report.describe(side, reports, cost, machine["matmul_flops"])
    return made | {"batches": batches, "tokens": written, "tokens_per_second": written / made["seconds"]}


def words(result: dict[str, Any]) -> str:
    """The comparison as a table."""
    sides = [side for side in (result["ours"], result["theirs"]) if side]
    sizes = list(result["ours"]["batches"])
    head = ("side", "weights", *(f"tokens/s at {size}" for size in sizes), "peak MiB", "of limit")
    rows = [
        (
            side["name"],
            side["dtype"],
            *(f"{side['batches'][size]['tokens_per_second']:.1f}" for size in sizes),
            report.mib(side["peak_bytes"]),
            f"{side['share_of_limit']:.1%}",
        )
        for side in sides
    ]
    title = (
        f"Generation, greedy, {result['job']['new_tokens']} forced new tokens, batches of {', '.join(sizes)}; "
        f"medians of {sides[0]['iterations']} iterations in turns."
    )
    parts = [title, report.about_machine(result["machine"]), "", report.table(head, rows)]
    if "speedup" in result:
        each = ", ".join(f"{value:.2f} at {size}" for size, value in result["speedup_by_batch"].items())
        parts += [
            "",
            f"Times as fast as transformers' generate(): {each}; in {result['memory_ratio']:.2f} of its memory.",
        ]
    return "\n".join(parts)
