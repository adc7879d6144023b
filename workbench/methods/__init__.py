"""How a model learns; one file per method. Importing this package imports no torch."""

from __future__ import annotations

from . import cpo, dpo, kto, orpo, ppo, reward, sft
from .base import Method

METHODS: dict[str, Method] = {method.name: method for method in (reward, ppo, sft, dpo, kto, orpo, cpo)}  # type: ignore[misc]

__all__ = ["METHODS", "Method"]
