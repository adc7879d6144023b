"""What comes next to judge: each person's own queue, per kind, in an order that can be repeated."""

from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.feedback import ASIDE, KINDS
from workbench.store import Store
from workbench.store.queueing import (
    ENOUGH,
    Item,
    Ranked,
    counts_left,
    item_of,
    next_items,
    open_among,
    open_in_order,
    prompt_sets,
    set_aside,
)
from workbench.store.repeating import AFTER, SHARE, item_again, repeat_due, repeatable, repeatable_among

VALUES = {
    "rating": lambda n: {"ratings": [3] * n},
    "comparison": lambda n: {"choice": "a"},
    "ranking": lambda n: {"order": [[place] for place in range(n)]},
    "edit": lambda n: {"of": 0, "text": "Better."},
    "thumbs": lambda n: {"thumbs": [True] * n},
    "best_worst": lambda n: {"best": 0, "worst": 1},
    "rubric": lambda n: {"criteria": [{"name": "Tone"}], "scores": [[3] * n]},
}


def ask(store: Store, text: str, answers: int, **fields: object) -> str:
    prompt, _ = store.prompts.add(text, **fields)  # type: ignore[arg-type]
    for number in range(answers):
        store.responses.add(prompt.id, f"{text} {number}")
    return prompt.id


def judge(store: Store, item: Item, who: str = "you"):
    value = VALUES[item.kind](len(item.responses))
    return store.feedback.add(item.kind, item.prompt.id, item.response_ids, value, annotator=who)


def texts(items: list[Item]) -> list[str]:
    return [item.prompt.text for item in items]


def work_through(store: Store, kind: str, who: str = "you") -> list[Item]:
    done = []
    while items := next_items(store, kind, who):
        judge(store, items[0], who)
        done += items
        assert len(done) < 100
    return done


@pytest.mark.parametrize(
    ("kind", "answers", "shown"),
    [
        ("rating", 1, [1]),
        ("rating", 4, [4]),
        ("rating", 6, [4, 2]),
        ("comparison", 1, []),
        ("comparison", 2, [2]),
        ("comparison", 4, [2] * 6),
        ("ranking", 2, []),
        ("ranking", 3, [3]),
        ("ranking", 4, [4]),
        ("ranking", 6, [4, 4]),
        ("edit", 1, [1]),
        ("edit", 5, [4, 1]),
    ],
)
def test_every_answer_has_its_turn_and_then_it_is_over(store: Store, kind: str, answers: int, shown: list[int]) -> None:
    ask(store, "Hi", answers)
    assert counts_left(store, kind, "you") == bool(shown)
    done = work_through(store, kind)
    assert [len(item.responses) for item in done] == shown
    assert counts_left(store, kind, "you") == 0
    if shown:
        assert len({id_ for item in done for id_ in item.response_ids}) == answers


def test_no_pair_is_compared_twice_and_every_answer_is_seen_early(store: Store) -> None:
    ask(store, "Hi", 6)
    pairs = [frozenset(item.response_ids) for item in work_through(store, "comparison")]
    assert len(pairs) == len(set(pairs)) == 15
    assert len(frozenset.union(*pairs[:3])) == 6


def test_a_pair_is_found_among_more_answers_than_are_looked_at(store: Store) -> None:
    prompt_id = ask(store, "Hi", 70)
    ids = [answer.id for answer in store.responses.of_prompt(prompt_id)]
    with store.writing():  # the 64 that come first have all been compared with each other
        for first in range(64):
            for second in range(first):
                store.feedback.add("comparison", prompt_id, [ids[first], ids[second]], {"choice": "a"}, annotator="you")
        for answer in ids[64:]:
            for _ in range(64):
                store.feedback.add("comparison", prompt_id, [answer, ids[64]], {"choice": "a"}, annotator="you")
    (item,) = next_items(store, "comparison", "you")
    assert not set(item.response_ids) <= set(ids[:64])


QUEUED = [kind for kind in KINDS if kind != "mark"]


