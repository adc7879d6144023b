"""Argilla 2: what `dataset.records.to_json` and `to_list` write, and `to_datasets` with one column for each field.

{"fields": {...}, "responses": {question: [{"value", "user_id"}, ...]}, "metadata": {"tags"?}, ...}. Every person's
responses are read; suggestions are a model's and are not. Our own records hold ratings, thumbs, comparisons with their
strength, rankings, best and worst, and edits, with who, comment and reasons; no rubrics, no marks and no margins.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

from .answering import Reply, fields_of, is_text, replies_of, said_by
from .columns import MESSAGES
from .items import Item, Skipped, Unfit, keys_in, object_of, text_of, words_in
from .reading import each
from .records import answers_in, prompt_in, written
from .shapes import Shape, only

title = "Argilla records"

_RESPONSES = ".responses"
_COLUMNS = {"prompt": MESSAGES, "messages": MESSAGES, "chat": MESSAGES}
_LONGEST_LABEL = 80


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with fields and responses, or with a column of responses for each question."""
    return keys_in(first_rows, "fields", "responses") or any(
        isinstance(row, dict) and any(name.endswith(_RESPONSES) for name in row) for row in first_rows
    )


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each record with what every person said of it."""
    return each(path, _items, _COLUMNS)


def _items(number: int, row: dict[str, Any]) -> Iterator[Item | Skipped]:
    fields, responses, metadata = _parts(row)
    key = text_of(row, "id", "")
    system, turns, name = prompt_in(fields)
    answers = answers_in(fields, name)
    said, lost = [], []
    given = metadata.get("tags")
    tags = words_in(given if isinstance(given, list) else [given])
    for who, replies in _by_person(responses, answers).items():
        theirs, more, not_kept = said_by(who, replies, list(answers), key)
        said += theirs
        tags += [tag for tag in more if tag not in tags]
        lost += not_kept
    yield Item(number, turns, system, tuple(tags), tuple(answers.values()), tuple(said))
    yield from (Skipped(number, reason) for reason in dict.fromkeys(lost))


def _parts(row: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Fields, responses and metadata, nested or flat."""
    if isinstance(row.get("fields"), dict):
        metadata = row.get("metadata")
        return row["fields"], object_of(row, "responses"), metadata if isinstance(metadata, dict) else {}
    questions = [name.removesuffix(_RESPONSES) for name in row if name.endswith(_RESPONSES)]
    if not questions:
        raise Unfit("It has neither fields nor responses.")
    responses = {question: _unflattened(row, question) for question in questions}
    fields = {name: value for name, value in row.items() if "." not in name}
    return fields, responses, fields


def _unflattened(row: dict[str, Any], question: str) -> list[dict[str, Any]]:
    column = question + _RESPONSES
    values, users, states = (row.get(column + end) for end in ("", ".users", ".status"))
    if not isinstance(values, list):
        return []
    users = users if isinstance(users, list) and len(users) == len(values) else [""] * len(values)
    states = states if isinstance(states, list) and len(states) == len(values) else [None] * len(values)
    return [
        {"value": value, "user_id": who}
        for value, who, state in zip(values, users, states, strict=True)
        if state in (None, "submitted")  # a draft was not said, and a discarded record was not judged
    ]


def _by_person(responses: dict[str, Any], answers: Collection[str]) -> dict[str, list[Reply]]:
    people: dict[str, list[Reply]] = {}
    for question, given in responses.items():
        for response in given if isinstance(given, list) else []:
            if not isinstance(response, dict):
                raise Unfit(f"{question} holds a response that is not an object.")
            if response.get("value") is not None:
                who = response.get("user_id")
                reply = _reply(question, response["value"], answers)
                people.setdefault(who if isinstance(who, str) else "", []).append(reply)
    return people


def _reply(question: str, value: Any, answers: Collection[str]) -> Reply:
    if isinstance(value, int | float):
        return Reply(question, "rating", value)
    if isinstance(value, str):
        long = len(value) > _LONGEST_LABEL or "\n" in value
        return Reply(question, "text" if long or is_text(question) else "label", value)
    if not isinstance(value, list) or not value:
        return Reply(question, "unknown", value)
    if all(isinstance(part, dict) and isinstance(part.get("value"), str) for part in value):
        return Reply(question, "ranking", _groups(value))
    if len(value) > 1 and all(isinstance(part, str) and part in answers for part in value):
        return Reply(question, "ranking", [[part] for part in value])
    return Reply(question, "labels", value)


def _groups(places: list[dict[str, Any]]) -> list[list[str]]:
    """Fields by rank; without ranks they stand best first."""
    groups: dict[float, list[str]] = {}
    for position, place in enumerate(places):
        rank = place.get("rank", position)
        groups.setdefault(rank if isinstance(rank, int | float) else position, []).append(place["value"])
    return [groups[rank] for rank in sorted(groups)]


def _row(item: Item) -> dict[str, Any]:
    answers = fields_of(item)
    responses = {
        reply.question: [{"value": _value(reply), "user_id": only(item).annotator}] for reply in replies_of(item)
    }
    about = {"id": only(item).key, "metadata": {"tags": list(item.tags)}, "suggestions": {}, "vectors": {}}
    return about | {"fields": written(item, answers), "responses": responses}


def _value(reply: Reply) -> Any:
    if reply.kind != "ranking":
        return reply.value
    return [{"value": name, "rank": rank} for rank, group in enumerate(reply.value, 1) for name in group]


SHAPES = (Shape("judgements", _row, _items, None, frozenset({"who", "comment", "reasons", "tags"})),)
