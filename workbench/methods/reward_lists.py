"""Lists of answers on their way through a step of reward training: order, micro-batches, scores, loss."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..feedback.base import Ranking
from ..feedback.listing import placed

if TYPE_CHECKING:
    import torch

    from ..lm.scoring import RewardModel
    from .reward import Options


def shuffled(lists: Sequence[Ranking], order: random.Random) -> list[int]:
    """Indices of lists in random order of prompts, those of one prompt together: they share answers, which are then
    read once, and a model that sees an answer in many scattered steps overfits (Ouyang et al. 2022)."""
    by_prompt: dict[str, list[int]] = {}
    for index, each in enumerate(lists):
        by_prompt.setdefault(each.prompt_id, []).append(index)
    groups = list(by_prompt.values())
    order.shuffle(groups)
    return [index for group in groups for index in group]


def micro_batches(lists: Sequence[Ranking], lengths: Mapping[int, int], most: int) -> Iterator[list[int]]:
    """The indices of `lengths` in groups of at most `most` answers (a longer list is a group of its own).

    lengths: the tokens of each list's longest answer. Similar lengths stand together, and lists of one prompt do.
    """
    longest: dict[str, int] = {}
    for index, length in lengths.items():
        prompt = lists[index].prompt_id
        longest[prompt] = max(longest.get(prompt, 0), length)
    group: list[int] = []
    answers = 0
    for index in sorted(lengths, key=lambda place: (longest[lists[place].prompt_id], lists[place].prompt_id)):
        count = len(placed(lists[index]))
        if group and answers + count > most:
            yield group
            group, answers = [], 0
        group.append(index)
        answers += count
    yield group


def key_of(item: Any) -> Hashable:
    """What tells encoded items apart."""
    return tuple(item) if isinstance(item, list) else item


def numbered(groups: Sequence[Sequence[Any]]) -> dict[Hashable, Any]:
    """The different items of some pairs or lists, by what makes them different."""
    return {key_of(item): item for group in groups for item in group}


def scores_of(
    model: RewardModel, lists: Sequence[Ranking], items: Sequence[Sequence[Any]]
) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores and ranks [b, n] of some lists, ranks -1 past a list's end; an answer in several is read once.

    items: each list's encoded answers, best first.
    """
    import torch

    unique = numbered(items)
    scores = model.scores(list(unique.values()))
    places = {key: place for place, key in enumerate(unique)}
    width = max(len(some) for some in items)
    where = [[*(places[key_of(item)] for item in some), *[0] * (width - len(some))] for some in items]
    ranks = [[*(rank for _, rank in placed(each)), *[-1] * (width - len(placed(each)))] for each in lists]
    return scores[torch.tensor(where, device=scores.device)], torch.tensor(ranks, device=scores.device)


def loss_of(options: Options, lists: Sequence[Ranking], scores: torch.Tensor, ranks: torch.Tensor) -> torch.Tensor:
    """The chosen loss and centring. scores, ranks [b, n]; the pairwise losses take lists of two."""
    import torch

    from ..lm import losses

    steps = torch.tensor([each.margin for each in lists], device=scores.device)[:, None, None]
    # With rank differences as the margin's unit, two ranks apart ask for twice as much as one.
    asked = (ranks[:, None, :] - ranks[:, :, None]) * steps
    margin = asked if options.use_margin else torch.zeros_like(asked)
    if "hinge" in options.loss:
        margin = margin.clamp(min=1.0)
    match options.loss:
        case "listwise_hinge":
            loss = losses.listwise_hinge(scores, ranks, margin)
        case "plackett_luce":
            loss = losses.plackett_luce(scores, ranks, margin)
        case "hinge":
            loss = losses.hinge(scores[:, 0], scores[:, 1], margin[:, 0, 1])
        case _:
            loss = losses.logistic(scores[:, 0], scores[:, 1], margin[:, 0, 1])
    return loss + options.center * losses.centering(scores, ranks >= 0)
