"""Where the Feedback pane gets its items: the project's queue, or the answers of one evaluation."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol

from ..events import Event, Finished
from ..feedback import ASIDE, mark
from ..feedback.base import Answer, Judgement
from ..feedback.converting import convert
from ..jobs.preparing import project_rules
from ..store import Response, Store
from ..store.queueing import RANKED, Item, counts_left, next_items, set_aside
from ..store.records import Feedback
from ..store.repeating import item_again, repeat_due, repeatable
from .context import Context

FEW = 500
"""So many judgements are counted in some milliseconds; more are counted beside the window."""


class Source(Protocol):
    """Gives items of a kind to one person."""

    @property
    def run_id(self) -> str | None:
        """The evaluation that the items belong to, if they belong to one."""
        ...

    def next(self, kind: str, order: str, exclude: Sequence[Item]) -> Item | None:
        """The best item that is not among `exclude`; None when there is none."""
        ...

    def left(self, kind: str) -> int:
        """How many items have something left."""
        ...

    def set_aside(self, item: Item, aside: str, comment: str, by: object) -> Feedback:
        """Record that the person set an item aside, in one of feedback.ASIDE."""
        ...


class QueueSource:
    """The feedback queue of the project."""

    run_id = None

    def __init__(self, context: Context, seed: int = 0) -> None:
        self._context, self._store, self._seed = context, context.store, seed

    def next(self, kind: str, order: str, exclude: Sequence[Item]) -> Item | None:
        prompts = {item.prompt.id for item in exclude}
        who = self._context.annotator  # asked each time: Settings can change it
        ranked = self._context.instant.ranked(kind) if order in RANKED else None
        found = next_items(self._store, kind, who, order=order, seed=self._seed, exclude=prompts, ranked=ranked)
        if not found:
            return None  # a queue that is done stays done
        again: list[str] = []
        if repeat_due(self._store, who, self._seed):
            again = repeatable(self._store, kind, who, seed=self._seed, exclude=prompts)
        return item_again(self._store, again[0], self._seed) if again else found[0]

    def left(self, kind: str) -> int:
        return counts_left(self._store, kind, self._context.annotator)

    def set_aside(self, item: Item, aside: str, comment: str, by: object) -> Feedback:
        return set_aside(self._store, item, self._context.annotator, aside, comment=comment, by=by)


class RunSource:
    """The two answers of an evaluation's models to each prompt, as blind comparisons.

    The votes carry the run's id, so they measure and teach nothing. Which side is left is drawn per pair.
    """

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

    def next(self, kind: str, order: str, exclude: Sequence[Item]) -> Item | None:
        passed = {item.response_ids for item in exclude}
        return next((item for item in self._open() if item.response_ids not in passed), None)

    def left(self, kind: str) -> int:
        return len(self._open())

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

    def is_small(self) -> bool:
        """Whether everything can be counted before a person notices."""
        return sum(self._store.feedback.counts().values()) <= FEW

    def read(self) -> None:
        """Count everything again."""
        self.take(harvested(self._store))

    def take(self, counts: Mapping[str, Mapping[str, int]]) -> None:
        """Use what was counted elsewhere."""
        self._counts = {kind: Counter(of_kind) for kind, of_kind in counts.items()}

    def add(self, item: Item, feedback: Feedback, sign: int = 1) -> None:
        """Count one judgement more, or with sign -1 one less. Skips, flags and votes teach nothing."""
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


def harvested(store: Store) -> dict[str, dict[str, int]]:
    """What all judgements of a project become, by kind."""
    return convert(store.feedback.judgements(), project_rules(store)).counts


def counting(store: Store) -> Iterator[Event]:
    """Count beside the window."""
    yield Finished({"counts": harvested(store)})


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
