"""Whether a model of the hub would run on this computer, before anything of it is fetched."""

from __future__ import annotations

from ..lm.estimates import HEAP, PROCESS, Estimate


def running(parameters: int, *, bytes_each: int = 2, device: str = "cpu") -> Estimate:
    """The memory to write one answer with a model. Its shape is not known, so the cache is taken as a
    tenth of the weights."""
    weights = parameters * bytes_each
    return Estimate(
        weights=weights,
        adapters=0,
        optimiser=0,
        process=PROCESS,
        cache=weights // 10,
        writing=0,
        activations=0,
        logits=0,
        heap_share=HEAP if device == "cpu" else 0.0,
    )
