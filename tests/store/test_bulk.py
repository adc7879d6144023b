"""Many rows at once: one transaction, one step of undo that outlives the window, and nothing deleted."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.store import Store, bulk
from workbench.store.browsing import entries
from workbench.store.connecting import dbapi
from workbench.store.filtering import Filter
from workbench.store.rows import new_id
from workbench.store.saved_filters import remove, rename, save, saved


@pytest.fixture
def judged(store: Store) -> list[str]:
    """Five judgements of five prompts, oldest first."""
    made = []
    for number in range(5):
        prompt, _ = store.prompts.add(f"Prompt {number}", tags=["all"])
        answer = store.responses.add(prompt.id, "Yes")
        made.append(store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [3]}, annotator="you").id)
    return made


def standing(store: Store) -> set[int]:
    return {entry.seq for entry in entries(store)}


def test_taking_back_is_one_step_of_undo_also_after_a_restart(store: Store, judged: list[str]) -> None:
    heard: list[str] = []
    store.listen(lambda table, by: heard.append(table))
    done = bulk.retract(store, judged[1:4], "you")
    assert done is not None
    assert (done.what, done.amount, standing(store), heard) == ("retract", 3, {1, 5}, ["feedback"])
    assert entries(store, retracted=True)[0].retracted_by == "person"
    folder = store.folder
    store.close()
    again = Store.open(folder)
    assert bulk.undo(again, "you") == done
    assert standing(again) == {1, 2, 3, 4, 5}
    assert bulk.redo(again, "you") == done
    assert standing(again) == {1, 5}
    again.close()


def test_undo_puts_back_only_what_stood_before(store: Store, judged: list[str]) -> None:
    store.feedback.retract(judged[:2])
    done = bulk.retract(store, judged, "you")
    assert done is not None
    assert done.amount == 3
    bulk.undo(store, "you")
    assert standing(store) == {3, 4, 5}
    assert bulk.retract(store, judged[:2], "you") is None


def test_putting_back_can_be_undone_to_what_it_was(store: Store, judged: list[str]) -> None:
    store.feedback.undo("you")
    before = [(entry.id, entry.retracted_at, entry.retracted_by) for entry in entries(store, retracted=True)]
    assert bulk.restore(store, judged, "you") is not None
    assert standing(store) == {1, 2, 3, 4, 5}
    bulk.undo(store, "you")
    assert [(entry.id, entry.retracted_at, entry.retracted_by) for entry in entries(store, retracted=True)] == before


def test_tags_come_and_go(store: Store, judged: list[str]) -> None:
    prompts = [prompt.id for prompt in store.prompts.list()]
    assert bulk.tag(store, prompts[:3], "  damaged   mug ", "you") is not None
    assert store.prompts.tags() == {"all": 5, "damaged mug": 3}
    assert store.prompts.find(prompts[0]).tags == ("all", "damaged mug")
    assert bulk.tag(store, prompts[:3], "damaged mug", "you") is None
    done = bulk.untag(store, prompts, "all", "you")
    assert done is not None
    assert store.prompts.tags() == {"damaged mug": 3}
    assert [action.what for action in bulk.tagging(store, prompts[0])] == ["untag", "tag"]
    bulk.undo(store, "you")
    bulk.undo(store, "you")
    assert store.prompts.tags() == {"all": 5}
    assert bulk.tagging(store, prompts[0]) == []


@pytest.mark.parametrize("name", ["", "   ", "x" * 61])
def test_a_tag_has_a_name(store: Store, judged: list[str], name: str) -> None:
    with pytest.raises(WorkbenchError, match="1 to 60 characters"):
        bulk.tag(store, [store.prompts.list()[0].id], name, "you")


def test_flags_are_judgements_that_undo_in_feedback_passes_over(store: Store, judged: list[str]) -> None:
    items = [(entry.prompt_id, entry.response_ids) for entry in entries(store)[:2]]
    assert bulk.flag(store, [*items, items[0]], "you", "too old") is not None
    assert store.feedback.counts() == {"rating": 5, "flag": 2}
    flagged = entries(store, kinds=("flag",))
    assert {(entry.prompt_id, entry.response_ids, entry.comment, entry.imported) for entry in flagged} == {
        (*item, "too old", False) for item in items
    }
    undone = store.feedback.undo("you")
    assert undone is not None
    assert undone.kind == "rating"
    store.feedback.redo("you")
    bulk.undo(store, "you")
    assert store.feedback.counts() == {"rating": 5}
    bulk.redo(store, "you")
    assert store.feedback.counts() == {"rating": 5, "flag": 2}
    assert bulk.flag(store, [], "you") is None


def test_each_person_undoes_what_they_did_themselves(store: Store, judged: list[str]) -> None:
    bulk.retract(store, judged[:1], "you")
    bulk.retract(store, judged[1:2], "Noor")
    bulk.undo(store, "you")
    assert standing(store) == {1, 3, 4, 5}
    assert bulk.undo(store, "you") is None


def test_what_was_undone_cannot_be_done_again_after_something_else(store: Store, judged: list[str]) -> None:
    bulk.retract(store, judged[:1], "you")
    bulk.undo(store, "you")
    bulk.retract(store, judged[1:2], "you")
    assert bulk.redo(store, "you") is None
    bulk.undo(store, "you")
    assert bulk.undo(store, "you") is None
    assert standing(store) == {1, 2, 3, 4, 5}


def test_an_action_that_fails_leaves_nothing(store: Store, judged: list[str]) -> None:
    store.db.execute("CREATE TEMP TRIGGER full BEFORE INSERT ON project BEGIN SELECT RAISE(ABORT, 'full'); END")
    with pytest.raises(dbapi.IntegrityError, match="full"):
        bulk.retract(store, judged, "you")
    store.db.execute("DROP TRIGGER full")
    assert standing(store) == {1, 2, 3, 4, 5}
    assert bulk.undo(store, "you") is None


steps = st.lists(
    st.tuples(st.sampled_from(["retract", "restore", "tag", "untag", "undo", "redo"]), st.sets(st.integers(0, 4))),
    max_size=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps)
def test_any_steps_agree_with_a_plain_list_of_states(store: Store, judged: list[str], program: list) -> None:
    """The states are kept whole; undo and redo walk among them."""
    prompts = [prompt.id for prompt in store.prompts.list()]

    def state() -> tuple[frozenset[int], tuple[tuple[str, ...], ...]]:
        return frozenset(standing(store)), tuple(tuple(sorted(prompt.tags)) for prompt in store.prompts.list())

    who = new_id()  # earlier programs left theirs in the same project
    states, place = [state()], 0
    for what, chosen in program:
        if what in ("undo", "redo"):
            moved = bulk.undo(store, who) if what == "undo" else bulk.redo(store, who)
            wanted = place - 1 if what == "undo" else place + 1
            if moved is None:
                assert not 0 <= wanted < len(states)
            else:
                place = wanted
        else:
            about = [(prompts if what in ("tag", "untag") else judged)[number] for number in sorted(chosen)]
            done = getattr(bulk, what)(store, about, *(["t"] if what in ("tag", "untag") else []), who)
            if done is not None:
                states, place = [*states[: place + 1], state()], place + 1
        assert state() == states[place]


# --- saved filters


def test_a_saved_filter_is_kept_renamed_removed_and_all_of_it_undone(store: Store) -> None:
    made = save(store, " Fast   ones ", Filter(kinds=("rating",)), "you", order="fastest")
    assert saved(store) == [made]
    assert (made.name, made.order, made.filter.kinds) == ("Fast ones", "fastest", ("rating",))
    rename(store, made.id, "Too fast", "you")
    remove(store, made.id, "you")
    assert saved(store) == []
    bulk.undo(store, "you")
    assert [each.name for each in saved(store)] == ["Too fast"]
    bulk.undo(store, "you")
    assert saved(store) == [made]
    bulk.undo(store, "you")
    assert saved(store) == []
    bulk.redo(store, "you")
    assert saved(store) == [made]


def test_names_of_saved_filters_are_free_and_not_empty(store: Store) -> None:
    made = save(store, "Tea", Filter(search="茶"), "you")
    for name in ("tea", "", "x" * 61):
        with pytest.raises(WorkbenchError):
            save(store, name, Filter(), "you")
    rename(store, made.id, "TEA", "you")
    assert [each.name for each in saved(store)] == ["TEA"]
    rename(store, made.id, "TEA", "you")
    bulk.undo(store, "you")
    assert [each.name for each in saved(store)] == ["Tea"]


@pytest.mark.parametrize("kept", ["nonsense", [3], [{"id": "a"}], {"a": 1}])
def test_saved_filters_that_were_kept_wrong_are_passed_over(store: Store, kept: object) -> None:
    store.set_setting("saved_filters", kept)
    assert saved(store) == []
