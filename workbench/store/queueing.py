"""What to judge next: the feedback queue of one person, per kind of feedback.

An answer waits in a kind until the person has dealt with it there: judged it, skipped it or flagged it. Skips and
flags are rows like judgements, and `set_aside` records them; undo brings their item back. A project may say how many
people are enough: an answer that so many others have judged waits for nobody else. Held-out prompts are judged too,
because they measure the reward model. The tables `queue` and `judged` are kept by triggers (schema.py), so that each
question here walks an index and stops at its limit.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..errors import WorkbenchError
from ..feedback import ASIDE
from .prompts import response_of
from .records import Feedback, Prompt, Response

if TYPE_CHECKING:
    from .store import Store

MOST_SHOWN = 4
"""So many answers are judged together, unless the project says otherwise."""
AT_ONCE, MOST_ANSWERS = "answers_at_once", 9
"""The project's setting of how many are, and the most that it may be."""
FEWEST_RANKED = 3


@dataclass(frozen=True)
class Item:
    """A prompt with the answers to judge together, in the order in which to show them and to record them."""

    kind: str
    prompt: Prompt
    responses: tuple[Response, ...]
    repeat_of: str | None = None
    """The judgement that this item asks for once more, see repeating.py."""

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
     AND j.response_id = r.id){short})"""

# Two answers that the person has not compared with each other.
_PAIRS = """FROM responses a JOIN responses b ON b.prompt_id = a.prompt_id AND b.id > a.id
    WHERE a.queued = 1 AND b.queued = 1 AND NOT EXISTS
    (SELECT 1 FROM judged x JOIN judged y ON y.annotator = x.annotator AND y.kind = x.kind
        AND y.prompt_id = x.prompt_id AND y.response_id = b.id AND y.seq = x.seq
     WHERE x.annotator = :who AND x.kind = :kind AND x.prompt_id = a.prompt_id AND x.response_id = a.id){short}"""
_OPEN_PAIR = f"EXISTS (SELECT 1 {_PAIRS} AND a.prompt_id = q.prompt_id)"
_AN_OPEN_PAIR = f"SELECT a.id AS a, b.id AS b {_PAIRS} AND a.prompt_id = :prompt LIMIT 1"
_COMPARED = """SELECT x.response_id AS a, y.response_id AS b FROM judged x JOIN judged y
    ON y.annotator = x.annotator AND y.kind = x.kind AND y.prompt_id = x.prompt_id AND y.seq = x.seq
    WHERE x.annotator = :who AND x.kind = :kind AND x.prompt_id = :prompt AND x.response_id < y.response_id"""

# Fewer others than are enough have judged an answer, or compared two: set aside is not judged, and rules are no people.
_BY_OTHERS = """f.kind = :kind AND f.annotator <> :who AND f.annotator NOT LIKE 'rule:%'
    AND f.retracted_at IS NULL AND f.run_id IS NULL"""
_SHORT = f""" AND (SELECT COUNT(DISTINCT f.annotator) FROM feedback f JOIN shown s ON s.feedback_id = f.id
    WHERE f.prompt_id = r.prompt_id AND s.response_id = r.id AND {_BY_OTHERS}) < :enough"""
_BOTH = """FROM feedback f JOIN shown x ON x.feedback_id = f.id
    JOIN shown y ON y.feedback_id = f.id AND x.response_id < y.response_id"""
_SHORT_PAIR = f""" AND (SELECT COUNT(DISTINCT f.annotator) {_BOTH}
    WHERE f.prompt_id = a.prompt_id AND x.response_id = a.id AND y.response_id = b.id AND {_BY_OTHERS}) < :enough"""
_COMPARED_ENOUGH = f"""SELECT x.response_id AS a, y.response_id AS b {_BOTH}
    WHERE f.prompt_id = :prompt AND {_BY_OTHERS} GROUP BY 1, 2 HAVING COUNT(DISTINCT f.annotator) >= :enough"""
ENOUGH = "judgements_per_item"
"""The project's setting of how many people should judge an item; 0 for as many as there are."""
MOST_PEOPLE = 9

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
    within: int = -1,
) -> list[Item]:
    """Up to `limit` items that this person has not dealt with, one per prompt, best first in `order`.

    kind: a key of feedback.KINDS. order: "newest" or "oldest" by the prompt's newest answer, "random" (the seed
    decides where), "fewest" judgements of anybody first; one of RANKED is "newest" but for what is ranked.
    ranked: what comes before that order. exclude: ids of prompts to pass over, such as those on screen.
    within: how many prompts of the order are looked at, so that a person who has done most of them waits for nothing;
    all unless given. The same seed gives the same items with their answers in the same shuffled order.
    """
    passed, given = list(exclude), ranked or Ranked()
    first = open_among(store, kind, annotator, given.prompt_ids, limit, tag=tag, exclude=passed)
    rest = []
    if len(first) < limit:
        asked = _asked(store, kind, annotator, tag, passed + first)
        rest = _in_order(store, asked, "newest" if order in RANKED else order, seed, limit - len(first), within)
    return [item_on(store, kind, annotator, id_, seed, given.pairs.get(id_)) for id_ in first + rest]


