"""What each kind of feedback accepts, and what it teaches."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import pytest

from workbench.errors import WorkbenchError
from workbench.feedback import KINDS
from workbench.feedback.base import Answer, Demonstration, Judgement, Label, Pair, Ranking, Rules
from workbench.feedback.ranking import pair_count
from workbench.feedback.rubric import overall

MESSAGES = ({"role": "user", "content": "Hi"},)


def judged(kind: str, value: dict, texts: Sequence[str], **fields: str) -> Judgement:
    answers = tuple(Answer(f"id{number}", text) for number, text in enumerate(texts))
    return Judgement("j", kind, "p", MESSAGES, answers, KINDS[kind].check(value, len(texts)), **fields)


def examples(kind: str, value: dict, texts: Sequence[str], rules: Rules | None = None) -> list:
    return KINDS[kind].examples(judged(kind, value, texts), rules or Rules())


def pairs(found: list) -> list[tuple[str, str, float]]:
    return [(item.chosen, item.rejected, item.margin) for item in found if isinstance(item, Pair)]


@pytest.mark.parametrize(
    ("kind", "value", "shown", "stored"),
    [
        ("rating", {"ratings": [1, None, 5]}, 3, {"ratings": [1, None, 5]}),
        ("rating", {"ratings": (2,)}, 1, {"ratings": [2]}),
        ("rating", {"ratings": [3], "more": 1}, 1, {"ratings": [3]}),
        ("comparison", {"choice": "a"}, 2, {"choice": "a", "strength": 1}),
        ("comparison", {"choice": "b", "strength": 2}, 2, {"choice": "b", "strength": 2}),
        ("comparison", {"choice": "tie"}, 2, {"choice": "tie", "strength": 0}),
        ("comparison", {"choice": "tie", "strength": 1}, 2, {"choice": "tie", "strength": 0}),
        ("comparison", {"choice": "both_bad", "strength": 2}, 2, {"choice": "both_bad", "strength": 0}),
        ("ranking", {"order": [[1], [0]]}, 2, {"order": [[1], [0]]}),
        ("ranking", {"order": ((2,), (0, 1))}, 3, {"order": [[2], [0, 1]]}),
        ("ranking", {"order": [[3, 0]]}, 4, {"order": [[3, 0]]}),
        ("edit", {"of": 0, "text": "x"}, 1, {"of": 0, "text": "x", "pair": True, "demonstration": True}),
        (
            "edit",
            {"of": 0, "text": "x", "assisted": [{"instruction": "shorter", "model_id": "m", "text": "xy", "more": 1}]},
            1,
            {"of": 0, "text": "x", "pair": True, "demonstration": True}
            | {"assisted": [{"instruction": "shorter", "model_id": "m", "text": "xy"}]},
        ),
        ("edit", {"text": "x", "assisted": []}, 0, {"of": None, "text": "x", "pair": True, "demonstration": True}),
        ("thumbs", {"thumbs": (True, None, False)}, 3, {"thumbs": [True, None, False]}),
        ("best_worst", {"best": 2, "worst": 0, "more": 1}, 3, {"best": 2, "worst": 0}),
        (
            "rubric",
            {
                "criteria": [{"name": " Tone "}, {"name": "Safe", "scale": "pass_fail_critical", "weight": 2}],
                "scores": [[5, None], ["pass", "critical"]],
            },
            2,
            {
                "criteria": [
                    {"name": "Tone", "scale": "stars", "weight": 1.0},
                    {"name": "Safe", "scale": "pass_fail_critical", "weight": 2.0},
                ],
                "scores": [[5, None], ["pass", "critical"]],
            },
        ),
        (
            "mark",
            {"start": 2, "end": 5, "label": "bad", "quote": "llo"},
            1,
            {"start": 2, "end": 5, "label": "bad", "quote": "llo"},
        ),
        ("edit", {"text": "x", "pair": False}, 0, {"of": None, "text": "x", "pair": False, "demonstration": True}),
    ],
)
def test_a_judgement_is_stored_in_one_form(kind: str, value: dict, shown: int, stored: dict) -> None:
    assert KINDS[kind].check(value, shown) == stored
    assert KINDS[kind].check(stored, shown) == stored


@pytest.mark.parametrize(
    ("kind", "value", "shown"),
    [
        ("rating", {}, 1),
        ("rating", {"ratings": 3}, 1),
        ("rating", {"ratings": "3"}, 1),
        ("rating", {"ratings": []}, 0),
        ("rating", {"ratings": [None, None]}, 2),
        ("rating", {"ratings": [1, 2]}, 3),
        ("rating", {"ratings": [0]}, 1),
        ("rating", {"ratings": [6]}, 1),
        ("rating", {"ratings": [True]}, 1),
        ("rating", {"ratings": [3.0]}, 1),
        ("rating", {"ratings": ["3"]}, 1),
        ("comparison", {}, 2),
        ("comparison", {"choice": "c"}, 2),
        ("comparison", {"choice": []}, 2),
        ("comparison", {"choice": "a"}, 3),
        ("comparison", {"choice": "a", "strength": 3}, 2),
        ("comparison", {"choice": "a", "strength": 0}, 2),
        ("comparison", {"choice": "a", "strength": True}, 2),
        ("comparison", {"choice": "a", "strength": "1"}, 2),
        ("comparison", {"choice": "a", "strength": None}, 2),
        ("ranking", {}, 2),
        ("ranking", {"order": [0, 1]}, 2),
        ("ranking", {"order": "AB"}, 2),
        ("ranking", {"order": [[0]]}, 2),
        ("ranking", {"order": [[0], [0]]}, 2),
        ("ranking", {"order": [[0], [2]]}, 2),
        ("ranking", {"order": [[0], [-1]]}, 2),
        ("ranking", {"order": [[0], [], [1]]}, 2),
        ("ranking", {"order": [[False], [True]]}, 2),
        ("ranking", {"order": [[[0]], [[1]]]}, 2),
        ("edit", {}, 1),
        ("edit", {"of": 0, "text": " \n"}, 1),
        ("edit", {"of": 1, "text": "x"}, 1),
        ("edit", {"of": -1, "text": "x"}, 1),
        ("edit", {"of": False, "text": "x"}, 1),
        ("edit", {"of": "0", "text": "x"}, 1),
        ("edit", {"of": None, "text": 7}, 1),
        ("thumbs", {}, 1),
        ("thumbs", {"thumbs": [1]}, 1),
        ("edit", {"text": "x", "assisted": "shorter"}, 0),
        ("edit", {"text": "x", "assisted": ["shorter"]}, 0),
        ("edit", {"text": "x", "assisted": [{"instruction": "shorter", "text": "x"}]}, 0),
        ("edit", {"text": "x", "assisted": [{"instruction": " ", "model_id": "m", "text": "x"}]}, 0),
        ("thumbs", {"thumbs": [True]}, 2),
        ("thumbs", {"thumbs": [None]}, 1),
        ("best_worst", {"best": 0, "worst": 0}, 3),
        ("best_worst", {"best": 0, "worst": 1}, 2),
        ("best_worst", {"best": True, "worst": 0}, 3),
        ("best_worst", {"best": 0}, 3),
        ("rubric", {}, 1),
        ("rubric", {"criteria": [], "scores": []}, 1),
        ("rubric", {"criteria": [{"name": ""}], "scores": [[1]]}, 1),
        ("rubric", {"criteria": [{"name": "Tone", "weight": 0}], "scores": [[1]]}, 1),
        ("rubric", {"criteria": [{"name": "Tone", "scale": "grades"}], "scores": [[1]]}, 1),
        ("rubric", {"criteria": [{"name": "Tone"}], "scores": [[True]]}, 1),
        ("rubric", {"criteria": [{"name": "Tone"}], "scores": [["pass"]]}, 1),
        ("rubric", {"criteria": [{"name": "Tone"}], "scores": [[None]]}, 1),
        ("rubric", {"criteria": [{"name": "Tone"}], "scores": [[3]]}, 2),
        ("rubric", {"criteria": [{"name": "Tone"}], "scores": [[3], [3]]}, 1),
        ("mark", {"start": 0, "end": 3, "label": "bad", "quote": "abc"}, 2),
        ("mark", {"start": 3, "end": 3, "label": "bad", "quote": ""}, 1),
        ("mark", {"start": -1, "end": 2, "label": "bad", "quote": "abc"}, 1),
        ("mark", {"start": 0, "end": 3, "label": "fine", "quote": "abc"}, 1),
        ("mark", {"start": 0, "end": 3, "label": "bad", "quote": "ab"}, 1),
    ],
)
def test_what_is_no_judgement_is_refused_with_a_hint(kind: str, value: dict, shown: int) -> None:
    with pytest.raises(WorkbenchError) as caught:
        KINDS[kind].check(value, shown)
    assert caught.value.hint


@pytest.mark.parametrize(("name", "kind"), KINDS.items())
def test_every_kind_says_what_it_is(name: str, kind) -> None:
    assert kind.name == name
    assert kind.title
    assert 1 <= kind.shows[0] <= kind.shows[1]
    keys = [choice.key for choice in kind.choices]
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize("choice", KINDS["comparison"].choices, ids=lambda choice: choice.label)
def test_every_key_of_a_comparison_is_a_judgement(choice) -> None:
    assert KINDS["comparison"].check(choice.value, 2) == choice.value


# ---- ratings ----


@pytest.mark.parametrize(
    ("ratings", "gap", "expected"),
    [
        ([5, 2], 1, [("A", "B", 3.0)]),
        ([2, 5], 1, [("B", "A", 3.0)]),
        ([3, 3], 1, []),
        ([3, 3], 0, []),
        ([4, 3], 2, []),
        ([4, None], 1, []),
        ([1, 3, 5], 1, [("B", "A", 2.0), ("C", "A", 4.0), ("C", "B", 2.0)]),
        ([1, 3, 5], 3, [("C", "A", 4.0)]),
    ],
)
def test_ratings_far_enough_apart_are_pairs(ratings: list, gap: int, expected: list) -> None:
    assert pairs(examples("rating", {"ratings": ratings}, "ABC"[: len(ratings)], Rules(min_gap=gap))) == expected


def test_every_rated_answer_is_a_label_and_good_ones_are_demonstrations() -> None:
    found = examples("rating", {"ratings": [5, None, 4, 5]}, ["A", "B", "C", " "], Rules(good_rating=5))
    assert [(item.text, item.value) for item in found if isinstance(item, Label)] == [
        ("A", 5.0),
        ("C", 4.0),
        (" ", 5.0),
    ]
    assert [item.text for item in found if isinstance(item, Demonstration)] == ["A"]


def test_the_same_text_is_no_pair() -> None:
    assert pairs(examples("rating", {"ratings": [5, 1]}, ["same", "same"])) == []
    assert examples("comparison", {"choice": "a"}, ["same", "same"]) == []
    assert pairs(examples("ranking", {"order": [[0], [1]]}, ["same", "same"])) == []
    assert pairs(examples("edit", {"of": 0, "text": "same"}, ["same"])) == []


# ---- comparisons ----


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"choice": "a", "strength": 2}, [("A", "B", 2.0)]),
        ({"choice": "b"}, [("B", "A", 1.0)]),
        ({"choice": "tie"}, []),
        ({"choice": "both_bad"}, []),
    ],
)
def test_a_comparison_is_a_pair_unless_nothing_is_better(value: dict, expected: list) -> None:
    assert pairs(examples("comparison", value, "AB")) == expected


# ---- rankings ----


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ([[1], [0]], [("B", "A", 1.0)]),
        ([[0, 1]], []),
        ([[2], [0, 1]], [("C", "A", 1.0), ("C", "B", 1.0)]),
        ([[2], [0], [1]], [("C", "A", 1.0), ("C", "B", 2.0), ("A", "B", 1.0)]),
    ],
)
def test_a_ranking_is_a_pair_for_every_two_that_are_not_tied(order: list, expected: list) -> None:
    found = examples("ranking", {"order": order}, "ABC")
    assert pairs(found) == expected
    assert len(expected) == pair_count(order)
    rankings = [item for item in found if isinstance(item, Ranking)]
    assert [item.groups for item in rankings] == [tuple(tuple("ABC"[i] for i in group) for group in order)]


# ---- edits ----


@pytest.mark.parametrize(
    ("value", "demonstrations", "expected"),
    [
        ({"of": 0, "text": "Better"}, ["Better"], [("Better", "A", 1.0)]),
        ({"of": 1, "text": "Better", "demonstration": False}, [], [("Better", "B", 1.0)]),
        ({"of": 0, "text": "Better", "pair": False}, ["Better"], []),
        ({"of": None, "text": "New"}, ["New"], []),
        ({"of": 0, "text": "A"}, ["A"], []),
    ],
)
def test_an_edit_is_a_demonstration_and_better_than_its_original(
    value: dict, demonstrations: list, expected: list
) -> None:
    found = examples("edit", value, "AB")
    assert [item.text for item in found if isinstance(item, Demonstration)] == demonstrations
    assert pairs(found) == expected


# ---- thumbs, best and worst, rubrics ----


@pytest.mark.parametrize(
    ("thumbs", "expected"),
    [
        ([True, False], [("A", "B", 1.0)]),
        ([False, True, None], [("B", "A", 1.0)]),
        ([True, False, False], [("A", "B", 1.0), ("A", "C", 1.0)]),
        ([True, True], []),
    ],
)
def test_a_thumb_up_is_better_than_a_thumb_down(thumbs: list, expected: list) -> None:
    found = examples("thumbs", {"thumbs": thumbs}, "ABC"[: len(thumbs)])
    assert pairs(found) == expected
    labels = [(item.value, item.scale) for item in found if isinstance(item, Label)]
    assert labels == [(float(thumb), "thumbs") for thumb in thumbs if thumb is not None]


def test_the_best_is_above_all_and_all_are_above_the_worst() -> None:
    found = examples("best_worst", {"best": 1, "worst": 3}, "ABCD")
    assert pairs(found) == [
        ("B", "A", 1.0), ("B", "C", 1.0), ("B", "D", 2.0), ("A", "D", 1.0), ("C", "D", 1.0)
    ]  # fmt: skip
    assert [item.groups for item in found if isinstance(item, Ranking)] == [(("B",), ("A", "C"), ("D",))]


@pytest.mark.parametrize(
    ("scores", "weights", "expected"),
    [
        ([[5], [1]], (1, 1), [3.0]),
        ([[5], [1]], (3, 1), [4.0]),
        ([[5, None], [None, None]], (1, 1), [5.0, None]),
        ([[5], ["pass"]], (1, 1), [5.0]),
        ([[5], ["fail"]], (1, 3), [2.0]),
        ([[5], ["critical"]], (9, 1), [1.0]),
    ],
)
def test_a_rubric_adds_up_by_weight_and_falls_with_a_critical_failure(scores, weights, expected) -> None:
    scales = ["stars" if all(isinstance(x, int | None) for x in row) else "pass_fail_critical" for row in scores]
    criteria = [
        {"name": f"c{place}", "scale": scale, "weight": weight}
        for place, (scale, weight) in enumerate(zip(scales, weights, strict=True))
    ]
    shown = len(scores[0])
    value = KINDS["rubric"].check({"criteria": criteria, "scores": scores}, shown)
    assert overall(value) == pytest.approx(expected) if None not in expected else overall(value) == expected


def test_rubrics_far_enough_apart_are_pairs() -> None:
    criteria = [{"name": "Tone", "weight": 0.3}, {"name": "Facts", "weight": 0.7}]
    value = {"criteria": criteria, "scores": [[5, 4, None], [5, 4, 5]]}
    found = examples("rubric", value, "ABC")
    assert [(one, other) for one, other, _ in pairs(found)] == [("A", "B"), ("C", "B")]
    assert [item.text for item in found if isinstance(item, Demonstration)] == ["A", "C"]
    assert pairs(examples("rubric", value, "ABC", Rules(min_gap=2))) == []


def test_a_mark_is_no_preference() -> None:
    assert examples("mark", TYPICAL["mark"], "A") == []


# ---- all kinds ----

TYPICAL = {
    "thumbs": {"thumbs": [True, False]},
    "best_worst": {"best": 0, "worst": 1},
    "rubric": {"criteria": [{"name": "Tone", "scale": "stars"}], "scores": [[5, 1]]},
    "mark": {"start": 0, "end": 1, "label": "bad", "quote": "A"},
    "rating": {"ratings": [5, 1]},
    "comparison": {"choice": "a"},
    "ranking": {"order": [[0], [1]]},
    "edit": {"of": 0, "text": "Better"},
}


SHOWN = {"best_worst": "ABC", "mark": "A"}
TEACHING = [kind for kind in KINDS if kind != "mark"]


@pytest.mark.parametrize("kind", TEACHING)
def test_a_kind_that_is_switched_off_teaches_nothing(kind: str) -> None:
    off = Rules(**{field.name: False for field in dataclasses.fields(Rules) if field.name.startswith("use_")})
    texts = SHOWN.get(kind, "AB")
    assert examples(kind, TYPICAL[kind], texts, off) == []
    assert examples(kind, TYPICAL[kind], texts) != []


@pytest.mark.parametrize("kind", TEACHING)
def test_an_example_knows_its_prompt_split_and_source(kind: str) -> None:
    judgement = judged(kind, TYPICAL[kind], SHOWN.get(kind, "AB"), split="held_out")
    for example in KINDS[kind].examples(judgement, Rules()):
        assert (example.prompt_id, example.messages, example.split) == ("p", MESSAGES, "held_out")  # type: ignore[union-attr]
        assert example.sources == ("j",)  # type: ignore[union-attr]
