"""Every judgement as a row to look at: filtered, searched, counted, a page at a time. For the Data pane."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from .filtering import MODEL, ONLY, Filter, of_judgements

if TYPE_CHECKING:
    from .store import Store

PAGE = 200


@dataclass(frozen=True)
class Entry:
    """One judgement with the texts it is about. `answers` and `models` stand in the order in which they were shown.

    A model is called by its adapter's name if it has one, else by its base's, and is "" for an imported answer.
    retracted_by: "undo", "undone" or "person". repeat_of: the judgement that this one repeats, unknown to the person.
    """

    seq: int
    id: str
    kind: str
    prompt_id: str
    prompt: str
    split: str
    tags: tuple[str, ...]
    response_ids: tuple[str, ...]
    answers: tuple[str, ...]
    models: tuple[str, ...]
    value: Mapping[str, Any]
    annotator: str
    comment: str
    reasons: tuple[str, ...]
    created_at: str
    seconds: float
    blind: bool
    run_id: str | None
    imported: bool
    retracted_at: str | None
    retracted_by: str | None = None
    guideline_id: str | None = None
    repeat_of: str | None = None

    @property
    def retracted(self) -> bool:
        """Whether the judgement was taken back."""
        return self.retracted_at is not None


@dataclass(frozen=True)
class Facets:
    """How many judgements that stand carry each value. `models` is keyed by name ("" for imported answers).

    `only` is keyed as in Filter.only.
    """

    kinds: dict[str, int] = field(default_factory=dict)
    annotators: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    only: dict[str, int] = field(default_factory=dict)
    standing: int = 0
    retracted: int = 0


_ORDERS = {
    "newest": "f.seq DESC",
    "oldest": "f.seq",
    "kind": "f.kind, f.seq DESC",
    "annotator": "f.annotator, f.seq DESC",
    "slowest": "f.seconds DESC, f.seq DESC",
    "fastest": "f.seconds = 0, f.seconds, f.seq DESC",
    "given": "g.key IS NULL, g.key, f.seq DESC",
}

# Materialized, so that SQLite makes an index for it.
_GIVEN = "given AS MATERIALIZED (SELECT key, value FROM json_each(:given))"

# What judges said under the names of the tables that hold what people said: every condition means the same.
_JUDGES = """feedback AS (SELECT v.seq, v.id, v.kind, v.prompt_id, v.value, j.name AS annotator, v.seconds,
    '' AS comment, '[]' AS reasons, 1 AS blind, v.run_id, NULL AS import_key, v.created_at, NULL AS retracted_at,
    NULL AS retracted_by, NULL AS guideline_id, NULL AS repeat_of
    FROM judge_verdicts v JOIN judges j ON j.id = v.judge_id WHERE v.value <> ''),
    shown AS (SELECT id AS feedback_id, 0 AS position, response_id FROM judge_verdicts UNION ALL
    SELECT id, 1, other_id FROM judge_verdicts WHERE kind = 'comparison'),
    run_feedback AS (SELECT run_id, verdict_id AS feedback_id FROM run_verdicts)"""

_COLUMNS = f"""f.seq, f.id, f.kind, f.prompt_id, p.turns, p.split, p.tags, f.value, f.annotator, f.comment, f.reasons,
    f.created_at, f.seconds, f.blind, f.run_id, f.retracted_at, f.retracted_by, f.guideline_id, f.repeat_of,
    f.import_key IS NOT NULL AND f.import_key NOT LIKE 'bulk:%' AS imported,
    (SELECT json_group_array(json_array(id, text, model)) FROM (
     SELECT r.id, r.text, {MODEL} AS model FROM shown s JOIN responses r ON r.id = s.response_id
     WHERE s.feedback_id = f.id ORDER BY s.position)) AS answers"""


def entries(
    store: Store,
    *,
    order: str = "newest",
    given: Sequence[str] = (),
    limit: int = PAGE,
    offset: int = 0,
    **filters: Any,
) -> list[Entry]:
    """A page of judgements. filters: fields of a Filter.

    given: ids that come first in the order "given", as they stand there; the newest follow.
    """
    chosen, params = _chosen(store, order, given, filters)
    joined = "LEFT JOIN given g ON g.value = f.id" if order == "given" else ""
    # The page's rows are found first: texts are read for 200 rows and not for all that are sorted.
    sql = f"""{_with(order, filters)} SELECT {_COLUMNS}
        FROM (SELECT f.seq FROM {chosen} LIMIT :limit OFFSET :offset) page
        JOIN feedback f ON f.seq = page.seq JOIN prompts p ON p.id = f.prompt_id {joined} ORDER BY {_ORDERS[order]}"""
    return [_entry(row) for row in store.rows(sql, params | {"limit": limit, "offset": offset})]


def ids(
    store: Store,
    *,
    order: str = "newest",
    given: Sequence[str] = (),
    limit: int = -1,
    offset: int = 0,
    **filters: Any,
) -> list[str]:
    """The ids of what `entries` would list, without its texts."""
    chosen, params = _chosen(store, order, given, filters)
    sql = f"{_with(order, filters)} SELECT f.id FROM {chosen} LIMIT :limit OFFSET :offset"
    return [row["id"] for row in store.rows(sql, params | {"limit": limit, "offset": offset})]


def _with(order: str, filters: Mapping[str, Any]) -> str:
    """What stands before the query."""
    parts = [_JUDGES] if filters.get("judges") else []
    parts += [_GIVEN] if order == "given" else []
    return f"WITH {', '.join(parts)}" if parts else ""


def _chosen(store: Store, order: str, given: Sequence[str], filters: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """From, where and order of a list, and its parameters."""
    if order not in _ORDERS:
        raise WorkbenchError(f"The list has no order called {order}.", f"Choose one of {', '.join(_ORDERS)}.")
    where = of_judgements(store, Filter(**filters))
    joined = "LEFT JOIN given g ON g.value = f.id" if order == "given" else ""
    params = where.params | ({"given": json.dumps(list(given))} if joined else {})
    return f"feedback f {joined} WHERE {where.sql} ORDER BY {_ORDERS[order]}", params


def count(store: Store, **filters: Any) -> int:
    """How many judgements `entries` would list in all its pages."""
    where = of_judgements(store, Filter(**filters))
    return store.value(f"{_with('', filters)} SELECT COUNT(*) FROM feedback f WHERE {where.sql}", where.params)


def entry(store: Store, feedback_id: str) -> Entry:
    """One judgement, whether it stands or not."""
    found = entries(store, ids=(feedback_id,), retracted=None, limit=1)
    if not found:
        raise WorkbenchError("This judgement is not in the project.", "Choose another.")
    return found[0]


def history(store: Store, prompt_id: str, limit: int = PAGE) -> list[Entry]:
    """What everybody ever said of the answers to a prompt, newest first, with what was taken back."""
    return entries(store, prompt_ids=(prompt_id,), retracted=None, limit=limit)


RULE = "rule:"
"""What the name of a rule that judges begins with; everybody else is a person."""


def facets(store: Store, *, rules: bool = False) -> Facets:
    """The values to filter by, with the number of judgements that stand, most first. rules: of those by rules alone."""

    def counted(sql: str) -> dict[str, int]:
        return {row["name"]: row["n"] for row in store.rows(f"{sql} GROUP BY 1 ORDER BY n DESC, 1")}

    stands = "f.retracted_at IS NULL" + (f" AND f.annotator LIKE '{RULE}%'" if rules else "")
    of_prompt = "FROM feedback f JOIN prompts p ON p.id = f.prompt_id"
    models = f"""SELECT model AS name, COUNT(*) AS n FROM (SELECT DISTINCT f.seq, {MODEL} AS model FROM feedback f
        JOIN shown s ON s.feedback_id = f.id JOIN responses r ON r.id = s.response_id WHERE {stands})"""
    reasons = f"SELECT r.value AS name, COUNT(*) AS n FROM feedback f, json_each(f.reasons) r WHERE {stands}"
    standing = count(store)
    return Facets(
        kinds=counted(f"SELECT f.kind AS name, COUNT(*) AS n FROM feedback f WHERE {stands}"),
        annotators=counted(f"SELECT f.annotator AS name, COUNT(*) AS n FROM feedback f WHERE {stands}"),
        models=counted(models),
        tags=counted(
            f"SELECT t.tag AS name, COUNT(*) AS n FROM feedback f JOIN prompt_tags t ON t.prompt_id = f.prompt_id "
            f"WHERE {stands}"
        ),
        reasons=counted(f"{reasons} AND f.reasons <> '[]'"),
        splits=counted(f"SELECT p.split AS name, COUNT(*) AS n {of_prompt} WHERE {stands}"),
        only={name: n for name in ONLY if (n := count(store, only=(name,)))},
        standing=standing,
        retracted=store.value("SELECT COUNT(*) FROM feedback") - standing,
    )


def _entry(row: dict[str, Any]) -> Entry:
    answers = json.loads(row.pop("answers"))
    turns = json.loads(row.pop("turns"))
    parsed: dict[str, Any] = {key: tuple(json.loads(row[key])) for key in ("tags", "reasons")}
    parsed |= {key: bool(row[key]) for key in ("blind", "imported")}
    return Entry(
        **row | parsed | {"value": json.loads(row["value"])},
        prompt=turns[-1]["content"],
        response_ids=tuple(answer[0] for answer in answers),
        answers=tuple(answer[1] for answer in answers),
        models=tuple(answer[2] for answer in answers),
    )
