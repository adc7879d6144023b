"""Every judgement as a row: filters, search in two scripts, pages and counts."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.browsing import count, entries, entry, facets


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """Six judgements (numbers 1 to 6) on two prompts, by two people, about two models; number 6 is taken back."""
    store = Store.open(tmp_path_factory.mktemp("shop"))
    base = store.models.add(name="base", kind="base", source="local", location="/m")
    tuned = store.models.add(name="v2", kind="adapter", source="run", location="/a", parent_id=base.id)
    mug, _ = store.prompts.add("Two of the four mugs arrived cracked.", system="A pottery shop.", tags=["mail", "en"])
    tea, _ = store.prompts.add("我的茶壶漏水，怎么办？", tags=["mail", "zh"])
    sorry = store.responses.add(mug.id, "I'm so sorry. 100% refund_ed.", model_id=base.id)
    fast = store.responses.add(mug.id, "Replacements go out today.", model_id=base.id, adapter_id=tuned.id)
    chinese = store.responses.add(tea.id, "很抱歉，我们会寄新的茶壶。", model_id=base.id)
    imported = store.responses.add(tea.id, "Line one\nLine two")
    add = store.feedback.add
    add("rating", mug.id, [sorry.id, fast.id], {"ratings": [2, 5]}, annotator="you", seconds=9)
    add("comparison", mug.id, [fast.id, sorry.id], {"choice": "a"}, annotator="Noor", comment="Quicker, ﬁne.")
    add("edit", mug.id, [sorry.id], {"of": 0, "text": "Entschuldigung!"}, annotator="you", seconds=40)
    add("rating", tea.id, [chinese.id], {"ratings": [4]}, annotator="you", reasons=["tone"], blind=False)
    add("rating", tea.id, [imported.id], {"ratings": [3]}, annotator="Noor", import_key="k")
    add("skip", tea.id, [imported.id], {"kind": "rating"}, annotator="you")
    store.feedback.undo("you")
    yield store
    store.close()


def numbers(shop: Store, **filters: object) -> list[int]:
    found = [item.seq for item in entries(shop, **filters)]  # type: ignore[arg-type]
    filters.pop("order", None)
    assert count(shop, **filters) == len(found)  # type: ignore[arg-type]
    return found


def test_an_entry_holds_all_there_is_to_show(shop: Store) -> None:
    first = entries(shop, order="oldest")[0]
    assert (first.seq, first.kind, first.annotator, first.value) == (1, "rating", "you", {"ratings": [2, 5]})
    assert first.prompt == "Two of the four mugs arrived cracked."
    assert first.answers == ("I'm so sorry. 100% refund_ed.", "Replacements go out today.")
    assert first.models == ("base", "v2")
    assert (first.tags, first.seconds, first.blind, first.imported) == (("mail", "en"), 9, True, False)
    assert not first.retracted
    assert entry(shop, first.id) == first
    assert entries(shop, order="oldest")[1].answers == first.answers[::-1]


def test_an_entry_that_was_taken_back_can_still_be_shown(shop: Store) -> None:
    (taken,) = entries(shop, retracted=True)
    assert taken.retracted
    assert entry(shop, taken.id) == taken
    with pytest.raises(WorkbenchError, match="not in the project"):
        entry(shop, "nothing")


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ({}, [5, 4, 3, 2, 1]),
        ({"order": "oldest"}, [1, 2, 3, 4, 5]),
        ({"order": "kind"}, [2, 3, 5, 4, 1]),
        ({"order": "annotator"}, [5, 2, 4, 3, 1]),
        ({"order": "slowest"}, [3, 1, 5, 4, 2]),
        ({"retracted": None}, [6, 5, 4, 3, 2, 1]),
        ({"retracted": True}, [6]),
        ({"kinds": ["rating"]}, [5, 4, 1]),
        ({"kinds": ["edit", "comparison"]}, [3, 2]),
        ({"kinds": []}, []),
        ({"annotators": ["Noor"]}, [5, 2]),
        ({"models": ["v2"]}, [2, 1]),
        ({"models": ["base"]}, [4, 3, 2, 1]),
        ({"models": [""]}, [5]),
        ({"tags": ["zh"]}, [5, 4]),
        ({"tags": ["zh", "en"]}, [5, 4, 3, 2, 1]),
        ({"kinds": ["rating"], "annotators": ["you"], "tags": ["en"]}, [1]),
        ({"limit": 2}, [5, 4]),
        ({"limit": 2, "offset": 4}, [1]),
    ],
)
def test_filters(shop: Store, filters: dict, expected: list[int]) -> None:
    found = [item.seq for item in entries(shop, **filters)]
    assert found == expected
    if "limit" not in filters:
        assert numbers(shop, **filters) == expected


def test_splits_share_the_judgements(shop: Store) -> None:
    halves = numbers(shop, split="train") + numbers(shop, split="held_out")
    assert sorted(halves) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("search", "expected"),
    [
        ("cracked", [3, 2, 1]),
        ("CRACKED", [3, 2, 1]),
        ("acke", [3, 2, 1]),
        ("pottery", [3, 2, 1]),
        ("today", [2, 1]),
        ("today cracked", [2, 1]),
        ("today teapot", []),
        ("Quicker", [2]),
        ("Entschuldigung!", [3]),
        ("茶壶漏", [5, 4]),
        ("茶壶", [5, 4]),
        ("茶", [5, 4]),
        ("抱歉", [4]),
        ("很抱歉", [4]),
        ("咖啡", []),
        ("two", [5, 3, 2, 1]),
        ("I'm", [3, 2, 1]),
        ("100%", [3, 2, 1]),
        ("0%", [3, 2, 1]),
        ("%", [3, 2, 1]),
        ("d_", [3, 2, 1]),
        ("t_e", []),
        ("_", [3, 2, 1]),
        ("\\", []),
        ('"', []),
        ("   ", [5, 4, 3, 2, 1]),
        ("cracked OR 茶壶漏", []),
        ("text:cracked", []),
        ("crack*", []),
        ("-cracked", []),
    ],
)
def test_search_finds_words_anywhere_and_takes_signs_literally(shop: Store, search: str, expected: list[int]) -> None:
    assert numbers(shop, search=search) == expected


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.one_of(st.characters(), st.sampled_from("\"*()-+:^%_\\\0 {}'NEARORANDNOT")), max_size=30))
def test_no_search_raises(shop: Store, search: str) -> None:
    assert set(numbers(shop, search=search)) <= {1, 2, 3, 4, 5}


def test_a_search_of_a_million_characters_is_answered(shop: Store) -> None:
    assert numbers(shop, search="x" * 1_000_000) == []
    assert numbers(shop, search="cracked " * 100_000) == [3, 2, 1]


def test_facets_count_what_stands(shop: Store) -> None:
    found = facets(shop)
    assert found.kinds == {"rating": 3, "comparison": 1, "edit": 1}
    assert list(found.kinds) == ["rating", "comparison", "edit"]
    assert found.annotators == {"you": 3, "Noor": 2}
    assert found.models == {"base": 4, "v2": 2, "": 1}
    assert found.tags == {"mail": 5, "en": 3, "zh": 2}
    assert sum(found.splits.values()) == 5
    assert (found.standing, found.retracted) == (5, 1)


def test_every_facet_is_a_filter_with_its_count(shop: Store) -> None:
    found = facets(shop)
    for filter_name in ("kinds", "annotators", "models", "tags"):
        for name, n in getattr(found, filter_name).items():
            assert count(shop, **{filter_name: [name]}) == n


def test_an_empty_project_has_nothing(store: Store) -> None:
    assert entries(store, search="x") == []
    assert facets(store).kinds == {}
    assert facets(store).standing == 0


def test_an_unknown_order_is_said_so(store: Store) -> None:
    with pytest.raises(WorkbenchError, match="no order called"):
        entries(store, order="smell")


def test_tags_that_change_are_found(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi", tags=["old", "both"])
    with store.writing() as db:
        db.execute('UPDATE prompts SET tags = \'["both", "new"]\' WHERE id = ?', [prompt.id])
    assert {row["tag"] for row in store.rows("SELECT tag FROM prompt_tags")} == {"both", "new"}


def test_given_ids_come_first_as_they_stand_and_the_newest_follow(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    answer = store.responses.add(prompt.id, "Hello")
    ids = [store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [3]}, annotator="you").id for _ in range(6)]
    given = [ids[3], "gone", ids[0]]
    wanted = [ids[3], ids[0], ids[5], ids[4], ids[2], ids[1]]
    assert [entry.id for entry in entries(store, order="given", given=given)] == wanted
    pages = [entries(store, order="given", given=given, limit=2, offset=offset) for offset in (0, 2, 4)]
    assert [entry.id for page in pages for entry in page] == wanted
    store.feedback.retract([ids[3]])
    assert [entry.id for entry in entries(store, order="given", given=given, kinds=["rating"])] == wanted[1:]
