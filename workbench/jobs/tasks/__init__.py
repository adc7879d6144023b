"""Long work that is not learning: writing many answers, and measuring one model against another.

Same shape as a method: a dataclass of knobs and a generator of events.
"""

from __future__ import annotations

from typing import Any

from . import convert, evaluate, export, features, generate, judge, push, translate

_ALL = (generate, evaluate, convert, export, features, push, judge, translate)
TASKS: dict[str, Any] = {task.name: task for task in _ALL}