@pytest.mark.parametrize("kind", QUEUED)
def test_people_and_kinds_have_queues_of_their_own(store: Store, kind: str) -> None:
    ask(store, "Hi", 3)
    work_through(store, kind)
    assert counts_left(store, kind, "Noor") == 1
    assert {other: counts_left(store, other, "you") for other in QUEUED} == {
        other: int(other != kind) for other in QUEUED
    }


@pytest.mark.parametrize("aside", ASIDE)
@pytest.mark.parametrize("kind", QUEUED)
def test_what_is_set_aside_does_not_come_back_until_that_is_undone(store: Store, kind: str, aside: str) -> None:
    ask(store, "Hi", 3)
    (item,) = next_items(store, kind, "you")
    row = set_aside(store, item, "you", aside)
    assert (row.kind, row.value) == (aside, {"kind": kind})
    assert item.response_ids not in [other.response_ids for other in next_items(store, kind, "you")]
    assert counts_left(store, kind, "Noor") == 1
    assert item_of(store, store.feedback.undo("you")) == item
    assert next_items(store, kind, "you") == [item]


def test_a_skip_that_names_no_kind_counts_for_all(store: Store) -> None:
    prompt_id = ask(store, "Hi", 3)
    ids = [answer.id for answer in store.responses.of_prompt(prompt_id)]
    store.feedback.add("skip", prompt_id, ids, {}, annotator="you")
    assert {kind: counts_left(store, kind, "you") for kind in QUEUED} == dict.fromkeys(QUEUED, 0)


def test_undo_returns_to_the_item_and_redo_leaves_it(store: Store) -> None:
    ask(store, "Hi", 2)
    (item,) = next_items(store, "rating", "you")
    judge(store, item)
    assert item_of(store, store.feedback.undo("you")) == item
    assert counts_left(store, "rating", "you") == 1
    store.feedback.redo("you")
    assert counts_left(store, "rating", "you") == 0


def test_a_new_answer_brings_the_prompt_back(store: Store) -> None:
    prompt_id = ask(store, "Hi", 2)
    work_through(store, "rating")
    new = store.responses.add(prompt_id, "Another.")
    assert next_items(store, "rating", "you")[0].response_ids == (new.id,)


def test_only_queued_answers_wait(store: Store) -> None:
    prompt_id = ask(store, "Hi", 3)
    ids = [answer.id for answer in store.responses.of_prompt(prompt_id)]
    store.responses.queue(ids[:2], queued=False)
    assert next_items(store, "rating", "you")[0].response_ids == (ids[2],)
    assert counts_left(store, "comparison", "you") == 0
    store.responses.queue(ids, queued=True)
    assert counts_left(store, "ranking", "you") == 1


def test_votes_of_an_evaluation_do_not_empty_the_queue(store: Store) -> None:
    prompt_id = ask(store, "Hi", 2)
    run = store.runs.add(name="vote", method="evaluate", options={})
    ids = [answer.id for answer in store.responses.of_prompt(prompt_id)]
    store.feedback.add("comparison", prompt_id, ids, {"choice": "a"}, annotator="you", run_id=run.id)
    assert counts_left(store, "comparison", "you") == 1


def test_held_out_prompts_are_judged_too(store: Store) -> None:
    for number in range(30):
        ask(store, f"prompt {number}", 1)
    splits = {item.prompt.split for item in next_items(store, "rating", "you", limit=30)}
    assert splits == {"train", "held_out"}


# ---- order ----


@pytest.fixture
def five(store: Store) -> Store:
    for number in range(5):
        ask(store, f"p{number}", 2, tags=["even" if number % 2 == 0 else "odd"])
    return store


def test_newest_and_oldest_go_by_the_newest_answer(five: Store) -> None:
    assert texts(next_items(five, "rating", "you", limit=9)) == ["p4", "p3", "p2", "p1", "p0"]
    assert texts(next_items(five, "rating", "you", order="oldest", limit=2)) == ["p0", "p1"]
    five.responses.add(five.prompts.list()[1].id, "Late.")
    assert texts(next_items(five, "rating", "you", limit=2)) == ["p1", "p4"]


