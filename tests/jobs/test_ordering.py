"""What comes next, found beside the window: every order with what it needs, and what is disputed first."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.jobs import ordering
from workbench.jobs.ordering import Asked, disputed, upcoming
from workbench.store import Store
from workbench.store.queueing import ENOUGH, Ranked, counts_left, next_items
from workbench.store.repeating import AFTER


@pytest.fixture
def store(tmp_path):
    made = Store.open(tmp_path / "project")
    yield made
    made.close()


def ask(store, text, answers=2, **fields):
    prompt, _ = store.prompts.add(text, **fields)
    return prompt.id, [store.responses.add(prompt.id, f"{text} {number}").id for number in range(answers)]


def rate(store, prompt, stars, who):
    prompt_id, ids = prompt
    return store.feedback.add("rating", prompt_id, ids, {"ratings": list(stars)}, annotator=who)


def test_a_plain_order_is_known_ahead_with_what_is_left(store):
    ids = [ask(store, f"q{number}", tags=["mail"] if number % 2 else ["shop"])[0] for number in range(6)]
    found = upcoming(store, Asked("rating", "you", "oldest"))
    assert (found.rest, found.left, found.sets) == (tuple(ids), 6, {"mail": 3, "shop": 3})
    found = upcoming(store, Asked("rating", "you", "newest", tag="mail"))
    assert (found.rest, found.left) == ((ids[5], ids[3], ids[1]), 3)
    assert found.impossible == {"again", "disagreement"}


def test_the_most_uncertain_come_first_within_the_prompt_set_and_the_newest_follow(store):
    prompts = [ask(store, f"q{number}", tags=["mail"] if number < 3 else []) for number in range(5)]
    ids = [prompt_id for prompt_id, _ in prompts]
    sure = Ranked((ids[4], ids[1], ids[0]), {ids[1]: tuple(prompts[1][1])})
    found = upcoming(store, Asked("comparison", "you", "uncertain"), sure)
    assert (found.first.prompt_ids, found.rest) == ((ids[4], ids[1], ids[0]), (ids[3], ids[2]))
    assert found.first.pairs == {ids[1]: tuple(prompts[1][1])}
    found = upcoming(store, Asked("comparison", "you", "uncertain", tag="mail"), sure)
    assert (found.first.prompt_ids, found.rest) == ((ids[1], ids[0]), (ids[2],))


def test_what_others_judge_differently_comes_first_the_widest_apart_before(store):
    a, b, c, d = (ask(store, name) for name in "abcd")
    for prompt, one, other in ((a, (5, 4), (5, 4)), (b, (5, 4), (4, 5)), (c, (3, 1), (4, 2)), (d, (5, 5), (3, 5))):
        rate(store, prompt, one, "Noor")
        rate(store, prompt, other, "Ada")
    assert disputed(store) == [b[0], d[0], c[0]]  # turned round, two stars apart, one star apart
    found = upcoming(store, Asked("rating", "you", "disagreement"))
    assert found.first.prompt_ids == (b[0], d[0], c[0])
    assert found.rest == (a[0],)
    assert "disagreement" not in found.impossible
    store.feedback.undo("Ada")  # d
    assert disputed(store) == [b[0], c[0]]


def test_people_who_judged_in_different_kinds_can_disagree(store):
    a, b = ask(store, "a"), ask(store, "b")
    for prompt, choice in ((a, "a"), (b, "b")):
        rate(store, prompt, (5, 2), "Noor")
        store.feedback.add("comparison", *prompt, {"choice": choice}, annotator="Ada")
    assert disputed(store) == [b[0]]


def test_a_rule_and_a_vote_dispute_nothing(store):
    a = ask(store, "a")
    rate(store, a, (5, 1), "Noor")
    rate(store, a, (1, 5), "rule:short")
    run = store.runs.add(name="vote", method="evaluate", options={})
    store.feedback.add("comparison", *a, {"choice": "b"}, annotator="Ada", run_id=run.id)
    assert disputed(store) == []
    assert "disagreement" in upcoming(store, Asked("rating", "you", "disagreement")).impossible


def test_what_a_model_says_the_opposite_of_is_shown_to_others_and_asked_again_of_its_person(store):
    mine = rate(store, ask(store, "mine"), (1, 5), "you")
    for number in range(AFTER):
        rate(store, ask(store, f"more {number}"), (4, 3), "you")
    theirs, other = ask(store, "theirs"), ask(store, "other")
    said = rate(store, theirs, (1, 5), "Noor")
    found = upcoming(store, Asked("rating", "you", "disagreement"), None, [said.id, mine.id])
    assert found.first.prompt_ids == (theirs[0],)
    assert found.again == (mine.id,)
    assert found.rest == (other[0],)
    assert "disagreement" not in found.impossible


def test_what_this_person_and_another_dispute_is_asked_again_after_a_while(store):
    prompt = ask(store, "first")
    mine = rate(store, prompt, (5, 1), "you")
    rate(store, prompt, (1, 5), "Noor")
    place = Asked("rating", "you", "disagreement")
    assert upcoming(store, place).again == ()
    for number in range(AFTER):
        rate(store, ask(store, f"more {number}"), (4, 3), "you")
    assert upcoming(store, place).again == (mine.id,)


def test_the_order_that_asks_again_has_nothing_else(store):
    given = [rate(store, ask(store, f"q{number}"), (4, 3), "you").id for number in range(AFTER + 3)]
    ask(store, "new")
    found = upcoming(store, Asked("rating", "you", "again"))
    assert (set(found.again), found.rest, found.left) == (set(given[:3]), (), 3)
    assert "again" not in found.impossible
    assert set(upcoming(store, Asked("rating", "you")).again) == set(given[:3])  # may come back unannounced


def test_only_so_many_are_looked_up(store, monkeypatch):
    monkeypatch.setattr(ordering, "MOST_AHEAD", 3)
    ids = [ask(store, f"q{number}")[0] for number in range(6)]
    found = upcoming(store, Asked("rating", "you", "uncertain"), Ranked(tuple(ids[:2])))
    assert (found.first.prompt_ids, found.rest, found.left) == (tuple(ids[:2]), (ids[5],), 6)


ORDERS = ("newest", "oldest", "random", "fewest", "uncertain", "disagreement")
judging = st.lists(
    st.tuples(st.sampled_from(["you", "Noor", "Ada"]), st.integers(0, 4), st.integers(1, 5), st.integers(1, 5)),
    max_size=14,
)


class TakenBack(Exception):
    pass


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(said=judging, order=st.sampled_from(ORDERS), enough=st.integers(0, 2))
def test_every_order_names_exactly_what_is_open_each_once(store, said, order, enough):
    with contextlib.suppress(TakenBack), store.writing():  # one project for all examples
        prompts = [ask(store, f"q{number}") for number in range(5)]
        for who, place, first, second in said:
            rate(store, prompts[place], (first, second), who)
        store.set_setting(ENOUGH, enough)
        found = upcoming(store, Asked("rating", "you", order), Ranked((prompts[2][0],)))
        named = [*found.first.prompt_ids, *found.rest]
        open_now = {item.prompt.id for item in next_items(store, "rating", "you", limit=9)}
        assert len(named) == len(set(named)) == found.left == counts_left(store, "rating", "you")
        assert set(named) == open_now
        raise TakenBack
