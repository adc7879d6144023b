"""From what people answered to questions about a record, as annotation tools have it, to judgements, and back.

A tool has fields and questions with names that its users chose. Ours are: fields `prompt` and `response_1`,
`response_2`, ...; questions `rating_1`, `thumbs_1`, `preference` with `strength`, `ranking`, `best` and `worst`, `edit`
with `edit_of` and `edit_use`, `comment` and `reasons`. Other names are understood where they can be: several ratings of
one answer are the criteria of a rubric, and a label that says nothing of an answer becomes a tag.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .items import Item, Said, Unfit

GOOD = ("good", "yes", "true", "up", "thumbs_up", "correct", "accept", "accepted", "like", "👍")
BAD = ("bad", "no", "false", "down", "thumbs_down", "incorrect", "wrong", "reject", "rejected", "dislike", "👎")
_TIE = ("tie", "same", "equal", "draw", "about the same", "both good", "both")
_BOTH_BAD = ("both bad", "neither", "none")
_THUMBS = ("thumbs", "thumb", "good", "is good", "quality", "verdict", "acceptable", "approved", "liked")
_EDITS = ("edit", "correct", "rewrite", "improve", "revis", "response", "answer", "completion", "output")
_COMMENTS = ("comment", "reason", "rational", "explanation", "note", "feedback", "why", "thought", "critique")
_OWN = ("strength", "edit_of", "edit_use", "best", "worst")


@dataclass(frozen=True)
class Reply:
    """One person's answer to one question.

    kind: "rating" (a number), "label" (a word), "labels" (words), "ranking" (groups of fields, best first), "text", or
    what else a tool has, which cannot be kept. about: the fields that it is about, where the tool says so.
    """

    question: str
    kind: str
    value: Any
    about: tuple[str, ...] = ()


def said_by(
    who: str, replies: Sequence[Reply], fields: Sequence[str], key: str
) -> tuple[list[Said], list[str], list[str]]:
    """What a person said of the answers in these fields; tags; and what could not be kept, in words.

    key: the id that it has in the tool.
    """
    reader = _Reader(who, fields, key)
    for reply in sorted(replies, key=lambda reply: reply.question not in _OWN):  # others are understood by these
        reader.take(reply)
    return reader.finish()


def is_text(question: str) -> bool:
    """Whether a question with this name asks for a text, as far as a name can tell."""
    return question not in _OWN and any(word in _plain(question) for word in (*_EDITS, *_COMMENTS))


def place_of(name: str, fields: Sequence[str]) -> int | None:
    """Which of the answers a name means: its field, the same number or letter at its end, or the only one."""
    if name in fields:
        return fields.index(name)
    end = _end(name)
    same = [place for place, field in enumerate(fields) if end and _end(field) == end]
    if len(same) == 1:
        return same[0]
    inside = [place for place, field in enumerate(fields) if field in name]
    if len(inside) == 1:
        return inside[0]
    return 0 if len(fields) == 1 else None


def base_of(question: str, fields: Sequence[str]) -> str:
    """The question without the answer that it is about."""
    for field in fields:
        question = question.replace(field, "")
    return re.sub(r"[\s_.-]*(?:\d+|[_.-][a-z])?[\s_.-]*$", "", question).strip(" _.-") or question


def _end(name: str) -> str:
    found = re.search(r"(\d+|(?<=[_. -])[A-Za-z])$", name)
    return found.group(1).lower() if found else ""


def _plain(text: str) -> str:
    return re.sub(r"[\s_-]+", " ", text).strip().lower()


class _Reader:
    """Gathers one person's replies to one record."""

    def __init__(self, who: str, fields: Sequence[str], key: str) -> None:
        self._who, self._fields, self._key = who, fields, key
        self._stars: dict[str, dict[int, int]] = {}
        self._thumbs: dict[int, bool] = {}
        self._own: dict[str, Any] = {}
        self._said: list[tuple[str, Mapping[str, Any]]] = []
        self._comments: list[str] = []
        self._reasons: list[str] = []
        self._tags: list[str] = []
        self._lost: list[str] = []

    def take(self, reply: Reply) -> None:
        """Understand a reply, or note that it cannot be kept."""
        takers = {
            "rating": self._rating,
            "label": self._label,
            "labels": self._labels,
            "ranking": self._ranking,
            "text": self._text,
        }
        if reply.question in _OWN and reply.kind in ("label", "labels"):
            self._own[reply.question] = reply.value
        elif reply.kind not in takers or not takers[reply.kind](reply):
            self._lost.append(
                f"{reply.question} was left out: which answer it is about, or what it says of it, is not clear."
            )

    def finish(self) -> tuple[list[Said], list[str], list[str]]:
        """Every judgement, the tags, and what is lost."""
        self._finish_stars()
        if self._thumbs:
            thumbs = [self._thumbs.get(place) for place in range(len(self._fields))]
            self._add("thumbs", {"thumbs": thumbs})
        places = [self._place_named(self._own.get(name)) for name in ("best", "worst")]
        if None not in places:
            self._add("best_worst", dict(zip(("best", "worst"), places, strict=True)))
        shown = tuple(range(len(self._fields)))
        comment, reasons = "\n".join(self._comments), tuple(self._reasons)
        if (comment or reasons) and not self._said:
            self._lost.append("A comment without a judgement cannot be kept.")
        said = [Said(kind, value, shown, self._who, key=self._key) for kind, value in self._said]
        # What was said of the record as a whole stands with the first judgement.
        said[:1] = [replace(first, comment=comment, reasons=reasons) for first in said[:1]]
        return said, self._tags, self._lost

    def _add(self, kind: str, value: Mapping[str, Any]) -> None:
        self._said.append((kind, value))

    def _place(self, reply: Reply) -> int | None:
        if len(reply.about) == 1 and reply.about[0] in self._fields:
            return self._fields.index(reply.about[0])
        return place_of(reply.question, self._fields)

    def _place_named(self, value: Any) -> int | None:
        return place_of(value, self._fields) if isinstance(value, str) and len(self._fields) > 1 else None

    def _rating(self, reply: Reply) -> bool:
        place, stars = self._place(reply), reply.value
        if place is None or isinstance(stars, bool) or stars not in (1, 2, 3, 4, 5):
            return False
        self._stars.setdefault(base_of(reply.question, self._fields), {})[place] = int(stars)
        return True

    def _finish_stars(self) -> None:
        """One question is a rating; several are criteria."""
        scores = [[given.get(place) for place in range(len(self._fields))] for given in self._stars.values()]
        if len(scores) == 1:
            self._add("rating", {"ratings": scores[0]})
        elif scores:
            criteria = [{"name": name, "scale": "stars", "weight": 1.0} for name in self._stars]
            self._add("rubric", {"criteria": criteria, "scores": scores})

    def _label(self, reply: Reply) -> bool:
        value = reply.value
        if not isinstance(value, str):
            return False
        if self._preferred(value):
            return True
        place, name = self._place(reply), _plain(base_of(reply.question, self._fields))
        if place is not None and name in _THUMBS and _plain(value).replace(" ", "_") in (*GOOD, *BAD):
            self._thumbs[place] = _plain(value).replace(" ", "_") in GOOD
            return True
        self._tags.append(f"{reply.question}: {value}")
        return True

    def _preferred(self, value: str) -> bool:
        """A label that names an answer, or says that two are alike."""
        place, count = self._place_named(value), len(self._fields)
        if count == 2 and _plain(value) in (*_TIE, *_BOTH_BAD):
            self._add("comparison", {"choice": "both_bad" if _plain(value) in _BOTH_BAD else "tie", "strength": 0})
        elif place is not None and count == 2:
            strength = 2 if self._own.get("strength") == "clearly" else 1
            self._add("comparison", {"choice": "ab"[place], "strength": strength})
        elif place is not None:
            rest = [other for other in range(count) if other != place]
            self._add("ranking", {"order": [[place], rest]})
        return place is not None or (count == 2 and _plain(value) in (*_TIE, *_BOTH_BAD))

    def _labels(self, reply: Reply) -> bool:
        values = reply.value
        if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
            return False
        if _plain(reply.question) in ("reasons", "reason"):
            self._reasons += values
        else:
            self._tags += [f"{reply.question}: {value}" for value in values]
        return True

    def _ranking(self, reply: Reply) -> bool:
        order = [[self._place_named(name) for name in group] for group in reply.value]
        if any(place is None for group in order for place in group):
            return False
        self._add("ranking", {"order": order})
        return True

    def _text(self, reply: Reply) -> bool:
        name = _plain(reply.question)
        if not isinstance(reply.value, str):
            return False
        if not any(word in name for word in _COMMENTS) and any(word in name for word in _EDITS):
            return self._edit(reply)
        if reply.value.strip():
            self._comments.append(reply.value if name == "comment" else f"{reply.question}: {reply.value}")
        return True

    def _edit(self, reply: Reply) -> bool:
        own = self._own.get("edit_of")
        of = self._place(reply) if own is None else self._fields.index(own) if own in self._fields else None
        use = self._own.get("edit_use")
        uses = {name: use is None or name in use for name in ("pair", "demonstration")}
        self._add("edit", {"of": of, "text": reply.value, **uses})
        return True


