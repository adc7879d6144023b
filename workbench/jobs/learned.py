"""What a run learned from besides people's judgements: the verdicts of judges that it was told to read."""

from __future__ import annotations

from ..store import Run, Store

JUDGES = "judges"
"""Where a run's specification says how many verdicts of each judge are in its frozen data."""
LONGEST = 200


def judges_of(store: Store, run: Run) -> dict[str, int]:
    """How many verdicts of each judge are in a run's frozen data, by the judge's name.

    A run that came in a bundle has no rows for them; its specification, which a stranger wrote, tells.
    """
    return store.judges.learned_by(run.id) or _told(run)


def _told(run: Run) -> dict[str, int]:
    extra = run.spec.get("extra")
    told = extra.get(JUDGES) if isinstance(extra, dict) else None
    found = told.items() if isinstance(told, dict) else ()
    shown = ((name[:LONGEST], count) for name, count in found if name.isprintable())
    return {name: count for name, count in shown if type(count) is int and count > 0}


def judges_words(judges: dict[str, int]) -> list[str]:
    """A line for each judge that a run learned from."""
    said = "verdicts of {name} are in what it learned from; no person gave them."
    return [f"  {count} {said.format(name=name)}" for name, count in judges.items()]
