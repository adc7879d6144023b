"""Any text comes back exactly; lone surrogates, which UTF-8 cannot hold, become U+FFFD."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.browsing import entries
from workbench.store.rows import to_json, well_formed

ODD = [
    "\0",
    "a\0b",
    "\u2028\u2029",
    "\r\n",
    "مرحبا",
    "👨‍👩‍👧",
    "\ufeff",
    "\ud800",
    "a\udfffb",
    "e\u0301",
    '"\\',
    "你好",
]
any_text = st.text(st.characters(), max_size=200)  # st.characters() includes surrogates


@pytest.fixture(scope="module")
def notebook(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    store = Store.open(tmp_path_factory.mktemp("text"))
    store.db.execute("PRAGMA synchronous = OFF")
    yield store
    store.close()


def expected(text: str) -> str:
    return "".join("\ufffd" if "\ud800" <= sign <= "\udfff" else sign for sign in text)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(any_text)
def test_text_round_trips_everywhere(notebook: Store, text: str) -> None:
    store = notebook
    prompt, _ = store.prompts.add(f"x{text}", system=text, tags=[text])
    answer = store.responses.add(prompt.id, text)
    value = {"of": 0, "text": f"x{text}"}
    item = store.feedback.add("edit", prompt.id, [answer.id], value, annotator="you", comment=text, reasons=[text])
    store.set_draft(f"k{text}", f"x{text}")
    store.set_setting("note", text)

    plain = expected(text)
    found = store.prompts.find(prompt.id)
    assert (found.text, found.system, found.tags) == (f"x{plain}", plain, (plain,))
    assert store.responses.find(answer.id).text == plain
    judged = store.feedback.find(item.id)
    assert (judged.value["text"], judged.comment, judged.reasons) == (f"x{plain}", plain, (plain,))
    assert store.setting("note") == plain
    assert store.draft(f"k{text}") == f"x{plain}"
    assert entries(store, limit=1)[0].answers == (plain,)


@pytest.mark.parametrize("text", ODD)
def test_odd_text_round_trips(store: Store, text: str) -> None:
    prompt, _ = store.prompts.add(f"x{text}")
    store.close()
    again = Store.open(store.folder)
    assert again.prompts.find(prompt.id).text == f"x{expected(text)}"
    again.close()


@given(any_text)
@example("\ud83d\ude00")
def test_well_formed_text_can_be_written(text: str) -> None:
    assert well_formed(text) == expected(text)
    well_formed(text).encode("utf-8")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), {"a": [float("-inf")]}])
def test_numbers_that_json_cannot_say_are_refused(value: object) -> None:
    with pytest.raises(ValueError, match="JSON"):
        to_json(value)


def test_a_long_text_is_kept_whole_and_a_huge_one_refused(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    long = "é" * 2_000_000
    assert store.responses.find(store.responses.add(prompt.id, long).id).text == long
    with pytest.raises(WorkbenchError, match="10 million"):
        store.feedback.add("edit", prompt.id, [], {"of": None, "text": "x" * 10_000_001})
