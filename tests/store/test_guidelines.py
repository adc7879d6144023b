"""Guidelines are kept in versions, and judgements know theirs."""

from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store


def test_a_version_is_kept_when_the_next_is_written(store: Store) -> None:
    assert store.guidelines.current() is None
    first = store.guidelines.add("Be kind.", "you")
    second = store.guidelines.add("Be kind and brief.\n", "you")
    assert store.guidelines.current() == second
    assert [version.text for version in store.guidelines.list()] == ["Be kind.", "Be kind and brief."]
    assert store.guidelines.add("Be kind and brief.") == second
    assert first.annotator == "you"


def test_going_back_to_an_old_text_is_a_version_too(store: Store) -> None:
    for text in ("One", "Two", "One"):
        store.guidelines.add(text)
    assert [version.text for version in store.guidelines.list()] == ["One", "Two", "One"]


def test_empty_guidelines_are_refused(store: Store) -> None:
    with pytest.raises(WorkbenchError, match="empty"):
        store.guidelines.add(" \n")
    assert store.guidelines.list() == []


def test_a_judgement_knows_the_version_it_was_made_under(store: Store) -> None:
    version = store.guidelines.add("Be kind.")
    prompt, _ = store.prompts.add("Hi")
    answer = store.responses.add(prompt.id, "Hello")
    row = store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [5]}, guideline_id=version.id)
    assert store.feedback.find(row.id).guideline_id == version.id


def test_judgements_are_counted_by_the_version_they_were_made_under(store: Store) -> None:
    prompt, _ = store.prompts.add("Hi")
    answer = store.responses.add(prompt.id, "Hello")
    rate = {"kind": "rating", "prompt_id": prompt.id, "response_ids": [answer.id], "value": {"ratings": [5]}}
    store.feedback.add(**rate)
    first = store.guidelines.add("Be kind.")
    for _ in range(2):
        store.feedback.add(**rate, guideline_id=first.id)
    second = store.guidelines.add("Be brief.")
    store.feedback.retract([store.feedback.add(**rate, guideline_id=second.id).id])
    store.feedback.add("skip", prompt.id, [answer.id], {"kind": "rating"}, guideline_id=second.id)
    store.feedback.add(**rate, import_key="elsewhere")
    assert store.guidelines.counts() == {None: 1, first.id: 2}
