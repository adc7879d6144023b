"""How a model learns; one file per method. Importing this package imports no torch."""

from __future__ import annotations

from . import classify, cpo, dpo, grpo, kto, orpo, ppo, pretrain, reinforce, reward, rloo, sft
from .base import Method

_ALL = (reward, ppo, grpo, rloo, reinforce, sft, dpo, kto, orpo, cpo, classify, pretrain)
METHODS: dict[str, Method] = {method.name: method for method in _ALL}  # type: ignore[misc]

__all__ = ["METHODS", "Method"]
