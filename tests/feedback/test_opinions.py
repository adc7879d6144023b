"""What several people said of the same thing, whichever way round it was shown."""

from __future__ import annotations

import dataclasses

import pytest

from workbench.feedback.base import Answer
from workbench.feedback.opinions import opinions

from .test_kinds import judged


def said(kind: str, value: dict, ids: str, who: str = "you"):
    judgement = judged(kind, value, list(ids))
    return dataclasses.replace(judgement, answers=tuple(Answer(id_, id_) for id_ in ids), annotator=who)


@pytest.mark.parametrize(
    ("kind", "value", "ids", "expected"),
    [
        ("rating", {"ratings": [5, None, 1]}, "abc", [(("a",), "you", 5.0), (("c",), "you", 1.0)]),
        ("comparison", {"choice": "a"}, "ab", [(("a", "b"), "you", 1.0)]),
        ("comparison", {"choice": "a"}, "ba", [(("a", "b"), "you", -1.0)]),
        ("comparison", {"choice": "b"}, "ba", [(("a", "b"), "you", 1.0)]),
        ("comparison", {"choice": "tie"}, "ba", [(("a", "b"), "you", 0.0)]),
        ("comparison", {"choice": "both_bad"}, "ab", [(("a", "b"), "you", 0.0)]),
        (
            "ranking",
            {"order": [[2], [0, 1]]},
            "abc",
            [(("a", "b"), "you", 0.0), (("a", "c"), "you", -1.0), (("b", "c"), "you", -1.0)],
        ),
        ("ranking", {"order": [[0], [2]]}, "cab", [(("b", "c"), "you", -1.0)]),
    ],
)
def test_each_kind_as_opinions(kind: str, value: dict, ids: str, expected: list) -> None:
    assert opinions([said(kind, value, ids)])[kind] == expected


def test_edits_are_no_opinions() -> None:
    found = opinions([said("edit", {"of": 0, "text": "x"}, "a")])
    assert found == {"rating": [], "comparison": [], "ranking": []}


def test_people_who_saw_different_sides_agree() -> None:
    one = said("comparison", {"choice": "a"}, "ab", "you")
    other = said("comparison", {"choice": "b"}, "ba", "Noor")
    (first, _, value), (second, _, same) = opinions([one, other])["comparison"]
    assert (first, value) == (second, same)