def test_fewest_judgements_of_anybody_come_first(five: Store) -> None:
    for item in next_items(five, "rating", "Noor", limit=3):  # p4, p3, p2
        judge(five, item, "Noor")
    (item,) = next_items(five, "comparison", "Noor")
    judge(five, item, "Noor")  # p4 again
    assert texts(next_items(five, "rating", "you", order="fewest", limit=9)) == ["p0", "p1", "p2", "p3", "p4"]
    five.feedback.undo("Noor")
    five.feedback.undo("Noor")  # p2 is free again
    assert texts(next_items(five, "rating", "you", order="fewest", limit=9)) == ["p0", "p1", "p2", "p3", "p4"]
    assert five.rows("SELECT judged FROM queue ORDER BY newest") == [{"judged": n} for n in (0, 0, 0, 1, 1)]


def test_a_seed_gives_the_same_items_in_the_same_shuffled_order(five: Store) -> None:
    seeds = [next_items(five, "rating", "you", order="random", seed=seed, limit=9) for seed in range(40)]
    assert seeds == [next_items(five, "rating", "you", order="random", seed=seed, limit=9) for seed in range(40)]
    assert {frozenset(texts(items)) for items in seeds} == {frozenset(f"p{number}" for number in range(5))}
    assert len({tuple(texts(items)) for items in seeds}) > 1
    shown = {item.response_ids for items in seeds for item in items if item.prompt.text == "p0"}
    assert len(shown) == 2  # either answer stands first under some seed


def test_a_random_walk_reaches_the_last_item(five: Store) -> None:
    done = []
    for seed in range(5):
        (item,) = next_items(five, "rating", "you", order="random", seed=seed)
        judge(five, item)
        done.append(item.prompt.text)
    assert sorted(done) == ["p0", "p1", "p2", "p3", "p4"]
    assert next_items(five, "rating", "you", order="random", seed=9) == []


@pytest.mark.parametrize("order", ["newest", "oldest", "random", "fewest"])
def test_tags_and_exclusions_hold_in_every_order(five: Store, order: str) -> None:
    odd = next_items(five, "rating", "you", order=order, limit=9, tag="odd")
    assert sorted(texts(odd)) == ["p1", "p3"]
    rest = next_items(five, "rating", "you", order=order, limit=9, tag="odd", exclude=[odd[0].prompt.id])
    assert rest == odd[1:]
    assert next_items(five, "rating", "you", order=order, tag="none") == []
    assert counts_left(five, "rating", "you", tag="odd") == 2
    judge(five, odd[0])
    assert (counts_left(five, "rating", "you", tag="odd"), counts_left(five, "rating", "you")) == (1, 4)


@pytest.mark.parametrize(("kind", "order"), [("smile", "newest"), ("rating", "fastest")])
def test_what_the_queue_does_not_know_is_said_so(store: Store, kind: str, order: str) -> None:
    with pytest.raises(WorkbenchError, match="queue"):
        next_items(store, kind, "you", order=order)
    if kind == "smile":
        with pytest.raises(WorkbenchError, match="queue"):
            counts_left(store, kind, "you")


@pytest.mark.parametrize("order", ["newest", "oldest", "random", "fewest"])
def test_every_order_walks_an_index(store: Store, order: str) -> None:
    said: list[str] = []
    store.db.conn.set_trace_callback(said.append)
    next_items(store, "rating", "you", order=order)
    store.db.conn.set_trace_callback(None)
    (query, *_) = [text for text in said if "FROM queue" in text]
    plan = " | ".join(row["detail"] for row in store.rows(f"EXPLAIN QUERY PLAN {query}"))
    assert "USING COVERING INDEX queue_" in plan
    assert "TEMP B-TREE" not in plan
    assert "SCAN r" not in plan


def test_a_given_order_comes_first_and_the_newest_follow(store: Store) -> None:
    ids = [ask(store, f"q{number}", 2) for number in range(5)]
    ranked = Ranked((ids[1], "gone", ids[3]))
    found = next_items(store, "rating", "you", order="uncertain", ranked=ranked, limit=5)
    assert texts(found) == ["q1", "q3", "q4", "q2", "q0"]
    judge(store, found[0])
    again = next_items(store, "rating", "you", order="uncertain", ranked=ranked, limit=2, exclude=[ids[3]])
    assert texts(again) == ["q4", "q2"]
    assert texts(next_items(store, "rating", "you", order="uncertain")) == ["q4"]


