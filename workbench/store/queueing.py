"""What to judge next: the feedback queue of one person, per kind of feedback.

An answer waits in a kind until the person has dealt with it there: judged it, skipped it or flagged it. Skips and
flags are rows like judgements, and `set_aside` records them; undo brings their item back. Held-out prompts are
judged too, because they measure the reward model. The tables `queue` and `judged` are kept by triggers
(schema.py), so that each question here walks an index and stops at its limit.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import combinations
from typing import TYPE_CHECKING

from ..errors import WorkbenchError
from ..feedback import ASIDE
from .prompts import response_of
from .records import Feedback, Prompt, Response

if TYPE_CHECKING:
    from .store import Store

MOST_SHOWN = 4
FEWEST_RANKED = 3


@dataclass(frozen=True)
class Item:
    """A prompt with the answers to judge together, in the order in which to show them and to record them."""

    kind: str
    prompt: Prompt
    responses: tuple[Response, ...]
    repeat_of: str | None = None
    """The judgement that this item asks for once more, see repeat_item."""

    @property
    def response_ids(self) -> tuple[str, ...]:
        """What feedback.add() takes."""
        return tuple(response.id for response in self.responses)


@dataclass(frozen=True)
class Ranked:
    """Prompts in an order that somebody else found, best first, and for some of them the pair to compare."""

    prompt_ids: tuple[str, ...] = ()
    pairs: Mapping[str, tuple[str, str]] = field(default_factory=dict)


# An answer that the person has not dealt with in this kind.
_OPEN = """EXISTS (SELECT 1 FROM responses r WHERE r.prompt_id = q.prompt_id AND r.queued = 1 AND NOT EXISTS
    (SELECT 1 FROM judged j WHERE j.annotator = :who AND j.kind = :kind AND j.prompt_id = r.prompt_id
     AND j.response_id = r.id))"""

# Two answers that the person has not compared with each other.
_PAIRS = """FROM responses a JOIN responses b ON b.prompt_id = a.prompt_id AND b.id > a.id
    WHERE a.queued = 1 AND b.queued = 1 AND NOT EXISTS
    (SELECT 1 FROM judged x JOIN judged y ON y.annotator = x.annotator AND y.kind = x.kind
        AND y.prompt_id = x.prompt_id AND y.response_id = b.id AND y.seq = x.seq
     WHERE x.annotator = :who AND x.kind = :kind AND x.prompt_id = a.prompt_id AND x.response_id = a.id)"""
_OPEN_PAIR = f"EXISTS (SELECT 1 {_PAIRS} AND a.prompt_id = q.prompt_id)"
_AN_OPEN_PAIR = f"SELECT a.id AS a, b.id AS b {_PAIRS} AND a.prompt_id = :prompt LIMIT 1"

_NEEDS = {"rating": (1, _OPEN), "comparison": (2, _OPEN_PAIR), "ranking": (FEWEST_RANKED, _OPEN), "edit": (1, _OPEN)}
_NEEDS |= {"thumbs": (1, _OPEN), "rubric": (1, _OPEN), "best_worst": (FEWEST_RANKED, _OPEN)}

_ORDERS = {
    "newest": "q.newest DESC",
    "oldest": "q.newest",
    "fewest": "q.judged, q.newest",
    "random": "q.prompt_id",
}
RANKED = ("uncertain", "disagreement")
"""Orders that somebody else finds, see Ranked."""
_AT_ONCE = 64

REPEAT_SHARE = 0.05
"""Share of items that ask once more for what the person has said already, to measure self-agreement."""
REPEAT_AFTER = 20
"""A judgement comes back after so many others at the earliest."""


def next_items(
    store: Store,
    kind: str,
    annotator: str,
    *,
    order: str = "newest",
    seed: int = 0,
    limit: int = 1,
    tag: str | None = None,
    exclude: Iterable[str] = (),
    ranked: Ranked | None = None,
) -> list[Item]:
    """Up to `limit` items that this person has not dealt with, one per prompt, best first in `order`.

    kind: a key of feedback.KINDS. order: "newest" or "oldest" by the prompt's newest answer, "random" (the seed
    decides where), "fewest" judgements of anybody first, one of RANKED for what `ranked` says and then the newest.
    exclude: ids of prompts to pass over, such as those on screen.
    The same seed gives the same items with their answers in the same shuffled order.
    """
    passed, first, pairs = list(exclude), [], {}
    if order in RANKED:
        given, order = ranked or Ranked(), "newest"
        first = open_among(store, kind, annotator, given.prompt_ids, limit, tag=tag, exclude=passed)
        passed, pairs = passed + first, given.pairs
    rest = _open_prompts(store, kind, annotator, order, seed, limit - len(first), tag, passed)
    return [_item(store, kind, annotator, id_, seed, pairs.get(id_)) for id_ in first + rest]


def open_among(
    store: Store,
    kind: str,
    annotator: str,
    prompt_ids: Sequence[str],
    limit: int,
    *,
    tag: str | None = None,
    exclude: Iterable[str] = (),
) -> list[str]:
    """The first `limit` of some prompts, in their order, that have something left for this person in this kind."""
    need, is_open = _need(kind)
    params = {"who": annotator, "kind": kind, "need": need, "tag": tag, "exclude": json.dumps(list(exclude))}
    sql = f"""SELECT q.prompt_id FROM json_each(:ids) c JOIN queue q ON q.prompt_id = c.value
        WHERE q.answers > 0 AND q.answers >= :need {_tagged(tag)}
        AND q.prompt_id NOT IN (SELECT value FROM json_each(:exclude)) AND {is_open} ORDER BY c.key"""
    found: list[str] = []
    for start in range(0, len(prompt_ids), _AT_ONCE):
        if len(found) >= limit:
            break
        rows = store.rows(sql, params | {"ids": json.dumps(list(prompt_ids[start : start + _AT_ONCE]))})
        found += [row["prompt_id"] for row in rows]
    return found[:limit]


def counts_left(store: Store, kind: str, annotator: str, *, tag: str | None = None) -> int:
    """How many prompts have something left for this person in this kind."""
    need, is_open = _need(kind)
    params = {"who": annotator, "kind": kind, "need": need, "tag": tag}
    with_enough = f"SELECT COUNT(*) FROM queue q WHERE answers > 0 AND answers >= :need {_tagged(tag)}"
    # Only prompts that the person has touched need the closer look: there are never many of them.
    done = f"""SELECT COUNT(*) FROM (SELECT DISTINCT prompt_id FROM judged WHERE annotator = :who AND kind = :kind) t
        JOIN queue q ON q.prompt_id = t.prompt_id WHERE q.answers >= :need AND q.answers > 0
        AND NOT {is_open} {_tagged(tag)}"""
    return store.value(with_enough, params) - store.value(done, params)


def repeat_due(store: Store, annotator: str, seed: int) -> bool:
    """Whether the next item should be one that the person has judged before: REPEAT_SHARE of the time, by chance.

    Chance and not every twentieth, so that nobody can learn when it comes.
    """
    sql = "SELECT MAX(seq) FROM feedback WHERE annotator = ?"
    return random.Random(f"{seed} {store.value(sql, [annotator])} repeat").random() < REPEAT_SHARE


def repeat_item(store: Store, kind: str, annotator: str, *, seed: int = 0, exclude: Iterable[str] = ()) -> Item | None:
    """An item that this person judged here at least REPEAT_AFTER judgements ago, in a new order; None without one.

    Each comes back once. What was imported or set aside does not.
    """
    sql = """SELECT f.id FROM feedback f WHERE f.annotator = :who AND f.kind = :kind AND f.retracted_at IS NULL
        AND f.run_id IS NULL AND f.import_key IS NULL AND f.repeat_of IS NULL
        AND f.prompt_id NOT IN (SELECT value FROM json_each(:exclude))
        AND f.seq <= (SELECT seq FROM feedback WHERE annotator = :who AND retracted_at IS NULL AND import_key IS NULL
            ORDER BY seq DESC LIMIT 1 OFFSET :after)
        AND NOT EXISTS (SELECT 1 FROM feedback r WHERE r.repeat_of = f.id AND r.retracted_at IS NULL)
        ORDER BY f.id >= :start DESC, f.id LIMIT 1"""
    start = hashlib.sha256(f"{seed} {kind}".encode()).hexdigest()[:32]
    params = {"who": annotator, "kind": kind, "after": REPEAT_AFTER, "start": start}
    found = store.value(sql, params | {"exclude": json.dumps(list(exclude))})
    if found is None:
        return None
    before = item_of(store, store.feedback.find(found))
    shuffled = list(before.responses)
    random.Random(f"{seed} {found}").shuffle(shuffled)
    return replace(before, responses=tuple(shuffled), repeat_of=found)


def set_aside(
    store: Store, item: Item, annotator: str, aside: str = "skip", *, by: object = None, comment: str = ""
) -> Feedback:
    """Set an item aside, in one of feedback.ASIDE: it does not come back for this person in this kind, unless that
    is undone."""
    return store.feedback.add(
        aside,
        item.prompt.id,
        item.response_ids,
        {"kind": item.kind},
        annotator=annotator,
        comment=comment,
        by=by,
    )


def item_of(store: Store, feedback: Feedback) -> Item:
    """The item that a judgement was about, as it was shown: what undo returns to."""
    kind = feedback.value.get("kind", "rating") if feedback.kind in ASIDE else feedback.kind
    responses = tuple(store.responses.find(id_) for id_ in feedback.response_ids)
    return Item(str(kind), store.prompts.find(feedback.prompt_id), responses, feedback.repeat_of)


def _need(kind: str) -> tuple[int, str]:
    if kind not in _NEEDS:
        raise WorkbenchError(f"There is no queue for {kind}.", f"Choose one of {', '.join(_NEEDS)}.")
    return _NEEDS[kind]


def _tagged(tag: str | None) -> str:
    if tag is None:
        return ""
    return "AND EXISTS (SELECT 1 FROM prompt_tags t WHERE t.tag = :tag AND t.prompt_id = q.prompt_id)"


def _open_prompts(
    store: Store,
    kind: str,
    annotator: str,
    order: str,
    seed: int,
    limit: int,
    tag: str | None,
    exclude: Iterable[str],
) -> list[str]:
    need, is_open = _need(kind)
    if order not in _ORDERS:
        raise WorkbenchError(f"The queue has no order called {order}.", f"Choose one of {', '.join(_ORDERS)}.")
    params = {"who": annotator, "kind": kind, "need": need, "tag": tag, "exclude": json.dumps(list(exclude))}
    # answers > 0 is what the partial indexes are made for.
    sql = f"""SELECT q.prompt_id FROM queue q WHERE q.answers > 0 AND q.answers >= :need {_tagged(tag)}
        AND q.prompt_id NOT IN (SELECT value FROM json_each(:exclude)) AND {is_open}"""
    ordered = f"ORDER BY {_ORDERS[order]} LIMIT :limit"
    if order != "random":
        return [row["prompt_id"] for row in store.rows(f"{sql} {ordered}", params | {"limit": limit})]
    # Ids are random, so their order is a shuffle already: the seed chooses where to enter the circle.
    params["start"] = hashlib.sha256(str(seed).encode()).hexdigest()[:32]
    found: list[str] = []
    for half in ("q.prompt_id >= :start", "q.prompt_id < :start"):
        rows = store.rows(f"{sql} AND {half} {ordered}", params | {"limit": limit - len(found)})
        found += [row["prompt_id"] for row in rows]
    return found


def _item(
    store: Store, kind: str, annotator: str, prompt_id: str, seed: int, wished: tuple[str, str] | None = None
) -> Item:
    waiting = _waiting(store, kind, annotator, prompt_id)
    if kind == "comparison":
        chosen = _uncompared(store, annotator, prompt_id, waiting, wished)
    else:
        open_ones = [response for response, times in waiting if not times]
        # A rank of one says nothing, so answers that were ranked before fill up; they tie the rankings together.
        filling = [response for response, times in waiting if times] if kind in ("ranking", "best_worst") else []
        chosen = (open_ones + filling)[:MOST_SHOWN]
    shuffled = sorted(chosen, key=lambda response: response.id)
    random.Random(f"{seed} {kind} {prompt_id}").shuffle(shuffled)
    return Item(kind, store.prompts.find(prompt_id), tuple(shuffled))


def _waiting(store: Store, kind: str, annotator: str, prompt_id: str) -> list[tuple[Response, int]]:
    """The queued answers, least judged by this person first and then newest first, and how often that was."""
    sql = """SELECT * FROM (SELECT responses.*, rowid AS place, (SELECT COUNT(*) FROM judged j
            WHERE j.annotator = :who AND j.kind = :kind AND j.prompt_id = :prompt AND j.response_id = responses.id)
            AS times FROM responses WHERE prompt_id = :prompt AND queued = 1) ORDER BY times, place DESC LIMIT 64"""
    rows = store.rows(sql, {"who": annotator, "kind": kind, "prompt": prompt_id})
    return [(response_of({k: v for k, v in row.items() if k not in ("place", "times")}), row["times"]) for row in rows]


def _uncompared(
    store: Store,
    annotator: str,
    prompt_id: str,
    waiting: Sequence[tuple[Response, int]],
    wished: tuple[str, str] | None = None,
) -> list[Response]:
    sql = """SELECT x.response_id AS a, y.response_id AS b FROM judged x JOIN judged y
        ON y.annotator = x.annotator AND y.kind = x.kind AND y.prompt_id = x.prompt_id AND y.seq = x.seq
        WHERE x.annotator = :who AND x.kind = 'comparison' AND x.prompt_id = :prompt"""
    compared = {(row["a"], row["b"]) for row in store.rows(sql, {"who": annotator, "prompt": prompt_id})}
    if wished is not None and wished not in compared:
        both = [response for response, _ in waiting if response.id in wished]
        if len(both) == 2:
            return both
    pairs = [pair for pair in combinations(waiting, 2) if (pair[0][0].id, pair[1][0].id) not in compared]
    if not pairs:  # more answers than were looked at
        found = store.rows(_AN_OPEN_PAIR, {"who": annotator, "kind": "comparison", "prompt": prompt_id})
        return [store.responses.find(found[0][side]) for side in ("a", "b")]
    # The pair whose answers were compared least, so that every answer is seen before any is seen often.
    best = min(pairs, key=lambda pair: pair[0][1] + pair[1][1])
    return [response for response, _ in best]
