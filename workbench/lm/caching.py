"""The key-value cache of a batch that is being written: read once from packed prompts, then one token a row a step."""

from __future__ import annotations

from typing import Any

import torch
from transformers import Cache
from transformers.cache_utils import DynamicLayer


class Lane(DynamicLayer):
    """One layer's keys and values, with room for all tokens to come: growing them would copy them at every step.

    First it holds the keys of the packed prompts [1, k, t, d]; `spread` gives each row its own [r, k, l, d].
    """

    def __init__(self) -> None:
        super().__init__()
        self.used = 0
        self.lanes: tuple[torch.Tensor, torch.Tensor] | None = None
        self.place: torch.Tensor | None = None

    def update(
        self, key_states: torch.Tensor, value_states: torch.Tensor, *args: Any, **kwargs: Any
    ) -> tuple[torch.Tensor, torch.Tensor]:
        """Keep what is new, and return all there is."""
        if self.lanes is None:
            if self.is_initialized:
                raise RuntimeError("packed prompts are read in one go")
            self.keys, self.values, self.is_initialized = key_states, value_states, True
            return key_states, value_states
        if self.place is not None:
            for lane, fresh in zip(self.lanes, (key_states, value_states), strict=True):
                lane.index_copy_(2, self.place, fresh)
            return self.lanes
        end = self.used + key_states.shape[2]
        for lane, fresh in zip(self.lanes, (key_states, value_states), strict=True):
            lane[:, :, self.used : end] = fresh
        self.used = end
        self.keys, self.values = (lane[:, :, :end] for lane in self.lanes)
        return self.keys, self.values

    def spread(self, tokens: torch.Tensor, room: int) -> None:
        """Give row i the keys of the packed tokens [r, l] in its row, and space for `room` more."""
        assert self.keys is not None and self.values is not None
        self.used = tokens.shape[1]
        self.lanes = tuple(_spread(part[0], tokens, room) for part in (self.keys, self.values))  # type: ignore
        self.keys, self.values = (lane[:, :, : self.used] for lane in self.lanes)  # type: ignore[union-attr]

    def fix(self, place: torch.Tensor) -> int:
        """From now on write new tokens where `place` [1] says, and return lanes of one length: this one."""
        assert self.lanes is not None
        for lane in self.lanes:
            lane[:, :, self.used :] = 0  # masked, but what was in memory may be no number at all
        self.place = place
        self.keys, self.values = self.lanes
        return self.lanes[0].shape[2]

    def batch_select_indices(self, indices: torch.Tensor) -> None:
        """Keep the rows at `indices`."""
        assert self.lanes is not None
        self.lanes = self.lanes[0][indices], self.lanes[1][indices]
        used = slice(None) if self.place is not None else slice(self.used)
        self.keys, self.values = (lane[:, :, used] for lane in self.lanes)


def _spread(packed: torch.Tensor, tokens: torch.Tensor, room: int) -> torch.Tensor:
    """[k, t, d] and tokens [r, l] -> [r, k, l + room, d]."""
    rows, length = tokens.shape
    lane = packed.new_empty(rows, packed.shape[0], length + room, packed.shape[2])
    lane[:, :, :length] = packed[:, tokens].transpose(0, 1)
    return lane


def lanes(layers: int) -> Cache:
    """A cache of so many layers."""
    return Cache(layers=[Lane() for _ in range(layers)])