def open_in_order(
    store: Store,
    kind: str,
    annotator: str,
    order: str,
    limit: int,
    *,
    seed: int = 0,
    tag: str | None = None,
    exclude: Iterable[str] = (),
) -> list[str]:
    """The first `limit` prompts of an order that have something left for this person in this kind."""
    return _in_order(store, _asked(store, kind, annotator, tag, exclude), order, seed, limit, -1)


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
    asked = _asked(store, kind, annotator, tag, exclude)
    sql = f"""SELECT q.prompt_id FROM json_each(:ids) c JOIN queue q ON q.prompt_id = c.value
        WHERE {asked.waits} ORDER BY c.key"""
    found: list[str] = []
    for start in range(0, len(prompt_ids), _AT_ONCE):
        if len(found) >= limit:
            break
        rows = store.rows(sql, asked.params | {"ids": json.dumps(list(prompt_ids[start : start + _AT_ONCE]))})
        found += [row["prompt_id"] for row in rows]
    return found[:limit]


def counts_left(store: Store, kind: str, annotator: str, *, tag: str | None = None) -> int:
    """How many prompts have something left for this person in this kind."""
    asked = _asked(store, kind, annotator, tag)
    with_enough = f"SELECT COUNT(*) FROM queue q WHERE {asked.large}"
    # Only prompts that the person has touched need the closer look; where few are enough, those that anybody has.
    touched = "q.prompt_id IN (SELECT prompt_id FROM judged WHERE annotator = :who AND kind = :kind)"
    if asked.params["enough"]:
        touched = f"(q.judged > 0 OR {touched})"
    done = f"SELECT COUNT(*) FROM queue q WHERE {asked.large} AND {touched} AND NOT {asked.is_open}"
    return store.value(with_enough, asked.params) - store.value(done, asked.params)


def compared(store: Store) -> list[tuple[str, str]]:
    """Every two answers that somebody has compared or, when asked to compare them, has set aside."""
    sql = """SELECT x.response_id AS a, y.response_id AS b FROM judged x JOIN judged y ON y.annotator = x.annotator
        AND y.kind = x.kind AND y.prompt_id = x.prompt_id AND y.seq = x.seq AND x.response_id < y.response_id
        WHERE x.kind = 'comparison'"""
    return [(row["a"], row["b"]) for row in store.rows(sql)]


def prompt_sets(store: Store) -> dict[str, int]:
    """Every tag, and how many prompts with answers that wait have it; most first."""
    sql = """SELECT t.tag, COUNT(*) AS n FROM prompt_tags t JOIN queue q ON q.prompt_id = t.prompt_id
        WHERE q.answers > 0 GROUP BY t.tag ORDER BY n DESC, t.tag"""
    return {row["tag"]: row["n"] for row in store.rows(sql)}


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


@dataclass(frozen=True)
class _Asked:
    """What a question to the queue is about, in SQL: `large` and not excluded, and `is_open`; with its parameters."""

    large: str
    is_open: str
    params: dict[str, Any]

    @property
    def waits(self) -> str:
        return f"{self.large} AND q.prompt_id NOT IN (SELECT value FROM json_each(:exclude)) AND {self.is_open}"


def _asked(store: Store, kind: str, annotator: str, tag: str | None = None, exclude: Iterable[str] = ()) -> _Asked:
    if kind not in _NEEDS:
        raise WorkbenchError(f"There is no queue for {kind}.", f"Choose one of {', '.join(_NEEDS)}.")
    need, is_open = _NEEDS[kind]
    # answers > 0 is what the partial indexes are made for.
    large = "q.answers > 0 AND q.answers >= :need"
    if tag is not None:
        large += " AND EXISTS (SELECT 1 FROM prompt_tags t WHERE t.tag = :tag AND t.prompt_id = q.prompt_id)"
    enough = judgements_per_item(store)
    params = {"who": annotator, "kind": kind, "need": need, "tag": tag, "enough": enough}
    return _Asked(large, is_open.format(short=_short(kind, enough)), params | {"exclude": json.dumps(list(exclude))})


def _short(kind: str, enough: int) -> str:
    return "" if not enough else _SHORT_PAIR if kind == "comparison" else _SHORT


def judgements_per_item(store: Store) -> int:
    """How many people are enough for an item in this project; 0 when nobody has said so."""
    found = store.setting(ENOUGH, 0)
    return found if isinstance(found, int) and 0 < found <= MOST_PEOPLE else 0


