"""The parent's half: start sides, let them take turns, and read what it cost them."""

from __future__ import annotations

import json
import logging
import os
import statistics
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

from .. import paths
from ..errors import WorkbenchError

log = logging.getLogger(__name__)

Report = dict[str, Any]
Tell = Callable[[str], None]


@dataclass(frozen=True)
class Plan:
    """A side that is to be started: which, what it is told, and a folder whose packages go before the installed."""

    name: str
    side: str
    config: dict[str, Any] = field(default_factory=dict)
    packages: str = ""


class Side:
    """One running side."""

    def __init__(self, plan: Plan, threads: int, folder: Path) -> None:
        self.name = plan.name
        self._log = folder / f"{plan.name}.log"
        with self._log.open("ab") as log_file:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "workbench.bench.side", plan.side],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log_file,
                text=True,
                encoding="utf-8",
                env=environment(threads, plan.packages),
            )
        self.ready = self._ask(json.dumps(plan.config), "ready")

    def go(self) -> Report:
        """One iteration."""
        return self._ask("go", "done")

    def measure(self) -> Report:
        """What the side has reached by now."""
        return self._ask("measure", "measured")

    def _ask(self, line: str, wanted: str) -> Report:
        assert self._process.stdin is not None and self._process.stdout is not None
        try:
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        except BrokenPipeError:
            answer = ""
        found = json.loads(answer) if answer else self._death()
        if found["kind"] != wanted:
            log.error("side %s: %s\n%s", self.name, found, self._tail())
            raise WorkbenchError(f"The side {self.name} failed: {found['text']}", found["hint"])
        return found

    def _death(self) -> Report:
        code = self._process.wait()
        hint = "The log has its last words."
        if code == -9:
            hint = "The system may have run out of memory: compare fewer sides, or a smaller model."
        return {"kind": "failed", "text": f"its process ended with status {code}.", "hint": hint}

    def _tail(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")[-8000:]

    def close(self) -> None:
        """End the side. One that is in the middle of an iteration is not waited for."""
        if self._process.stdin and not self._process.stdin.closed:
            try:
                self._process.stdin.close()
            except BrokenPipeError as error:
                log.info("side %s was gone: %s", self.name, error)
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()


def environment(threads: int, packages: str = "") -> dict[str, str]:
    """What every side runs with: the same threads, waiting passively, and nobody told about it."""
    env = paths.child_environment() | paths.WAITING
    env |= {
        "OMP_NUM_THREADS": str(threads),
        "MKL_NUM_THREADS": str(threads),
        "TRL_EXPERIMENTAL_SILENCE": "1",
    }
    if packages:
        env["PYTHONPATH"] = os.pathsep.join((packages, env["PYTHONPATH"]))
    return env


def usual_threads() -> int:
    """The cores of this machine, at most four: more would starve the rest of a desktop."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(4, psutil.cpu_count(logical=False) or allowed, allowed))


@contextmanager
def running(plans: Sequence[Plan], threads: int, folder: Path, tell: Tell) -> Iterator[list[Side]]:
    """Sides, each ready before the next is started; all are closed afterwards. threads 0: the usual number."""
    with ExitStack() as stack:
        sides = []
        for plan in plans:
            tell(f"starting {plan.name}")
            side = Side(plan, threads or usual_threads(), folder)
            stack.callback(side.close)
            sides.append(side)
        yield sides


def alternate(sides: Sequence[Side], iterations: int, tell: Tell, warmup: int = 1) -> dict[str, list[Report]]:
    """`iterations` of every side, in turns, after `warmup` rounds that do not count."""
    found: dict[str, list[Report]] = {side.name: [] for side in sides}
    for number in range(warmup + iterations):
        for side in sides:
            report = side.go()
            title = f"round {number + 1 - warmup} of {iterations}" if number >= warmup else "warm-up"
            tell(f"{title}: {side.name} {report['seconds']:.2f} s, {report['peak_bytes'] / 2**20:,.0f} MiB")
            if number >= warmup:
                found[side.name].append(report)
    return found


def median(reports: Sequence[Report], key: str) -> float:
    """The median of one number over iterations."""
    return float(statistics.median(report[key] for report in reports))


def median_split(reports: Sequence[Report]) -> dict[str, float]:
    """The median of each part of an iteration."""
    parts = {part for report in reports for part in report["split"]}
    return {part: float(statistics.median(report["split"].get(part, 0.0) for report in reports)) for part in parts}


def peak(report: Report) -> int:
    """The most memory that a side has held: of the CUDA device where it used one, else of its process."""
    return int(report["cuda_peak_bytes"] or report["peak_bytes"])


def same(sides: Sequence[Side], key: str) -> Any:
    """A fact on which all sides must agree, or the comparison means nothing."""
    values = {side.name: side.ready[key] for side in sides if key in side.ready}
    if len({json.dumps(value) for value in values.values()}) != 1:
        raise WorkbenchError(f"The sides do not do the same work: {key} is {values}.", "Please report this.")
    return next(iter(values.values()))
