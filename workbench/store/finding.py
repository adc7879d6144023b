"""Full-text search in any script: which prompts, answers and judgements hold a word.

Three characters and more are looked up in the trigram index. One or two (a word, in Chinese) are searched for in the
texts themselves. A word that is in few answers becomes a list of their ids; one that is nearly everywhere is looked
for row by row, because then the first page fills at once, and a list of all its ids would take longer than the page.
"""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

from .rows import well_formed

if TYPE_CHECKING:
    from .store import Store

MOST_TERMS, LONGEST_TERM = 8, 200
FEW = 8_000
"""Up to so many rows with a word are listed by id."""
_KEPT = 64

_SAID = {"prompt": "prompts", "response": "responses", "feedback": "feedback"}
_LIKE = "LIKE {} ESCAPE '\\'"


@dataclass(frozen=True)
class Term:
    """One word as a condition on each of the lists: `feedback f`, `prompts p` and `responses r`."""

    judgements: str
    prompts: str
    answers: str
    params: dict[str, Any]


_found: WeakKeyDictionary[Store, OrderedDict[tuple[Any, ...], dict[str, list[str] | None]]] = WeakKeyDictionary()


def found(store: Store, search: str) -> list[Term]:
    """The words of a search, each as conditions."""
    return [_term(store, word, number) for number, word in enumerate(words(search))]


def words(search: str) -> list[str]:
    """What is searched for: words without regard to their order."""
    # NUL ends an FTS5 query in the middle of its quotes.
    given = well_formed(search[: 4 * MOST_TERMS * LONGEST_TERM]).replace("\0", " ").split()
    return [word[:LONGEST_TERM] for word in dict.fromkeys(given)][:MOST_TERMS]


def _term(store: Store, word: str, number: int) -> Term:
    hits = _hits(store, word)
    like = _LIKE.format(f":like{number}")
    params: dict[str, Any] = {f"like{number}": _pattern(word)}
    for about, ids in hits.items():
        if ids is not None:
            params[f"{about}{number}"] = json.dumps(ids)
    listed = {about: f"(SELECT value FROM json_each(:{about}{number}))" for about in hits}
    prompts = f"p.id IN {listed['prompt']}" if hits["prompt"] is not None else _in_prompt(like)
    answers = f"r.id IN {listed['response']}" if hits["response"] is not None else f"r.text {like}"
    said = f"f.id IN {listed['feedback']}" if hits["feedback"] is not None else _in_feedback(like)
    if hits["prompt"] is not None:
        asked = f"f.prompt_id IN {listed['prompt']}"
    else:
        asked = f"EXISTS (SELECT 1 FROM prompts p WHERE p.id = f.prompt_id AND {prompts})"
    if hits["response"] is not None:
        shown = f"f.id IN (SELECT feedback_id FROM shown WHERE response_id IN {listed['response']})"
    else:
        shown = f"""EXISTS (SELECT 1 FROM shown s JOIN responses r ON r.id = s.response_id
            WHERE s.feedback_id = f.id AND {answers})"""
    return Term(f"({asked} OR {said} OR {shown})", prompts, answers, params)


def _in_prompt(like: str) -> str:
    return f"(p.system {like} OR EXISTS (SELECT 1 FROM json_each(p.turns) WHERE value ->> 'content' {like}))"


def _in_feedback(like: str) -> str:
    return f"(f.comment {like} OR (f.kind = 'edit' AND f.value ->> 'text' {like}))"


def _pattern(word: str) -> str:
    return "%" + "".join("\\" + sign if sign in "\\%_" else sign for sign in word) + "%"


def _hits(store: Store, word: str) -> dict[str, list[str] | None]:
    """The ids of what holds a word, by what it is; None where there are more than a few."""
    # Whatever was written here or by somebody else makes what was found before old.
    version = (store.value("PRAGMA data_version"), store.db.conn.total_changes)
    kept = _found.setdefault(store, OrderedDict())
    key = (word, *version)
    if key not in kept:
        kept[key] = {about: _ids(store, word, about) for about in _SAID}
        while len(kept) > _KEPT:
            kept.popitem(last=False)
    return kept[key]


def _ids(store: Store, word: str, about: str) -> list[str] | None:
    # LIKE knows the two cases of ASCII alone, so any other letter that has two is always listed from the index.
    plain = word.isascii() or word.lower() == word.upper()
    limit = FEW + 1 if plain or len(word) < 3 else -1
    if len(word) >= 3:
        sql = "SELECT id FROM search WHERE search MATCH :word AND about = :about LIMIT :limit"
        params = {"word": '"' + word.replace('"', '""') + '"', "about": about, "limit": limit}
    else:
        sql, params = _scan(word, about), {"word": _pattern(word), "limit": limit}
    ids = [row["id"] for row in store.rows(sql, params)]
    return ids if limit < 0 or len(ids) <= FEW else None


def _scan(word: str, about: str) -> str:
    like = _LIKE.format(":word")
    if about == "response":
        return f"SELECT r.id FROM responses r WHERE r.text {like} LIMIT :limit"
    if about == "feedback":
        return f"SELECT f.id FROM feedback f WHERE {_in_feedback(like)} LIMIT :limit"
    # The JSON is read only where the word stands in it as it is; a control character is written another way there.
    first = f"(p.system {like} OR p.turns {like}) AND" if word.isprintable() else ""
    return f"SELECT p.id FROM prompts p WHERE {first} {_in_prompt(like)} LIMIT :limit"
