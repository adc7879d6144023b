"""Where the Feedback pane gets its items: the project's queue, or the answers of one evaluation."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Protocol

from ..events import Event, Finished
from ..feedback import ASIDE, mark
from ..feedback.base import Answer, Judgement
from ..feedback.converting import convert
from ..jobs.ordering import MOST_AHEAD, Asked, Upcoming
from ..jobs.preparing import project_rules
from ..store import Response, Store
from ..store.queueing import RANKED, Item, Ranked, counts_left, next_items, set_aside
from ..store.records import Feedback
from ..store.repeating import item_again, repeat_due, repeatable, repeatable_among
from .context import Context
from .feedback_ahead import Ahead

FEW = 500
"""So many judgements are counted in some milliseconds; more are counted beside the window."""
WITHIN, FEW_PROMPTS = 200, 1_000
"""So many prompts are looked through for the next item, and counted, while the window waits."""
AT_ONCE, BREATH_SECONDS = 25, 0.005
"""Judgements counted beside the window in one go, some 2 ms of work, and the rest after it."""
ASKS_AGAIN = ("disagreement", "again")


class Source(Protocol):
    """Gives items of a kind to one person."""

    @property
    def run_id(self) -> str | None:
        """The evaluation that the items belong to, if they belong to one."""
        ...

    @property
    def searching(self) -> bool:
        """Whether `next` had nothing yet, and more will be known before long."""
        ...

    def ready(self, kind: str, order: str) -> bool:
        """Whether `next` can say now what is best in an order, and not only what will do."""
        ...

    def next(self, kind: str, order: str, exclude: Sequence[Item]) -> Item | None:
        """The best item that is not among `exclude`; None when there is none."""
        ...

    def left(self, kind: str, order: str) -> int:
        """How many items have something left."""
        ...

    def went(self, item: Item) -> None:
        """The person has dealt with an item."""
        ...

    def set_aside(self, item: Item, aside: str, comment: str, by: object) -> Feedback:
        """Record that the person set an item aside, in one of feedback.ASIDE."""
        ...


class QueueSource:
    """The feedback queue of the project, or of one prompt set.

    What comes next is known ahead; a short look through the queue stands in for it until it is.
    """

    run_id = None

    def __init__(self, context: Context, ahead: Ahead, seed: int = 0) -> None:
        self._context, self._store, self._ahead, self._seed = context, context.store, ahead, seed
        self.tag: str | None = None
        self.searching = False
        self._counted: tuple[Upcoming | None, int] = (None, 0)

    def asked(self, kind: str, order: str) -> Asked:
        """The place in the queue."""
        # The person is asked each time: another one may sit down.
        return Asked(kind, self._context.annotator, order, self.tag, self._seed)

    def ready(self, kind: str, order: str) -> bool:
        return order not in (*RANKED, "again") or self._ahead.of(self.asked(kind, order)) is not None

    def next(self, kind: str, order: str, exclude: Sequence[Item]) -> Item | None:
        asked, passed = self.asked(kind, order), [item.prompt.id for item in exclude]
        known = self._ahead.of(asked)
        found = self._known_next(asked, known or Upcoming(), passed)
        if found is None and order != "again":
            found = self._one(asked, None, passed)
        self.searching = found is None and self._may_be_more(asked, known)
        if found is None:
            return None  # a queue that is done stays done
        if order not in ASKS_AGAIN and repeat_due(self._store, asked.annotator, self._seed):
            return self._once_more(asked, None, passed) or found
        return found

    def _known_next(self, asked: Asked, known: Upcoming, passed: Sequence[str]) -> Item | None:
        found = self._one(asked, known.first, passed)
        if found is None and asked.order in ASKS_AGAIN:
            found = self._once_more(asked, known.again, passed)
        return found or self._one(asked, Ranked(known.rest), passed)

    def _one(self, asked: Asked, ranked: Ranked | None, passed: Sequence[str]) -> Item | None:
        """The first of some prompts that is still open; of the order itself for None."""
        if ranked is not None and not ranked.prompt_ids:
            return None
        place = {"order": asked.order, "seed": asked.seed, "tag": asked.tag, "exclude": passed}
        within = WITHIN if ranked is None else 0
        items = next_items(self._store, asked.kind, asked.annotator, ranked=ranked, within=within, **place)
        return items[0] if items else None

    def _once_more(self, asked: Asked, among: Sequence[str] | None, passed: Sequence[str]) -> Item | None:
        """What the person has judged and may judge again: of some judgements, or any for None."""
        store, kind, who = self._store, asked.kind, asked.annotator
        if among is None:
            ids = repeatable(store, kind, who, seed=asked.seed, tag=asked.tag, exclude=passed)
        else:
            ids = repeatable_among(store, kind, who, among, 1, tag=asked.tag, exclude=passed)
        return item_again(store, ids[0], asked.seed) if ids else None

    def _may_be_more(self, asked: Asked, known: Upcoming | None) -> bool:
        """Whether a longer look may find what a short one did not; it is begun then."""
        if asked.order != "again" and not self._is_longer_than(WITHIN):
            return False
        if known is not None and len(known.first.prompt_ids) + len(known.rest) < MOST_AHEAD:
            return False
        if not self._ahead.looking:
            self._ahead.want(asked)
        return True

    def _is_longer_than(self, prompts: int) -> bool:
        return bool(self._store.rows("SELECT 1 FROM queue LIMIT 1 OFFSET ?", [prompts]))

    def left(self, kind: str, order: str) -> int:
        asked = self.asked(kind, order)
        if order != "again" and not self._is_longer_than(FEW_PROMPTS):
            return counts_left(self._store, kind, asked.annotator, tag=self.tag)
        known = self._ahead.of(asked)
        if known is not self._counted[0]:
            self._counted = (known, 0)
        return max(0, known.left - self._counted[1]) if known is not None else 0

    def went(self, item: Item) -> None:
        """One less is left, until it is counted again."""
        known, gone = self._counted
        self._counted = (known, gone + (item.repeat_of is None))

    def set_aside(self, item: Item, aside: str, comment: str, by: object) -> Feedback:
        return set_aside(self._store, item, self._context.annotator, aside, comment=comment, by=by)


class RunSource:
    """The two answers of an evaluation's models to each prompt, as blind comparisons.

    The votes carry the run's id, so they measure and teach nothing. Which side is left is drawn per pair.
    """

    searching = False

    def __init__(self, context: Context, run_id: str) -> None:
        self._context, self._store, self.run_id = context, context.store, run_id
        self._pairs = [self._item(number, pair) for number, pair in enumerate(self._paired())]

    def _paired(self) -> list[tuple[Response, Response]]:
        sides: dict[str, dict[str, list[Response]]] = {}
        for response in self._store.responses.of_run(self.run_id):
            role = response.scores.get("role")
            if role in ("base", "tuned"):
                sides.setdefault(response.prompt_id, {"base": [], "tuned": []})[str(role)].append(response)
        return [pair for both in sides.values() for pair in zip(both["base"], both["tuned"], strict=False)]

    def _item(self, number: int, pair: tuple[Response, Response]) -> Item:
        shown = list(pair)
        random.Random(f"{self.run_id} {number} {pair[0].prompt_id}").shuffle(shown)
        return Item("comparison", self._store.prompts.find(pair[0].prompt_id), tuple(shown))

    def _open(self) -> list[Item]:
        votes = self._store.feedback.list(annotator=self._context.annotator, run_id=self.run_id)
        done = {frozenset(vote.response_ids) for vote in votes}
        return [item for item in self._pairs if frozenset(item.response_ids) not in done]

    def ready(self, kind: str, order: str) -> bool:
        return True

    def next(self, kind: str, order: str, exclude: Sequence[Item]) -> Item | None:
        passed = {item.response_ids for item in exclude}
        return next((item for item in self._open() if item.response_ids not in passed), None)

    def left(self, kind: str, order: str) -> int:
        return len(self._open())

    def went(self, item: Item) -> None:
        """Nothing is known ahead."""

    def set_aside(self, item: Item, aside: str, comment: str, by: object) -> Feedback:
        return self._store.feedback.add(
            aside,
            item.prompt.id,
            item.response_ids,
            {"kind": item.kind},
            annotator=self._context.annotator,
            comment=comment,
            run_id=self.run_id,
            by=by,
        )


def author(store: Store, response: Response) -> str:
    """The name of the model that wrote an answer, "" for an imported one."""
    model_id = response.adapter_id or response.model_id
    return store.models.find(model_id).name if model_id else ""


def ratings_given(store: Store, item: Item, annotator: str) -> list[int | None]:
    """What this person rated the item's answers, newest rating first; None for an answer without one."""
    sql = """SELECT s.response_id AS id, f.value ->> ('$.ratings[' || s.position || ']') AS stars
        FROM feedback f JOIN shown s ON s.feedback_id = f.id
        WHERE f.prompt_id = ? AND f.kind = 'rating' AND f.annotator = ? AND f.retracted_at IS NULL ORDER BY f.seq"""
    rows = store.rows(sql, [item.prompt.id, annotator])
    given = {row["id"]: row["stars"] for row in rows if row["stars"] is not None}
    return [given.get(id_) for id_ in item.response_ids]


