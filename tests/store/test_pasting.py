"""Many prompts from pasted text."""

from __future__ import annotations

import pytest

from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.store.pasting import BLANKS, LINES, add_pasted, likely_parting, prompts_in


@pytest.mark.parametrize(
    ("text", "parted", "found"),
    [
        ("one\n\n  two \none", LINES, ["one", "two"]),
        ("- one\n- two\n", LINES, ["one", "two"]),
        ("1. one\n2) two", LINES, ["one", "two"]),
        ("- one\ntwo", LINES, ["- one", "two"]),
        ("one\nmore\n \ntwo\n", BLANKS, ["one\nmore", "two"]),
        ("\n \n", LINES, []),
    ],
)
def test_text_is_parted(text: str, parted: str, found: list[str]) -> None:
    assert prompts_in(text, parted) == found


def test_how_a_text_is_probably_meant() -> None:
    assert likely_parting("one\ntwo\n\nthree\nfour") == BLANKS
    assert likely_parting("one\n\ntwo\n\nthree") == likely_parting("one\ntwo") == LINES


def test_pasted_prompts_are_added_once_with_their_tag(store: Store) -> None:
    store.prompts.add("one")
    pasted = add_pasted(store, ["one", "two"], tags=["  my  set ", ""])
    assert (pasted.added, pasted.already_there) == (1, 1)
    assert [prompt.tags for prompt in store.prompts.of(pasted.prompt_ids) if prompt.text == "two"] == [("my set",)]
    with pytest.raises(WorkbenchError, match="no prompt"):
        add_pasted(store, [])
    with pytest.raises(WorkbenchError, match="1 to 60"):
        add_pasted(store, ["x"], tags=["a" * 61])
    assert store.prompts.count() == 2
