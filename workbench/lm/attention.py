"""Attention for packed rows and for decoding, registered with transformers under the name "workbench".

The trunk's linear layers work on every token once; attention alone needs rows. It gathers each row's keys and values
from the packed tokens and computes only the queries that the row is the first to hold. On a CPU plain matrix products
are the fastest (its flash backward is slow for short rows: 1.25-1.34 x on a whole step); the probabilities of long
rows are formed again in the backward pass, so little of size [rows, queries, keys] is kept. Accelerators use their own
kernels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

from .batching import Layout

NAME = "workbench"
KEPT = 1 << 20
"""Probabilities of a layer that are kept for the backward pass; more are formed again."""
LONG = 2048
"""Rows longer than this go through the library's kernel on a CPU too: it does not form [queries, keys]."""


@dataclass
class Step:
    """One token of each row against its cache.

    bias [r, 1, l]: -inf where the cache holds no token of the row; None where all rows fill it.
    """

    bias: torch.Tensor | None


def attend(
    module: Any,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    *,
    packing: Layout | Step | None = None,
    scaling: float | None = None,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **rest: Any,
) -> tuple[torch.Tensor, None]:
    """Attention as transformers calls it: query [b, h, t, d], key and value [b, k, l, d] -> [b, t, h, d].

    Without `packing` this is transformers' own sdpa.
    """
    scale = query.shape[-1] ** -0.5 if scaling is None else scaling
    if packing is None:
        given = {"scaling": scaling, "sliding_window": sliding_window, "softcap": softcap}
        return sdpa_attention_forward(module, query, key, value, attention_mask, **given, **rest)
    if softcap is not None:
        raise NotImplementedError("packed attention has no softcap")
    if isinstance(packing, Step):
        return _step(query, key, value, packing, scale, sliding_window), None
    q, k, v = (part[0].transpose(0, 1) for part in (query, key, value))
    if query.device.type == "cpu" and packing.keys.shape[1] <= LONG:
        return _Packed.apply(q, k, v, packing, scale, sliding_window)[None], None  # type: ignore[index]
    return _by_kernel(q, k, v, packing, scale, sliding_window)[None], None


def _step(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, step: Step, scale: float, window: int | None
) -> torch.Tensor:
    rows, heads, _, width = query.shape
    kept = slice(-window, None) if window else slice(None)
    key, value = key[:, :, kept], value[:, :, kept]
    # The heads that share a key-value head are its queries: no key is repeated.
    grouped = query.reshape(rows, key.shape[1], -1, width)
    bias = None if step.bias is None else step.bias[:, None, :, kept]
    return F.scaled_dot_product_attention(grouped, key, value, attn_mask=bias, scale=scale).view(rows, 1, heads, width)


def _by_kernel(
    q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float, window: int | None
) -> torch.Tensor:
    """[t, h, d] through torch's scaled_dot_product_attention."""
    rows = (q[layout.queries].transpose(1, 2), k[layout.keys].transpose(1, 2), v[layout.keys].transpose(1, 2))
    seen = layout.allowed(window)[:, None]
    found = F.scaled_dot_product_attention(*rows, attn_mask=seen, scale=scale, enable_gqa=q.shape[1] != k.shape[1])
    return found.transpose(1, 2).flatten(0, 1)[layout.home]


