"""How likely a model is to go on with each of a few words: a choice without sampling, and nothing to parse.

A judge's expected rating is the mean of 1 to 5 under these probabilities (G-Eval, Liu et al. 2023, section 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch

from ..errors import WorkbenchError
from ..feedback.base import Message
from .batching import Row
from .loading import Loaded
from .logprobs import OutputLayer
from .reading import gather, groups, hidden_states


def token_sets(loaded: Loaded, words: Sequence[str]) -> list[list[int]]:
    """For each word the tokens that write it alone, with and without a space before it.

    Raises WorkbenchError when the tokenizer has no such token for one, or the same for two.
    """
    found = [sorted(_tokens(loaded, word)) for word in words]
    together = [token for each in found for token in each]
    if not all(found) or len(set(together)) < len(together):
        raise WorkbenchError(
            f"{loaded.ref.name or loaded.ref.base} cannot judge: it has no token each for {', '.join(words)}.",
            "Choose another model.",
        )
    return found


def _tokens(loaded: Loaded, word: str) -> set[int]:
    found = set()
    for text in (word, f" {word}"):
        ids = list(loaded.tokenizer(text, add_special_tokens=False)["input_ids"])  # type: ignore[arg-type]
        if len(ids) == 2 and not str(loaded.tokenizer.decode(ids[:1])).strip():
            ids = ids[1:]  # some write the space by itself
        if len(ids) == 1:
            found.add(int(ids[0]))
    return found


@torch.no_grad()
def choice_shares(
    loaded: Loaded,
    questions: Sequence[Sequence[Message]],
    words: Sequence[str],
    *,
    check: Callable[[], None] = lambda: None,
) -> tuple[torch.Tensor, list[float]]:
    """Shares [n, words] of the words as the first token of the reply, which sum to 1, and how much of all
    probability the words have together. `check` is called between batches and may raise."""
    sets = token_sets(loaded, words)
    rows = [Row(tuple(loaded.template.prompt_ids(question)), ()) for question in questions]
    shares, masses = torch.zeros(len(rows), len(words)), [0.0] * len(rows)
    layer = OutputLayer.of(loaded.causal)
    for group in groups(loaded, rows, loaded.compute.batch_tokens):
        check()
        batch = gather(loaded, [rows[place] for place in group])
        logp = layer.logits(hidden_states(loaded, batch)[batch.last]).log_softmax(-1)
        each = torch.stack([logp[:, tokens].logsumexp(-1) for tokens in sets], 1)
        whole = each.logsumexp(-1)
        shares[group] = (each - whole[:, None]).exp().float().cpu()
        for place, mass in zip(group, whole.exp().tolist(), strict=True):
            masses[place] = mass
    return shares, masses


def room(loaded: Loaded) -> int | None:
    """How many tokens the model can read; None where it does not say."""
    return getattr(loaded.causal.config, "max_position_embeddings", None)
