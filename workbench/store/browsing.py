"""Every judgement as a row to look at: filtered, searched, counted, a page at a time. For the Data pane."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from .rows import well_formed

if TYPE_CHECKING:
    from .store import Store

PAGE = 200
_MOST_TERMS, _LONGEST_TERM = 8, 200


@dataclass(frozen=True)
class Entry:
    """One judgement with the texts it is about. `answers` and `models` stand in the order in which they were shown.

    A model is called by its adapter's name if it has one, else by its base's, and is "" for an imported answer.
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

    @property
    def retracted(self) -> bool:
        """Whether the judgement was taken back."""
        return self.retracted_at is not None


@dataclass(frozen=True)
class Facets:
    """How many judgements that stand carry each value. `models` is keyed by name ("" for imported answers)."""

    kinds: dict[str, int] = field(default_factory=dict)
    annotators: dict[str, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)
    tags: dict[str, int] = field(default_factory=dict)
    splits: dict[str, int] = field(default_factory=dict)
    standing: int = 0
    retracted: int = 0


_ORDERS = {
    "newest": "f.seq DESC",
    "oldest": "f.seq",
    "kind": "f.kind, f.seq DESC",
    "annotator": "f.annotator, f.seq DESC",
    "slowest": "f.seconds DESC, f.seq DESC",
    "given": "g.key IS NULL, g.key, f.seq DESC",
}

# Materialized, so that SQLite makes an index for it.
_GIVEN = "WITH given AS MATERIALIZED (SELECT key, value FROM json_each(:given))"

_MODEL = """COALESCE((SELECT name FROM models WHERE id = COALESCE(r.adapter_id, r.model_id)), '')"""

_COLUMNS = f"""f.seq, f.id, f.kind, f.prompt_id, p.turns, p.split, p.tags, f.value, f.annotator, f.comment, f.reasons,
    f.created_at, f.seconds, f.blind, f.run_id, f.import_key IS NOT NULL AS imported, f.retracted_at,
    (SELECT json_group_array(json_array(id, text, model)) FROM (
     SELECT r.id, r.text, {_MODEL} AS model FROM shown s JOIN responses r ON r.id = s.response_id
     WHERE s.feedback_id = f.id ORDER BY s.position)) AS answers"""


def entries(
    store: Store,
    *,
    kinds: Sequence[str] | None = None,
    annotators: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    split: str | None = None,
    search: str = "",
    retracted: bool | None = False,
    used_by: str | None = None,
    order: str = "newest",
    given: Sequence[str] = (),
    limit: int = PAGE,
    offset: int = 0,
) -> list[Entry]:
    """A page of judgements. None for a filter means all; models by name, as in `facets`.

    retracted: False for those that stand, True for those taken back, None for both. used_by: the id of a run
    that learned from them. given: ids that come first in the order "given", as they stand there; the newest follow.
    search: every word must be somewhere in the prompt, the answers, the comment or the edited text.
    """
    if order not in _ORDERS:
        raise WorkbenchError(f"The list has no order called {order}.", f"Choose one of {', '.join(_ORDERS)}.")
    where, params = _where(kinds, annotators, models, tags, split, search, retracted, used_by)
    # The page's rows are found first: texts are read for 200 rows and not for all that are sorted.
    rank, joined = ("", "") if order != "given" else (_GIVEN, "LEFT JOIN given g ON g.value = f.id")
    sql = f"""{rank} SELECT {_COLUMNS} FROM (SELECT f.seq FROM feedback f {joined} WHERE {where}
        ORDER BY {_ORDERS[order]} LIMIT :limit OFFSET :offset) page
        JOIN feedback f ON f.seq = page.seq JOIN prompts p ON p.id = f.prompt_id {joined} ORDER BY {_ORDERS[order]}"""
    params |= {"limit": limit, "offset": offset} | ({"given": json.dumps(list(given))} if rank else {})
    return [_entry(row) for row in store.rows(sql, params)]


def count(
    store: Store,
    *,
    kinds: Sequence[str] | None = None,
    annotators: Sequence[str] | None = None,
    models: Sequence[str] | None = None,
    tags: Sequence[str] | None = None,
    split: str | None = None,
    search: str = "",
    retracted: bool | None = False,
    used_by: str | None = None,
) -> int:
    """How many judgements `entries` would list in all its pages."""
    where, params = _where(kinds, annotators, models, tags, split, search, retracted, used_by)
    return store.value(f"SELECT COUNT(*) FROM feedback f WHERE {where}", params)


def entry(store: Store, feedback_id: str) -> Entry:
    """One judgement, whether it stands or not."""
    sql = f"SELECT {_COLUMNS} FROM feedback f JOIN prompts p ON p.id = f.prompt_id WHERE f.id = ?"
    rows = store.rows(sql, [feedback_id])
    if not rows:
        raise WorkbenchError("This judgement is not in the project.", "Choose another.")
    return _entry(rows[0])


