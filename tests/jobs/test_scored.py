"""What a trained reward model is unsure of: two answers of nearly the same score, or heads that disagree."""

from __future__ import annotations

import pytest

from workbench.jobs.instant_head import InstantHead
from workbench.jobs.scored import ScoredAnswers, closest_scores
from workbench.store import Store


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "project")
    yield made
    made.close()


@pytest.fixture
def model(store):
    return store.models.add(name="reward", kind="reward", source="run", location="/r").id


def ask(store, name, answers=2):
    prompt, _ = store.prompts.add(name)
    return prompt.id, [store.responses.add(prompt.id, f"{name} {number}").id for number in range(answers)]


def score(store, model, ids, scores, spreads=()):
    given = dict(zip(ids, spreads, strict=False))
    store.features.add_scores(model, dict(zip(ids, scores, strict=True)), given)


def test_the_margin_nearest_to_zero_comes_first_with_its_two_answers(store, model):
    (clear, one), (close, two), (alone, three), (same, four) = (
        ask(store, "clear"), ask(store, "close", 3), ask(store, "alone", 1), ask(store, "same"),
    )  # fmt: skip
    for ids, scores in ((one, (4.0, -4.0)), (two, (1.0, -3.0, 1.1)), (three, (0.0,)), (four, (2.0, 2.0))):
        score(store, model, ids, scores)
    found = InstantHead().refresh(store).uncertain
    assert found["comparison"].prompt_ids == (close, clear)  # one answer alone and two copies of a text: nothing to ask
    assert set(found["comparison"].pairs[close]) == {two[0], two[2]}
    assert found["rating"].prompt_ids == found["ranking"].prompt_ids == (close, clear)
    assert found["ranking"].pairs == {}
    assert alone not in found["rating"].prompt_ids
    assert same not in found["rating"].prompt_ids


def test_with_an_ensemble_a_gap_counts_against_its_spread_and_doubt_about_an_answer_is_known(store, model):
    (sure, one), (unsure, two), (single, three) = ask(store, "sure"), ask(store, "unsure"), ask(store, "single", 1)
    score(store, model, one, (0.0, 1.0), (0.1, 0.1))
    score(store, model, two, (0.0, 2.0), (1.0, 1.0))
    score(store, model, three, (0.0,), (3.0,))
    found = InstantHead().refresh(store).uncertain
    assert found["comparison"].prompt_ids == (unsure, sure)
    assert found["rating"].prompt_ids == (single, unsure, sure)


def test_a_judgement_that_it_says_the_opposite_of_is_surprising_the_worst_first(store, model):
    said = []
    for name, stars, scores in (("a", [5, 1], (2.0, 1.0)), ("b", [5, 1], (1.0, 2.0)), ("c", [1, 5], (9.0, 0.0))):
        prompt_id, ids = ask(store, name)
        score(store, model, ids, scores)
        said.append(store.feedback.add("rating", prompt_id, ids, {"ratings": stars}, annotator="Noor").id)
    assert InstantHead().refresh(store).surprising == (said[2], said[1])


def test_scores_are_read_again_only_when_they_change(store, model):
    _, ids = ask(store, "a")
    reader = ScoredAnswers()
    assert reader.refresh(store).model_id is None
    score(store, model, ids, (1.0, 2.0))
    first = reader.refresh(store)
    assert reader.refresh(store) is first
    score(store, model, ids[:1], (5.0,))
    assert reader.refresh(store).scores[ids[0]] == (5.0, None)
    newer = store.models.add(name="newer", kind="reward", source="run", location="/n").id
    score(store, newer, ids[:1], (0.5,), (0.25,))
    assert reader.refresh(store).scores == {ids[0]: (0.5, 0.25)}


def test_nothing_scored_is_nothing_to_ask():
    assert closest_scores([]).prompt_ids == ()
    assert closest_scores([("a", "p", 1.0, None)]).prompt_ids == ()
