"""What the Data pane does to many rows at once: each is one transaction, one step of undo, and one row of record.

Nothing is deleted: judgements are taken back or put back, prompts get or lose a tag, a flag is a judgement of its own.
The record stands among the project's settings, under keys that count up, so undo and redo work after a restart.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from .prompts import checked_text
from .rows import new_id, now, to_json

if TYPE_CHECKING:
    from .store import Store

LONGEST_TAG = 60
_RECORDED = "key >= 'bulk/' AND key < 'bulk0'"
_TABLES = {"tag": "prompts", "untag": "prompts", "filters": "settings"}


@dataclass(frozen=True)
class Action:
    """One thing that was done. what: "retract", "restore", "tag", "untag", "flag" or "filters"."""

    key: str
    what: str
    amount: int
    annotator: str
    created_at: str
    details: Mapping[str, Any]


def retract(store: Store, feedback_ids: Sequence[str], annotator: str, by: object = None) -> Action | None:
    """Take judgements out of everything that learns or counts. None when none of them stood."""
    return _retract(store, feedback_ids, annotator, True, by)


def restore(store: Store, feedback_ids: Sequence[str], annotator: str, by: object = None) -> Action | None:
    """Put back judgements that were taken back. None when none of them was."""
    return _retract(store, feedback_ids, annotator, False, by)


def _retract(store: Store, ids: Sequence[str], annotator: str, away: bool, by: object) -> Action | None:
    sql = f"""SELECT id, retracted_at AS at, retracted_by AS who FROM feedback
        WHERE id IN (SELECT value FROM json_each(?)) AND retracted_at IS {"" if away else "NOT "}NULL"""
    with store.writing():
        was = [[row["id"], row["at"], row["who"]] for row in store.rows(sql, [json.dumps(list(ids))])]
        return _do(store, "retract" if away else "restore", {"was": was}, len(was), annotator, by)


def tag(store: Store, prompt_ids: Sequence[str], name: str, annotator: str, by: object = None) -> Action | None:
    """Give prompts a tag. None when all of them had it."""
    return _tag(store, "tag", prompt_ids, name, annotator, by)


def untag(store: Store, prompt_ids: Sequence[str], name: str, annotator: str, by: object = None) -> Action | None:
    """Take a tag from prompts. None when none of them had it."""
    return _tag(store, "untag", prompt_ids, name, annotator, by)


def _tag(store: Store, what: str, prompt_ids: Sequence[str], name: str, annotator: str, by: object) -> Action | None:
    name = " ".join(checked_text(name, "The tag").split())
    if not 0 < len(name) <= LONGEST_TAG:
        raise WorkbenchError(f"A tag has 1 to {LONGEST_TAG} characters.", "Type a shorter one.")
    tagged = "id IN (SELECT prompt_id FROM prompt_tags WHERE tag = ?)"
    sql = f"""SELECT id FROM prompts WHERE id IN (SELECT value FROM json_each(?))
        AND {"NOT " if what == "tag" else ""}{tagged}"""
    with store.writing():
        ids = [row["id"] for row in store.rows(sql, [json.dumps(list(prompt_ids)), name])]
        return _do(store, what, {"tag": name, "prompt_ids": ids}, len(ids), annotator, by)


def flag(
    store: Store,
    items: Iterable[tuple[str, Sequence[str]]],
    annotator: str,
    comment: str = "",
    by: object = None,
) -> Action | None:
    """Flag prompts with some of their answers: a judgement each, which sets them aside. None without any.

    Undo in Feedback passes over these, as over imported ones: they were not made there.
    """
    rows, shown = [], []
    said = checked_text(comment, "The comment")
    for prompt_id, response_ids in dict.fromkeys((prompt_id, tuple(ids)) for prompt_id, ids in items):
        row = {"id": new_id(), "kind": "flag", "prompt_id": prompt_id, "value": "{}", "annotator": annotator}
        rows.append(row | {"comment": said, "import_key": f"bulk:{row['id']}", "created_at": now()})
        shown += [(row["id"], position, response_id) for position, response_id in enumerate(response_ids)]
    if not rows:
        return None
    with store.writing() as db:
        db["feedback"].insert_all(rows)  # type: ignore[union-attr]
        db.conn.executemany("INSERT INTO shown(feedback_id, position, response_id) VALUES (?, ?, ?)", shown)
        was = [[row["id"], None, None] for row in rows]
        return _record(store, "flag", {"was": was}, len(rows), annotator, by)


def _do(store: Store, what: str, details: Mapping[str, Any], amount: int, annotator: str, by: object) -> Action | None:
    if not amount:
        return None
    _apply(store, what, details, True)
    return _record(store, what, details, amount, annotator, by)


def _record(store: Store, what: str, details: Mapping[str, Any], amount: int, annotator: str, by: object) -> Action:
    """Keep what was done. What this person had undone before cannot be done again now."""
    last = store.value(f"SELECT MAX(key) FROM project WHERE {_RECORDED}")
    # The second part is for projects that were apart: each has a first action.
    key = f"bulk/{int(last.split('/')[1]) + 1 if last else 1:012d}/{new_id()}"
    kept = {"what": what, "amount": amount, "annotator": annotator, "created_at": now(), "details": dict(details)}
    with store.writing() as db:
        db.execute(
            f"""UPDATE project SET value = json_set(value, '$.state', 'passed')
            WHERE {_RECORDED} AND value ->> 'state' = 'undone' AND value ->> 'annotator' = ?""",
            [annotator],
        )
        db.execute("INSERT INTO project(key, value) VALUES (?, ?)", [key, to_json(kept | {"state": "done"})])
    store.changed(_TABLES.get(what, "feedback"), by)
    return Action(key, **kept)


def record_filters(
    store: Store, before: Sequence[Any], after: Sequence[Any], annotator: str, by: object = None
) -> Action:
    """Keep and record a change of the saved filters."""
    with store.writing():
        details = {"before": list(before), "after": list(after)}
        _apply(store, "filters", details, True)
        return _record(store, "filters", details, 1, annotator, by)


def undo(store: Store, annotator: str, by: object = None) -> Action | None:
    """Undo the last thing that this person did here, and return it; None when there is nothing."""
    return _turn(store, annotator, "done", by)


def redo(store: Store, annotator: str, by: object = None) -> Action | None:
    """Do again what undo undid last; None when there is nothing."""
    return _turn(store, annotator, "undone", by)


def _turn(store: Store, annotator: str, state: str, by: object) -> Action | None:
    # Undo goes backwards, so the earliest that it took is the one that it took last.
    order = "DESC" if state == "done" else "ASC"
    sql = f"""SELECT key, value FROM project WHERE {_RECORDED} AND value ->> 'state' = ? AND value ->> 'annotator' = ?
        ORDER BY key {order} LIMIT 1"""
    rows = store.rows(sql, [state, annotator])
    if not rows:
        return None
    action = _action(rows[0])
    with store.writing() as db:
        _apply(store, action.what, action.details, state == "undone")
        other = "undone" if state == "done" else "done"
        db.execute("UPDATE project SET value = json_set(value, '$.state', ?) WHERE key = ?", [other, action.key])
    store.changed(_TABLES.get(action.what, "feedback"), by)
    return action


def tagging(store: Store, prompt_id: str) -> list[Action]:
    """When a prompt got or lost tags here, newest first."""
    sql = f"""SELECT key, value FROM project WHERE {_RECORDED} AND value ->> 'what' IN ('tag', 'untag')
        AND value ->> 'state' = 'done' AND instr(value, ?) ORDER BY key DESC"""
    return [_action(row) for row in store.rows(sql, [f'"{prompt_id}"'])]


def _action(row: Mapping[str, Any]) -> Action:
    kept = json.loads(row["value"])
    kept.pop("state")
    return Action(row["key"], **kept)


def _apply(store: Store, what: str, details: Mapping[str, Any], forward: bool) -> None:
    """Do it, or do the opposite."""
    if what == "filters":
        store.set_setting("saved_filters", details["after" if forward else "before"])
    elif what in ("tag", "untag"):
        _set_tag(store, details["prompt_ids"], details["tag"], (what == "tag") == forward)
    elif forward == (what == "retract"):  # judgements go
        # One that was restored goes again as it had gone: when, and by whom.
        when = now()
        _set_retracted(store, [(id_, at or when, who or "person") for id_, at, who in details["was"]])
    else:
        _set_retracted(store, [(id_, None, None) for id_, _, _ in details["was"]])


def _set_retracted(store: Store, stamps: Sequence[tuple[str, str | None, str | None]]) -> None:
    # One statement: the journal of a savepoint makes many of them take time that grows with their square.
    sql = """UPDATE feedback SET retracted_at = s.value ->> 1, retracted_by = s.value ->> 2
        FROM json_each(?) s WHERE feedback.id = s.value ->> 0"""
    with store.writing() as db:
        db.execute(sql, [json.dumps(stamps)])


def _set_tag(store: Store, prompt_ids: Sequence[str], name: str, on: bool) -> None:
    # Taken off first in both cases: a tag never stands twice.
    without = "(SELECT json_group_array(value) FROM json_each(tags) WHERE value <> :tag)"
    tags = f"json_insert({without}, '$[#]', :tag)" if on else without
    with store.writing() as db:
        db.execute(
            f"UPDATE prompts SET tags = {tags} WHERE id IN (SELECT value FROM json_each(:ids))",
            {"tag": name, "ids": json.dumps(list(prompt_ids))},
        )
