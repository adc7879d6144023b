"""How a model learns; one file per method. Importing this package imports none of them, and no method imports torch."""

from __future__ import annotations

from collections.abc import Mapping

from ..named import Named
from .base import Method

METHODS: Mapping[str, Method] = Named(
    __name__,
    ("reward", "ppo", "grpo", "rloo", "reinforce", "sft", "dpo", "kto", "orpo", "cpo", "classify", "pretrain"),
)
"""Every method by its name, which is that of its file."""

AGAINST_A_REWARD = ("ppo", "grpo", "rloo", "reinforce")
"""Those whose NEEDS_REWARD is true, without importing any."""

__all__ = ["AGAINST_A_REWARD", "METHODS", "Method"]
