"""Filters beyond the first, lists of prompts, answers and runs, words that are everywhere, and lineage."""

from __future__ import annotations

import pytest

from workbench.store import Store, finding
from workbench.store.browsing import count, entries, history, ids
from workbench.store.filtering import Filter
from workbench.store.lineage import uses
from workbench.store.listing import count as count_rows
from workbench.store.listing import facets, page, targets, total
from workbench.store.listing import ids as ids_of


@pytest.fixture
def shop(store: Store) -> Store:
    """Three prompts; the first has two people's judgements and a repeat, the last has none."""
    base = store.models.add(name="base", kind="base", source="local", location="/m")
    guideline = store.guidelines.add("Be short.")
    mugs, _ = store.prompts.add("Two mugs arrived cracked", tags=["mail"])
    tea, _ = store.prompts.add("茶壶漏水", tags=["zh"])
    store.prompts.add("Nobody judged this")
    sorry = store.responses.add(mugs.id, "I am sorry", model_id=base.id)
    wait = store.responses.add(mugs.id, "Please wait, élan")
    new = store.responses.add(tea.id, "换新的")
    add = store.feedback.add
    first = add("rating", mugs.id, [sorry.id, wait.id], {"ratings": [4, 2]}, annotator="you", seconds=31,
                guideline_id=guideline.id)  # fmt: skip
    add("rating", mugs.id, [wait.id, sorry.id], {"ratings": [2, 5]}, annotator="you", seconds=19, repeat_of=first.id)
    add("comparison", mugs.id, [sorry.id, wait.id], {"choice": "b"}, annotator="Noor", comment="late", reasons=["Tone"])
    add("rating", tea.id, [new.id], {"ratings": [3]}, annotator="Noor", import_key="k")
    add("flag", tea.id, [new.id], {"kind": "rating"}, annotator="you")
    return store


def seqs(store: Store, **filters: object) -> list[int]:
    found = [item.seq for item in entries(store, **filters)]
    assert count(store, **filters) == len(found)
    assert [entry.id for entry in entries(store, **filters)] == ids(store, **filters)
    return found


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({"only": ("repeats",)}, [2]),
        ({"only": ("flagged",)}, [5, 4]),
        ({"only": ("commented",)}, [3]),
        ({"only": ("imported",)}, [4]),
        ({"only": ("commented", "repeats")}, []),
        ({"reasons": ("Tone",)}, [3]),
        ({"guideline": ""}, [5, 4, 3, 2]),
        ({"ids": ()}, []),
    ],
)
def test_filters_beyond_the_first(shop: Store, filters: dict, expected: list[int]) -> None:
    assert seqs(shop, **filters) == expected


def test_rows_by_their_ids_prompts_answers_and_guideline(shop: Store) -> None:
    first, second, *_ = entries(shop, order="oldest")
    assert seqs(shop, ids=(first.id, second.id, "gone")) == [2, 1]
    assert seqs(shop, prompt_ids=(first.prompt_id,)) == [3, 2, 1]
    assert seqs(shop, response_ids=first.response_ids[:1]) == [3, 2, 1]
    assert seqs(shop, guideline=first.guideline_id) == [1]
    assert (second.repeat_of, second.guideline_id) == (first.id, None)


def test_the_history_of_a_prompt_has_what_was_taken_back(shop: Store) -> None:
    first = entries(shop, order="oldest")[0]
    shop.feedback.retract([first.id])
    told = history(shop, first.prompt_id)
    assert [(entry.seq, entry.retracted, entry.retracted_by) for entry in told] == [
        (3, False, None), (2, False, None), (1, True, "person"),
    ]  # fmt: skip


def test_a_filter_is_kept_and_read_again(shop: Store) -> None:
    wanted = Filter(kinds=("rating",), search="茶", retracted=None, only=("repeats",), ids=("a", "b"))
    assert Filter.of(wanted.to_json()) == wanted
    assert Filter().to_json() == {}


@pytest.mark.parametrize(
    "given",
    [
        {"kinds": "rating"}, {"kinds": [1]}, {"search": 3}, {"retracted": "no"}, {"split": 1}, {"only": ["smell"]},
        {"unheard_of": True}, {"only": None},
    ],
)  # fmt: skip
def test_a_filter_that_was_kept_wrong_shows_everything(given: dict) -> None:
    assert Filter.of(given) == Filter()


# --- words that are everywhere


@pytest.mark.parametrize("few", [0, 1, 8_000])
@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("mugs", [3, 2, 1]), ("MUGS sorry", [3, 2, 1]), ("i", [3, 2, 1]), ("茶", [5, 4]), ("漏水", [5, 4]),
        ("换新的", [5, 4]), ("late", [3]), ("la", [3, 2, 1]), ("É", []), ("ÉLAN", [3, 2, 1]), ("mugs 茶", []),
        ("q", []),
    ],
)  # fmt: skip
def test_a_search_finds_the_same_whether_few_rows_have_the_word_or_many(
    shop: Store, monkeypatch: pytest.MonkeyPatch, few: int, search: str, expected: list[int]
) -> None:
    monkeypatch.setattr(finding, "FEW", few)
    assert seqs(shop, search=search) == expected


def test_a_search_sees_what_was_written_since(shop: Store) -> None:
    assert seqs(shop, search="zebra") == []
    prompt, _ = shop.prompts.add("A zebra")
    answer = shop.responses.add(prompt.id, "Striped")
    shop.feedback.add("rating", prompt.id, [answer.id], {"ratings": [5]}, annotator="you")
    assert seqs(shop, search="zebra") == [6]
    other = Store.beside(shop.folder)
    other.feedback.add("rating", prompt.id, [answer.id], {"ratings": [4]}, annotator="Noor", comment="zebra crossing")
    other.close()
    assert seqs(shop, search="zebra") == [7, 6]


