"""Running out of memory in the middle of a run: drop the step that was cut off, hold less, go on, and say so."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from ..errors import WorkbenchError
from ..events import Event, Warned

T = TypeVar("T")
log = logging.getLogger(__name__)

LEAST_TOKENS = 32
"""A micro-batch is not made smaller than this."""


class Sparing:
    """What a run holds at once, and how it comes to hold less. The run has `options`, `compute` and `optimizer`."""

    options: Any
    compute: Any
    optimizer: Any
    step: int

    def begin_sparing(self, rows: int, *, can_save: bool = True) -> None:
        """rows: written or scored side by side. can_save: whether activations can be formed again."""
        self.micro_tokens = self.options.micro_tokens or self.compute.train_tokens
        self.saving = can_save and self.options.checkpointing == "on"
        """Whether activations are formed again in the backward pass."""
        self.can_save = can_save
        self.rows_at_once = rows
        self.notices: list[str] = []

    def spared(self, act: Callable[[], T]) -> T | None:
        """The result of `act`, or None when memory ran out in it: then less will be held at once, and whatever
        gradient there was is dropped, so that no step is half applied. Raises WorkbenchError when nothing is left to
        give up."""
        from ..lm.memory import give_back, out_of_memory

        try:
            return act()
        except (RuntimeError, MemoryError) as error:
            if not out_of_memory(error):
                raise
            log.warning("out of memory at %d tokens", self.micro_tokens, exc_info=True)
        # Outside `except`: the traceback held the tensors.
        self.optimizer.drop_gradients()
        give_back(self.compute)
        self._hold_less()
        return None

    def _hold_less(self) -> None:
        """Keep fewer activations; where that is done already, take half the tokens at once."""
        if self.can_save and self.options.checkpointing == "auto" and not self.saving:
            self.saving = True
            self.notices.append(
                "Memory ran out. Activations are now formed again instead of kept: slower, but it fits."
            )
            return
        if self.micro_tokens < 2 * LEAST_TOKENS:
            raise WorkbenchError(
                "The device ran out of memory, and no smaller piece of the work is left.",
                "Choose shorter answers, a smaller model, or close other programs.",
            )
        self.micro_tokens //= 2
        self.rows_at_once = max(1, self.rows_at_once // 2)
        self.notices.append(f"Memory ran out. From here on {self.micro_tokens} tokens are learned from at once.")

    def told_of_memory(self) -> Iterator[Event]:
        """What there is to say since last time."""
        for notice in self.notices:
            yield Warned(self.step, notice, "memory")
        self.notices = []
