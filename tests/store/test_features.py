"""Vectors of answers and scores of reward models: a cache beside the evidence."""

from __future__ import annotations

import numpy as np
import pytest

from workbench.lm.vectors import from_text, packed, to_text
from workbench.store import Store, backups
from workbench.store.connecting import dbapi
from workbench.store.exchange.exporting import export_store


def answers(store: Store, count: int = 3, text: str = "Hi") -> list[str]:
    prompt, _ = store.prompts.add(text, system="Be brief.")
    return [store.responses.add(prompt.id, f"{text} {number}").id for number in range(count)]


def vectors(ids: list[str], first: float = 0.0) -> dict[str, bytes]:
    return {id_: packed(np.array([first + place, 0.5, -1.0])) for place, id_ in enumerate(ids)}


def test_what_is_added_is_read_in_order_and_only_once(store: Store) -> None:
    ids = answers(store, 5)
    store.features.add("b/t/1", vectors(ids[:3]))
    found = store.features.read("b/t/1")
    assert found.ids == ids[:3]
    np.testing.assert_array_equal(found.matrix, [[0, 0.5, -1], [1, 0.5, -1], [2, 0.5, -1]])
    assert found.matrix.dtype == np.dtype("<f2")
    store.features.add("b/t/1", vectors(ids[3:]))
    assert store.features.read("b/t/1", found.last).ids == ids[3:]
    assert store.features.read("b/t/1", most=2).ids == ids[3:]
    assert store.features.spaces() == {"b/t/1": 5}


def test_a_vector_that_is_read_again_is_replaced(store: Store) -> None:
    ids = answers(store)
    store.features.add("b/t/1", vectors(ids))
    last = store.features.read("b/t/1").last
    store.features.add("b/t/1", vectors(ids[:1], first=9.0))
    again = store.features.read("b/t/1", last)
    assert (again.ids, again.matrix[0, 0]) == (ids[:1], 9.0)
    assert store.features.spaces() == {"b/t/1": 3}


def test_spaces_do_not_mix(store: Store) -> None:
    ids = answers(store)
    store.features.add("b/t/1", vectors(ids))
    store.features.add("other/t/1", {ids[0]: packed(np.ones(7))})
    assert store.features.read("b/t/1").matrix.shape == (3, 3)
    assert store.features.read("other/t/1").matrix.shape == (1, 7)
    assert store.features.read("nowhere").matrix.shape == (0, 0)


def test_a_vector_of_a_strange_length_is_passed_over(store: Store) -> None:
    ids = answers(store)
    store.features.add("b/t/1", {ids[0]: b"\0\0\0"})
    store.features.add("b/t/1", vectors(ids[1:]))
    assert store.features.read("b/t/1").ids == ids[1:]


def test_an_answer_that_is_not_there_has_no_vector(store: Store) -> None:
    with pytest.raises(dbapi.IntegrityError):
        store.features.add("b/t/1", vectors(["nobody"]))
    assert not store.features.any()


def test_missing_are_judged_ones_first_then_the_newest(store: Store) -> None:
    old, new = answers(store, 3, "old"), answers(store, 2, "new")
    prompt = store.responses.find(old[0]).prompt_id
    store.feedback.add("rating", prompt, old[:1], {"ratings": [3]}, annotator="you")
    assert store.features.missing("b/t/1") == [old[0], new[1], new[0], old[2], old[1]]
    assert store.features.missing("b/t/1", 2) == [old[0], new[1]]
    store.features.add("b/t/1", vectors([old[0], new[0]]))
    assert store.features.missing("b/t/1") == [new[1], old[2], old[1]]
    assert store.features.missing("b/") == [new[1], old[2], old[1]]
    assert len(store.features.missing("b/t/2")) == len(store.features.missing("c/")) == 5
    assert store.features.wanted() == 5


def test_answers_of_an_evaluation_are_read_only_once_somebody_judged_them(store: Store) -> None:
    ids = answers(store, 2)
    store.responses.queue(ids, False)
    assert store.features.missing("b/") == store.features.unscored("m") == []
    store.feedback.add("rating", store.responses.find(ids[0]).prompt_id, ids[:1], {"ratings": [3]}, annotator="you")
    assert store.features.missing("b/") == [ids[0]]


def test_texts_come_with_their_conversation(store: Store) -> None:
    first, second = answers(store, 2)
    found = store.features.texts([second, first])
    assert [row["text"] for row in found] == ["Hi 1", "Hi 0"]
    assert found[0]["messages"] == list(store.prompts.list()[0].messages)


def test_the_newest_reward_model_with_scores_is_the_scorer(store: Store) -> None:
    ids = answers(store)
    assert store.features.scorer() is None
    old, new, silent = (
        store.models.add(name=name, kind="reward", source="run", location=f"/{name}").id for name in ("a", "b", "c")
    )
    for model in (old, new):
        store.features.add_scores(model, {ids[0]: 0.5, ids[1]: None, ids[2]: -1.0}, {ids[0]: 0.25})
    assert store.features.scorer() == new
    prompt_id = store.responses.find(ids[0]).prompt_id
    found = sorted(store.features.scored(new), key=lambda row: -row[2])
    assert found == [(ids[0], prompt_id, 0.5, 0.25), (ids[2], prompt_id, -1.0, None)]
    assert store.features.scores_stamp(new) == (2, -0.5)
    assert store.features.unscored(new) == [ids[1]]
    assert len(store.features.unscored(silent)) == 3
    store.models.remove(new)
    assert store.features.scorer() == old


def test_the_cache_is_not_exported(store: Store, tmp_path) -> None:
    ids = answers(store)
    export_store(store, tmp_path / "before.jsonl")
    store.features.add("b/t/1", vectors(ids))
    export_store(store, tmp_path / "after.jsonl")
    assert (tmp_path / "after.jsonl").read_bytes() == (tmp_path / "before.jsonl").read_bytes()


def test_the_cache_makes_no_new_backup_and_none_larger(store: Store) -> None:
    ids = answers(store, 400)
    first = backups.back_up_if_changed(store)
    assert first is not None
    store.features.add("b/t/1", {id_: packed(np.random.default_rng(0).random(1000)) for id_ in ids})
    assert backups.back_up_if_changed(store) is None
    assert abs(backups.back_up(store).size_bytes - first.size_bytes) < 50_000
    assert len(store.features.read("b/t/1").ids) == 400


def test_a_second_connection_sees_and_writes_the_same(store: Store) -> None:
    ids = answers(store)
    beside = Store.beside(store.folder)
    assert beside.value("PRAGMA synchronous") == store.value("PRAGMA synchronous") == 2
    beside.features.add("b/t/1", vectors(ids))
    assert store.features.read("b/t/1").ids == ids
    beside.close()


def test_a_second_connection_makes_no_project(tmp_path) -> None:
    with pytest.raises(Exception, match=r"cannot be opened"):
        Store.beside(tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_vector_survives_the_way_and_what_float16_cannot_hold_is_held(store: Store) -> None:
    vector = np.array([1.5, -2.25, 1e9, -np.inf, np.nan])
    found = np.frombuffer(from_text(to_text(vector)), "<f2")
    np.testing.assert_array_equal(found, [1.5, -2.25, 65504, -65504, 0])