# --- prompts, answers, runs


def test_prompts_and_answers_say_how_much_was_judged(shop: Store) -> None:
    found = page(shop, "prompts", Filter())
    assert [(row.prompt, row.answers, row.judgements) for row in found] == [
        ("Nobody judged this", 0, 0), ("茶壶漏水", 1, 1), ("Two mugs arrived cracked", 2, 3),
    ]  # fmt: skip
    answers = page(shop, "answers", Filter(), "oldest")
    assert [(row.text, row.model, row.judgements) for row in answers] == [
        ("I am sorry", "base", 3), ("Please wait, élan", "", 3), ("换新的", "", 1),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("lists", "wanted", "expected"),
    [
        ("prompts", Filter(judged=False), 1), ("prompts", Filter(judged=True), 2),
        ("prompts", Filter(search="茶"), 1),
        ("prompts", Filter(tags=("mail",)), 1), ("prompts", Filter(models=("base",)), 1),
        ("prompts", Filter(only=("flagged",)), 1), ("answers", Filter(judged=True), 3),
        ("answers", Filter(judged=False), 0), ("answers", Filter(models=("",)), 2),
        ("answers", Filter(search="新"), 1), ("answers", Filter(tags=("mail",)), 2),
        ("answers", Filter(search="sorry"), 1),
    ],
)  # fmt: skip
def test_filters_of_prompts_and_answers(shop: Store, lists: str, wanted: Filter, expected: int) -> None:
    assert count_rows(shop, lists, wanted) == len(page(shop, lists, wanted)) == expected
    assert ids_of(shop, lists, wanted) == [row.id for row in page(shop, lists, wanted)]


def test_runs_are_found_by_name_method_and_state(shop: Store) -> None:
    run = shop.runs.add(name="Reward r3", method="reward", options={})
    shop.runs.add(name="Tuned", method="ppo", options={})
    shop.runs.freeze(run.id, [entry.id for entry in entries(shop)[:2]], "hash")
    found = page(shop, "runs", Filter(search="r3"))
    assert [(row.name, row.judgements, row.status, row.result) for row in found] == [("Reward r3", 2, "waiting", "")]
    assert count_rows(shop, "runs", Filter(methods=("ppo",))) == 1
    assert facets(shop, "runs") == {"methods": {"ppo": 1, "reward": 1}, "statuses": {"waiting": 2}}
    assert count_rows(shop, "prompts", Filter(used_by=run.id)) == 1
    assert count_rows(shop, "answers", Filter(used_by=run.id)) == 1


@pytest.mark.parametrize("lists", ["judgements", "prompts", "answers"])
def test_every_facet_of_every_list_is_a_filter_with_its_count(shop: Store, lists: str) -> None:
    names = {"splits": "split", "judged": "judged"}
    for group, values in facets(shop, lists).items():
        for value, number in values.items():
            wanted = {"gone": Filter(retracted=True), "judged": Filter(judged=value == "judged")}.get(group)
            if wanted is None:
                wanted = Filter(**{names.get(group, group): value if group == "splits" else (value,)})
            assert count_rows(shop, lists, wanted) == number, (group, value)


def test_what_rows_of_a_list_are_about(shop: Store) -> None:
    mugs, tea = (row for row in page(shop, "prompts", Filter(judged=True), "oldest"))
    assert [len(answers) for _, answers in targets(shop, "prompts", [mugs.id, tea.id])] == [2, 1]
    second = entries(shop, order="oldest")[1]
    assert targets(shop, "judgements", [second.id]) == [(second.prompt_id, second.response_ids)]
    answer = page(shop, "answers", Filter())[0]
    assert targets(shop, "answers", [answer.id]) == [(answer.prompt_id, (answer.id,))]
    assert targets(shop, "runs", ["x"]) == []
    assert (total(shop, "answers"), total(shop, "judgements")) == (3, 5)


# --- lineage


def test_a_judgement_is_followed_through_the_models_that_learned_from_it(shop: Store) -> None:
    judged = entries(shop, order="oldest")[0]
    reward = shop.runs.add(name="reward-1", method="reward", options={})
    shop.runs.freeze(reward.id, [judged.id], "hash")
    base = shop.models.find("base")
    made = shop.models.add(name="r1", kind="reward", source="run", location="/r", parent_id=base.id)
    shop.runs.update(reward.id, result_id=made.id)
    ppo = shop.runs.add(name="ppo-1", method="ppo", options={}, model_id=base.id, reward_id=made.id)
    tuned = shop.models.add(name="v2", kind="adapter", source="run", location="/a", parent_id=base.id)
    shop.runs.update(ppo.id, result_id=tuned.id)
    check = shop.runs.add(name="check", method="evaluate", options={}, model_id=tuned.id)
    shop.runs.add(name="unrelated", method="ppo", options={}, model_id=base.id)
    told = [(use.run.name, use.depth, use.via and use.via.name, use.role, use.result) for use in uses(shop, judged.id)]
    assert told == [
        ("reward-1", 0, None, "", "r1"), ("ppo-1", 1, "reward-1", "reward", "v2"), ("check", 2, "ppo-1", "model", ""),
    ]  # fmt: skip
    assert [entry.id for entry in entries(shop, used_by=reward.id)] == [judged.id]
    assert uses(shop, entries(shop)[0].id) == []
    assert check.id in {use.run.id for use in uses(shop, judged.id)}
