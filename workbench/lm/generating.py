"""Sampling in batches with a key-value cache. Finished rows leave the batch; every step is a place to stop."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from transformers import DynamicCache

from .attention import Step, placeholder
from .batching import Row
from .caching import lanes
from .drafts import Draft, Sampler
from .graphs import STRIDE, FixedStep, can_stay
from .llama_cpp_engine import Running
from .loading import Loaded
from .logprobs import OutputLayer
from .reading import gather


@torch.no_grad()
def sample(
    loaded: Loaded | Running,
    prompts: Sequence[Sequence[int]],
    sampler: Sampler,
    seeds: Sequence[int],
    *,
    check: Callable[[], None] = lambda: None,
    keep_logprobs: bool = False,
    fixed: bool | None = None,
) -> Iterator[list[Draft]]:
    """Write an answer to each prompt. Yields, after each step, the drafts that grew in it.

    prompts: token ids. seeds: one per prompt, so that an answer does not depend on the rows beside it. A draft's
    last id may be a stop token (finish_reason "stop"); else it ended at max_new_tokens ("length"). `check` is called
    between steps and may raise. keep_logprobs: log-probabilities under the sampling distribution, which is the
    model's own at this temperature only when top_k, top_p, min_p and the penalty are off; that an answer may not end
    yet (min_new_tokens) does not change them. fixed: steps over buffers of fixed size, recorded as CUDA graphs; None
    does so on CUDA. What llama.cpp runs yields an empty list while it reads, and tells no log-probabilities.
    """
    if isinstance(loaded, Running):
        yield from loaded.sample(prompts, sampler, seeds, check)
        return
    state = _State.begin(loaded, prompts, sampler, seeds)
    if (loaded.compute.device.type == "cuda" if fixed is None else fixed) and can_stay(loaded):
        state.fixed = FixedStep(loaded, state.cache, state.attention)
    for step in range(sampler.max_new_tokens):
        check()
        grown = state.advance(step, keep_logprobs)
        yield grown
        if not state.drafts:
            return


def sample_all(
    loaded: Loaded | Running,
    prompts: Sequence[Sequence[int]],
    sampler: Sampler,
    seeds: Sequence[int],
    *,
    check: Callable[[], None] = lambda: None,
    keep_logprobs: bool = False,
) -> list[Draft]:
    """All answers at once, in the order of the prompts."""
    drafts: dict[int, Draft] = {}
    for grown in sample(loaded, prompts, sampler, seeds, check=check, keep_logprobs=keep_logprobs):
        drafts.update((draft.index, draft) for draft in grown)
    return [drafts[index] for index in range(len(prompts))]


class _State:
    """The rows still being written, their cache and what the next step needs."""

    def __init__(self, loaded: Loaded, sampler: Sampler, drafts: list[Draft], noise: torch.Tensor) -> None:
        self.loaded = loaded
        self.sampler = sampler
        self.drafts = drafts
        self.noise = noise
        self.warp: Any = sampler.processors()
        self.stops = loaded.stop_ids
        self.layer = OutputLayer.of(loaded.causal)
        self.cache: Any = DynamicCache(config=loaded.causal.config)
        self.fixed: FixedStep | None = None
        self.hidden = torch.empty(0)
        self.ids = torch.empty(0)
        self.attention = torch.empty(0)
        self.fresh = torch.empty(0)
        self.positions = torch.empty(0)

    @classmethod
    def begin(cls, loaded: Loaded, prompts: Sequence[Sequence[int]], sampler: Sampler, seeds: Sequence[int]) -> _State:
        device, pad = loaded.compute.device, loaded.pad_id
        noise = torch.stack(
            [torch.rand(sampler.max_new_tokens, generator=torch.Generator().manual_seed(seed)) for seed in seeds]
        )
        state = cls(loaded, sampler, [Draft(index) for index in range(len(prompts))], noise.to(device))
        width = max(len(prompt) for prompt in prompts)
        rows = [[pad] * (width - len(prompt)) + list(prompt) for prompt in prompts]
        state.ids = torch.tensor(rows, device=device)
        lengths = torch.tensor([len(prompt) for prompt in prompts], device=device)
        columns = torch.arange(width, device=device)
        state.attention = (columns >= width - lengths[:, None]).long()
        state.positions = (state.attention.cumsum(1) - 1).clamp(min=0)
        if loaded.packs:
            state._read_packed([Row(tuple(prompt), ()) for prompt in prompts])
        else:
            state._read(state.ids)
        return state

    def _read_packed(self, rows: list[Row]) -> None:
        """Read the prompts, what they share once: several answers to one prompt cost one reading of it."""
        batch = gather(self.loaded, rows)
        self.cache = lanes(len(self.loaded.layers))
        about = {"position_ids": batch.positions, "packing": batch.layout, "past_key_values": self.cache}
        hidden = self.loaded.trunk(
            input_ids=batch.ids, attention_mask=placeholder(batch.ids), use_cache=True, **about
        ).last_hidden_state
        self.hidden = hidden[0, batch.last]
        assert batch.layout is not None
        begins = batch.layout.keys.shape[1] - self.attention.sum(1, keepdim=True)
        columns = torch.arange(batch.layout.keys.shape[1], device=batch.ids.device)
        tokens = batch.layout.keys.gather(1, (columns - begins).clamp(min=0))
        length = tokens.shape[1]
        for layer in self.cache.layers:
            layer.spread(tokens, self.sampler.max_new_tokens + -(length + self.sampler.max_new_tokens) % STRIDE)

    def _read(self, fresh: torch.Tensor) -> None:
        """Read the newest token of each row (or, where prompts do not pack, the padded prompts)."""
        if self.fixed is not None:
            self.hidden = self.fixed(fresh, self.positions)
            return
        about: dict[str, Any] = {"attention_mask": self.attention}
        if self.loaded.packs:
            about = {"attention_mask": placeholder(fresh), "packing": Step(self._bias())}
        self.hidden = self.loaded.trunk(
            input_ids=fresh, position_ids=self.positions, past_key_values=self.cache, use_cache=True, **about
        ).last_hidden_state[:, -1]

    def _bias(self) -> torch.Tensor | None:
        """-inf on the columns before a row's beginning, [r, 1, l]; None where every row fills its own."""
        if bool(self.attention.all()):
            return None
        zeros = torch.zeros(self.attention.shape, dtype=self.loaded.compute.dtype, device=self.attention.device)
        return zeros.masked_fill_(self.attention == 0, -torch.inf)[:, None]

    def advance(self, step: int, keep_logprobs: bool) -> list[Draft]:
        """One token for every row. Rows that end leave the batch, and their cache with them."""
        if step:
            self._read(self.fresh)
        logits, forbidden = self.layer.logits(self.hidden), None
        if step < self.sampler.min_new_tokens:
            stops = list(self.stops)
            if keep_logprobs:
                forbidden = self.warp(self.ids, logits.clone()).softmax(-1)[:, stops].sum(1)
            logits[:, stops] = -torch.inf
        chosen, logp = self._draw(self.warp(self.ids, logits), self.noise[:, step], keep_logprobs)
        logp = logp if forbidden is None else logp + torch.log1p(-forbidden)
        grown, self_drafts = self.drafts, zip(self.drafts, chosen.tolist(), logp.tolist(), strict=True)
        for draft, id_, value in self_drafts:
            draft.ids.append(id_)
            if keep_logprobs:
                draft.logprobs.append(value)
            if id_ in self.stops:
                draft.finish_reason = "stop"
            elif step + 1 == self.sampler.max_new_tokens:
                draft.finish_reason = "length"
        self._carry(chosen)
        return grown

    def _draw(
        self, logits: torch.Tensor, noise: torch.Tensor, keep_logprobs: bool
    ) -> tuple[torch.Tensor, torch.Tensor]:
        greedy = self.sampler.temperature == 0
        p = logits.softmax(-1) if keep_logprobs or not greedy else logits
        if greedy:
            chosen = logits.argmax(-1)
        else:
            # Inverse of the cumulative distribution at one uniform number per row and step.
            heap = p.cumsum(-1)
            chosen = torch.searchsorted(heap, (noise * heap[:, -1])[:, None], right=True).squeeze(1)
            chosen = chosen.clamp(max=p.shape[1] - 1)
        logp = p.gather(1, chosen[:, None]).squeeze(1).log() if keep_logprobs else torch.zeros_like(chosen)
        return chosen, logp

    def _carry(self, chosen: torch.Tensor) -> None:
        alive = torch.tensor([not draft.finish_reason for draft in self.drafts], device=chosen.device)
        self.drafts = [draft for draft in self.drafts if not draft.finish_reason]
        if not self.drafts:
            return
        self.ids = torch.cat([self.ids, chosen[:, None]], dim=1)
        self.attention = torch.cat([self.attention, torch.ones_like(chosen[:, None])], dim=1)
        self.positions = self.positions[:, -1:] + 1
        self.fresh = chosen[:, None]
        if not bool(alive.all()):
            keep = alive.nonzero().squeeze(1)
            (self.fixed.keep if self.fixed is not None else self.cache.batch_select_indices)(keep)
            for name in ("ids", "attention", "positions", "fresh", "noise"):
                setattr(self, name, getattr(self, name)[keep])
