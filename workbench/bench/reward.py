"""`bench reward`: our reward training against TRL's RewardTrainer, on the same pairs in the same order."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from . import flops, models, report, workload
from .alternating import Plan, Report, Side, Tell, alternate, running, same

OURS = "ours"
KINDS = {
    "trl_lora_fp32": ("float32", True, False),
    "trl_full_fp32": ("float32", False, False),
    "trl_lora_bf16": ("bfloat16", True, False),
    "trl_full_bf16_autocast": ("float32", False, True),
}
"""TRL's ways: number format of the weights, whether LoRA, whether autocast to bf16."""
_ONCE = (OURS, *KINDS)
LORA_RATE, FULL_RATE = 2e-4, 1e-4
"""Learning rates: of LoRA on both sides, and TRL's own default for whole weights."""


@dataclass(frozen=True)
class Options:
    """The work, and how often it is done."""

    model: str = ""
    pairs: int = 32
    batch: int = 8
    held_out: int = 64
    shortest: int = 8
    longest: int = 60
    limit: int = 512
    rank: int = 16
    warm_start: bool = True
    device: str = "auto"
    dtype: str = "auto"
    iterations: int = 5
    threads: int = 0
    trl: bool = False
    all_checkpointing: bool = False
    kinds: tuple[str, ...] = tuple(KINDS)

    def check(self) -> None:
        """Raises WorkbenchError for sizes that do not make whole steps."""
        if self.pairs % self.batch:
            raise WorkbenchError(
                f"{self.pairs} pairs cannot be cut into batches of {self.batch}.", "Choose a batch that divides them."
            )
        for kind in self.kinds:
            if kind not in KINDS:
                raise WorkbenchError(f"TRL has no way called {kind} here.", f"There are: {', '.join(KINDS)}.")


def compare(options: Options, tell: Tell) -> dict[str, Any]:
    """The comparison: a pass over `pairs` new pairs each iteration, then held-out accuracy."""
    options.check()
    folder = models.model_folder(options.model)
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        config = _config(options, folder, Path(name))
        plans = [
            Plan("machine", "matmul", config),
            Plan(OURS, "reward", config | {"warm_start": options.warm_start}),
            *_their_plans(options, config),
        ]
        with running(plans, options.threads, Path(name), tell) as (machine, *sides):
            same(sides, "pairs_digest")
            found = alternate([machine, *sides], options.iterations, tell)
            accuracy = {side.name: side.measure()["accuracy"] for side in sides}
    return _result(options, flops.Shape.of(folder), machine, sides, found, accuracy)


def _config(options: Options, folder: Path, scratch: Path) -> dict[str, Any]:
    keys = ("pairs", "batch", "held_out", "limit", "rank", "device", "dtype")
    return {key: getattr(options, key) for key in keys} | {
        "model": str(folder),
        "folder": str(scratch),
        "words": (options.shortest, options.longest),
        "turns": options.iterations + 1,
        "rate": LORA_RATE,
    }


def _their_plans(options: Options, config: dict[str, Any]) -> list[Plan]:
    if not options.trl:
        return []
    plans = []
    for name in options.kinds:
        dtype, lora, autocast = KINDS[name]
        for checkpointing in (False, True) if options.all_checkpointing else (False,):
            given = {"dtype": dtype, "lora": lora, "autocast": autocast, "checkpointing": checkpointing}
            rate = {"rate": LORA_RATE if lora else FULL_RATE}
            ending = "_checkpointing" if checkpointing else ""
            plans.append(Plan(name + ending, "trl-reward", config | given | rate))
    return plans


def _result(
    options: Options,
    shape: flops.Shape,
    machine: Side,
    sides: Sequence[Side],
    found: dict[str, list[Report]],
    accuracy: dict[str, float],
) -> dict[str, Any]:
    about = report.machine(machine, found[machine.name])
    described = {}
    for side in sides:
        tokens = side.ready.get("distinct_tokens", side.ready["tokens"])
        cost = flops.reward(shape, tokens, lora=side.ready["lora"], depth=side.ready.get("depth", 1.0))
        made = report.describe(side, found[side.name], cost, about["matmul_flops"])
        speed = {"pairs_per_second": options.pairs / made["seconds"], "accuracy": accuracy[side.name]}
        speed["tokens_per_second"] = side.ready["tokens"] / made["seconds"]
        described[side.name] = made | speed
    ours = described.pop(OURS)
    warm, turns = sides[0].ready["warm_start_seconds"], options.iterations + 1
    ours["warm_start_seconds"] = warm
    ours["pairs_per_second_with_warm_start"] = options.pairs / (ours["seconds"] + warm / turns)
    counts = {key: sides[0].ready[key] for key in ("tokens", "distinct_tokens")}
    result = {
        "job": {"pairs": options.pairs, "batch": options.batch, **counts}
        | {"steps": turns * options.pairs // options.batch, "held_out": options.held_out, "rule": workload.RULE},
        "ours": ours,
        "theirs": {},
        "others": described,
        "head_accuracy": sides[0].ready["head_accuracy"],
        "share_of_limit": ours["share_of_limit"],
        "machine": about,
    }
    if described:
        best = max(described.values(), key=lambda side: side["pairs_per_second"])
        result |= {
            "theirs": best,
            "best": best["name"],
            "speedup": report.ratio(ours["pairs_per_second"], best["pairs_per_second"]),
            "speedup_with_warm_start": ours["pairs_per_second_with_warm_start"] / best["pairs_per_second"],
            "memory_ratio": report.ratio(ours["peak_bytes"], best["peak_bytes"]),
        }
    return result


def words(result: dict[str, Any]) -> str:
    """The comparison as a table, with what it means."""
    job, ours = result["job"], result["ours"]
    sides = [ours, *result["others"].values()]
    title = (
        f"Reward training: {job['pairs']} pairs a pass ({job['tokens']:,} tokens as two rows a pair, "
        f"{job['distinct_tokens']:,} once what they share is counted once), batches of {job['batch']} "
        f"pairs; medians of {ours['iterations']} passes in turns; accuracy on {job['held_out']} "
        f"held-out pairs after {job['steps']} steps. The better answer has {job['rule']}."
    )
    head = ("side", "weights", "s/pass", "pairs/s", "peak MiB", "accuracy", "TFLOP", "of limit")
    rows = [
        (
            side["name"],
            side["dtype"],
            f"{side['seconds']:.2f}",
            f"{side['pairs_per_second']:.2f}",
            report.mib(side["peak_bytes"]),
            f"{side['accuracy']:.1%}",
            f"{side['flops'] / 1e12:.2f}",
            f"{side['share_of_limit']:.1%}",
        )
        for side in sides
    ]
    parts = [title, report.about_machine(result["machine"]), "", report.table(head, rows), ""]
    parts += [f"{side['name']} trains {report.trains(side['trains'])}." for side in sides if side["name"] in _ONCE]
    parts.append(
        f"Ours first reads every answer once to fit its head ({ours['warm_start_seconds']:.1f} s, "
        f"{ours['pairs_per_second_with_warm_start']:.2f} pairs/s with it); that head alone, on the base's own "
        f"features, is right in {result['head_accuracy']:.1%}."
    )
    if "best" in result:
        parts.append(
            f"{result['speedup']:.2f} times the pairs/s of {result['best']}, TRL's best here "
            f"({result['speedup_with_warm_start']:.2f} with our first reading), in {result['memory_ratio']:.2f} of its "
            "memory."
        )
    return "\n".join(parts)