def test_a_given_order_is_searched_as_far_as_needed(store: Store) -> None:
    ids = [ask(store, f"q{number}", 1) for number in range(150)]
    for prompt_id in ids[:130]:
        item = next_items(store, "rating", "you", order="uncertain", ranked=Ranked((prompt_id,)))[0]
        judge(store, item)
    assert open_among(store, "rating", "you", ids, 2) == ids[130:132]
    assert open_among(store, "comparison", "you", ids, 2) == []


def test_the_wished_pair_is_compared_until_it_was(store: Store) -> None:
    prompt_id = ask(store, "Hi", 4)
    wished = tuple(response.id for response in store.responses.of_prompt(prompt_id)[1:3])
    ranked = Ranked((prompt_id,), {prompt_id: wished})  # type: ignore[dict-item]
    (item,) = next_items(store, "comparison", "you", order="uncertain", ranked=ranked)
    assert set(item.response_ids) == set(wished)
    judge(store, item)
    (after,) = next_items(store, "comparison", "you", order="uncertain", ranked=ranked)
    assert set(after.response_ids) != set(wished)
    store.responses.queue([wished[0]], False)
    (other,) = next_items(store, "comparison", "Noor", order="uncertain", ranked=ranked)
    assert wished[0] not in other.response_ids


# ---- prompt sets, and looking only so far ----


def test_a_prompt_set_is_as_large_as_its_prompts_with_answers(five: Store) -> None:
    five.prompts.add("no answers yet", tags=["even"])
    assert prompt_sets(five) == {"even": 3, "odd": 2}


@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_a_person_who_did_most_is_not_searched_for_without_end(five: Store, order: str) -> None:
    for item in next_items(five, "rating", "you", order=order, limit=4):
        judge(five, item)
    (last,) = next_items(five, "rating", "you", order=order, within=5)
    assert next_items(five, "rating", "you", order=order, within=4) == []
    assert open_in_order(five, "rating", "you", order, 9) == [last.prompt.id]


# ---- how many people are enough ----


@pytest.mark.parametrize("kind", QUEUED)
def test_what_enough_others_have_judged_waits_for_nobody_else(store: Store, kind: str) -> None:
    ask(store, "Hi", 3)
    store.set_setting(ENOUGH, 2)
    assert counts_left(store, kind, "you") == 1
    work_through(store, kind, "Noor")
    assert counts_left(store, kind, "you") == 1
    work_through(store, kind, "Ada")
    assert (counts_left(store, kind, "you"), next_items(store, kind, "you")) == (0, [])
    store.set_setting(ENOUGH, 3)
    assert counts_left(store, kind, "you") == 1
    store.set_setting(ENOUGH, 2)
    while store.feedback.undo("Ada"):
        pass
    assert counts_left(store, kind, "you") == 1


def test_who_only_skipped_or_is_a_rule_is_not_counted(store: Store) -> None:
    ask(store, "Hi", 2)
    store.set_setting(ENOUGH, 1)
    set_aside(store, next_items(store, "rating", "Noor")[0], "Noor")
    judge(store, next_items(store, "rating", "rule:short")[0], "rule:short")
    assert counts_left(store, "rating", "you") == 1


def test_only_what_is_short_of_judgements_is_shown(store: Store) -> None:
    prompt_id = ask(store, "Hi", 3)
    ids = [answer.id for answer in store.responses.of_prompt(prompt_id)]
    store.set_setting(ENOUGH, 1)
    store.feedback.add("rating", prompt_id, ids[:2], {"ratings": [3, 3]}, annotator="Noor")
    store.feedback.add("comparison", prompt_id, ids[:2], {"choice": "a"}, annotator="Noor")
    assert next_items(store, "rating", "you")[0].response_ids == (ids[2],)
    pairs = [set(item.response_ids) for item in work_through(store, "comparison")]
    assert len(pairs) == 2
    assert set(ids[:2]) not in pairs


