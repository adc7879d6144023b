"""One vector per answer: what a linear reward head reads of the base alone, with every adapter off.

It is what a new reward model's head is first fitted on (`scoring.AdapterReward.features` before its adapter has learned
anything): the last token and the mean of the answer at two thirds of the depth. See `heads` for why there.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch

from ..feedback.base import Message
from .batching import by_length
from .loading import Loaded
from .scoring import AdapterReward
from .vectors import spaces_of

LIMIT = 1024
"""Tokens of prompt and answer; a longer prompt loses its beginning, as in a reward model."""


def space_of(loaded: Loaded) -> str:
    """The space of this model's vectors: base, chat template and depth. Vectors of other spaces are not comparable."""
    return f"{spaces_of(loaded.ref.base_hash, loaded.ref.base)}{loaded.template.hash}/{AdapterReward(loaded).depth}"


@torch.no_grad()
def read(
    loaded: Loaded,
    answers: Sequence[tuple[Sequence[Message], str]],
    check: Callable[[], None] = lambda: None,
    rows: int = 64,
) -> np.ndarray:
    """Vectors [n, 2h] in float32 of (messages, answer) pairs.

    `check` is called before every layer and may raise: a long answer on a slow machine takes seconds, and somebody
    may be waiting for the model.
    """
    reader = AdapterReward(loaded, limit=LIMIT)
    items = [reader.encode(messages, text) for messages, text in answers]
    found = np.zeros((len(items), reader.weight.shape[0]), np.float32)
    with loaded.as_base(), _checking(loaded, check):
        for group in by_length([len(item) for item in items], rows, budget=loaded.compute.batch_tokens):
            found[group] = reader.features([items[index] for index in group]).float().cpu().numpy()
    return found


@contextlib.contextmanager
def _checking(loaded: Loaded, check: Callable[[], None]) -> Iterator[None]:
    hooks = [layer.register_forward_pre_hook(lambda module, args: check()) for layer in loaded.layers]
    try:
        yield
    finally:
        for hook in hooks:
            hook.remove()
