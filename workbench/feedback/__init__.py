"""What a person can say about answers; one file per kind, data only."""

from __future__ import annotations

from . import comparison, correction, ranking, rating
from .base import Kind

KINDS: dict[str, Kind] = {kind.name: kind for kind in (rating, comparison, ranking, correction)}  # type: ignore[misc]

__all__ = ["KINDS", "Kind"]
