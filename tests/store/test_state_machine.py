"""Programs of everything that a person does while judging, also across restarts and kills, against a plain model.

`WORKBENCH_PROGRAMS=2000 python -m pytest tests/store/test_state_machine.py` runs more of them than the suite does.
"""

from __future__ import annotations

import contextlib
import functools
import os
import shutil
import tempfile
from collections import Counter
from itertools import combinations
from pathlib import Path
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from tests.store.apart import opened
from workbench.feedback import ASIDE, KINDS
from workbench.store import Feedback, Store, bulk
from workbench.store.queueing import ENOUGH, FEWEST_RANKED, counts_left, item_of, next_items, set_aside

PROGRAMS = int(os.environ.get("WORKBENCH_PROGRAMS", "100"))
PEOPLE = ("you", "Noor")
QUEUES = tuple(kind for kind in KINDS if kind != "mark")
NEEDS = {"comparison": 2, "ranking": FEWEST_RANKED, "best_worst": FEWEST_RANKED}
CRITERIA = [{"name": "kind", "scale": "pass_fail"}]

who, kinds, number = st.sampled_from(PEOPLE), st.sampled_from(QUEUES), st.integers(0, 11)
times = st.integers(1, 3)
orders = st.sampled_from(["newest", "oldest", "fewest", "random", "uncertain"])


def value_of(kind: str, shown: int, number: int) -> dict[str, Any]:
    """Something that can be said of so many answers."""
    places = list(range(shown))
    turned = places[number % shown :] + places[: number % shown]
    return {
        "rating": {"ratings": [number % 5 + 1, *[None] * (shown - 1)]},
        "comparison": {"choice": ("a", "b", "tie", "both_bad")[number % 4]},
        "ranking": {"order": [[place] for place in turned]},
        "edit": {"of": number % shown, "text": f"Better {number}."},
        "thumbs": {"thumbs": [number % 2 == 0] * shown},
        "best_worst": {"best": turned[0], "worst": turned[-1]},
        "rubric": {"criteria": CRITERIA, "scores": [["pass" if number % 2 else "fail"] * shown]},
    }[kind]


class Model:
    """The same project as lists and dicts. A row's state: "stands", or who or what took it back."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        self.answers = answers
        self.rows: list[dict[str, Any]] = []
        self.actions: list[dict[str, Any]] = []
        self.drafts: dict[str, str] = {}
        self.enough = 0

    def of(self, who: str, *states: str, made_here: bool = True) -> list[dict[str, Any]]:
        return [
            row for row in self.rows
            if row["who"] == who and row["state"] in states and (row["here"] or not made_here)
        ]  # fmt: skip

    def add(self, item: Any, *, here: bool = True) -> None:
        """A judgement, as the store returned it. What the person had undone stays out from now on."""
        if here:
            for row in self.of(item.annotator, "undo", made_here=False):
                row["state"] = "undone"
        self.rows.append(
            {"id": item.id, "who": item.annotator, "kind": item.kind, "prompt": item.prompt_id, "state": "stands"}
            | {"answers": item.response_ids, "value": item.value, "here": here, "vote": item.run_id is not None}
        )

    def standing(self) -> list[dict[str, Any]]:
        return [row for row in self.rows if row["state"] == "stands"]

    # ---- many at once ----

    def act(self, who: str, what: str, states: dict[str, tuple[str, str]]) -> None:
        """Something done to many rows: {id: (state before, state after)}."""
        for action in self.actions:
            if action["who"] == who and action["state"] == "undone":
                action["state"] = "passed"
        self.actions.append({"who": who, "what": what, "states": states, "state": "done"})
        self._set({id_: after for id_, (_, after) in states.items()})

    def turn(self, who: str, state: str) -> str | None:
        """Undo the last of this person's acts ("done"), or redo the first undone one; what it was."""
        found = [action for action in self.actions if (action["who"], action["state"]) == (who, state)]
        if not found:
            return None
        action = found[-1] if state == "done" else found[0]
        action["state"] = "undone" if state == "done" else "done"
        self._set({id_: pair[state == "undone"] for id_, pair in action["states"].items()})
        return action["what"]

    def _set(self, states: dict[str, str]) -> None:
        for row in self.rows:
            row["state"] = states.get(row["id"], row["state"])

    # ---- the queue ----

    def dealt(self, who: str, kind: str) -> list[dict[str, Any]]:
        """What keeps items out of a person's queue: a judgement of the kind, or setting aside in it or in all."""
        return [
            row for row in self.standing()
            if row["who"] == who and not row["vote"]
            and (row["kind"] == kind or (row["kind"] in ASIDE and row["value"].get("kind", kind) == kind))
        ]  # fmt: skip

    def waits(self, who: str, kind: str, answers: tuple[str, ...]) -> bool:
        """Whether the person has not dealt with these answers together, and fewer others than are enough have."""
        others = {
            row["who"] for row in self.standing()
            if row["who"] != who and row["kind"] == kind and not row["vote"] and {*answers} <= {*row["answers"]}
        }  # fmt: skip
        dealt = any({*answers} <= {*row["answers"]} for row in self.dealt(who, kind))
        return not dealt and (not self.enough or len(others) < self.enough)

    def open(self, who: str, kind: str) -> dict[str, list[tuple[str, ...]]]:
        """By prompt, the answers (in comparison: the twos) that wait for a person in a kind."""
        size = 2 if kind == "comparison" else 1
        found = {
            prompt: [each for each in combinations(answers, size) if self.waits(who, kind, each)]
            for prompt, answers in self.answers.items()
            if len(answers) >= NEEDS.get(kind, 1)
        }
        return {prompt: waiting for prompt, waiting in found.items() if waiting}


