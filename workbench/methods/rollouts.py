"""A round of answers in an on-policy run, and what a person sees of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..events import Event, Sample
from ..feedback.base import Prompt

if TYPE_CHECKING:
    import torch

    from ..lm.generating import Draft

SHOWN = 4
"""Answers of a round that are shown."""


@dataclass
class Rollout:
    """Answers of one round and everything the update needs about them. Tensors are [b, t] in the order of `rows`."""

    prompts: list[Prompt]
    drafts: list[Draft]
    texts: list[str]
    rows: list[Any]
    mask: torch.Tensor
    old: torch.Tensor
    reference: torch.Tensor
    values: torch.Tensor
    entropy: torch.Tensor
    drift: float
    scores: torch.Tensor
    ended: torch.Tensor
    parts: torch.Tensor
    """[b, k]: what each source of rewards said; `scores` is their weighted sum."""

    @property
    def kl(self) -> torch.Tensor:
        """log p - log p_ref of each token (the k1 estimate), zero outside the mask."""
        return (self.old - self.reference) * self.mask

    def state(self, prompts: Sequence[Prompt]) -> tuple[dict[str, torch.Tensor], dict[str, Any]]:
        """Tensors and plain JSON; `prompts` are those of the run, which are told by their places."""
        places = {id(prompt): place for place, prompt in enumerate(prompts)}
        fields = {item.name: getattr(self, item.name) for item in dataclasses.fields(self)}
        tensors = {key: value for key, value in fields.items() if hasattr(value, "detach")}
        plain = {key: value for key, value in fields.items() if key not in tensors}
        return tensors, plain | {
            "prompts": [places[id(prompt)] for prompt in self.prompts],
            "drafts": [dataclasses.asdict(draft) for draft in self.drafts],
            "rows": [[row.prompt, row.answer] for row in self.rows],
        }

    @classmethod
    def restored(
        cls, tensors: Mapping[str, torch.Tensor], plain: Mapping[str, Any], prompts: Sequence[Prompt]
    ) -> Rollout:
        """The rollout that state() told of."""
        from ..lm.batching import Row
        from ..lm.generating import Draft

        made = {
            "prompts": [prompts[place] for place in plain["prompts"]],
            "drafts": [Draft(**draft) for draft in plain["drafts"]],
            "rows": [Row(tuple(prompt), tuple(answer)) for prompt, answer in plain["rows"]],
        }
        return cls(**{**plain, **tensors, **made})


def samples(rollout: Rollout, step: int) -> Iterator[Event]:
    """The first answers of a round with their scores."""
    kl = rollout.kl.sum(1)
    for index in range(min(SHOWN, len(rollout.rows))):
        scores = {
            "reward": float(rollout.scores[index]),
            "kl": float(kl[index]),
            "tokens": float(len(rollout.rows[index].answer)),
        }
        prompt = rollout.prompts[index]
        yield Sample(step, prompt.messages[-1]["content"], rollout.texts[index], scores, prompt.prompt_id)
