"""Open WebUI's export of feedback: a verdict on one message, with a snapshot of the chat that it is in.

Thumbs (`data.rating`) are a judgement of that answer, with a score of 1 to 10 (`data.details.rating`) they are stars,
two points each. Where the snapshot has other answers to the same message, the verdict is against them, as it is for
Open WebUI's own ranking: a comparison, or a ranking of one above or below the others. Reason and comment are kept, tags
go to the prompt. Our own export holds thumbs and ratings of single answers, comparisons that were decided, and no
strength and no margin.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .items import Item, Said, Skipped, Unfit, conversation, keys_in, object_of, text_of, words_in
from .reading import each
from .shapes import Shape, only

title = "Feedback (Open WebUI)"

_SCORE = re.compile(r"(?:[1-9]|10) of 10")


def matches(path: Path, first_rows: Sequence[Any]) -> bool:
    """Objects with a type, data, meta and a snapshot."""
    return keys_in(first_rows, "type", "data", "meta", "snapshot")


def read(path: Path) -> Iterator[Item | Skipped]:
    """Each verdict with the conversation up to the message that it is about."""
    return each(path, _item)


def _item(number: int, row: dict[str, Any]) -> Item:
    data, meta = object_of(row, "data"), object_of(row, "meta")
    chat = _chat(object_of(row, "snapshot"))
    messages = _messages(chat)
    rated = messages.get(_id(meta.get("message_id")))
    if rated is None:
        raise Unfit("The snapshot does not hold the message that was rated.")
    system, turns = conversation(_before(rated, messages, chat), "The chat")
    others = _others(rated, messages)
    answers = (_content(rated), *(_content(other) for other in others))
    return Item(number, turns, system, tuple(words_in(data.get("tags"))), answers, (_said(row, data, len(answers)),))


def _said(row: dict[str, Any], data: dict[str, Any], count: int) -> Said:
    up, score = _verdict(data.get("rating")), _score(row, data)
    kind, value = _value(up, score, count)
    reasons = [text_of(data, "reason", "")]
    if score is not None and (count > 1 or score % 2):
        reasons.append(f"{score} of 10")
    shown = tuple(range(count))
    kept = tuple(reason for reason in reasons if reason)
    who, comment = text_of(row, "user_id", ""), text_of(data, "comment", "")
    return Said(kind, value, shown, who, comment, kept, text_of(row, "id", ""))


def _value(up: bool, score: int | None, count: int) -> tuple[str, dict[str, Any]]:
    if count == 2:
        return "comparison", {"choice": "a" if up else "b", "strength": 1}
    if count > 2:
        others = list(range(1, count))
        return "ranking", {"order": [[0], others] if up else [others, [0]]}
    return ("thumbs", {"thumbs": [up]}) if score is None else ("rating", {"ratings": [(score + 1) // 2]})


def _verdict(rating: Any) -> bool:
    if isinstance(rating, bool) or rating not in (1, -1, "1", "-1"):
        raise Unfit("rating is neither 1 nor -1.")
    return int(rating) > 0


def _score(row: dict[str, Any], data: dict[str, Any]) -> int | None:
    """The score of 1 to 10; it stands in the data, or beside it in older exports."""
    details = data.get("details") or row.get("details")
    score = details.get("rating") if isinstance(details, dict) else None
    if score is None:
        return None
    if isinstance(score, bool) or not isinstance(score, int) or not 1 <= score <= 10:
        raise Unfit("details.rating is not a whole number from 1 to 10.")
    return score


def _chat(snapshot: dict[str, Any]) -> dict[str, Any]:
    """The chat itself, which the snapshot wraps once or twice."""
    chat = object_of(snapshot, "chat")
    return chat["chat"] if isinstance(chat.get("chat"), dict) else chat


def _messages(chat: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Messages by id: a tree in `history`, a list in older chats."""
    history = chat.get("history")
    found = history.get("messages") if isinstance(history, dict) else None
    listed = list(found.values()) if isinstance(found, dict) else found or chat.get("messages")
    if not isinstance(listed, list) or not all(isinstance(message, dict) for message in listed):
        raise Unfit("The snapshot holds no messages.")
    return {_id(message.get("id")): message for message in listed}


