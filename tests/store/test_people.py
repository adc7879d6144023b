"""People of a project: adding, naming, and giving another name without losing what belongs to them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.store import Store, bulk, saved_filters
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file
from workbench.store.filtering import Filter
from workbench.store.people import SETTING, add, people, rename, renamings
from workbench.store.queueing import counts_left, next_items


def ask(store: Store, text: str, answers: int = 2) -> str:
    prompt, _ = store.prompts.add(text)
    for number in range(answers):
        store.responses.add(prompt.id, f"{text} {number}")
    return prompt.id


def judge(store: Store, who: str, kind: str = "rating") -> None:
    (item,) = next_items(store, kind, who)
    value = {"ratings": [3] * len(item.responses)} if kind == "rating" else {"choice": "a"}
    store.feedback.add(kind, item.prompt.id, item.response_ids, value, annotator=who)


def test_everybody_who_judged_or_was_added_is_there_and_no_rule(store: Store) -> None:
    ask(store, "Hi")
    for who in ("Noor", "rule:short", ""):
        judge(store, who)
    assert add(store, "  ada   lovelace ") == "ada lovelace"
    assert people(store) == ["ada lovelace", "Noor"]


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("", "needs a name"), ("  \n ", "needs a name"), ("a\u202eb", "can be read"), ("x" * 61, "at most 60"),
        ("rule:mine", "for rules"), ("NOOR", "already"), ("No\u200bor", "can be read"),
    ],
)  # fmt: skip
def test_a_name_that_cannot_be_one_is_refused_and_nothing_is_kept(store: Store, name: str, says: str) -> None:
    add(store, "Noor")
    with pytest.raises(WorkbenchError) as error:
        add(store, name)
    assert says in f"{error.value.text} {error.value.hint}"
    assert people(store) == ["Noor"]


def test_a_renamed_person_keeps_judgements_queue_undo_and_drafts(store: Store) -> None:
    for number in range(3):
        ask(store, f"q{number}")
    judge(store, "you")
    judge(store, "you", "comparison")
    judge(store, "you young")
    store.set_draft("edit you 0f", "begun")
    store.set_draft("edit you young 1f", "another's")
    store.set_draft("guidelines you", "also begun")
    store.guidelines.add("Be kind.", "you")
    left = {kind: counts_left(store, kind, "you") for kind in ("rating", "comparison")}

    done = rename(store, "you", "Ada")
    assert (done.before, done.after, done.judgements) == ("you", "Ada", 2)
    assert renamings(store) == [done]
    assert people(store) == ["Ada", "you young"]
    assert store.feedback.list(annotator="you") == []
    assert {row.renamed_at for row in store.feedback.list(annotator="Ada")} == {done.at}
    assert {row.renamed_at for row in store.feedback.list(annotator="you young")} == {None}
    assert {kind: counts_left(store, kind, "Ada") for kind in left} == left
    assert counts_left(store, "rating", "you") == 3
    assert [store.draft(key) for key in ("edit Ada 0f", "guidelines Ada", "edit you young 1f", "edit you 0f")] == [
        "begun", "also begun", "another's", "",
    ]  # fmt: skip
    assert store.guidelines.current().annotator == "Ada"
    assert store.feedback.undo("Ada").kind == "comparison"
    assert store.feedback.redo("Ada").kind == "comparison"


def test_what_the_person_did_to_many_rows_can_still_be_undone_and_filters_still_find_them(store: Store) -> None:
    ask(store, "Hi")
    judge(store, "you")
    saved_filters.save(store, "Mine", Filter(annotators=("you",)), "you")
    bulk.retract(store, [row.id for row in store.feedback.list()], "you")
    rename(store, "you", "Ada")
    assert saved_filters.saved(store)[0].filter.annotators == ("Ada",)
    assert bulk.undo(store, "you") is None
    assert bulk.undo(store, "Ada").what == "retract"
    assert len(store.feedback.list(annotator="Ada")) == 1


def test_two_people_do_not_become_one(store: Store) -> None:
    ask(store, "Hi")
    judge(store, "Noor")
    judge(store, "you")
    with pytest.raises(WorkbenchError, match="There is a noor already"):
        rename(store, "you", "noor")
    assert people(store) == ["Noor", "you"]
    assert rename(store, "Noor", "NOOR").after == "NOOR"  # only the letters' size
    assert rename(store, "NOOR", "Noor").judgements == 1
    assert [each.after for each in renamings(store)] == ["NOOR", "Noor"]


def test_a_merge_keeps_the_name_that_was_given_last_whichever_side_it_comes_from(store: Store, tmp_path) -> None:
    ask(store, "Hi")
    judge(store, "you")
    export_store(store, tmp_path / "before.jsonl")
    other = Store.open(tmp_path / "other")
    import_file(other, tmp_path / "before.jsonl")
    rename(store, "you", "Ada")  # smaller as text, and newer
    export_store(store, tmp_path / "after.jsonl")
    import_file(other, tmp_path / "after.jsonl")
    import_file(store, tmp_path / "before.jsonl")
    for each in (store, other):
        assert [row.annotator for row in each.feedback.list()] == ["Ada"]
        assert (counts_left(each, "rating", "Ada"), counts_left(each, "rating", "you")) == (0, 1)
    other.close()


@pytest.mark.parametrize("damaged", [None, [], "x", {"names": "x", "renamed": [1]}, {"names": [1, "Noor", {}]}])
def test_a_damaged_list_of_people_is_read_as_far_as_it_goes(store: Store, damaged: object) -> None:
    store.set_setting(SETTING, damaged)
    assert people(store) in ([], ["Noor"])
    add(store, "Ada")
    assert "Ada" in people(store)
    assert renamings(store) == []


@given(st.text(max_size=80))
def test_any_text_is_a_name_or_a_clear_refusal(text: str) -> None:
    from workbench.store.people import _free

    class Nobody:
        def rows(self, *_):
            return []

        def setting(self, *_):
            return None

    with contextlib.suppress(WorkbenchError):
        name = _free(Nobody(), text)
        assert name.isprintable()
        assert name == name.strip()
        assert 0 < len(name) <= 60
        assert name.encode()
