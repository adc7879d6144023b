"""The side that measures what this machine can do at most: large matrix products, nothing else."""

from __future__ import annotations

import time
from typing import Any

from .turns import Turns

SIZES = (256, 1024, 2048)
SECONDS = 0.2
"""How long each size is tried for at least."""
LONGEST = 0.5
"""A product that would take more seconds than this is not tried: bfloat16 on a CPU without instructions for it takes
minutes, and its rate is known from smaller ones."""
FEWEST = 3
"""How often each size is tried at least: the first product of a size is never its fastest."""


def run(config: dict[str, Any], turns: Turns) -> None:
    """Each iteration answers with the best FLOP/s of each number format so far."""
    import torch

    from ..lm.devices import choose

    compute = choose(config["device"], "auto")
    best = {"bfloat16": 0.0, "float32": 0.0}
    turns.start(device=compute.name, threads=torch.get_num_threads(), torch=torch.__version__)
    while True:
        for name in best:
            for size in config.get("sizes", SIZES):
                if best[name] and 2.0 * size**3 / best[name] > LONGEST:
                    break
                rate = matmul_rate(size, getattr(torch, name), compute.device, config.get("seconds", SECONDS))
                best[name] = max(best[name], rate)
        turns.done(rates=best)


def matmul_rate(size: int, dtype: Any, device: Any, seconds: float) -> float:
    """FLOP/s of the fastest of several products of two [size, size] matrices: 2 size^3 each."""
    import torch

    from .turns import synchronise

    left, right = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    tried, fastest, end = 0, float("inf"), time.perf_counter() + seconds
    while tried < FEWEST or time.perf_counter() < end:
        begun = time.perf_counter()
        torch.mm(left, right)
        synchronise()
        tried, fastest = tried + 1, min(fastest, time.perf_counter() - begun)
    return 2.0 * size**3 / fastest
