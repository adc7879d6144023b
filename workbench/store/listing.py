"""Prompts, answers and runs as rows to look at, a page at a time. Judgements are in browsing.py."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import browsing
from .filtering import MODEL, Condition, Filter, of_answers, of_judgements, of_prompts, of_runs

if TYPE_CHECKING:
    from .store import Store

LISTS = ("judgements", "prompts", "answers", "runs")


@dataclass(frozen=True)
class PromptRow:
    """A prompt with how many answers it has and how many judgements of them stand."""

    id: str
    prompt: str
    tags: tuple[str, ...]
    split: str
    source: str
    answers: int
    judgements: int
    created_at: str


@dataclass(frozen=True)
class AnswerRow:
    """An answer with how many judgements show it and stand. queued: it waits in Feedback."""

    id: str
    prompt_id: str
    prompt: str
    text: str
    model: str
    judgements: int
    queued: bool
    created_at: str


@dataclass(frozen=True)
class RunRow:
    """A run with how many judgements it learned from, and the name of the model that it made."""

    id: str
    name: str
    method: str
    status: str
    judgements: int
    result: str
    created_at: str


Row = browsing.Entry | PromptRow | AnswerRow | RunRow

_SAYS = "f.kind NOT IN ('skip', 'flag', 'cannot')"
_OF_PROMPT = f"(SELECT COUNT(*) FROM feedback f WHERE f.prompt_id = p.id AND f.retracted_at IS NULL AND {_SAYS})"
_OF_ANSWER = f"""(SELECT COUNT(*) FROM shown s JOIN feedback f ON f.id = s.feedback_id
    WHERE s.response_id = r.id AND f.retracted_at IS NULL AND {_SAYS})"""

_COLUMNS = {
    "prompts": f"""p.id, p.turns, p.tags, p.split, p.source, p.created_at, {_OF_PROMPT} AS judgements,
        (SELECT COUNT(*) FROM responses WHERE prompt_id = p.id) AS answers""",
    "answers": f"""r.id, r.prompt_id, p.turns, r.text, {MODEL} AS model, r.queued, r.created_at,
        {_OF_ANSWER} AS judgements""",
    "runs": """u.id, u.name, u.method, u.status, u.created_at,
        COALESCE((SELECT name FROM models WHERE id = u.result_id), '') AS result,
        (SELECT COUNT(*) FROM run_feedback WHERE run_id = u.id) AS judgements""",
}
_FROM = {"prompts": "prompts p", "answers": "responses r", "runs": "runs u"}
_KEY = {"prompts": "p.rowid", "answers": "r.rowid", "runs": "u.rowid"}
_JOIN = {"answers": "JOIN prompts p ON p.id = r.prompt_id"}
_WHERE: dict[str, Callable[[Store, Filter], Condition]] = {
    "judgements": of_judgements, "prompts": of_prompts, "answers": of_answers, "runs": of_runs,
}  # fmt: skip


def page(
    store: Store, lists: str, wanted: Filter, order: str = "newest", *, given: tuple[str, ...] = (),
    limit: int = browsing.PAGE, offset: int = 0,
) -> list[Row]:  # fmt: skip
    """A page of a list. order: "newest" or "oldest", and for judgements all that `browsing.entries` knows."""
    if lists == "judgements":
        about: dict[str, Any] = {"given": given, "limit": limit, "offset": offset}
        return list(browsing.entries(store, order=order, **about, **wanted.to_query()))
    where, key, table = _WHERE[lists](store, wanted), _KEY[lists], _FROM[lists]
    down = "" if order == "oldest" else "DESC"
    alias = table.split()[1]
    chosen = f"SELECT {key} AS n FROM {table} WHERE {where.sql} ORDER BY {key} {down} LIMIT :limit OFFSET :offset"
    sql = f"""SELECT {_COLUMNS[lists]} FROM ({chosen}) page JOIN {table} ON {alias}.rowid = page.n
        {_JOIN.get(lists, "")} ORDER BY page.n {down}"""
    return [_row(lists, row) for row in store.rows(sql, where.params | {"limit": limit, "offset": offset})]


def count(store: Store, lists: str, wanted: Filter) -> int:
    """How many rows all pages of a list have."""
    if lists == "judgements":
        return browsing.count(store, **wanted.to_query())
    where = _WHERE[lists](store, wanted)
    return store.value(f"SELECT COUNT(*) FROM {_FROM[lists]} WHERE {where.sql}", where.params)


def ids(
    store: Store, lists: str, wanted: Filter, order: str = "newest", *, given: tuple[str, ...] = (),
    limit: int = -1, offset: int = 0,
) -> list[str]:  # fmt: skip
    """The ids of some rows of a list, without their texts."""
    if lists == "judgements":
        about: dict[str, Any] = {"given": given, "limit": limit, "offset": offset}
        return browsing.ids(store, order=order, **about, **wanted.to_query())
    where, key = _WHERE[lists](store, wanted), _KEY[lists]
    down = "" if order == "oldest" else "DESC"
    alias = _FROM[lists].split()[1]
    sql = f"SELECT {alias}.id FROM {_FROM[lists]} WHERE {where.sql} ORDER BY {key} {down} LIMIT :limit OFFSET :offset"
    return [row["id"] for row in store.rows(sql, where.params | {"limit": limit, "offset": offset})]


def total(store: Store, lists: str) -> int:
    """How many rows there are at all, judgements that were taken back among them."""
    table = {"judgements": "feedback", "prompts": "prompts", "answers": "responses", "runs": "runs"}[lists]
    return store.value(f"SELECT COUNT(*) FROM {table}")


def rule_facets(store: Store) -> dict[str, dict[str, int]]:
    """How many of the judgements in `facets` were made by rules and not by people; empty without any rule."""
    if not store.value("SELECT EXISTS (SELECT 1 FROM feedback WHERE annotator LIKE ?)", [f"{browsing.RULE}%"]):
        return {}
    return _groups(browsing.facets(store, rules=True))


def _groups(found: browsing.Facets) -> dict[str, dict[str, int]]:
    groups = ("kinds", "models", "annotators", "splits", "reasons", "tags")
    return {name: getattr(found, name) for name in groups}


def facets(store: Store, lists: str) -> dict[str, dict[str, int]]:
    """The values to filter a list by, with how many rows carry each, most first."""
    if lists == "judgements":
        found = browsing.facets(store)
        return _groups(found) | {"only": found.only, "gone": _some({"gone": found.retracted})}

    def counted(sql: str) -> dict[str, int]:
        return {row["name"]: row["n"] for row in store.rows(f"{sql} GROUP BY 1 ORDER BY n DESC, 1")}

    if lists == "runs":
        count_of = "SELECT {} AS name, COUNT(*) AS n FROM runs"
        return {"methods": counted(count_of.format("method")), "statuses": counted(count_of.format("status"))}
    judged = _some(
        {"judged": count(store, lists, Filter(judged=True)), "open": count(store, lists, Filter(judged=False))}
    )
    flagged = _some({"flagged": count(store, lists, Filter(only=("flagged",)))})
    if lists == "prompts":
        models = f"SELECT DISTINCT r.prompt_id, {MODEL} AS model FROM responses r"
        splits, tags = "FROM prompts p", "FROM prompt_tags t"
    else:
        models = f"SELECT {MODEL} AS model FROM responses r"
        splits = "FROM responses r JOIN prompts p ON p.id = r.prompt_id"
        tags = "FROM responses r JOIN prompt_tags t ON t.prompt_id = r.prompt_id"
    return {
        "models": counted(f"SELECT model AS name, COUNT(*) AS n FROM ({models})"),
        "judged": judged,
        "splits": counted(f"SELECT p.split AS name, COUNT(*) AS n {splits}"),
        "tags": counted(f"SELECT t.tag AS name, COUNT(*) AS n {tags}"),
        "only": flagged,
    }


def _some(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: number for name, number in counts.items() if number}


def targets(store: Store, lists: str, chosen: list[str]) -> list[tuple[str, tuple[str, ...]]]:
    """The prompts that rows of a list are about, each with the answers that are meant. Runs have none."""
    sql = {
        "judgements": """SELECT f.prompt_id, (SELECT json_group_array(response_id) FROM (SELECT response_id FROM shown
            WHERE feedback_id = f.id ORDER BY position)) AS answers
            FROM json_each(?) c JOIN feedback f ON f.id = c.value""",
        "prompts": """SELECT c.value AS prompt_id, (SELECT json_group_array(id) FROM (SELECT id FROM responses
            WHERE prompt_id = c.value ORDER BY rowid)) AS answers FROM json_each(?) c""",
        "answers": """SELECT r.prompt_id, json_array(r.id) AS answers
            FROM json_each(?) c JOIN responses r ON r.id = c.value""",
    }.get(lists)
    if sql is None:
        return []
    return [(row["prompt_id"], tuple(json.loads(row["answers"]))) for row in store.rows(sql, [json.dumps(chosen)])]


def _row(lists: str, row: dict[str, Any]) -> Row:
    if lists == "runs":
        return RunRow(**row)
    row["prompt"] = json.loads(row.pop("turns"))[-1]["content"]
    if lists == "answers":
        row["queued"] = bool(row["queued"])
        return AnswerRow(**row)
    row["tags"] = tuple(json.loads(row["tags"]))
    return PromptRow(**row)
