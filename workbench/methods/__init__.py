"""How a model learns; one file per method. Importing this package imports no torch."""

from __future__ import annotations

from . import ppo, reward
from .base import Method

METHODS: dict[str, Method] = {method.name: method for method in (reward, ppo)}  # type: ignore[misc]

__all__ = ["METHODS", "Method"]