def _before(rated: dict[str, Any], messages: dict[str, dict[str, Any]], chat: dict[str, Any]) -> list[dict[str, Any]]:
    path: list[dict[str, Any]] = []
    parent = messages.get(_id(rated.get("parentId")))
    while parent is not None:
        if len(path) > len(messages):
            raise Unfit("The chat goes round in a circle.")
        path.append({"role": parent.get("role"), "content": parent.get("content")})
        parent = messages.get(_id(parent.get("parentId")))
    params = chat.get("params")
    system = params.get("system") if isinstance(params, dict) else None
    first = path[-1]["role"] if path else None
    head = [{"role": "system", "content": system}] if isinstance(system, str) and system and first != "system" else []
    return [*head, *reversed(path)]


def _others(rated: dict[str, Any], messages: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    """Other answers to the same message."""
    parent = _id(rated.get("parentId"))
    return [
        message
        for message in messages.values()
        if message is not rated and _id(message.get("parentId")) == parent and message.get("role") == "assistant"
    ]


def _content(message: dict[str, Any]) -> str:
    if message.get("role") != "assistant":
        raise Unfit("The message that was rated is not an answer.")
    return text_of(message, "content")


def _id(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _row(item: Item) -> dict[str, Any]:
    said = only(item)
    up, score = _written(said)
    scores = [reason for reason in said.reasons if _SCORE.fullmatch(reason)]
    reasons = [reason for reason in said.reasons if reason not in scores]
    if len(reasons) > 1:
        raise Unfit("There is room for one reason only.")
    data = {"rating": 1 if up else -1, "reason": (reasons or [""])[0], "comment": said.comment, "tags": list(item.tags)}
    score = int(scores[0].split()[0]) if scores else score
    chat = {"history": {"messages": _tree(item)}, "params": {"system": item.system} if item.system else {}}
    about = {"id": said.key, "user_id": said.annotator, "type": "rating", "version": 0}
    return about | {
        "data": data if score is None else data | {"details": {"rating": score}},
        "meta": {"message_id": f"answer-{item.row}-0"},
        "snapshot": {"chat": {"chat": chat}},
    }


def _written(said: Said) -> tuple[bool, int | None]:
    """Up or down for the first answer, and a score for its stars. Raises Unfit for what neither can say."""
    value: Mapping[str, Any] = said.value
    if said.kind == "comparison" and value["choice"] in ("a", "b"):
        return value["choice"] == "a", None
    if said.kind == "ranking" and len(value["order"]) == 2 and [0] in value["order"]:
        return value["order"][0] == [0], None
    if said.kind == "thumbs" and len(said.shown) == 1:
        return value["thumbs"][0], None
    if said.kind == "rating" and len(said.shown) == 1:
        return value["ratings"][0] > 2, 2 * value["ratings"][0]
    raise Unfit(f"A judgement of the kind {said.kind} of {len(said.shown)} answers has no place there.")


def _tree(item: Item) -> dict[str, dict[str, Any]]:
    """The turns as a chain of messages, each with its parent, and the answers as children of the last."""
    messages: dict[str, dict[str, Any]] = {}
    parent = None
    for place, turn in enumerate(item.turns):
        id_ = f"turn-{item.row}-{place}"
        messages[id_] = {"id": id_, "parentId": parent, **turn}
        parent = id_
    for place, answer in enumerate(item.answers):
        id_ = f"answer-{item.row}-{place}"
        messages[id_] = {"id": id_, "parentId": parent, "role": "assistant", "content": answer}
    return messages


SHAPES = (Shape("judgements", _row, _item, None, frozenset({"who", "comment", "reasons", "tags"})),)
