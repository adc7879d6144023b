"""What to know before a run starts: each caution follows from counts or from figures that were measured."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from ..methods.base import Data
from ..store import Model

FEW_PROMPTS = 20


@dataclass(frozen=True)
class Caution:
    """A key of the words that NewRunPage has for it, and their figures."""

    key: str
    figures: Mapping[str, str] = field(default_factory=dict)


def cautions(data: Data, base: Model | None, reward: Model | None, reward_base: Model | None) -> list[Caution]:
    """Cautions for a run on this data with these models. Whether judgements suffice is said by their readiness."""
    train, held = data.split("train"), data.split("held_out")
    found = []
    if reward is not None:
        found += _about_reward(reward)
        if base is not None and reward_base is not None and base.id != reward_base.id:
            found.append(Caution("other_base", {"reward": reward.name, "base": reward_base.name}))
        if 0 < len(train.prompts) < FEW_PROMPTS:
            found.append(Caution("few_prompts", {"count": str(len(train.prompts))}))
        if not held.prompts:
            found.append(Caution("no_held_out_prompts"))
    return found


def _about_reward(reward: Model) -> list[Caution]:
    accuracy, longer = reward.info.get("accuracy"), reward.info.get("longer_wins")
    low = (reward.info.get("accuracy_ci") or [None])[0]
    if not isinstance(accuracy, int | float):
        return []
    figures = {"reward": reward.name, "accuracy": f"{100 * accuracy:.0f}%"}
    if isinstance(longer, int | float) and accuracy <= longer:
        return [Caution("longer_wins", figures | {"longer": f"{100 * longer:.0f}%"})]
    if isinstance(low, int | float) and low <= 0.5:
        return [Caution("chance", figures)]
    return []
