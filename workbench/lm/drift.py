"""How far an adapter has moved a model from its base, and whether it moved the way people prefer."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..feedback.base import Message, Pair
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
    limit: int | None = None,
    check: Callable[[], None] = lambda: None,
) -> list[float]:
    """For each answer, the sum over its tokens of log p(token) - log p_base(token), in nats.

    Its mean over answers sampled from the model estimates the KL divergence of the model from its base. `limit`: most
    tokens of a prompt and an answer together; an answer keeps its beginning, a prompt its end.
    """
    items = [_row(loaded, messages, text, limit) for messages, text in texts]
    found = [0.0] * len(items)
    for group in by_length([len(item) for item in items], rows, budget=loaded.compute.batch_tokens):
        check()
        batch = gather(loaded, [items[index] for index in group])
        tuned = _total(loaded, batch, temperature)
        with loaded.as_base():
            base = _total(loaded, batch, temperature)
        for index, value in zip(group, (tuned - base).tolist(), strict=True):
            found[index] = value
    return found


@torch.no_grad()
def likelihoods(
    loaded: Loaded,
    texts: Sequence[tuple[Sequence[Message], str]],
    *,
    temperature: float = 1.0,
    rows: int = 16,
    check: Callable[[], None] = lambda: None,
) -> list[float]:
    """For each answer, the sum over its tokens of log p(token): what is to be compared with another model's."""
    items = [_row(loaded, messages, text, None) for messages, text in texts]
    found = [0.0] * len(items)
    for group in by_length([len(item) for item in items], rows, budget=loaded.compute.batch_tokens):
        check()
        totals = _total(loaded, gather(loaded, [items[index] for index in group]), temperature)
        for index, value in zip(group, totals.tolist(), strict=True):
            found[index] = value
    return found


def _row(loaded: Loaded, messages: Sequence[Message], text: str, limit: int | None) -> Row:
    template = loaded.template
    answer = template.answer_ids(text, limit // 2 if limit else None)
    prompt = template.prompt_ids(messages, limit - len(answer) if limit else None)
    return Row(tuple(prompt), tuple(answer))


def implicit_accuracy(
    loaded: Loaded, pairs: Sequence[Pair], *, limit: int = 512, check: Callable[[], None] = lambda: None
) -> float:
    """The share of pairs whose chosen answer the model has made likelier, against its base, than the rejected one.

    That log-ratio is the reward that a policy is optimal for (Rafailov et al. 2023, eq. 5). Ties count half, so a model
    that is its base has 0.5; nan of no pairs. In bf16 the two readings of an answer differ by rounding, which draws the
    figure towards 0.5.
    """
    texts = [(pair.messages, text) for pair in pairs for text in (pair.chosen, pair.rejected)]
    raised = kl_to_base(loaded, texts, limit=limit, check=check)
    gaps = [chosen - rejected for chosen, rejected in zip(raised[0::2], raised[1::2], strict=True)]
    return sum((gap > 0) + 0.5 * (gap == 0) for gap in gaps) / len(gaps) if gaps else float("nan")


def _total(loaded: Loaded, batch: Batch, temperature: float) -> torch.Tensor:
    hidden = hidden_states(loaded, batch)
    where = batch.mask.nonzero(as_tuple=True)
    states = hidden[batch.states[where]]
    logp, _ = chosen_logprobs(states, OutputLayer.of(loaded.causal), batch.answers[where], temperature=temperature)
    return torch.zeros(len(batch.mask), device=logp.device).index_add(0, where[0], logp)
