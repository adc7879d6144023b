"""Whose judgements a run learns from: those of all people, or of the people and judges that were named."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ..errors import WorkbenchError
from ..feedback.base import Rules
from .base import knob

JUDGE = "judge: "
"""What names of models and rules that judge begin with, see store.judges."""


def whose_knob() -> Any:
    """The field of Options in which people, and judges, are named."""
    return knob(
        "",
        "Names, separated by commas; empty for all people. A judge counts only if named.",
        label="Whose judgements",
        advanced=False,
        names=True,
    )


def chosen_people(whose: str, known: Iterable[str]) -> list[str] | None:
    """The people, and judges, that a person named, separated by commas; None for all people and no judge.

    Raises WorkbenchError for a stranger.
    """
    known = [name for name in known if name]
    named = _names(whose, set(known))
    if strangers := [name for name in named if name not in known]:
        judges = [name for name in known if name.startswith(JUDGE)]
        hint = f"Judged have: {', '.join(name for name in known if name not in judges)}."
        hint += f" Judges, each only where it is named: {', '.join(judges)}." if judges else ""
        raise WorkbenchError(f"{strangers[0]} has judged nothing here.", hint)
    return named or None


def _names(whose: str, known: set[str]) -> list[str]:
    """The names in a text; one that is known may have commas in it."""
    parts = [part.strip() for part in whose.split(",") if part.strip()]
    found: dict[str, None] = {}
    while parts:
        taken = next((size for size in range(len(parts), 1, -1) if ", ".join(parts[:size]) in known), 1)
        found[", ".join(parts[:taken])] = None
        parts = parts[taken:]
    return list(found)


def reads(options: Any, rules: Rules, known: Iterable[str]) -> tuple[Rules, list[str] | None]:
    """By which rules, and of which people (None for all), judgements become what a run learns from."""
    return rules, chosen_people(options.whose, known)
