"""Decoding over buffers whose place and size stay as they are, so that a CUDA graph can replay a step.

A step of a small model is hundreds of kernels of a few microseconds, and starting them takes longer than running them;
a graph starts all of them at once. Without CUDA the same step runs unrecorded, which is how tests reach it; there the
growing cache is faster, because nothing that is masked is read.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from .attention import Step, placeholder
from .memory import out_of_memory

if TYPE_CHECKING:
    from .loading import Loaded

log = logging.getLogger(__name__)

STRIDE = 8
"""Fused attention takes a mask whose rows are this many elements apart, or a multiple."""


def can_stay(loaded: Loaded) -> bool:
    """Whether steps of this model can run over fixed buffers: a window that slides would have to move in them."""
    return loaded.packs and not getattr(loaded.causal.config.get_text_config(), "sliding_window", None)


class FixedStep:
    """One token of each row against a cache of fixed length, recorded once for a number of rows.

    Rows that end stay in the buffers, unread, until half of them are gone: a new recording costs a few steps.
    """

    def __init__(self, loaded: Loaded, cache: Any, attention: torch.Tensor) -> None:
        """attention [r, used]: 1 where the cache holds a token of the row."""
        self.loaded = loaded
        self.cache = cache
        device = attention.device
        self.place = torch.tensor([attention.shape[1]], device=device)
        length = max(layer.fix(self.place) for layer in cache.layers)
        seen = torch.zeros(attention.shape[0], length, dtype=torch.bool, device=device)
        seen[:, : attention.shape[1]] = attention.bool()
        zeros = torch.zeros(seen.shape, dtype=loaded.compute.dtype, device=device)
        self._begin(zeros.masked_fill_(~seen, -torch.inf)[:, None])

    def _begin(self, bias: torch.Tensor) -> None:
        rows, device = bias.shape[0], bias.device
        self.bias = bias
        self.ids = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.positions = torch.zeros(rows, 1, dtype=torch.long, device=device)
        self.slots = torch.arange(rows, device=device)
        self._run: Callable[[], torch.Tensor] | None = None

    def __call__(self, fresh: torch.Tensor, positions: torch.Tensor) -> torch.Tensor:
        """Hidden states [r, h] of the newest tokens [r, 1] of the rows that are left."""
        self.ids[self.slots] = fresh
        self.positions[self.slots] = positions
        self.bias.index_fill_(2, self.place, 0)
        if self._run is None:
            self._run = recorded(self._step, self.ids.device)
        hidden = self._run()[self.slots]
        self.place += 1
        return hidden

    def _step(self) -> torch.Tensor:
        about = {"packing": Step(self.bias), "past_key_values": self.cache, "use_cache": True}
        return self.loaded.trunk(
            input_ids=self.ids, position_ids=self.positions, attention_mask=placeholder(self.ids), **about
        ).last_hidden_state[:, -1]

    def keep(self, rows: torch.Tensor) -> None:
        """Only the rows at `rows` of those that are left go on."""
        self.slots = self.slots[rows]
        if 2 * len(self.slots) <= len(self.ids):
            self._run = None  # the recording's memory, before there is another
            self.cache.batch_select_indices(self.slots)
            self._begin(self.bias[self.slots])


def recorded(run: Callable[[], torch.Tensor], device: torch.device) -> Callable[[], torch.Tensor]:
    """`run` as a CUDA graph, which fills the same tensor each time; `run` itself where it cannot be recorded.

    `run` must do the same when it is called twice: it is, before it is recorded, so that libraries set themselves up.
    """
    if device.type != "cuda":
        return run
    try:
        return _record(run)
    except RuntimeError as error:
        if out_of_memory(error):
            raise
        log.warning("a decoding step could not be recorded as a CUDA graph", exc_info=True)
    return run


def _record(run: Callable[[], torch.Tensor]) -> Callable[[], torch.Tensor]:
    aside = torch.cuda.Stream()
    aside.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(aside):
        run()
    torch.cuda.current_stream().wait_stream(aside)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        found = run()

    def replay() -> torch.Tensor:
        graph.replay()
        return found

    return replay
