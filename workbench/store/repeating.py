"""What to ask once more: judgements of the same person, blind, to measure whether they agree with themselves.

A small share of items comes back by chance and unannounced; an order of the queue asks for nothing else. Each judgement
comes back once, after a while, with its answers in a new order. What was imported, set aside or is a repeat does not.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .queueing import Item, item_of

if TYPE_CHECKING:
    from .store import Store

SHARE = "repeat_share"
"""The project's setting of how many items in a hundred ask again."""
USUAL_SHARE, MOST_SHARE = 5, 20
AFTER = 20
"""A judgement comes back after so many others at the earliest."""

_REPEATABLE = """f.annotator = :who AND f.kind = :kind AND f.retracted_at IS NULL
    AND f.run_id IS NULL AND f.import_key IS NULL AND f.repeat_of IS NULL
    AND (:tag IS NULL OR EXISTS (SELECT 1 FROM prompt_tags t WHERE t.tag = :tag AND t.prompt_id = f.prompt_id))
    AND f.seq <= (SELECT seq FROM feedback WHERE annotator = :who AND retracted_at IS NULL AND import_key IS NULL
        ORDER BY seq DESC LIMIT 1 OFFSET :after)
    AND NOT EXISTS (SELECT 1 FROM feedback r WHERE r.repeat_of = f.id AND r.retracted_at IS NULL)"""


def share(store: Store) -> int:
    """How many items in a hundred of this project ask again."""
    found = store.setting(SHARE, USUAL_SHARE)
    return found if isinstance(found, int) and 0 <= found <= MOST_SHARE else USUAL_SHARE


def repeat_due(store: Store, annotator: str, seed: int) -> bool:
    """Whether the next item should be one that the person has judged before: by chance, as often as the project says.

    Chance and not every twentieth, so that nobody can learn when it comes.
    """
    last = store.value("SELECT MAX(seq) FROM feedback WHERE annotator = ?", [annotator])
    return random.Random(f"{seed} {last} repeat").random() * 100 < share(store)


def repeatable(
    store: Store,
    kind: str,
    annotator: str,
    *,
    seed: int = 0,
    limit: int = 1,
    tag: str | None = None,
    exclude: Iterable[str] = (),
) -> list[str]:
    """Up to `limit` judgements of this person that may be asked again, from a place in time that chance decides.

    The seed decides as long as nothing else is judged. exclude: ids of prompts to pass over.
    """
    last = store.value("SELECT MAX(seq) FROM feedback WHERE annotator = ?", [annotator]) or 0
    params = {"who": annotator, "kind": kind, "after": AFTER, "tag": tag, "exclude": json.dumps(list(exclude))}
    params["start"] = random.Random(f"{seed} {kind} {last}").randint(0, last)
    found: list[str] = []
    for half in ("f.seq >= :start", "f.seq < :start"):
        # Walked along the index of a person's judgements, so that the first that will do is found at once.
        sql = f"""SELECT f.id FROM feedback f WHERE {_REPEATABLE} AND {half}
            AND f.prompt_id NOT IN (SELECT value FROM json_each(:exclude)) ORDER BY f.seq LIMIT :limit"""
        found += [row["id"] for row in store.rows(sql, params | {"limit": limit - len(found)})]
    return found


def repeatable_among(
    store: Store,
    kind: str,
    annotator: str,
    feedback_ids: Sequence[str],
    limit: int,
    *,
    tag: str | None = None,
    exclude: Iterable[str] = (),
) -> list[str]:
    """The first `limit` of some judgements, in their order, that may be asked again."""
    sql = f"""SELECT f.id FROM json_each(:ids) c JOIN feedback f ON f.id = c.value WHERE {_REPEATABLE}
        AND f.prompt_id NOT IN (SELECT value FROM json_each(:exclude)) ORDER BY c.key LIMIT :limit"""
    params = {"who": annotator, "kind": kind, "after": AFTER, "limit": limit, "tag": tag}
    ids, passed = json.dumps(list(feedback_ids)), json.dumps(list(exclude))
    return [row["id"] for row in store.rows(sql, params | {"ids": ids, "exclude": passed})]


def item_again(store: Store, feedback_id: str, seed: int = 0) -> Item:
    """The item of a judgement to be judged once more, its answers in a new order."""
    before = item_of(store, store.feedback.find(feedback_id))
    shuffled = list(before.responses)
    random.Random(f"{seed} {feedback_id}").shuffle(shuffled)
    return replace(before, responses=tuple(shuffled), repeat_of=feedback_id)
