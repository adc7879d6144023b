"""Rows whose columns a person has assigned: which one is the prompt, the answer, the rating, and so on."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import WorkbenchError
from .answering import BAD, GOOD
from .columns import MESSAGES
from .csv_files import EXTRA
from .items import Item, Said, Skipped, Unfit, conversation, number_of, preference, reference, text_of, user
from .preferences import answer_of
from .reading import each, kind_of, rows

title = "Columns, as you assign them"

Roles = Mapping[str, str]
"""A column for each role."""

_TYPES = {
    "prompt": MESSAGES,
    "system": str,
    "answer": MESSAGES,
    "demonstration": MESSAGES,
    "chosen": MESSAGES,
    "rejected": MESSAGES,
    "margin": float,
    "rating": float,
    "label": bool,
    "who": str,
    "comment": str,
    "tags": [str],
}
ROLES = tuple(_TYPES)
"""What a column can be. answer: one to judge, or judged by rating or label; demonstration: one to imitate."""

_OFTEN = {
    "prompt": ("prompt", "question", "instruction", "query", "input", "user", "problem"),
    "system": ("system", "systemprompt"),
    "chosen": ("chosen", "preferred", "better", "winner", "best"),
    "rejected": ("rejected", "dispreferred", "worse", "loser", "worst"),
    "answer": ("answer", "response", "completion", "output", "reply", "assistant", "generation"),
    "margin": ("margin",),
    "rating": ("rating", "stars", "score", "grade", "quality"),
    "label": ("label", "thumbs", "verdict", "isgood", "ktotag"),
    "who": ("who", "annotator", "user", "userid", "rater", "author", "name"),
    "comment": ("comment", "comments", "remark", "note", "notes", "reason", "explanation", "rationale"),
    "tags": ("tags", "tag", "category", "topic", "labels"),
}
"""Names that columns of a role often have, without spaces and signs; the first that is there is suggested."""

_LOOKED_AT = 100
_YES, _NO = {*GOOD, "1", "+1", "positive"}, {*BAD, "0", "-1", "negative"}


def columns_in(path: Path) -> list[str]:
    """The names of the file's columns, as its first hundred rows have them; none where it is plain text."""
    if kind_of(path) == "text":
        return []
    names: dict[str, None] = {}
    for _, row in itertools.islice(rows(path, lower=False), _LOOKED_AT):
        names |= dict.fromkeys(name for name in row if name != EXTRA) if isinstance(row, dict) else {}
    return list(names)


def first_of(path: Path, limit: int) -> list[dict[str, Any]]:
    """The file's first rows as they are, to see what its columns hold."""
    found = itertools.islice(rows(path, lower=False), limit)
    return [row for _, row in found if isinstance(row, dict)]


def suggested(names: Sequence[str]) -> dict[str, str]:
    """A column for each role that one seems to be made for."""
    plain = {re.sub(r"[\W_]", "", name.lower()): name for name in reversed(names)}
    found: dict[str, str] = {}
    for role, often in _OFTEN.items():
        free = [plain[name] for name in often if name in plain and plain[name] not in found.values()]
        if free:
            found[role] = free[0]
    if {"chosen", "rejected"} <= set(found):
        return {role: name for role, name in found.items() if role not in ("answer", "rating", "label")}
    needs = {"margin": "chosen", "rating": "answer", "label": "answer"}
    kept = {role: name for role, name in found.items() if role not in ("chosen", "rejected")}
    kept = {role: name for role, name in kept.items() if needs.get(role, role) in kept}
    return {role: name for role, name in kept.items() if role != "label" or "rating" not in kept}