@functools.cache
def asked() -> bytes:
    """The file of a project with three prompts, with one, two and four answers, and a run to vote on."""
    with tempfile.TemporaryDirectory() as folder:
        store = Store.open(folder)
        for size in (1, 2, 4):
            prompt, _ = store.prompts.add(f"Prompt {size}")
            for place in range(size):
                store.responses.add(prompt.id, f"Answer {place}")
        store.runs.add(name="vote", method="evaluate", options={})
        store.close()
        return (Path(folder) / "project.db").read_bytes()


class Killed(Exception):
    """The process ends here."""


class Judging(RuleBasedStateMachine):
    """Two people judge three prompts."""

    def __init__(self) -> None:
        super().__init__()
        self.place = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.lives = 0
        self.folder.mkdir()
        (self.folder / "project.db").write_bytes(asked())
        self.store = opened(self.folder)
        (self.run,) = (run.id for run in self.store.runs.list())
        prompts = [prompt.id for prompt in self.store.prompts.list()]
        self.model = Model({id_: [answer.id for answer in self.store.responses.of_prompt(id_)] for id_ in prompts})

    @property
    def folder(self) -> Path:
        return Path(self.place.name) / str(self.lives)

    # ---- judging ----

    @rule(who=who, kind=kinds, order=orders, times=times, say=number)
    def judge(self, who: str, kind: str, order: str, times: int, say: int) -> None:
        for item in next_items(self.store, kind, who, order=order, seed=say, limit=times):
            value = value_of(kind, len(item.responses), say)
            said = self.store.feedback.add(kind, item.prompt.id, item.response_ids, value, annotator=who)
            assert said.value == KINDS[kind].check(value, len(item.responses))
            self.model.add(said)

    @rule(who=who, kind=kinds, aside=st.sampled_from(ASIDE), seed=number)
    def put_aside(self, who: str, kind: str, aside: str, seed: int) -> None:
        for item in next_items(self.store, kind, who, order="random", seed=seed):
            self.model.add(set_aside(self.store, item, who, aside))

    @rule(who=who, say=number)
    def change_of_mind(self, who: str, say: int) -> None:
        """Undo, and say something else of the same item: the first judgement is kept and does not come back."""
        before = self._undo(who)
        if before is None or before.kind not in QUEUES:
            return
        item = item_of(self.store, before)
        assert item.response_ids == before.response_ids
        value = value_of(before.kind, len(item.responses), say)
        again = self.store.feedback.add(
            before.kind, item.prompt.id, item.response_ids, value, annotator=who, run_id=before.run_id
        )
        self.model.add(again)
        assert self._redo(who) is None

    @rule(who=who, say=number, voting=st.booleans())
    def mark_or_vote(self, who: str, say: int, voting: bool) -> None:
        """Passages that are marked, and votes of an evaluation: undone like judgements, they leave the queue alone."""
        prompt, answers = [*self.model.answers.items()][1 + say % 2]
        if voting:
            value, shown, about = value_of("comparison", 2, say), answers[:2], {"run_id": self.run}
        else:
            value, shown, about = {"start": 0, "end": 3, "label": "good", "quote": "Ans"}, answers[:1], {}
        kind = "comparison" if voting else "mark"
        self.model.add(self.store.feedback.add(kind, prompt, shown, value, annotator=who, **about))

    @rule(who=who, moves=st.lists(st.sampled_from(["undo", "undo", "redo"]), min_size=1, max_size=6))
    def undo_and_redo(self, who: str, moves: list[str]) -> None:
        for move in moves:
            self._undo(who) if move == "undo" else self._redo(who)

    def _undo(self, who: str) -> Feedback | None:
        return self._took(self.store.feedback.undo(who), self.model.of(who, "stands")[-1:], "undo")

    def _redo(self, who: str) -> Feedback | None:
        gone = self.model.of(who, "undo", made_here=False)
        return self._took(self.store.feedback.redo(who), gone[:1], "stands")

    def _took(self, found: Feedback | None, expected: list[dict[str, Any]], state: str) -> Feedback | None:
        assert [item.id for item in (found,) if item] == [row["id"] for row in expected]
        for row in expected:
            row["state"] = state
        return found

    # ---- many at once ----

    @rule(who=who, chosen=number, away=st.booleans())
    def take_or_put_back_many(self, who: str, chosen: int, away: bool) -> None:
        some = [row for place, row in enumerate(self.model.rows) if (place + chosen) % 3]
        moved = [row for row in some if (row["state"] == "stands") == away]
        done = (bulk.retract if away else bulk.restore)(self.store, [row["id"] for row in some], who)
        assert (done.amount if done else 0) == len(moved)
        if moved:
            states = {row["id"]: (row["state"], "person" if away else "stands") for row in moved}
            self.model.act(who, "retract" if away else "restore", states)

    @rule(who=who, chosen=number)
    def flag_many(self, who: str, chosen: int) -> None:
        prompts = [*self.model.answers.items()][: 1 + chosen % 3]
        bulk.flag(self.store, prompts, who)
        flags = self.store.feedback.list(kinds=["flag"], retracted=True)[-len(prompts) :]
        for item in flags:
            self.model.add(item, here=False)
        self.model.act(who, "flag", {item.id: ("person", "stands") for item in flags})

    @rule(who=who, states=st.lists(st.sampled_from(["done", "undone"]), min_size=1, max_size=4))
    def undo_and_redo_many(self, who: str, states: list[str]) -> None:
        for state in states:
            action = (bulk.undo if state == "done" else bulk.redo)(self.store, who)
            assert (action.what if action else None) == self.model.turn(who, state)

    # ---- the rest ----

    @rule(key=st.sampled_from(["edit", "comment"]), text=st.text(max_size=5))
    def type(self, key: str, text: str) -> None:
        self.store.set_draft(key, text)
        self.model.drafts[key] = self.store.draft(key)
        assert len(self.model.drafts[key]) == len(text)

    @rule(enough=st.integers(0, 2))
    def say_how_many_are_enough(self, enough: int) -> None:
        self.store.set_setting(ENOUGH, enough)
        self.model.enough = enough

    @rule(how=st.sampled_from(["restart", "kill", "kill before commit"]), who=who, kind=kinds)
    def end(self, how: str, who: str, kind: str) -> None:
        """The window is closed and opened, or the process dies: the files as they are then are what it leaves."""
        if how == "restart":
            self.store.close()
            self.store = opened(self.folder)
        else:
            self._live_on(self._corpse() if how == "kill" else self._die_in_the_middle(who, kind))

    def _die_in_the_middle(self, who: str, kind: str) -> Path:
        """What was not committed is not there, and what was there before is."""
        corpse = None
        with contextlib.suppress(Killed), self.store.writing():
            for item in next_items(self.store, kind, who):
                value = value_of(kind, len(item.responses), 0)
                self.store.feedback.add(kind, item.prompt.id, item.response_ids, value, annotator=who)
            self.store.set_draft("edit", "never")
            corpse = self._corpse()
            raise Killed
        assert corpse is not None
        self.what_stands_is_what_the_model_says()
        return corpse

    def _corpse(self) -> Path:
        folder = Path(self.place.name) / str(self.lives + 1)
        folder.mkdir()
        for name in ("project.db", "project.db-wal"):
            if (self.folder / name).exists():
                shutil.copyfile(self.folder / name, folder / name)
        return folder

    def _live_on(self, folder: Path) -> None:
        self.store.close()
        self.lives += 1
        assert folder == self.folder
        self.store = opened(folder)

    # ---- what must hold ----

    @invariant()
    def what_stands_is_what_the_model_says(self) -> None:
        standing = [(row["id"], row["kind"], row["who"], row["answers"], row["value"]) for row in self.model.standing()]
        found = self.store.feedback.list()
        assert [(item.id, item.kind, item.annotator, item.response_ids, item.value) for item in found] == standing
        assert self.store.feedback.counts() == Counter(row["kind"] for row in self.model.standing())
        assert self.store.feedback.annotators() == Counter(row["who"] for row in self.model.standing())
        all_states = {item.id: item.retracted_by or "stands" for item in self.store.feedback.list(retracted=True)}
        assert all_states == {row["id"]: row["state"] for row in self.model.rows}
        assert {key: self.store.draft(key) for key in self.model.drafts} == self.model.drafts

    @invariant()
    def as_much_is_left_as_the_model_says(self) -> None:
        for person in PEOPLE:
            left = {kind: counts_left(self.store, kind, person) for kind in QUEUES}
            assert left == {kind: len(self.model.open(person, kind)) for kind in QUEUES}

    @rule(who=who, kind=kinds, order=orders, seed=number)
    def look(self, who: str, kind: str, order: str, seed: int) -> None:
        """Everything that waits is offered, and nothing that was dealt with."""
        waiting = self.model.open(who, kind)
        items = next_items(self.store, kind, who, order=order, seed=seed, limit=9)
        assert {item.prompt.id for item in items} == set(waiting)
        assert len(items) == len(waiting)
        for item in items:
            ids = item.response_ids
            asked = [each for each in waiting[item.prompt.id] if {*each} <= {*ids}]
            if kind in ("ranking", "best_worst"):
                assert asked
            else:
                assert len(asked) == (1 if kind == "comparison" else len(ids))

    def teardown(self) -> None:
        for person in PEOPLE:
            for kind in QUEUES:
                self.look(who=person, kind=kind, order="newest", seed=0)
        self._all_can_be_undone_and_redone()
        assert self.store.value("PRAGMA quick_check") == "ok"
        self.store.close()
        self.place.cleanup()

    def _all_can_be_undone_and_redone(self) -> None:
        for move in (self._undo, self._redo):
            for person in PEOPLE:
                while move(person) is not None:
                    pass
            self.what_stands_is_what_the_model_says()
            self.as_much_is_left_as_the_model_says()


TestJudging = Judging.TestCase
TestJudging.settings = settings(max_examples=PROGRAMS, stateful_step_count=25, deadline=None)
