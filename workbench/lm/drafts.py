"""How the next token is drawn, and an answer while it is written: the same for whatever runs the model."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from transformers import (
    LogitsProcessorList,
    MinPLogitsWarper,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)


@dataclass(frozen=True)
class Sampler:
    """How the next token is drawn. temperature 0 takes the most likely one; top_k 0, top_p 1 and min_p 0 are off."""

    temperature: float = 0.8
    top_p: float = 0.95
    top_k: int = 50
    min_p: float = 0.0
    repetition_penalty: float = 1.0
    max_new_tokens: int = 128
    min_new_tokens: int = 0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, stored with every answer."""
        return asdict(self)

    def processors(self) -> LogitsProcessorList:
        """transformers' own warpers, in the order in which its generate() applies them."""
        chain: list[Any] = []
        if self.repetition_penalty != 1.0:
            chain.append(RepetitionPenaltyLogitsProcessor(self.repetition_penalty))
        if self.temperature > 0 and self.temperature != 1.0:
            chain.append(TemperatureLogitsWarper(self.temperature))
        if self.top_k:
            chain.append(TopKLogitsWarper(self.top_k))
        if self.top_p < 1.0:
            chain.append(TopPLogitsWarper(self.top_p))
        if self.min_p > 0:
            chain.append(MinPLogitsWarper(self.min_p))
        return LogitsProcessorList(chain)


@dataclass
class Draft:
    """One answer while it is written: its tokens and, for each, its log-probability when it was drawn."""

    index: int
    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    finish_reason: str = ""
