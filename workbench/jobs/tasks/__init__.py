"""Long work that is not learning: writing many answers, and measuring one model against another.

Same shape as a method: a dataclass of knobs and a generator of events.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...named import Named

TASKS: Mapping[str, Any] = Named(
    __name__, ("generate", "evaluate", "convert", "export", "features", "push", "judge", "translate")
)
"""Every task by its name, which is that of its file."""
