"""Lists of answers on their way through a step of reward training: order, micro-batches, scores, loss."""

from __future__ import annotations

import random
from collections.abc import Hashable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..events import FirstBatch
from ..feedback.base import Ranking
from ..feedback.listing import placed
from .seeing import Seen, answer_read, first_batch

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


def micro_batches(
    lists: Sequence[Ranking], items: Mapping[int, Sequence[Any]], model: RewardModel, budget: int
) -> Iterator[list[int]]:
    """The indices of `items` in groups of at most `budget` tokens (a larger list is a group of its own).

    items: each list's encoded answers. What answers share counts once: an answer that stands in several lists, and a
    prompt whose answers stand together. Similar lengths stand together too.
    """
    longest: dict[str, int] = {}
    for index, some in items.items():
        prompt = lists[index].prompt_id
        longest[prompt] = max(longest.get(prompt, 0), *(model.length(item) for item in some))
    group: list[int] = []
    held: set[Hashable] = set()
    used = 0
    for index in sorted(items, key=lambda place: (longest[lists[place].prompt_id], lists[place].prompt_id)):
        parts = _parts(items[index], model)
        if group and used + sum(size for part, size in parts.items() if part not in held) > budget:
            yield group
            group, held, used = [], set(), 0
        used += sum(size for part, size in parts.items() if part not in held)
        held |= parts.keys()
        group.append(index)
    yield group


def _parts(items: Sequence[Any], model: RewardModel) -> dict[Hashable, int]:
    """The pieces that are computed once each, with their tokens."""
    parts: dict[Hashable, int] = {}
    for item in items:
        prompt = getattr(item, "prompt", None)
        if prompt is not None:
            parts[prompt] = len(prompt)
        parts[key_of(item)] = model.length(item) - len(prompt or ())
    return parts


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

    items: each list's encoded answers, best first. Where the model tells tastes apart, each list's scores are to who
    judged it.
    """
    import torch

    unique = numbered(items)
    places = {key: place for place, key in enumerate(unique)}
    width = max(len(some) for some in items)
    where = [[*(places[key_of(item)] for item in some), *[0] * (width - len(some))] for some in items]
    ranks = [[*(rank for _, rank in placed(each)), *[-1] * (width - len(placed(each)))] for each in lists]
    tastes = getattr(model, "tastes", None)
    if tastes is None:
        scores = model.scores(list(unique.values()))
        scores = scores[torch.tensor(where, device=scores.device)]
    else:
        general, leanings = model.read(model.features(list(unique.values())))  # type: ignore[attr-defined]
        stand, at = tastes.of([each.who for each in lists]), torch.tensor(where, device=general.device)
        scores = general[at] + (leanings[at] * stand[:, None]).sum(2)
    return scores, torch.tensor(ranks, device=scores.device)


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


def seen(model: RewardModel, lists: Sequence[Ranking], items: Sequence[Sequence[Any]]) -> FirstBatch:
    """A batch as the model sees it: every answer with its prompt, best first."""
    from ..lm.scoring import AdapterReward

    rows: list[Seen] = []
    for ranking, encoded in zip(lists, items, strict=True):
        pair = len(ranking.groups) == 2 and len(encoded) == 2
        for (_, rank), item in zip(placed(ranking), encoded, strict=True):
            title = ("chosen", "rejected")[rank] if pair else f"rank {rank + 1}"
            in_part = isinstance(model, AdapterReward)
            ids, read = answer_read(item.prompt, item.answer) if in_part else (item, [True] * len(item))
            rows.append((title, ids, read))
    if isinstance(model, AdapterReward):
        note = "The score is read from the marked tokens: from their mean and from the last one."
        return first_batch(model.loaded.tokenizer, rows, note)
    return first_batch(model.tokenizer, rows, "The score is read from the whole text.")  # type: ignore[attr-defined]
