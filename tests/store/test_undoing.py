"""Undo and redo without limit and across restarts, against a plain model."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from workbench.errors import WorkbenchError
from workbench.store import Store


def stars(store: Store) -> list[int]:
    return [item.value["ratings"][0] for item in store.feedback.list()]


def test_undo_takes_back_and_redo_puts_back_in_order(store: Store, rate) -> None:
    for number in (1, 2, 3):
        rate(number)
    assert store.feedback.undo("you").value == {"ratings": [3]}
    assert store.feedback.undo("you").value == {"ratings": [2]}
    assert stars(store) == [1]
    assert store.feedback.redo("you").value == {"ratings": [2]}
    assert store.feedback.redo("you").value == {"ratings": [3]}
    assert store.feedback.redo("you") is None
    assert stars(store) == [1, 2, 3]


def test_undo_has_no_limit_and_works_after_a_restart(store: Store, rate) -> None:
    for number in range(50):
        rate(number % 5 + 1)
    store.close()
    again = Store.open(store.folder)
    taken = 0
    while again.feedback.undo("you"):
        taken += 1
    assert (taken, stars(again)) == (50, [])
    while again.feedback.redo("you"):
        taken -= 1
    assert (taken, len(stars(again))) == (0, 50)
    again.close()


def test_a_new_judgement_clears_redo_for_good(store: Store, rate) -> None:
    rate(1), rate(2)
    store.feedback.undo("you")
    rate(3)
    assert store.feedback.redo("you") is None
    store.feedback.undo("you")
    assert store.feedback.redo("you").value == {"ratings": [3]}
    assert store.feedback.redo("you") is None
    assert stars(store) == [1, 3]


def test_each_person_undoes_their_own(store: Store, rate) -> None:
    rate(1, "you"), rate(2, "Noor")
    assert store.feedback.undo("you").annotator == "you"
    assert store.feedback.undo("you") is None
    rate(4, "Noor")
    assert store.feedback.redo("you").value == {"ratings": [1]}


def test_imported_judgements_are_not_undone(store: Store, rate) -> None:
    rate(1), rate(2, import_key="k")
    store.feedback.undo("you")
    assert stars(store) == [2]
    rate(3, import_key="l")
    assert store.feedback.redo("you") is not None


def test_a_judgement_that_a_person_took_out_is_neither_undone_nor_redone(store: Store, rate) -> None:
    first, second = rate(1), rate(2)
    store.feedback.retract([second.id])
    assert store.feedback.find(second.id).retracted_by == "person"
    assert store.feedback.undo("you").id == first.id
    assert store.feedback.redo("you").id == first.id
    store.feedback.retract([second.id], retracted=False)
    assert stars(store) == [1, 2]


def test_skips_are_undone_like_judgements(store: Store, rate) -> None:
    item = rate(1)
    store.feedback.add("skip", item.prompt_id, item.response_ids, {"kind": "rating"}, annotator="you")
    assert store.feedback.undo("you").kind == "skip"


def test_counts_and_lists_follow(store: Store, rate) -> None:
    rate(1), rate(2), rate(3, "Noor")
    run = store.runs.add(name="vote", method="evaluate", options={})
    rate(4, run_id=run.id)
    assert store.feedback.counts() == {"rating": 4}
    assert store.feedback.annotators() == {"you": 3, "Noor": 1}
    assert len(store.feedback.list(annotator="Noor")) == 1
    assert len(store.feedback.list(kinds=["comparison"])) == 0
    assert [item.value["ratings"] for item in store.feedback.list(run_id=run.id)] == [[4]]
    assert len(store.feedback.judgements()) == 3
    assert [item.annotator for item in store.feedback.judgements(annotators=["Noor"])] == ["Noor"]
    store.feedback.undo("Noor")
    assert store.feedback.counts() == {"rating": 3}
    assert len(store.feedback.list(retracted=True)) == 4


@pytest.mark.parametrize(
    ("kind", "value"),
    [("rating", {}), ("rating", {"ratings": [6]}), ("comparison", {"choice": "a"}), ("smile", {}), ("ranking", {})],
)
def test_what_is_no_judgement_of_these_answers_is_not_stored(store: Store, rate, kind: str, value: dict) -> None:
    item = rate()
    with pytest.raises(WorkbenchError):
        store.feedback.add(kind, item.prompt_id, item.response_ids, value)
    assert len(store.feedback.list()) == 1


def test_a_known_import_key_returns_what_is_there(store: Store, rate) -> None:
    assert rate(1, import_key="k") == rate(1, import_key="k")
    assert stars(store) == [1]


def test_a_judgement_keeps_all_that_was_said(store: Store, rate) -> None:
    item = rate(5, comment="Warm.", reasons=["tone", "short"], seconds=2.5, blind=False)
    found = store.feedback.find(item.id)
    assert (found.comment, found.reasons, found.seconds, found.blind) == ("Warm.", ("tone", "short"), 2.5, False)
    assert found.created_at.endswith("+00:00")


class Undoing(RuleBasedStateMachine):
    """Two people judge, undo, redo and take out; the model is a list of (who, state)."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self.store = Store.open(Path(self.folder.name))
        # A power cut is not what is tested here, and hundreds of examples are.
        self.store.db.execute("PRAGMA synchronous = OFF")
        self.prompt = self.store.prompts.add("Hi")[0].id
        self.answers = [self.store.responses.add(self.prompt, text).id for text in ("A", "B")]
        self.rows: list[dict] = []

    def theirs(self, who: str, state: str) -> list[dict]:
        return [row for row in self.rows if row["who"] == who and row["state"] == state]

    @rule(who=st.sampled_from("xy"), kind=st.sampled_from(["comparison", "skip"]))
    def judge(self, who: str, kind: str) -> None:
        value = {"kind": "comparison"} if kind == "skip" else {"choice": "a"}
        item = self.store.feedback.add(kind, self.prompt, self.answers, value, annotator=who)
        for row in self.theirs(who, "undone"):
            row["state"] = "gone"
        self.rows.append({"who": who, "id": item.id, "state": "stands"})

    @rule(who=st.sampled_from("xy"))
    def undo(self, who: str) -> None:
        expected = self.theirs(who, "stands")[-1:]
        self.check(self.store.feedback.undo(who), expected, "undone")

    @rule(who=st.sampled_from("xy"))
    def redo(self, who: str) -> None:
        expected = self.theirs(who, "undone")[:1]
        self.check(self.store.feedback.redo(who), expected, "stands")

    def check(self, found, expected: list[dict], state: str) -> None:
        assert [item.id for item in (found,) if item] == [row["id"] for row in expected]
        for row in expected:
            row["state"] = state

    @precondition(lambda self: self.rows)
    @rule(data=st.data(), retracted=st.booleans())
    def retract(self, data: st.DataObject, retracted: bool) -> None:
        row = data.draw(st.sampled_from(self.rows))
        self.store.feedback.retract([row["id"]], retracted)
        row["state"] = "taken out" if retracted else "stands"

    @rule()
    def reopen(self) -> None:
        self.store.close()
        self.store = Store.open(Path(self.folder.name))
        self.store.db.execute("PRAGMA synchronous = OFF")

    @invariant()
    def what_stands_is_what_the_model_says(self) -> None:
        standing = [row["id"] for row in self.rows if row["state"] == "stands"]
        assert [item.id for item in self.store.feedback.list()] == standing
        assert len(self.store.feedback.list(retracted=True)) == len(self.rows)

    @invariant()
    def the_queue_agrees(self) -> None:
        rows = self.store.rows("SELECT DISTINCT seq FROM judged ORDER BY seq")
        assert [row["seq"] for row in rows] == [item.seq for item in self.store.feedback.list()]
        judged = sum(item.kind != "skip" for item in self.store.feedback.list())
        assert self.store.value("SELECT judged FROM queue") == judged

    def teardown(self) -> None:
        self.store.close()
        self.folder.cleanup()


TestUndoing = Undoing.TestCase
TestUndoing.settings = settings(max_examples=200, stateful_step_count=25, deadline=None)
