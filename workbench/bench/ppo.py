"""`bench ppo`: an iteration of our PPO against one of TRL's PPOTrainer, on the same model, prompts and lengths."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import WorkbenchError
from . import flops, models, older_trl, report
from .alternating import Plan, Report, Side, Tell, alternate, running, same

OURS, FP32, BF16, FULL = "ours", "trl_lora_fp32", "trl_lora_bf16", "trl_full_fp32"
STEADY = 10
"""Iteration from which memory should no longer grow."""


@dataclass(frozen=True)
class Options:
    """The work, and how often it is done."""

    model: str = ""
    prompts: int = 8
    new_tokens: int = 32
    epochs: int = 4
    micro_batch: int = 4
    rank: int = 16
    device: str = "auto"
    dtype: str = "auto"
    iterations: int = 5
    soak: int = 30
    threads: int = 0
    trl: bool = False
    full: bool = False
    both: bool = False

    def check(self) -> None:
        """Raises WorkbenchError for sizes that the two sides could not share."""
        if self.prompts % self.micro_batch:
            raise WorkbenchError(
                f"{self.prompts} prompts cannot be cut into micro-batches of {self.micro_batch}.",
                "Choose a micro-batch that divides the prompts.",
            )


def compare(options: Options, tell: Tell) -> dict[str, Any]:
    """The comparison; with `both` also one at 16 prompts x 48 tokens, under "larger"."""
    options.check()
    found = _compare(options, tell)
    if options.both:
        larger = replace(options, prompts=16, new_tokens=48, soak=0)
        larger.check()
        found["larger"] = _compare(larger, tell)
    return found


def _compare(options: Options, tell: Tell) -> dict[str, Any]:
    folder = models.model_folder(options.model)
    packages = str(older_trl.folder(tell)) if options.trl else ""
    with tempfile.TemporaryDirectory(prefix="workbench-bench-") as name:
        scratch = Path(name)
        reward = scratch / "reward"
        config = _config(options, folder, scratch)
        make = Plan("reward", "untrained-reward", config | {"target": str(reward)})
        with running([make], options.threads, scratch, tell):
            pass
        mine = [Plan("machine", "matmul", config), Plan(OURS, "ppo", config | {"reward": str(reward)})]
        with running(mine, options.threads, scratch, tell) as (machine, ours):
            with running(_their_plans(options, config, packages), options.threads, scratch, tell) as theirs:
                same([ours, *theirs], "prompts_digest")
                found = alternate([machine, ours, *theirs], options.iterations, tell)
            tell("more iterations of ours alone, to see whether its memory stays flat")
            soaked = [ours.go() for _ in range(max(0, options.soak - options.iterations))]
            floor = {key: value for key, value in ours.measure().items() if key in ("drift", "kl", "ratio")}
        result = _result(options, flops.Shape.of(folder), machine, [ours, *theirs], found, soaked)
        return result | {"policy_is_reference": floor}


def _config(options: Options, folder: Path, scratch: Path) -> dict[str, Any]:
    keys = ("prompts", "new_tokens", "epochs", "micro_batch", "rank", "device", "dtype")
    return {key: getattr(options, key) for key in keys} | {"model": str(folder), "folder": str(scratch)}


def _their_plans(options: Options, config: dict[str, Any], packages: str) -> list[Plan]:
    if not options.trl:
        return []
    kinds = {FP32: ("float32", True), BF16: ("bfloat16", True)}
    if options.full:
        kinds[FULL] = ("float32", False)
    return [
        Plan(name, "trl-ppo", config | {"dtype": dtype, "lora": lora}, packages)
        for name, (dtype, lora) in kinds.items()
    ]


def _result(
    options: Options,
    shape: flops.Shape,
    machine: Side,
    sides: Sequence[Side],
    found: dict[str, list[Report]],
    soaked: Sequence[Report],
) -> dict[str, Any]:
    about = report.machine(machine, found[machine.name])
    described = {side.name: _describe(options, shape, side, found[side.name], about) for side in sides}
    ours, mine = described.pop(OURS), [*found[OURS], *soaked]
    resident = [item["rss_bytes"] for item in mine]
    # Ours is asked for more: its memory is read after the soak, theirs at their own last iteration.
    ours["peak_bytes"] = report.peak(mine[-1])
    result = {
        "job": _job(options, sides[0]),
        "ours": ours,
        "theirs": described.get(FP32, {}),
        "others": described,
        "growth_bytes_per_iteration": report.growth(resident),
        "iterations_of_ours": len(mine),
        "resident_bytes_at_10": resident[min(STEADY, len(mine)) - 1],
        "resident_bytes_at_end": resident[-1],
        "share_of_limit": ours["share_of_limit"],
        "machine": about,
    }
    for name, ending in ((FP32, ""), (BF16, "_bf16"), (FULL, "_full")):
        if name in described:
            result[f"speedup{ending}"] = report.ratio(described[name]["seconds"], ours["seconds"])
            result[f"memory_ratio{ending}"] = report.ratio(ours["peak_bytes"], described[name]["peak_bytes"])
    return result


def _job(options: Options, ours: Side) -> dict[str, Any]:
    keys = ("prompts", "new_tokens", "epochs", "micro_batch", "rank")
    return {key: getattr(options, key) for key in keys} | {
        key: ours.ready[key] for key in ("prompt_tokens", "distinct_tokens", "prompt_lengths")
    }


def _describe(
    options: Options, shape: flops.Shape, side: Side, reports: Sequence[Report], machine: dict[str, Any]
) -> dict[str, Any]:
    wanted = options.prompts * options.new_tokens
    wrong = {item["tokens"] for item in reports} - {wanted}
    if wrong:
        raise WorkbenchError(f"{side.name} wrote {wrong} tokens instead of {wanted}.", "Please report this.")
    # What prompts share we compute once; TRL computes every row.
    tokens = flops.Tokens(side.ready.get("distinct_tokens", side.ready["prompt_tokens"]), wanted)
    common = {"epochs": options.epochs, "lora": side.ready["lora"]}
    if side.name == OURS:
        cost = flops.ppo_ours(shape, tokens, reward_depth=side.ready["reward_depth"], **common)
    else:
        cost = flops.ppo_trl(shape, tokens, **common)
    made = report.describe(side, reports, cost, machine["matmul_flops"])
    made["split"]["optimise"] = made["seconds"] - sum(made["split"].values())
    return made | {"tokens_per_second": wanted / made["seconds"]}


def words(result: dict[str, Any]) -> str:
    """The comparison as a table, with what it means."""
    job = result["job"]
    sides = [result["ours"], *result["others"].values()]
    shortest, longest = job["prompt_lengths"]
    distinct = f"{job['distinct_tokens']} once what they share is counted once"
    prompts = f"{job['prompt_tokens']} tokens, {distinct}, {shortest} to {longest} each"
    title = (
        f"PPO, one iteration: {job['prompts']} prompts ({prompts}), "
        f"{job['new_tokens']} forced new tokens each, {job['epochs']} epochs, micro-batch {job['micro_batch']}, "
        f"rank {job['rank']}; medians of {sides[0]['iterations']} iterations in turns."
    )
    head = ("side", "weights", "s/iteration", "write/score/optimise", "tokens/s", "peak MiB", "TFLOP", "of limit")
    rows = [
        (
            side["name"],
            side["dtype"].split(",")[0],
            f"{side['seconds']:.2f}",
            " / ".join(f"{side['split'].get(part, 0.0):.2f}" for part in ("write", "score", "optimise")),
            f"{side['tokens_per_second']:.1f}",
            report.mib(side["peak_bytes"]),
            f"{side['flops'] / 1e12:.2f}",
            f"{side['share_of_limit']:.1%}",
        )
        for side in sides
    ]
    parts = [title, report.about_machine(result["machine"]), "", report.table(head, rows), ""]
    parts += [f"{side['name']} trains {report.trains(side['trains'])}." for side in sides]
    return "\n".join([*parts, *_verdict(result)])


def _verdict(result: dict[str, Any]) -> list[str]:
    lines = []
    for ending, name in (("", FP32), ("_bf16", BF16), ("_full", FULL)):
        if f"speedup{ending}" in result:
            lines.append(
                f"{result[f'speedup{ending}']:.2f} times as fast as {name}, in "
                f"{result[f'memory_ratio{ending}']:.2f} of its memory."
            )
    count, added = result["iterations_of_ours"], result["growth_bytes_per_iteration"]
    slope = (
        "" if added is None else f": {added / report.MIB:+.2f} MiB an iteration over the last {min(report.TAIL, count)}"
    )
    lines.append(
        f"Our peak was read after {count} iterations, theirs at their own last. Ours held "
        f"{report.mib(result['resident_bytes_at_10'])} MiB at iteration {min(STEADY, count)} and "
        f"{report.mib(result['resident_bytes_at_end'])} at the end{slope}."
    )
    floor = result["policy_is_reference"]
    lines.append(
        f"While our policy is its reference ({result['ours']['dtype']}): KL of an answer {floor['kl']:.4f} nats, first "
        f"ratio {floor['ratio']:.6f}; the sampler's log-probabilities differ from the update's by {floor['drift']:.4f} "
        "a token."
    )
    if "larger" in result:
        lines += ["", words(result["larger"])]
    return lines