def facets(store: Store) -> Facets:
    """The values to filter by, with the number of judgements that stand, most first."""

    def counted(sql: str) -> dict[str, int]:
        return {row["name"]: row["n"] for row in store.rows(f"{sql} GROUP BY 1 ORDER BY n DESC, 1")}

    stands = "f.retracted_at IS NULL"
    of_prompt = "FROM feedback f JOIN prompts p ON p.id = f.prompt_id"
    models = f"""SELECT model AS name, COUNT(*) AS n FROM (SELECT DISTINCT f.seq, {_MODEL} AS model FROM feedback f
        JOIN shown s ON s.feedback_id = f.id JOIN responses r ON r.id = s.response_id WHERE {stands})"""
    standing = store.value("SELECT COUNT(*) FROM feedback WHERE retracted_at IS NULL")
    return Facets(
        kinds=counted(f"SELECT f.kind AS name, COUNT(*) AS n FROM feedback f WHERE {stands}"),
        annotators=counted(f"SELECT f.annotator AS name, COUNT(*) AS n FROM feedback f WHERE {stands}"),
        models=counted(models),
        tags=counted(
            f"SELECT t.tag AS name, COUNT(*) AS n FROM feedback f JOIN prompt_tags t ON t.prompt_id = f.prompt_id "
            f"WHERE {stands}"
        ),
        splits=counted(f"SELECT p.split AS name, COUNT(*) AS n {of_prompt} WHERE {stands}"),
        standing=standing,
        retracted=store.value("SELECT COUNT(*) FROM feedback") - standing,
    )


def _where(
    kinds: Sequence[str] | None,
    annotators: Sequence[str] | None,
    models: Sequence[str] | None,
    tags: Sequence[str] | None,
    split: str | None,
    search: str,
    retracted: bool | None,
    used_by: str | None,
) -> tuple[str, dict[str, Any]]:
    conditions = {
        "kinds": (kinds, "f.kind IN (SELECT value FROM json_each(:kinds))"),
        "annotators": (annotators, "f.annotator IN (SELECT value FROM json_each(:annotators))"),
        "models": (
            models,
            f"EXISTS (SELECT 1 FROM shown s JOIN responses r ON r.id = s.response_id WHERE s.feedback_id = f.id "
            f"AND {_MODEL} IN (SELECT value FROM json_each(:models)))",
        ),
        "tags": (
            tags,
            "f.prompt_id IN (SELECT prompt_id FROM prompt_tags WHERE tag IN (SELECT value FROM json_each(:tags)))",
        ),
    }
    used = {name: (list(values), sql) for name, (values, sql) in conditions.items() if values is not None}
    params: dict[str, Any] = {name: json.dumps(values) for name, (values, _) in used.items()}
    parts = [sql for _, sql in used.values()]
    if split is not None:
        parts.append("f.prompt_id IN (SELECT id FROM prompts WHERE split = :split)")
        params["split"] = split
    if retracted is not None:
        parts.append("f.retracted_at IS NOT NULL" if retracted else "f.retracted_at IS NULL")
    if used_by is not None:
        parts.append("f.id IN (SELECT feedback_id FROM run_feedback WHERE run_id = :used_by)")
        params["used_by"] = used_by
    for number, term in enumerate(_terms(search)):
        sql, value = _matching(term, f":term{number}")
        parts.append(sql)
        params[f"term{number}"] = value
    return " AND ".join(parts) or "1", params


def _terms(search: str) -> list[str]:
    # NUL ends an FTS5 query in the middle of its quotes.
    words = well_formed(search).replace("\0", " ").split()
    return [word[:_LONGEST_TERM] for word in words[:_MOST_TERMS]]


def _matching(term: str, name: str) -> tuple[str, str]:
    """The condition for one word, and the value that stands for `name` in it."""
    if len(term) >= 3:  # the trigram index knows nothing shorter; 2 characters are a word in Chinese
        hits = f"SELECT id FROM search WHERE search MATCH {name} AND about ="
        prompts, responses, said = f"{hits} 'prompt'", f"{hits} 'response'", f"f.id IN ({hits} 'feedback')"
        value = '"' + term.replace('"', '""') + '"'
    else:
        like = f"LIKE {name} ESCAPE '\\'"
        prompts = f"""SELECT id FROM prompts WHERE system {like} OR EXISTS
            (SELECT 1 FROM json_each(turns) WHERE value ->> 'content' {like})"""
        responses = f"SELECT id FROM responses WHERE text {like}"
        said = f"(f.comment {like} OR f.value ->> 'text' {like})"
        value = "%" + "".join("\\" + sign if sign in "\\%_" else sign for sign in term) + "%"
    sql = f"""(f.prompt_id IN ({prompts}) OR {said} OR f.id IN
        (SELECT s.feedback_id FROM shown s WHERE s.response_id IN ({responses})))"""
    return sql, value


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