def _in_order(store: Store, asked: _Asked, order: str, seed: int, limit: int, within: int) -> list[str]:
    if order not in _ORDERS:
        raise WorkbenchError(f"The queue has no order called {order}.", f"Choose one of {', '.join(_ORDERS)}.")
    # Ids are random, so their order is a shuffle already: the seed chooses where to enter the circle.
    start = hashlib.sha256(str(seed).encode()).hexdigest()[:32]
    found: list[str] = []
    for half in ("AND q.prompt_id >= :start", "AND q.prompt_id < :start") if order == "random" else ("",):
        walk = f"SELECT prompt_id, answers FROM queue q WHERE q.answers > 0 {half} ORDER BY {_ORDERS[order]}"
        sql = f"SELECT q.prompt_id FROM ({walk} LIMIT :within) q WHERE {asked.waits} LIMIT :limit"
        params = asked.params | {"start": start, "within": within, "limit": limit - len(found)}
        found += [row["prompt_id"] for row in store.rows(sql, params)]
    return found


def item_on(
    store: Store, kind: str, annotator: str, prompt_id: str, seed: int, wished: tuple[str, str] | None = None
) -> Item:
    """The item that a prompt with something left gives this person. wished: the pair to compare, if it may be."""
    enough = judgements_per_item(store)
    waiting = _waiting(store, kind, annotator, prompt_id, enough)
    if kind == "comparison":
        chosen = _uncompared(store, annotator, prompt_id, waiting, enough, wished)
    else:
        open_ones = [each.response for each in waiting if each.open]
        # A rank of one says nothing, so answers that were ranked before fill up; they tie the rankings together.
        filling = [each.response for each in waiting if not each.open] if kind in ("ranking", "best_worst") else []
        chosen = (open_ones + filling)[: _at_once(store, kind)]
    shuffled = sorted(chosen, key=lambda response: response.id)
    random.Random(f"{seed} {kind} {prompt_id}").shuffle(shuffled)
    return Item(kind, store.prompts.find(prompt_id), tuple(shuffled))


def answers_at_once(store: Store) -> int:
    """How many answers to a prompt are judged together in this project."""
    found = store.setting(AT_ONCE, MOST_SHOWN)
    return found if isinstance(found, int) and 0 < found <= MOST_ANSWERS else MOST_SHOWN


def _at_once(store: Store, kind: str) -> int:
    if kind == "edit":  # one is edited; the others are there to begin with
        return MOST_SHOWN
    need, _ = _NEEDS[kind]
    return max(answers_at_once(store), need)


@dataclass(frozen=True)
class _Waiting:
    """A queued answer, how often the person has dealt with it in this kind, and whether it is still to be judged."""

    response: Response
    times: int
    open: bool


def _waiting(store: Store, kind: str, annotator: str, prompt_id: str, enough: int) -> list[_Waiting]:
    """The queued answers, least judged by this person first and then newest first."""
    full = f"NOT (1 {_SHORT})" if enough else "0"
    sql = f"""SELECT * FROM (SELECT r.*, r.rowid AS place, {full} AS full, (SELECT COUNT(*) FROM judged j
            WHERE j.annotator = :who AND j.kind = :kind AND j.prompt_id = :prompt AND j.response_id = r.id)
            AS times FROM responses r WHERE r.prompt_id = :prompt AND r.queued = 1)
        ORDER BY times, place DESC LIMIT {_AT_ONCE}"""
    rows = store.rows(sql, {"who": annotator, "kind": kind, "prompt": prompt_id, "enough": enough})
    found = []
    for row in rows:
        times, full, _ = row.pop("times"), row.pop("full"), row.pop("place")
        found.append(_Waiting(response_of(row), times, not times and not full))
    return found


def _uncompared(
    store: Store,
    annotator: str,
    prompt_id: str,
    waiting: Sequence[_Waiting],
    enough: int,
    wished: tuple[str, str] | None = None,
) -> list[Response]:
    about = {"who": annotator, "kind": "comparison", "prompt": prompt_id, "enough": enough}
    closed = {frozenset((row["a"], row["b"])) for row in store.rows(_COMPARED, about)}
    if enough:
        closed |= {frozenset((row["a"], row["b"])) for row in store.rows(_COMPARED_ENOUGH, about)}
    if wished is not None and frozenset(wished) not in closed:
        both = [each.response for each in waiting if each.response.id in wished]
        if len(both) == 2:
            return both
    pairs = [pair for pair in combinations(waiting, 2) if frozenset(each.response.id for each in pair) not in closed]
    if not pairs:  # more answers than were looked at
        found = store.rows(_AN_OPEN_PAIR.format(short=_short("comparison", enough)), about)
        return [store.responses.find(found[0][side]) for side in ("a", "b")]
    # The pair whose answers were compared least, so that every answer is seen before any is seen often.
    best = min(pairs, key=lambda pair: pair[0].times + pair[1].times)
    return [each.response for each in best]