class _Packed(torch.autograd.Function):
    """softmax(Q K' / sqrt(d)) V over packed rows by matrix products.

    With P the probabilities and G the gradient of the result:
    dV = P' G;  dS = P (G V' - sum(P (G V')));  dQ = dS K;  dK = dS' Q.
    """

    @staticmethod
    def forward(
        ctx: Any, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout, scale: float, window: int | None
    ) -> torch.Tensor:
        ctx.about = layout, scale, window
        rows = _Rows(q, k, v, layout)
        chances = rows.chances(scale, window)
        ctx.save_for_backward(q, k, v, chances if chances.numel() <= KEPT else None)
        return rows.home(chances @ rows.v)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> tuple[Any, ...]:
        layout, scale, window = ctx.about
        q, k, v, chances = ctx.saved_tensors
        rows = _Rows(q, k, v, layout)
        chances = rows.chances(scale, window) if chances is None else chances
        outer = rows.queried(grads[0])
        dv = chances.transpose(1, 2) @ outer
        softmax_back = torch.ops.aten._softmax_backward_data
        slope = softmax_back(outer @ rows.v.transpose(1, 2), chances, -1, chances.dtype)
        dq = (slope @ rows.k).mul_(scale)
        dk = (slope.transpose(1, 2) @ rows.q).mul_(scale)
        return rows.home(dq), rows.keyed_back(dk), rows.keyed_back(dv), None, None, None


class _Rows:
    """Packed tokens [t, heads, d] as rows of [r * k, group * queries, d] and [r * k, l, d] for k key-value heads."""

    def __init__(self, q: torch.Tensor, k: torch.Tensor, v: torch.Tensor, layout: Layout) -> None:
        self.layout = layout
        self.heads, self.kept, self.width = q.shape[1], k.shape[1], q.shape[2]
        self.count, self.asked = layout.queries.shape
        self.tokens = q.shape[0]
        self.q = self._folded(q.flatten(1)[layout.queries])
        self.k, self.v = (self._keyed(part.flatten(1)[layout.keys]) for part in (k, v))

    def _folded(self, rows: torch.Tensor) -> torch.Tensor:
        shape = (self.count, self.asked, self.kept, self.heads // self.kept, self.width)
        return rows.view(shape).permute(0, 2, 3, 1, 4).reshape(self.count * self.kept, -1, self.width)

    def _keyed(self, rows: torch.Tensor) -> torch.Tensor:
        shape = (self.count, rows.shape[1], self.kept, self.width)
        return rows.view(shape).transpose(1, 2).reshape(self.count * self.kept, -1, self.width)

    def queried(self, tokens: torch.Tensor) -> torch.Tensor:
        """[t, h, d] in the order of the queries, zero where a row has none."""
        rows = tokens.new_zeros(self.count * self.asked, self.heads * self.width)
        rows[self.layout.home] = tokens.flatten(1)
        return self._folded(rows.view(self.count, self.asked, -1))

    def chances(self, scale: float, window: int | None) -> torch.Tensor:
        """Probabilities [r * k, group * queries, l]."""
        scores = (self.q * scale) @ self.k.transpose(1, 2)
        spread = scores.view(self.count, self.kept, self.heads // self.kept, self.asked, -1)
        spread += self.layout.bias(window, scores.dtype)[:, None, None]
        # In float32: the softmax of 16-bit numbers takes a CPU twice as long, and loses more.
        return scores.softmax(-1, dtype=torch.float32).to(self.q.dtype)

    def home(self, rows: torch.Tensor) -> torch.Tensor:
        """Back to [t, h, d]."""
        parted = rows.view(self.count, self.kept, self.heads // self.kept, self.asked, self.width)
        return parted.permute(0, 3, 1, 2, 4).reshape(self.count * self.asked, self.heads, self.width)[self.layout.home]

    def keyed_back(self, rows: torch.Tensor) -> torch.Tensor:
        """[r * k, l, d] summed into [t, k, d]: a token that several rows see gets a part from each, in float32."""
        parted = rows.view(self.count, self.kept, -1, self.width).transpose(1, 2).reshape(-1, self.kept * self.width)
        total = torch.zeros(self.tokens, self.kept * self.width, dtype=torch.float32, device=rows.device)
        total.index_add_(0, self.layout.keys.flatten(), parted.float())
        return total.to(rows.dtype).view(self.tokens, self.kept, self.width)


def placeholder(ids: torch.Tensor) -> torch.Tensor:
    """A mask that transformers passes on as it is instead of making one; packed attention does not read it."""
    return torch.zeros(1, 1, 1, 1, dtype=torch.bool, device=ids.device)


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
