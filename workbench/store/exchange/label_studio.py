"""Label Studio: tasks with their annotations (JSON), or one flat object an annotation (JSON_MIN).

Pairwise, Rating, Choices, TextArea and Ranker are read; predictions are a model's and are not. Our own tasks hold
ratings, thumbs, comparisons with their strength, rankings, best and worst, and edits, with who, comment and reasons; no
rubrics, no marks and no margins.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from .answering import Reply, fields_of, is_text, replies_of, said_by
from .items import Item, Skipped, Unfit, keys_in, list_of, object_of, words_in
from .reading import each
from .records import answers_in, prompt_in, written
from .shapes import Shape, only

title = "Label Studio tasks"

_ABOUT = ("id", "annotator", "annotation_id", "created_at", "updated_at", "lead_time", "agreement")
_SIDES = ("left", "right")


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Tasks with data and annotations, or flat objects with an annotation's number."""
    return keys_in(first_rows, "data", "annotations") or keys_in(first_rows, "annotator", "annotation_id")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each task with what every person said of it."""
    return each(path, _items)


def _items(number: int, row: dict[str, Any]) -> Iterator[Item | Skipped]:
    data = row if "annotation_id" in row else object_of(row, "data")
    system, turns, name = prompt_in(data)
    answers = answers_in(data, name)
    people = [_of_flat(row, answers, name)] if data is row else _of_task(row, list(answers))
    said, lost, tags = [], [], words_in(data.get("tags"))
    for who, key, replies in people:
        theirs, more, not_kept = said_by(who, replies, list(answers), key)
        said += theirs
        tags += [tag for tag in more if tag not in tags]
        lost += not_kept
    yield Item(number, turns, system, tuple(tags), tuple(answers.values()), tuple(said))
    yield from (Skipped(number, reason) for reason in dict.fromkeys(lost))


Person = tuple[str, str, list[Reply]]
"""Who, the id of the annotation, and what it says."""


def _of_task(row: dict[str, Any], names: list[str]) -> list[Person]:
    people = []
    for annotation in list_of(row, "annotations"):
        if not isinstance(annotation, dict):
            raise Unfit("annotations holds something that is not an object.")
        if annotation.get("was_cancelled") is True:  # skipped by the person
            continue
        results = annotation.get("result") or []
        if not isinstance(results, list) or not all(isinstance(result, dict) for result in results):
            raise Unfit("result is not a list of objects.")
        replies = [_reply(result, names) for result in results if result.get("type") not in (None, "relation")]
        key = _word(annotation.get("unique_id") or annotation.get("id"))
        people.append((_who(annotation.get("completed_by")), key, replies))
    return people


def _who(completed_by: Any) -> str:
    if isinstance(completed_by, dict):
        completed_by = completed_by.get("email") or completed_by.get("id")
    return _word(completed_by)


def _word(value: Any) -> str:
    return str(value) if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _reply(result: dict[str, Any], names: list[str]) -> Reply:
    question, value = result.get("from_name"), result.get("value")
    if not isinstance(question, str) or not isinstance(value, dict):
        raise Unfit("A result has no from_name or no value.")
    about = result.get("to_name")
    fields = tuple(about.split(",")) if isinstance(about, str) else ()
    return _understood(question, value, fields, names)


def _understood(question: str, value: dict[str, Any], about: tuple[str, ...], names: list[str]) -> Reply:
    if "rating" in value:
        return Reply(question, "rating", value["rating"], about)
    if "selected" in value:
        known = len(about) == 2 and all(name in names for name in about)
        pair = about if known else names if len(names) == 2 else ()
        side = _SIDES.index(value["selected"]) if value["selected"] in _SIDES else 2
        return Reply(question, "label", pair[side] if side < len(pair) else None, about)
    if "choices" in value:
        words = value["choices"]
        one = isinstance(words, list) and len(words) == 1 and question not in ("reasons", "edit_use")
        return Reply(question, "label" if one else "labels", words[0] if one else words, about)
    if "text" in value:
        texts = value["text"] if isinstance(value["text"], list) else [value["text"]]
        whole = "\n".join(text for text in texts if isinstance(text, str))
        return Reply(question, "text", whole, about)
    if isinstance(value.get("ranker"), dict):
        return Reply(question, "ranking", _groups(value["ranker"]), about)
    return Reply(question, "unknown", value, about)


def _groups(ranker: dict[str, Any]) -> list[list[Any]]:
    """Buckets in the order of the numbers in their names; one list is the items best first."""
    lists = {name: ids for name, ids in ranker.items() if isinstance(ids, list) and ids and name != "_"}
    if len(lists) == 1 and not _number(next(iter(lists))):
        return [[id_] for id_ in next(iter(lists.values()))]
    return [lists[name] for name in sorted(lists, key=_number)]


def _number(name: str) -> int:
    found = re.search(r"\d{1,9}$", name)
    return int(found.group()) if found else 0


def _of_flat(row: dict[str, Any], answers: dict[str, str], prompt: str) -> Person:
    """One annotation whose results stand among the data: what is no field of ours is a question."""
    fields = {*answers, *_ABOUT, prompt, "system", "tags"}
    replies = []
    for question, value in row.items():
        if question in fields or value is None:
            continue
        if isinstance(value, str):
            replies.append(Reply(question, "text" if is_text(question) else "label", value))
        elif isinstance(value, list) and value and all(isinstance(part, str) for part in value):
            replies.append(Reply(question, "labels", value))
        elif isinstance(value, list) and value and isinstance(value[0], dict):
            replies.append(_understood(question, value[0], (), list(answers)))
    return _who(row.get("annotator")), _word(row.get("annotation_id")), replies


def _row(item: Item) -> dict[str, Any]:
    answers, said = fields_of(item), only(item)
    results = [_result(reply, list(answers)) for reply in replies_of(item)]
    annotation = {
        "id": item.row,
        "unique_id": said.key,
        "completed_by": {"email": said.annotator},
        "result": results,
        "was_cancelled": False,
    }
    data = written(item, answers) | {"tags": list(item.tags)}
    return {"id": item.row, "data": data, "annotations": [annotation | {"ground_truth": False}], "predictions": []}


def _result(reply: Reply, names: list[str]) -> dict[str, Any]:
    about = ",".join(reply.about) or "prompt"
    if reply.question == "preference" and reply.value in names:
        kind, value = "pairwise", {"selected": _SIDES[names.index(reply.value)]}
    elif reply.kind == "rating":
        kind, value = "rating", {"rating": reply.value}
    elif reply.kind == "text":
        kind, value = "textarea", {"text": [reply.value]}
    elif reply.kind == "ranking":
        kind, value = "ranker", {"ranker": {f"rank_{rank}": group for rank, group in enumerate(reply.value, 1)}}
    else:
        kind, value = "choices", {"choices": reply.value if reply.kind == "labels" else [reply.value]}
    return {"from_name": reply.question, "to_name": about, "type": kind, "value": value}


SHAPES = (Shape("judgements", _row, _items, None, frozenset({"who", "comment", "reasons", "tags"})),)
