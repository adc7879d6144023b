"""JSON as the standard has it: no NaN, no infinities, no half surrogate pairs, nothing nested too deep."""

from __future__ import annotations

import json
import math
from typing import Any

from ..rows import well_formed

MAX_DEPTH = 64


def parse(text: str) -> Any:
    """The value that a text spells. Raises ValueError, and RecursionError when it is nested too deep."""
    return checked(json.loads(text, parse_constant=_no_constant, parse_float=_finite))


def decoder() -> json.JSONDecoder:
    """For values inside a longer text; `checked` does the rest."""
    return json.JSONDecoder(parse_constant=_no_constant, parse_float=_finite)


def checked(value: Any) -> Any:
    """The value with lone surrogates, which no file can hold, replaced. Raises RecursionError when it is too deep."""
    if _is_deep(value):
        raise RecursionError(f"nested more than {MAX_DEPTH} deep")
    return _cleaned(value)


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is not a number")


def _finite(text: str) -> float:
    if not math.isfinite(number := float(text)):
        raise ValueError(f"{text} is too large")
    return number


def _is_deep(value: Any) -> bool:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return False
    return True


def _children(value: Any) -> list[Any]:
    return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []


def _cleaned(value: Any) -> Any:
    if isinstance(value, str):
        return well_formed(value)
    if isinstance(value, dict):
        return {well_formed(key): _cleaned(item) for key, item in value.items()}
    return [_cleaned(item) for item in value] if isinstance(value, list) else value
