"""`workbench features`: what the instant head reads of answers, how good it is, and a reward model's scores."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from ..jobs.tasks import features as reading
from .knob_options import given, knob_options
from .shared import JSON, PROJECT, chosen, finish, opened
from .working import carry_out, only_model


@click.command()
@knob_options(reading.Options)
@click.option("--model", default=None, help="The base that reads.  [default: the newest base]")
@click.option("--reward", default=None, help="Have this reward model score the answers instead.")
@PROJECT
@JSON
@click.pass_context
def features(
    context: click.Context, model: str | None, reward: str | None, project: Path | None, as_json: bool, **values: Any
) -> None:
    """Read the answers that the instant head has not read, and say how often it is right.

    Goes on where it was stopped. With --reward, the reward model's scores take the place of the head's in Data.
    """
    from ..jobs.instant_head import InstantHead

    with opened(chosen(context, project)) as store:
        scorer = store.models.find(reward) if reward else None
        base = store.models.base_of(scorer or only_model(store, model, "base"))
        reward_id = scorer.id if scorer else None
        waiting = reading.waiting(store, base.hash, base.location, reward_id)
        if waiting:
            carry_out(store, "features", given(values), model_id=base.id, reward_id=reward_id)
        left = len(reading.waiting(store, base.hash, base.location, reward_id))
        found = InstantHead().refresh(store)
        result = {
            "read": len(waiting) - left,
            "left": left,
            "answers": found.wanted,
            "pairs": found.pairs,
            "held_out": _accuracy(found.accuracy),
        }
        finish(result, as_json, _words(result))


def _accuracy(found: Any) -> dict[str, float] | None:
    if found is None:
        return None
    return {"accuracy": found.share, "low": found.low, "high": found.high, "pairs": found.count}


def _words(result: dict[str, Any]) -> str:
    done = f"Read {result['read']} answers; {result['left']} of {result['answers']} are left."
    head = result["held_out"]
    if head is None:
        return f"{done} The instant head has {result['pairs']} judged pairs, too few to say how good it is."
    low, high = (f"{100 * head[key]:.0f}" for key in ("low", "high"))
    right = f"right in {100 * head['accuracy']:.0f} % [{low}, {high}] of {head['pairs']} judged pairs"
    return f"{done} The instant head is {right} on prompts that it had not seen."
