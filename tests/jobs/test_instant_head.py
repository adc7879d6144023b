"""The instant head over a project: what it learns from, what it expects, and what it would ask next."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from workbench.jobs.instant_head import InstantHead, firsts, surprising
from workbench.lm.vectors import packed
from workbench.store import Store
from workbench.store.features import FEWEST_PAIRS
from workbench.store.queueing import next_items

SPACE = "base/template/20"
WIDTH = 6
RNG = np.random.default_rng(0)


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "project")
    yield made
    made.close()


def ask(store, number, goods, read=True):
    """A prompt whose answers are as good as said: the first feature says it, the others are noise."""
    prompt, _ = store.prompts.add(f"Question {number}")
    ids = [store.responses.add(prompt.id, f"answer {place} to {number}").id for place in range(len(goods))]
    if read:
        rows = np.random.default_rng(number).standard_normal((len(goods), WIDTH)) * 0.3
        rows[:, 0] = goods
        store.features.add(SPACE, {id_: packed(row) for id_, row in zip(ids, rows, strict=True)})
    return prompt, ids


def rate(store, prompt, ids, ratings, who="you"):
    return store.feedback.add("rating", prompt.id, ids, {"ratings": ratings}, annotator=who)


def judged(store, count, first=0, **fields):
    for number in range(first, first + count):
        rate(store, *ask(store, number, [1.0, -1.0], **fields), [5, 2])


def test_it_finds_what_people_like_and_says_how_sure_it_is(store):
    judged(store, 30)
    _, (good, bad, far) = ask(store, 100, [1.0, -1.0, 9.0])
    reading = InstantHead().refresh(store)
    assert reading.ready
    assert (reading.pairs, reading.judged, reading.read, reading.wanted) == (30, 30, 63, 63)
    assert reading.prediction(good).score > reading.prediction(bad).score
    assert reading.prediction(far).doubt > reading.prediction(good).doubt > 0
    assert reading.prediction("nobody") is None
    assert reading.accuracy.count == 30
    assert reading.accuracy.share > 0.9
    scores = [reading.prediction(id_).score for id_ in store.features.read(SPACE).ids]
    assert (np.mean(scores), np.std(scores)) == (pytest.approx(0, abs=1e-5), pytest.approx(1, abs=1e-5))


def test_few_pairs_say_nothing(store):
    judged(store, FEWEST_PAIRS - 1)
    head = InstantHead()
    reading = head.refresh(store)
    assert not reading.ready
    assert reading.pairs == FEWEST_PAIRS - 1
    assert reading.prediction(store.features.read(SPACE).ids[0]) is None
    judged(store, 1, first=500)
    assert head.refresh(store).ready


def test_judged_answers_without_a_vector_are_counted_apart(store):
    judged(store, 25, read=False)
    reading = InstantHead().refresh(store)
    assert (reading.judged, reading.pairs, reading.read, reading.wanted) == (25, 0, 0, 50)


def test_undo_is_unlearned_and_votes_of_an_evaluation_never_count(store):
    judged(store, 25)
    head = InstantHead()
    before = head.refresh(store).pairs
    store.feedback.undo("you")
    run = store.runs.add(name="e", method="evaluate", options={})
    prompt, ids = ask(store, 77, [1.0, -1.0])
    store.feedback.add("comparison", prompt.id, ids, {"choice": "b"}, annotator="you", run_id=run.id)
    assert head.refresh(store).pairs == before - 1


def test_every_kind_that_makes_pairs_teaches(store):
    for number in range(10):
        prompt, ids = ask(store, number, [1.0, -1.0])
        store.feedback.add("comparison", prompt.id, ids, {"choice": "a"}, annotator="you")
    for number in range(10, 20):
        prompt, ids = ask(store, number, [1.0, 0.0, -1.0])
        store.feedback.add("ranking", prompt.id, ids, {"order": [[0], [1], [2]]}, annotator="you")
    prompt, ids = ask(store, 99, [1.0])
    store.feedback.add("edit", prompt.id, ids, {"of": 0, "text": "mine"}, annotator="you")
    store.feedback.add("cannot", prompt.id, ids, {"kind": "rating"}, annotator="you")
    mark = {"start": 0, "end": 1, "label": "bad", "quote": "a"}
    store.feedback.add("mark", prompt.id, ids, mark, annotator="you")
    reading = InstantHead().refresh(store)
    assert (reading.pairs, reading.judged) == (40, 41)  # the edited text was never read


def test_a_second_refresh_takes_only_what_is_new_and_says_the_same_as_a_fresh_head(store):
    judged(store, 25)
    head = InstantHead()
    head.refresh(store)
    judged(store, 5, first=200)
    again = next(iter(store.features.read(SPACE).ids))
    store.features.add(SPACE, {again: packed(np.full(WIDTH, 2.0))})  # read again: it keeps its place
    warm, cold = head.refresh(store), InstantHead().refresh(store)
    for id_ in store.features.read(SPACE).ids:
        assert warm.prediction(id_).score == pytest.approx(cold.prediction(id_).score, abs=0.01)
    assert warm.read == cold.read == 60


def test_another_base_is_another_head(store):
    judged(store, 25)
    head = InstantHead()
    head.refresh(store)
    ids = store.features.read(SPACE).ids
    store.features.add("other/t/4", {id_: packed(RNG.standard_normal(3)) for id_ in ids})
    _, more = ask(store, 300, [0.0], read=False)
    store.features.add("other/t/4", {more[0]: packed(np.zeros(3))})
    reading = head.refresh(store)
    assert (reading.read, reading.pairs) == (51, 25)
    assert reading.prediction(more[0]) is not None


def test_a_reward_model_that_has_scored_replaces_the_head(store):
    judged(store, 25)
    ids = store.features.read(SPACE).ids
    model = store.models.add(name="reward", kind="reward", source="run", location="/r")
    store.features.add_scores(model.id, {ids[0]: 1.25, ids[1]: -0.5}, {ids[1]: 0.125})
    reading = InstantHead().refresh(store)
    assert reading.model_id == model.id
    assert (reading.prediction(ids[0]).score, reading.prediction(ids[0]).doubt) == (1.25, None)
    assert reading.prediction(ids[1]).doubt == 0.125
    assert reading.prediction(ids[2]) is None
    assert reading.uncertain["comparison"] is not None  # what to ask next is still the heads' to say


def test_what_would_tell_it_most_comes_first_with_the_two_answers(store):
    judged(store, 30)
    clear = [ask(store, 100 + number, [2.0, -2.0])[0].id for number in range(5)]
    same, (one, copy) = ask(store, 110, [0.5, 0.5])
    store.features.add(SPACE, {id_: packed(np.full(WIDTH, 0.5)) for id_ in (one, copy)})
    strange, _ = ask(store, 111, [0.5, 0.5, 0.5])  # they differ only in what has not mattered so far
    ranked = InstantHead().refresh(store).uncertain["comparison"]
    new = [id_ for id_ in ranked.prompt_ids if id_ in {*clear, same.id, strange.id}]
    assert new[0] == strange.id
    assert same.id not in new  # two copies of a text
    (item,) = next_items(store, "comparison", "you", order="uncertain", ranked=ranked)
    assert set(item.response_ids) == set(ranked.pairs[strange.id])


def test_where_heads_and_a_reward_model_differ_the_heads_choose(store):
    judged(store, 30)
    open_, _ = ask(store, 110, [0.5, 0.5])
    clear, sure = ask(store, 111, [2.0, -2.0])
    unread, scored = ask(store, 112, [0.0, 0.0], read=False)
    model = store.models.add(name="reward", kind="reward", source="run", location="/r")
    store.features.add_scores(model.id, dict(zip((*sure, *scored), (0.0, 0.001, 1.0, 3.0), strict=True)), {})
    prompts = InstantHead().refresh(store).uncertain["comparison"].prompt_ids
    assert [id_ for id_ in prompts if id_ in {open_.id, clear.id, unread.id}] == [open_.id, clear.id, unread.id]


def test_two_answers_that_were_compared_or_set_aside_are_not_proposed_again(store):
    judged(store, 30)
    prompt, ids = ask(store, 111, [0.5, 0.52, 0.51])
    head, seen = InstantHead(), set()
    for choice in ("tie", "tie", ""):
        pair = head.refresh(store).uncertain["comparison"].pairs[prompt.id]
        seen.add(frozenset(pair))
        kind, value = ("comparison", {"choice": choice}) if choice else ("cannot", {"kind": "comparison"})
        store.feedback.add(kind, prompt.id, pair, value, annotator="you")
    assert seen == {frozenset(pair) for pair in combinations(ids, 2)}
    assert prompt.id not in head.refresh(store).uncertain["comparison"].pairs
    store.feedback.undo("you")
    assert frozenset(head.refresh(store).uncertain["comparison"].pairs[prompt.id]) == frozenset(pair)


def test_the_answer_it_is_least_sure_of_is_rated_first(store):
    judged(store, 30)
    ask(store, 100, [0.1])
    strange, _ = ask(store, 101, [25.0])
    ask(store, 102, [0.2])
    ranked = InstantHead().refresh(store).uncertain["rating"]
    (item,) = next_items(store, "rating", "you", order="uncertain", ranked=ranked)
    assert item.prompt.id == strange.id
    (plain,) = next_items(store, "rating", "you", order="newest")
    assert plain.prompt.id != strange.id


def test_what_a_person_has_judged_is_not_asked_again(store):
    judged(store, 30)
    ranked = InstantHead().refresh(store).uncertain["rating"]
    assert len(ranked.prompt_ids) == 30
    assert next_items(store, "rating", "you", order="uncertain", ranked=ranked) == []
    assert len(next_items(store, "rating", "Noor", order="uncertain", ranked=ranked, limit=40)) == 30


def test_a_judgement_that_nobody_would_have_expected_comes_first(store):
    judged(store, 30)
    prompt, ids = ask(store, 200, [2.0, -2.0])
    slip = rate(store, prompt, ids, [1, 5])
    prompt, ids = ask(store, 201, [0.2, -0.2])
    doubt = rate(store, prompt, ids, [2, 4])
    assert InstantHead().refresh(store).surprising[:2] == (slip.id, doubt.id)


def test_a_judgement_is_as_surprising_as_its_worst_pair():
    assert surprising(np.array([0.5, -1.0, -3.0, -2.0]), [("a",), ("b",), ("c", "d"), ("b",)]) == ("c", "d", "b")


def test_each_group_once_by_its_smallest_key():
    assert firsts(np.array([7, 7, 3, 5]), np.array([4.0, 0.0, 2.0, 1.0])) == [7, 5, 3]
