"""Who hears of a change, and when: after COMMIT, once, and never of what was rolled back."""

from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store


class Ear:
    """A listener that remembers, and looks whether what it hears of is on disk."""

    def __init__(self, store: Store) -> None:
        self.store, self.heard = store, []
        store.listen(self)

    def __call__(self, table: str, by: object) -> None:
        assert not self.store.db.conn.in_transaction
        self.heard.append((table, by))


def test_every_change_is_heard_with_who_made_it(store: Store, rate) -> None:
    ear, pane = Ear(store), object()
    item = rate(by=pane)
    store.feedback.undo("you", by=pane)
    store.feedback.retract([item.id])
    model = store.models.add(name="m", kind="base", source="local", location="/m")
    store.models.remove(model.id)
    store.runs.add(name="r", method="ppo", options={}, by=pane)
    assert ear.heard == [
        ("feedback", pane), ("feedback", pane), ("feedback", None), ("models", None), ("models", None), ("runs", pane),
    ]  # fmt: skip


def test_a_transaction_is_heard_once_per_table_at_its_end(store: Store, rate) -> None:
    ear = Ear(store)
    with store.writing():
        for stars in (1, 2, 3):
            rate(stars)
        store.prompts.add("Another")
        assert ear.heard == []
    assert ear.heard == [("feedback", None), ("prompts", None)]


def test_what_is_rolled_back_is_not_heard(store: Store, rate) -> None:
    ear = Ear(store)

    def half() -> None:
        with store.writing():
            rate(1)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half()
    assert ear.heard == []
    assert store.feedback.list() == []
    rate(2)
    assert ear.heard == [("feedback", None)]


def test_a_part_of_a_transaction_is_undone_alone(store: Store, rate) -> None:
    ear = Ear(store)

    def half() -> None:
        with store.writing():
            store.prompts.add("Half")
            rate(2)
            raise ZeroDivisionError

    with store.writing():
        rate(1)
        with pytest.raises(ZeroDivisionError):
            half()
        rate(3)
    assert [item.value["ratings"] for item in store.feedback.list()] == [[1], [3]]
    assert store.prompts.count() == 1
    assert ear.heard == [("feedback", None)]


def test_one_who_stops_listening_hears_nothing(store: Store, rate) -> None:
    ear = Ear(store)
    store.unlisten(ear)
    rate()
    assert ear.heard == []


def test_a_failed_commit_leaves_no_transaction_open(store: Store) -> None:
    def answer_to_nobody() -> None:
        with store.writing() as db:
            db.execute("PRAGMA defer_foreign_keys = ON")
            db.execute("INSERT INTO responses(id, prompt_id, text, created_at) VALUES ('r', 'nobody', '', '')")

    with pytest.raises(Exception, match="FOREIGN KEY"):
        answer_to_nobody()
    assert not store.db.conn.in_transaction
    store.set_setting("a", 1)
    other = Store.open(store.folder)
    assert other.setting("a") == 1
    other.close()


def test_a_refused_judgement_changes_nothing(store: Store, rate) -> None:
    ear = Ear(store)
    with pytest.raises(WorkbenchError):
        rate(9)
    assert ear.heard == []


@pytest.mark.parametrize("calls", [1, 2, 3])
def test_a_judgement_that_is_made_while_others_are_read_is_left_out_whole(store: Store, rate, calls: int) -> None:
    rate(1)
    beside = Store.beside(store.folder)
    read, left = beside.rows, [calls]

    def rows(sql: str, params: object = ()) -> list[dict]:
        found = read(sql, params)
        left[0] -= 1
        if left[0] == 0:  # somebody judges between two of its questions
            prompt, _ = store.prompts.add("Another")
            answer = store.responses.add(prompt.id, "an answer")
            store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [3]})
        return found

    beside.rows = rows
    assert len(beside.feedback.judgements()) == 1
    assert len(beside.feedback.judgements()) == 2
    beside.close()