def fields_of(item: Item) -> dict[str, str]:
    """The item's answers by the names of their fields."""
    return {f"response_{place + 1}": answer for place, answer in enumerate(item.answers)}


def replies_of(item: Item) -> list[Reply]:
    """The item's judgement as replies. Raises Unfit for a kind that questions cannot hold."""
    said, names = item.said[0], list(fields_of(item))
    value: Mapping[str, Any] = said.value
    replies = []
    if said.kind in ("rating", "thumbs"):
        replies = _of_each(said, names)
    elif said.kind == "comparison":
        choice = value["choice"]
        if choice in ("a", "b"):
            replies.append(Reply("strength", "label", "clearly" if value["strength"] == 2 else "slightly"))
            choice = names["ab".index(choice)]
        replies.append(Reply("preference", "label", choice, tuple(names)))
    elif said.kind == "ranking":
        groups = [[names[place] for place in group] for group in value["order"]]
        replies = [Reply("ranking", "ranking", groups, tuple(names))]
    elif said.kind == "best_worst":
        replies = [Reply(name, "label", names[value[name]], tuple(names)) for name in ("best", "worst")]
    elif said.kind == "edit":
        uses = [name for name in ("pair", "demonstration") if value[name]]
        of = "none" if value["of"] is None else names[value["of"]]
        replies = [
            Reply("edit_of", "label", of),
            Reply("edit_use", "labels", uses),
            Reply("edit", "text", value["text"]),
        ]
    else:
        raise Unfit(f"A judgement of the kind {said.kind} has no place there.")
    if said.comment:
        replies.append(Reply("comment", "text", said.comment))
    return [*replies, *([Reply("reasons", "labels", list(said.reasons))] if said.reasons else [])]


def _of_each(said: Said, names: Sequence[str]) -> list[Reply]:
    if said.kind == "rating":
        given = enumerate(zip(said.value["ratings"], names, strict=True), 1)
        return [Reply(f"rating_{n}", "rating", stars, (name,)) for n, (stars, name) in given if stars is not None]
    given = enumerate(zip(said.value["thumbs"], names, strict=True), 1)
    words = {True: "good", False: "bad"}
    return [Reply(f"thumbs_{n}", "label", words[up], (name,)) for n, (up, name) in given if up is not None]
