"""A round of answers in an on-policy run, and what a person sees of it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..events import Event, Sample, Warned
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

    @property
    def kl(self) -> torch.Tensor:
        """log p - log p_ref of each token (the k1 estimate), zero outside the mask."""
        return (self.old - self.reference) * self.mask


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


LIMITS = (
    (
        "kl",
        "objective/kl",
        lambda value: value > 30,
        "The model is far from its base: answers may stop making sense. Raise the KL coefficient.",
    ),
    (
        "entropy",
        "objective/entropy",
        lambda value: value < 0.1,
        "The model has almost stopped choosing: answers will be alike. Raise the KL coefficient.",
    ),
    (
        "clip",
        "policy/clipfrac_avg",
        lambda value: value > 0.3,
        "Steps are too large: over 30 % of tokens hit the clip. Lower the learning rate.",
    ),
)
"""(topic, metric, whether it is off course, what to change)."""


def warnings(values: Mapping[str, float], step: int, warned: set[str]) -> Iterator[Event]:
    """What has gone off course, once each: topics in `warned` are not said again, new ones are added to it."""
    for topic, metric, off_course, words in LIMITS:
        if topic not in warned and off_course(values[metric]):
            warned.add(topic)
            yield Warned(step, words, topic)
