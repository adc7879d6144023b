"""How far each person of a project is, and how often they say what others say."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import combinations

from ..feedback import KINDS, NO_JUDGEMENT
from ..feedback.base import Judgement
from ..feedback.opinions import LEVELS, opinions
from ..store import Store
from ..store.people import people
from ..store.queueing import counts_left
from .ordering import MOST_DISPUTED, shared_prompts


@dataclass(frozen=True)
class Progress:
    """One person's judgements that stand, votes of evaluations left out.

    today: since midnight on this computer's clock. kinds: how many of each. median: seconds of one that was made here,
    None before there is one. left: items of the asked kind. same, shared: of so many opinions on what another person
    judged too, each other person counting, so many were the same.
    """

    name: str
    today: int = 0
    total: int = 0
    kinds: Mapping[str, int] = field(default_factory=dict)
    median: float | None = None
    left: int = 0
    same: int = 0
    shared: int = 0


def progress(store: Store, kind: str, names: Iterable[str] = (), now: datetime | None = None) -> list[Progress]:
    """Everybody's progress, in the order of the alphabet. names: who is there although the project knows nothing of
    them yet."""
    midnight = (now or datetime.now()).astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    since = midnight.astimezone(UTC).isoformat(timespec="microseconds")
    known = people(store)
    everybody = sorted({*known, *names}, key=lambda name: (name.casefold(), name))
    agreed = agreements(store.features.judgements(-1, prompt_ids=shared_prompts(store, MOST_DISPUTED)))
    return [_of(store, kind, name, since, *agreed.get(name, (0, 0))) for name in everybody]


_STANDS = """FROM feedback WHERE annotator = :who AND retracted_at IS NULL AND run_id IS NULL
    AND kind NOT IN (SELECT value FROM json_each(:passed))"""
_PASSED = json.dumps(NO_JUDGEMENT)


def _of(store: Store, kind: str, name: str, since: str, same: int, shared: int) -> Progress:
    about = {"who": name, "since": since, "passed": _PASSED}
    rows = store.rows(f"SELECT kind, COUNT(*) AS n, SUM(created_at >= :since) AS today {_STANDS} GROUP BY kind", about)
    counts = {row["kind"]: row["n"] for row in rows}
    return Progress(
        name,
        today=sum(row["today"] for row in rows),
        total=sum(counts.values()),
        kinds={each: counts[each] for each in KINDS if each in counts},
        median=_median(store, name),
        left=counts_left(store, kind, name),
        same=same,
        shared=shared,
    )


def _median(store: Store, name: str) -> float | None:
    timed, about = f"{_STANDS} AND import_key IS NULL AND seconds > 0", {"who": name, "passed": _PASSED}
    number = store.value(f"SELECT COUNT(*) {timed}", about)
    if not number:
        return None
    sql = f"SELECT AVG(seconds) FROM (SELECT seconds {timed} ORDER BY seconds LIMIT :two OFFSET :first)"
    two = 1 if number % 2 else 2  # the middle one, or the mean of the two in the middle
    return store.value(sql, about | {"two": two, "first": (number - 1) // 2})


def agreements(judgements: Iterable[Judgement]) -> dict[str, tuple[int, int]]:
    """(the same, shared) by person: opinions on what another person judged too; a person's last word counts."""
    found: dict[str, tuple[int, int]] = {}
    for about, said in opinions(judgements).items():
        by_item: dict[tuple[str, ...], dict[str, float]] = {}
        for item, who, value in said if about in LEVELS else ():  # criteria of a rubric are in its overall score
            by_item.setdefault(item, {})[who] = value
        for values in by_item.values():
            for one, other in combinations(values, 2):
                for who in (one, other):
                    same, shared = found.get(who, (0, 0))
                    found[who] = same + (values[one] == values[other]), shared + 1
    return found
