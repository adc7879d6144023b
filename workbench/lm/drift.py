"""How far an adapter has moved a model from its base."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..feedback.base import Message
from .batching import Batch, Row, by_length
from .loading import Loaded
from .logprobs import OutputLayer, chosen_logprobs
from .reading import gather, hidden_states


@torch.no_grad()
def kl_to_base(
    loaded: Loaded,
    texts: Sequence[tuple[Sequence[Message], str]],
    *,
    temperature: float = 1.0,
    rows: int = 16,
    check: Callable[[], None] = lambda: None,
) -> list[float]:
    """For each answer, the sum over its tokens of log p(token) - log p_base(token), in nats.

    Its mean over answers sampled from the model estimates the KL divergence of the model from its base.
    """
    template = loaded.template
    items = [Row(tuple(template.prompt_ids(messages)), tuple(template.answer_ids(text))) for messages, text in texts]
    found = [0.0] * len(items)
    for group in by_length([len(item) for item in items], rows, budget=loaded.compute.batch_tokens):
        check()
        batch = gather(loaded, [items[index] for index in group])
        tuned = _total(loaded, batch, temperature)
        with loaded.model.disable_adapter():
            base = _total(loaded, batch, temperature)
        for index, value in zip(group, (tuned - base).tolist(), strict=True):
            found[index] = value
    return found


def _total(loaded: Loaded, batch: Batch, temperature: float) -> torch.Tensor:
    hidden = hidden_states(loaded, batch)
    where = batch.mask.nonzero(as_tuple=True)
    states = hidden[batch.states[where]]
    logp, _ = chosen_logprobs(states, OutputLayer.of(loaded.causal), batch.answers[where], temperature=temperature)
    return torch.zeros(len(batch.ids), device=logp.device).index_add(0, where[0], logp)
