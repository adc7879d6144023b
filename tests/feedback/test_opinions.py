"""What several people said of the same thing, whichever way round it was shown."""

from __future__ import annotations

import dataclasses

import pytest

from workbench.feedback.base import Answer, Rules
from workbench.feedback.converting import convert
from workbench.feedback.opinions import contradictions, criterion_of, level_of, opinions, repeats, standings

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
        ("thumbs", {"thumbs": [True, None, False]}, "abc", [(("a",), "you", 1.0), (("c",), "you", 0.0)]),
        (
            "best_worst",
            {"best": 2, "worst": 0},
            "cab",
            [
                (("c", "a", "b", "c"), "you", -1.0),
                (("a", "a", "b", "c"), "you", 0.0),
                (("b", "a", "b", "c"), "you", 1.0),
            ],
        ),
    ],
)
def test_each_kind_as_opinions(kind: str, value: dict, ids: str, expected: list) -> None:
    assert opinions([said(kind, value, ids)])[kind] == expected


def test_edits_and_marks_are_no_opinions() -> None:
    mark = {"start": 0, "end": 1, "label": "bad", "quote": "a"}
    found = opinions([said("edit", {"of": 0, "text": "x"}, "a"), said("mark", mark, "a")])
    assert not any(found.values())


RUBRIC = {
    "criteria": [
        {"name": "Tone", "scale": "stars", "weight": 1.0},
        {"name": "Safe", "scale": "pass_fail_critical", "weight": 3.0},
    ],
    "scores": [[4, None], ["fail", "critical"]],
}


def test_a_rubric_is_an_opinion_as_a_whole_and_by_criterion() -> None:
    found = opinions([said("rubric", RUBRIC, "ab")])
    # Three stars of four parts at weight 1, nothing of three: 1 + 4 * (0.75 * 1 + 0 * 3) / 4.
    assert found["rubric"] == [(("a",), "you", 1.75), (("b",), "you", 1.0)]
    tone, safe = "rubric/stars/Tone", "rubric/pass_fail_critical/Safe"
    assert found[tone] == [(("a",), "you", 3.0)]
    assert found[safe] == [(("a",), "you", 1.0), (("b",), "you", 0.0)]
    assert (level_of("rubric"), level_of(tone), criterion_of(safe), criterion_of("rating")) == (
        "interval", "ordinal", "Safe", "",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value", "shown", "expected"),
    [
        ("rating", {"ratings": [5, None]}, 2, (5.0, None)),
        ("thumbs", {"thumbs": [False, True]}, 2, (0.0, 1.0)),
        ("comparison", {"choice": "b"}, 2, (0.0, 1.0)),
        ("comparison", {"choice": "both_bad"}, 2, (0.0, 0.0)),
        ("ranking", {"order": [[2], [0, 1]]}, 4, (-1.0, -1.0, 0.0, None)),
        ("best_worst", {"best": 1, "worst": 0}, 3, (-2.0, 0.0, -1.0)),
        ("rubric", RUBRIC, 2, (1.75, 1.0)),
        ("edit", {"of": 0, "text": "x"}, 1, ()),
    ],
)
def test_how_answers_stand(kind: str, value: dict, shown: int, expected: tuple) -> None:
    assert standings(kind, value, shown) == expected


def named(id_: str, *rest):
    return dataclasses.replace(said(*rest), id=id_)


def test_a_repeat_is_compared_whichever_way_round_it_was_shown() -> None:
    judgements = [
        named("r1", "rating", {"ratings": [2, 4]}, "ab"),
        named("r2", "rating", {"ratings": [4, 3]}, "ba"),
        named("c1", "comparison", {"choice": "a"}, "ab"),
        named("c2", "comparison", {"choice": "b"}, "ba"),
        named("x", "comparison", {"choice": "b"}, "ba", "Noor"),
    ]
    rated, compared = repeats(judgements, {"r2": "r1", "c2": "c1", "x": "c1", "gone": "r1"})
    assert (rated.id, rated.first, rated.kept, rated.apart, rated.rise) == ("r2", "r1", False, 1.0, 0.5)
    assert rated.values == ((2.0, 3.0), (4.0, 4.0))
    assert (compared.id, compared.kept, compared.rise) == ("c2", True, 0.0)


def test_contradictions_name_the_judgements_of_both_sides() -> None:
    judgements = [
        named("1", "comparison", {"choice": "a", "strength": 1}, "ab"),
        named("2", "comparison", {"choice": "a", "strength": 1}, "ba"),
        named("3", "comparison", {"choice": "b", "strength": 1}, "ba"),
        named("4", "comparison", {"choice": "a", "strength": 1}, "cd"),
    ]
    pairs = convert(judgements, Rules(merge_votes=False)).pairs
    (found,) = contradictions(pairs)
    assert (found.one, found.other, found.for_one, found.for_other) == ("a", "b", ("1", "3"), ("2",))
    assert found.sources == ("1", "3", "2")
    assert contradictions(convert(judgements[2:], Rules()).pairs) == []


def test_people_who_saw_different_sides_agree() -> None:
    one = said("comparison", {"choice": "a"}, "ab", "you")
    other = said("comparison", {"choice": "b"}, "ba", "Noor")
    (first, _, value), (second, _, same) = opinions([one, other])["comparison"]
    assert (first, value) == (second, same)