def check(mapping: Roles, names: Sequence[str]) -> dict[str, str]:
    """The mapping with the columns' names as the file has them. Raises WorkbenchError when it makes no sense."""
    for role in mapping:
        if role not in ROLES:
            raise WorkbenchError(f"{role} is nothing that a column can be.", f"Choose one of {', '.join(ROLES)}.")
    found = {role: _named(name, names) for role, name in mapping.items()}
    if "prompt" not in found:
        raise WorkbenchError("No column is the prompt.", "Say which one it is.")
    if ("chosen" in found) != ("rejected" in found):
        raise WorkbenchError("Chosen and rejected go together.", "Assign both, or neither.")
    if len({"chosen", "answer", "demonstration"} & set(found)) > 1:
        raise WorkbenchError(
            "A row is a pair, an answer to judge, or an answer to imitate.", "Assign the columns of one of them."
        )
    for role, needed in (("rating", "answer"), ("label", "answer"), ("margin", "chosen")):
        if role in found and needed not in found:
            raise WorkbenchError(f"A {role} needs a column that is {needed}.", f"Assign {needed}, or leave {role} out.")
    if {"rating", "label"} <= set(found):
        raise WorkbenchError("An answer has a rating or a label.", "Assign one of them.")
    return found


def _named(name: str, names: Sequence[str]) -> str:
    alike = [known for known in names if known.lower() == name.lower()]
    if name in names or len(alike) == 1:
        return name if name in names else alike[0]
    raise WorkbenchError(f"The file has no column called {name}.", f"It has {', '.join(names) or 'none'}.")


def read_columns(path: Path, mapping: Roles) -> Iterator[Item | Skipped]:
    """Each row by the mapping. Raises WorkbenchError when that does not fit the file."""
    found = check(mapping, columns_in(path))
    types = {name: _TYPES[role] for role, name in found.items()}

    def item(number: int, row: dict[str, Any]) -> Item:
        return _item(number, {role: row.get(name) for role, name in found.items()})

    return each(path, item, types, lower=False)


def _item(number: int, row: dict[str, Any]) -> Item:
    if isinstance(row["prompt"], list):
        inside, turns = conversation(row["prompt"], "prompt")
    else:
        inside, turns = "", user(text_of(row, "prompt"))
    about = {"row": number, "turns": turns, "system": inside or text_of(row, "system", ""), "tags": _tags(row)}
    kind = next((role for role in _READERS if role in row), "")
    return Item(**about, **(_READERS[kind](row) if kind else {}))


def _pair(row: dict[str, Any]) -> dict[str, Any]:
    chosen, rejected = (answer_of(row[role], role) for role in ("chosen", "rejected"))
    found = preference(chosen, rejected, number_of(row, "margin"))
    said = found["said"][0]
    return found | {"said": (Said(said.kind, said.value, said.shown, _who(row), text_of(row, "comment", "")),)}


def _demonstration(row: dict[str, Any]) -> dict[str, Any]:
    return reference(answer_of(row["demonstration"], "demonstration"))


def _answer(row: dict[str, Any]) -> dict[str, Any]:
    answer, judged = answer_of(row["answer"], "answer"), _judged(row)
    if judged is None:
        return {"answers": (answer,)} if answer.strip() else {}  # an empty cell that nobody judged is no answer
    return {"answers": (answer,), "said": (Said(*judged, (0,), _who(row), text_of(row, "comment", "")),)}


def _judged(row: dict[str, Any]) -> tuple[str, dict[str, Any]] | None:
    """What was said of the answer, None where its cell is empty."""
    stars = number_of(row, "rating")
    if stars is not None:
        if stars not in (1, 2, 3, 4, 5):
            raise Unfit(f"rating is {stars:g}, not a whole number from 1 to 5.")
        return "rating", {"ratings": [int(stars)]}
    label = row.get("label")
    if label is None:
        return None
    word = str(label).strip().lower() if isinstance(label, str | int) else ""
    if word not in _YES | _NO:
        raise Unfit("label is neither true nor false, nor a word for it.")
    return "thumbs", {"thumbs": [word in _YES]}


def _who(row: dict[str, Any]) -> str:
    who = row.get("who")
    return str(who) if isinstance(who, int) and not isinstance(who, bool) else text_of(row, "who", "")


def _tags(row: dict[str, Any]) -> tuple[str, ...]:
    tags = row.get("tags")
    if isinstance(tags, str):
        return tuple(tag.strip() for tag in re.split("[,;]", tags) if tag.strip())
    if tags is None or (isinstance(tags, list) and all(isinstance(tag, str) for tag in tags)):
        return tuple(tags or ())
    raise Unfit("tags is not a list of words.")


_READERS: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "chosen": _pair,
    "demonstration": _demonstration,
    "answer": _answer,
}