@pytest.mark.parametrize("nonsense", ["3", 2.5, -1, 1000, None])
def test_a_number_of_people_that_makes_no_sense_is_none(store: Store, nonsense: object) -> None:
    ask(store, "Hi", 1)
    work_through(store, "rating", "Noor")
    store.set_setting(ENOUGH, nonsense)
    assert counts_left(store, "rating", "you") == 1


# ---- repeats ----


def rated(store: Store, count: int, first: int = 0) -> list[str]:
    """So many rated prompts, oldest first, and the ids of the judgements."""
    found = []
    for number in range(first, first + count):
        prompt_id = ask(store, f"Prompt {number}", 3, tags=["mail"] if number % 2 else [])
        ids = [answer.id for answer in store.responses.of_prompt(prompt_id)]
        found.append(store.feedback.add("rating", prompt_id, ids, {"ratings": [3, 4, 5]}, annotator="you").id)
    return found


def test_a_judgement_comes_back_once_after_a_while_and_only_to_its_person(store: Store) -> None:
    given = rated(store, AFTER)
    assert repeatable(store, "rating", "you") == []
    given += rated(store, 1, AFTER)
    assert repeatable(store, "rating", "you", seed=3) == [given[0]]
    item = item_again(store, given[0], seed=3)
    assert item.repeat_of == given[0]
    assert set(item.response_ids) == set(store.feedback.find(given[0]).response_ids)
    assert repeatable(store, "rating", "you", exclude=[item.prompt.id]) == []
    assert repeatable(store, "rating", "Noor") == []
    assert repeatable(store, "thumbs", "you") == []
    again = store.feedback.add(
        "rating", item.prompt.id, item.response_ids, {"ratings": [1, 1, 1]}, annotator="you", repeat_of=item.repeat_of
    )
    assert again.repeat_of == given[0]
    assert item_of(store, again) == item
    assert repeatable(store, "rating", "you", seed=3) == [given[1]]
    store.feedback.undo("you")
    assert repeatable(store, "rating", "you", seed=3) == [given[0]]


def test_what_may_come_back_can_be_asked_of_a_list_and_of_a_prompt_set(store: Store) -> None:
    given = rated(store, AFTER + 3)
    assert set(repeatable(store, "rating", "you", limit=9)) == set(given[:3])
    assert repeatable(store, "rating", "you", limit=9, tag="mail") == [given[1]]
    assert repeatable_among(store, "rating", "you", [given[9], given[2], "gone", given[0]], 9) == [given[2], given[0]]
    assert repeatable_among(store, "rating", "you", given, 9, tag="mail") == [given[1]]
    prompt_id = store.feedback.find(given[0]).prompt_id
    assert repeatable_among(store, "rating", "you", given, 1, exclude=[prompt_id]) == [given[1]]


def test_what_is_imported_does_not_come_back(store: Store) -> None:
    prompt_id = ask(store, "Imported", 3)
    ids = [answer.id for answer in store.responses.of_prompt(prompt_id)]
    store.feedback.add("rating", prompt_id, ids, {"ratings": [3, 4, 5]}, annotator="you", import_key="k")
    rated(store, AFTER)
    assert repeatable(store, "rating", "you") == []


@pytest.mark.parametrize(("said", "share"), [(None, 0.05), (0, 0.0), (20, 0.2), (21, 0.05), ("many", 0.05)])
def test_a_repeat_is_due_as_often_as_the_project_says(store: Store, said: object, share: float) -> None:
    if said is not None:
        store.set_setting(SHARE, said)
    found = sum(repeat_due(store, "you", seed) for seed in range(2000)) / 2000
    assert abs(found - share) <= (0.03 if share else 0)


@pytest.mark.parametrize(
    ("setting", "kind", "shown"),
    [
        (None, "rating", 4), (9, "rating", 9), (1, "thumbs", 1), (6, "best_worst", 6), (2, "ranking", 3),
        (9, "comparison", 2), (9, "edit", 4), (0, "rating", 4), (10, "rating", 4), ("6", "rating", 4),
    ],
)  # fmt: skip
def test_a_project_says_how_many_answers_are_judged_at_once(store, setting, kind, shown):
    ask(store, "Long", 12)
    if setting is not None:
        store.set_setting("answers_at_once", setting)
    (item,) = next_items(store, kind, "you")
    assert len(item.responses) == shown
