"""Tastes that may differ: whose judgements a reward model learns from, and what knowing who judged is worth."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

from ..errors import WorkbenchError
from ..evaluation.intervals import wilson
from ..feedback.base import Pair, Rules
from .reward_lists import key_of, numbered
from .reward_measuring import Held, checked, held_scores
from .whose import chosen_people

if TYPE_CHECKING:
    from ..lm.scoring import AdapterReward, RewardModel
    from .reward import Options, Run


def reads(options: Options, rules: Rules, known: Iterable[str]) -> tuple[Rules, list[str] | None]:
    """By which rules, and of which people (None for all), judgements become what a run learns from."""
    return replace(rules, by_person=options.tastes > 0), chosen_people(options.whose, known)


def people_in(pairs: Sequence[Pair]) -> list[str]:
    """Who judged the pairs. Raises WorkbenchError when that is one person, whose taste needs no telling apart."""
    names = sorted({pair.who for pair in pairs} - {""})
    if len(names) < 2:
        raise WorkbenchError("Tastes can be told apart only where two people or more have judged.", "Set Tastes to 0.")
    return names


def meet_people(model: RewardModel, pairs: Sequence[Pair], size: int) -> list[str]:
    """Have a model tell apart the tastes of those who judged the pairs, by `size` numbers each (0: one taste for all).

    One that has met them all goes on from what it knows of them; an encoder knows one taste. Returns the people.
    """
    from ..lm.scoring import AdapterReward

    if not isinstance(model, AdapterReward):
        return []
    if not size:
        model.tastes = None
        return []
    names, known = people_in(pairs), model.tastes
    if known is None or known.places.shape[1] != size or not set(names) <= set(known.names):
        model.meet(names, size)
    return names


def held_scores_of(run: Run) -> tuple[Held, Held | None]:
    """Scores of held-out pairs to who judged each, and to nobody in particular where tastes are told apart.

    Raises NotFinite.
    """
    import torch

    if not run.people:
        return held_scores(run.model, run.held_pairs, run.job.check, run.step), None
    model, unique = cast("AdapterReward", run.model), numbered(run.held_pairs)
    places = {key: place for place, key in enumerate(unique)}
    sides = [[places[key_of(pair[side])] for pair in run.held_pairs] for side in (0, 1)]
    features = model.all_features(list(unique.values()), run.job.check).to(model.weight.device)
    assert model.tastes is not None
    with torch.no_grad():
        general, leanings = (part.cpu() for part in model.read(features))
        stand = model.tastes.of([pair.who for pair in run.held]).cpu()
    personal = [general[side] + (leanings[side] * stand).sum(1) for side in sides]
    checked(torch.cat(personal), run.step)
    return Held(*personal), Held(*(general[side] for side in sides))


def by_person(pairs: Sequence[Pair], held: Held, without: Held) -> dict[str, Any]:
    """Figures of the run's end: how often the model is right about each person's pairs, and what it would be right
    about without knowing whose they are."""
    right, general = held.right, without.right
    places: dict[str, list[int]] = {}
    for place, pair in enumerate(pairs):
        places.setdefault(pair.who, []).append(place)
    people = [
        {
            "name": name,
            "pairs": len(own),
            "accuracy": float(right[own].mean()),
            "accuracy_ci": list(wilson(float(right[own].sum()), len(own))),
            "without_person": float(general[own].mean()),
        }
        for name, own in sorted(places.items())
    ]
    return {"accuracy_without_person": without.accuracy, "people": people}


def people_words(summary: Mapping[str, Any]) -> list[str]:
    """How often a reward model was right about each person's pairs: a line a person."""
    return [
        f"  {each['name']}: right {each['accuracy']:4.0%} of {each['pairs']} "
        f"(95 % interval {each['accuracy_ci'][0]:.0%} to {each['accuracy_ci'][1]:.0%}; "
        f"{each['without_person']:.0%} if it does not know who judged)"
        for each in summary.get("people") or ()
    ]
