"""How two versions of one row, from projects that were apart, become one.

Each rule takes the greatest of two in some order, or their union. So it gives the same whichever version comes
first, however often, and however three are grouped: what makes a merge of projects a union.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..rows import to_json
from ..saved_filters import SETTING as SAVED_FILTERS

Row = Mapping[str, Any]

_ENDED = ("interrupted", "failed", "stopped", "finished")


def join(table: str, here: Row, there: Row) -> dict[str, Any]:
    """One row from two versions of it with the same columns, JSON decoded.

    What never changes is equal in both. Of anything else that differs, the greater as text stays.
    """
    if table == "runs":
        return dict(max(here, there, key=_news))
    joined = {column: _greater(here[column], there[column]) for column in here}
    if "created_at" in joined:
        joined["created_at"] = min(here["created_at"], there["created_at"])
    return joined | dict(_RULES[table](here, there) if table in _RULES else {})


def _greater(one: Any, other: Any) -> Any:
    return max(one, other, key=lambda value: (value is not None, to_json(value)))


def _union(one: Sequence[Any], other: Sequence[Any], key: Callable[[Any], str] = str) -> list[Any]:
    """Every item once, sorted, so that neither order comes first; two lists that are the same stay as they are."""
    if one == other:
        return list(one)
    items: dict[str, Any] = {}
    for item in (*one, *other):
        items[key(item)] = _greater(items.get(key(item)), item)
    return [items[name] for name in sorted(items)]


def _news(run: Row) -> tuple[Any, ...]:
    """Of two records of a run, the one that has more to say is greater; a run that has finished says no more."""
    latest = max(run[name] or "" for name in ("created_at", "started_at", "ended_at"))
    return run["status"] == "finished", latest, _ENDED.index(run["status"]), run["step"], to_json(dict(run))


def _setting(here: Row, there: Row) -> Row:
    """Saved filters of both; of any other setting, the one that was made last."""
    newer = max(here, there, key=lambda row: (row["changed_at"], to_json(row["value"])))
    if here["key"] != SAVED_FILTERS:
        return newer
    both = _union(here["value"], there["value"], key=lambda item: item["id"])
    return {"value": both, "changed_at": newer["changed_at"]}


def _model(here: Row, there: Row) -> Row:
    """What was removed in one is removed, a document too."""
    return {"removed_at": _earliest(here["removed_at"], there["removed_at"])}


def _prompt(here: Row, there: Row) -> Row:
    return {"tags": _union(here["tags"], there["tags"])}


def _response(here: Row, there: Row) -> Row:
    """An answer that waits in one of the two waits."""
    return {"queued": max(here["queued"], there["queued"])}


def _feedback(here: Row, there: Row) -> Row:
    """What was taken back in one is taken back, since when it first was. A person has the name that was given last."""
    since = _earliest(here["retracted_at"], there["retracted_at"])
    # The same moment twice is one undo, of which the later word is "undone".
    by = [row["retracted_by"] for row in (here, there) if row["retracted_at"] == since]
    named = max(here, there, key=lambda row: (row["renamed_at"] or "", row["annotator"]))
    return {
        "retracted_at": since,
        "retracted_by": _greater(by[0], by[-1]),
        "annotator": named["annotator"],
        "renamed_at": named["renamed_at"],
    }


def _earliest(one: str | None, other: str | None) -> str | None:
    return min((moment for moment in (one, other) if moment is not None), default=None)


def _warning(here: Row, there: Row) -> Row:
    """Where it was first said."""
    return min(here, there, key=lambda row: (row["step"], row["text"]))


def _verdict(here: Row, there: Row) -> Row:
    """What a judge said first, with all that belongs to it."""
    return min(here, there, key=lambda row: (row["created_at"], to_json(dict(row))))


def _filling(here: Row, there: Row) -> Row:
    """A prompt that was made in two ways: one of them whole, and not a part of each."""
    return max(here, there, key=lambda row: to_json(dict(row)))


_RULES: dict[str, Callable[[Row, Row], Row]] = {
    "project": _setting,
    "models": _model,
    "prompts": _prompt,
    "responses": _response,
    "feedback": _feedback,
    "run_warnings": _warning,
    "judge_verdicts": _verdict,
    "documents": _model,
    "fillings": _filling,
}
