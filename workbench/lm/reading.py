"""Reading batches: hidden states from a trunk, packed where the model allows it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import torch
from torch import nn

from .attention import NAME, placeholder
from .batching import Batch, Row, by_length, by_prompt, collate

if TYPE_CHECKING:
    from .loading import Loaded

log = logging.getLogger(__name__)

TOLERANCE = {torch.float32: 1e-3}
LOOSE = 0.1
"""How far hidden states may differ, relative to their norm, for packing to be right: rounding in 16 bits reaches one or
two hundredths, a token that sees the wrong ones makes them differ by their own size."""


class _Reached(Exception):
    """The layer that was wanted has spoken; the layers above it need not run."""


def hidden_states(loaded: Loaded, batch: Batch, depth: int | None = None) -> torch.Tensor:
    """Hidden states [n, h] of all tokens of a batch, numbered along its flattened ids.

    depth: after so many layers, the layers above not computed; None for the trunk's own output.
    """
    about: dict[str, Any] = {"input_ids": batch.ids, "use_cache": False}
    if batch.layout is not None:
        about |= {
            "position_ids": batch.positions,
            "attention_mask": placeholder(batch.ids),
            "packing": batch.layout,
        }
    if depth is None or depth >= len(loaded.layers):
        return loaded.trunk(**about).last_hidden_state.flatten(0, 1)
    caught: list[torch.Tensor] = []

    def catch(module: nn.Module, args: Any, output: Any) -> None:
        caught.append(output[0] if isinstance(output, tuple) else output)
        raise _Reached

    hook = loaded.layers[depth - 1].register_forward_hook(catch)
    try:
        loaded.trunk(**about)
    except _Reached:
        return caught[0].flatten(0, 1)
    finally:
        hook.remove()
    raise AssertionError("the layer was not reached")


def gather(loaded: Loaded, rows: list[Row]) -> Batch:
    """Rows as a batch that this model reads: packed where it can."""
    return collate(rows, loaded.pad_id, loaded.compute.device, packed=loaded.packs)


def groups(loaded: Loaded, rows: list[Row], budget: int) -> list[list[int]]:
    """Indices of rows that fit into `budget` tokens together, as this model reads them."""
    if loaded.packs:
        return by_prompt(rows, budget)
    return by_length([len(row) for row in rows], len(rows), budget)


@torch.no_grad()
def choose_attention(loaded: Loaded) -> None:
    """Pack rows if this model reads packed rows as it reads them one by one; else keep the library's attention.

    Asked of the model itself and not of a list of architectures: a model packs if its attention goes through
    transformers' interface and its positions through position_ids, and there is no other place to learn that.
    """
    # Ordinary words from all over the vocabulary: after the odd tokens at its beginning rounding grows without bound.
    vocabulary = int(loaded.causal.get_input_embeddings().weight.shape[0])  # type: ignore[union-attr]
    ids = [(place + 3) * max(1, vocabulary // 97) % vocabulary for place in (0, 4, 2, 9, 1, 7, 3, 8, 5, 6)]
    rows = [Row((*ids[:4],), (*ids[4:7],)), Row((*ids[:4],), (*ids[7:9],)), Row((ids[0], ids[8]), (*ids[1:6],))]
    device = loaded.compute.device
    before = loaded.causal.config._attn_implementation
    plain, packed = collate(rows, 0, device), collate(rows, 0, device, packed=True)
    try:
        wanted = hidden_states(loaded, plain)[plain.places[plain.mask]].float()
        loaded.causal.set_attn_implementation(NAME)
        found = hidden_states(loaded, packed)[packed.places[packed.mask]].float()
        off = float((found - wanted).norm() / wanted.norm())
    except Exception:
        # Any architecture may fail here in its own way; the library's attention then does the work.
        log.info("rows are not packed for %s", loaded.ref.base, exc_info=True)
        off = float("inf")
    loaded.packs = off <= TOLERANCE.get(loaded.compute.dtype, LOOSE)
    if not loaded.packs:
        log.info("rows are not packed for %s: off by %.3g", loaded.ref.base, off)
        loaded.causal.set_attn_implementation(before)
