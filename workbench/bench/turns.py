"""A side's half of the conversation: what it waits for, what it answers, and what an iteration cost it."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, TextIO


class Over(Exception):
    """The parent has closed the conversation; nothing is wrong."""


class Turns:
    """Says `start` once, then `done` after each iteration; both return when the next iteration is to begin.

    They raise Over when there is none. So a side is straight code, also where another library owns the loop and a
    callback is all we have of it. `measure`, where it is set, answers a question between two iterations.
    """

    def __init__(self, source: TextIO, out: TextIO) -> None:
        self._source, self._out = source, out
        self.measure: Callable[[], dict[str, Any]] = dict
        self._wall = self._cpu = 0.0
        self.split: dict[str, float] = {}
        """Seconds of this iteration by part; before the first one, of the set-up."""

    def say(self, kind: str, **values: Any) -> None:
        """One JSON line to the parent."""
        self._out.write(json.dumps({"kind": kind} | values) + "\n")
        self._out.flush()

    def start(self, **facts: Any) -> None:
        """Everything is set up; `facts` are what the parent should know about it."""
        self.say("ready", **facts, memory=memory())
        self._wait()

    def done(self, **values: Any) -> None:
        """An iteration is over; `values` are what the side counted in it."""
        synchronise()
        wall, cpu = time.perf_counter() - self._wall, time.process_time() - self._cpu
        self.say("done", seconds=wall, cpu_seconds=cpu, split=self.split, **memory(), **values)
        self._wait()

    def _wait(self) -> None:
        while line := self._source.readline():
            if line.strip() == "measure":
                self.say("measured", **self.measure())
            else:
                self.split = {}
                self._wall, self._cpu = time.perf_counter(), time.process_time()
                return
        raise Over

    def add(self, part: str, seconds: float) -> None:
        """Seconds of this iteration that belong to one part of it."""
        self.split[part] = self.split.get(part, 0.0) + seconds

    def timed(self, part: str, function: Callable[..., Any]) -> Callable[..., Any]:
        """`function`, with the time it takes counted as `part`."""

        def call(*args: Any, **kwargs: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                synchronise()
                self.add(part, time.perf_counter() - begun)

        return call


def synchronise() -> None:
    """Wait for the device, so that a clock read now has seen its work. Imports nothing that the side has not."""
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        torch.cuda.synchronize()


def memory() -> dict[str, int]:
    """Bytes: resident now, the most that was ever resident, and the most on a CUDA device (0 without one)."""
    import psutil

    torch = sys.modules.get("torch")
    cuda = int(torch.cuda.max_memory_allocated()) if torch is not None and torch.cuda.is_initialized() else 0
    return {"rss_bytes": psutil.Process().memory_info().rss, "peak_bytes": peak_resident(), "cuda_peak_bytes": cuda}


def peak_resident() -> int:
    """Most bytes of this process that were ever in memory.

    Linux counts a parent's peak into its child's ru_maxrss, so its own line in /proc is read where there is one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        for line in status.read_text(encoding="ascii", errors="replace").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    if sys.platform == "win32":
        import psutil

        return int(psutil.Process().memory_info().peak_wset)  # type: ignore[attr-defined]
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most) if sys.platform == "darwin" else int(most) * 1024
