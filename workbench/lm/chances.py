"""How likely a model thought each token of a text, and what else it might have said there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from ..errors import WorkbenchError
from ..feedback.base import Message
from .batching import Row
from .llama_cpp_engine import Running
from .loading import Loaded
from .logprobs import CHUNK, OutputLayer
from .reading import gather, hidden_states

ALTERNATIVES = 4
LIMIT = 4096
"""Tokens of an answer that are looked at."""


@dataclass(frozen=True)
class Chance:
    """A piece of a text, how likely it was (0 to 1), and the likeliest pieces in its place, likeliest first."""

    text: str
    p: float
    others: tuple[tuple[str, float], ...]


@torch.no_grad()
def chances(loaded: Loaded | Running, messages: Sequence[Message], text: str) -> list[Chance]:
    """The tokens of an answer in order; their texts add up to the answer's where its tokenizer loses nothing.

    The distribution is the model's own at temperature 1, whatever it was drawn with. Raises WorkbenchError when the
    chat template refuses the conversation, and where llama.cpp runs the model and has not just written this answer.
    """
    if isinstance(loaded, Running):
        return _remembered(loaded, loaded.template.prompt_ids(messages), text)
    ids = loaded.template.answer_ids(text)[:-1][:LIMIT]
    if not ids:
        return []
    prompt = loaded.template.prompt_ids(messages)
    batch = gather(loaded, [Row(tuple(prompt), tuple(ids))])
    states = hidden_states(loaded, batch)[batch.states[batch.mask.nonzero(as_tuple=True)]]
    layer, pieces = OutputLayer.of(loaded.causal), _pieces(loaded, ids)
    found: list[Chance] = []
    for start in range(0, len(ids), CHUNK):
        p = layer.logits(states[start : start + CHUNK]).softmax(-1)
        top = p.topk(min(ALTERNATIVES, p.shape[1]), dim=-1)
        mine = p.gather(1, torch.tensor(ids[start : start + CHUNK], device=p.device)[:, None]).squeeze(1)
        for place, (own, values, tokens) in enumerate(
            zip(mine.tolist(), top.values.tolist(), top.indices.tolist(), strict=True), start
        ):
            others = tuple((_shown(loaded, token), value) for token, value in zip(tokens, values, strict=True))
            found.append(Chance(pieces[place], own, others))
    return found


def _remembered(loaded: Running, prompt: Sequence[int], text: str) -> list[Chance]:
    said = loaded.remembered.get((tuple(prompt), text))
    if said is None:
        raise WorkbenchError(
            f"llama.cpp tells chances only of what {loaded.ref.name} wrote since it was loaded.",
            "Run it with transformers to see them for any text.",
        )
    pieces = _pieces(loaded, [each.id for each in said])
    return [
        Chance(piece, each.p, tuple((_shown(loaded, id_), p) for id_, p in each.others))
        for piece, each in zip(pieces, said, strict=True)
    ]


def _pieces(loaded: Loaded | Running, ids: Sequence[int]) -> list[str]:
    """What each token adds to the text. A character may span several: the last of them has it, the others nothing."""
    pieces, before = [], ""
    for end in range(1, len(ids) + 1):
        now = loaded.template.text_of(ids[:end])
        grown = now.startswith(before)
        pieces.append(now[len(before) :] if grown else "")
        before = now if grown else before
    return pieces


def _shown(loaded: Loaded | Running, token: int) -> str:
    return str(loaded.tokenizer.decode([token]))