class Harvest:
    """What the judgements of the project become, by kind. Read once, then kept up to date one by one.

    Reading everything takes a while in a large project; a single judgement takes microseconds.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._counts: dict[str, Counter[str]] = {}
        self._meanwhile: dict[str, tuple[Item, Feedback, int]] | None = None

    def is_small(self) -> bool:
        """Whether everything can be counted before a person notices."""
        return not self._store.rows("SELECT 1 FROM feedback LIMIT 1 OFFSET ?", [FEW])

    def read(self) -> None:
        """Count everything again."""
        self.begin()
        self.take(*harvested(self._store))

    def begin(self) -> None:
        """Everything is counted elsewhere from now on: remember what comes or goes meanwhile."""
        self._meanwhile = {}

    def take(self, counts: Mapping[str, Mapping[str, int]], ids: Collection[str]) -> None:
        """Use what was counted elsewhere, of the judgements with these ids, and what has come or gone since."""
        self._counts = {kind: Counter(of_kind) for kind, of_kind in counts.items()}
        meanwhile, self._meanwhile = self._meanwhile or {}, None
        for item, feedback, sign in meanwhile.values():
            if (sign > 0) != (feedback.id in ids):
                self._add(item, feedback, sign)

    def add(self, item: Item, feedback: Feedback, sign: int = 1) -> None:
        """Count one judgement more, or with sign -1 one less. Skips, flags and votes teach nothing."""
        if self._meanwhile is not None:
            self._meanwhile[feedback.id] = (item, feedback, sign)
        self._add(item, feedback, sign)

    def _add(self, item: Item, feedback: Feedback, sign: int) -> None:
        if feedback.kind in ASIDE or feedback.run_id is not None:
            return
        found = convert([judgement_of(item, feedback)], project_rules(self._store))
        for kind, counts in found.counts.items():
            mine = self._counts.setdefault(kind, Counter())
            for name, number in counts.items():
                mine[name] += sign * number

    def of(self, kind: str) -> Counter[str]:
        """judgements, pairs, rankings, labels and demonstrations of a kind."""
        return Counter(self._counts.get(kind, Counter()))

    def kinds(self) -> Iterable[str]:
        """Kinds with a judgement, without marks, which explain and do not teach."""
        return [kind for kind, counts in self._counts.items() if counts["judgements"] > 0 and kind != mark.name]


def harvested(
    store: Store, size: int = 1_000, breath: Callable[[], None] = lambda: None
) -> tuple[dict[str, Counter[str]], set[str]]:
    """What all judgements of a project become, by kind, and the ids of these judgements.

    So many judgements are read at a time, and after each of these pages `breath` is called.
    """
    # What is counted is counted before votes are merged, so that a page's counts add up.
    rules = replace(project_rules(store), merge_votes=False)
    counts: dict[str, Counter[str]] = {}
    ids: set[str] = set()
    for page in store.feedback.judgements_by_page(size):
        for kind, numbers in convert(page, rules).counts.items():
            counts.setdefault(kind, Counter()).update(numbers)
        ids.update(judgement.id for judgement in page)
        breath()
    return counts, ids


def counting(store: Store) -> Iterator[Event]:
    """Count beside the window, which has the interpreter for itself most of the time: a judgement made meanwhile must
    not wait for this."""
    counts, ids = harvested(store, AT_ONCE, lambda: time.sleep(BREATH_SECONDS))
    yield Finished({"counts": counts, "ids": ids})


def judgement_of(item: Item, feedback: Feedback) -> Judgement:
    """A stored judgement with the texts it is about, as conversion reads it."""
    return Judgement(
        id=feedback.id,
        kind=feedback.kind,
        prompt_id=item.prompt.id,
        messages=item.prompt.messages,
        answers=tuple(Answer(response.id, response.text) for response in item.responses),
        value=feedback.value,
        split=item.prompt.split,
        annotator=feedback.annotator,
    )
