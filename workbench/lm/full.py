"""Training a base's own weights: the matrices of its layers, with what they were kept beside them.

The reference and a reward model on the same base need the weights as they were. There is one model: its layers' weights
exchange their storage with the kept ones while it is read as the base.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from torch import nn


class Originals:
    """Weights that are trained, and a copy of what they were."""

    def __init__(self, weights: Sequence[nn.Parameter]) -> None:
        self.weights = list(weights)
        self._kept = [weight.detach().clone() for weight in self.weights]
        self._back = False

    @contextmanager
    def put_back(self) -> Iterator[None]:
        """Within it the weights are what they were. Nothing is copied. No graph over them may wait for its backward
        pass meanwhile: it would find other numbers than it was made of."""
        if self._back:
            yield
            return
        self._exchange()
        self._back = True
        try:
            yield
        finally:
            self._back = False
            self._exchange()

    def _exchange(self) -> None:
        for place, weight in enumerate(self.weights):
            weight.data, self._kept[place] = self._kept[place], weight.data


def matrices(layers: nn.ModuleList) -> list[nn.Parameter]:
    """The matrices of a transformer's layers, without those of adapters on them."""
    return [
        weight
        for layer in layers
        for key, weight in layer.named_parameters()
        if weight.dim() >= 2 and "lora_" not in key
    ]
