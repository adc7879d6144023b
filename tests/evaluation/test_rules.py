"""The demo's rule: what it counts and what it prefers."""

from __future__ import annotations

import pytest

from workbench.evaluation.rules import Brief, words


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("one two three", 3), ("don't stop", 2), ("你好世界", 2), ("hello 世界", 2), ("...", 0), ("a, b; c!", 3)],
)
def test_words(text, count):
    assert words(text) == count


def sentence(count, end="."):
    return " ".join(["word"] * count) + end


@pytest.mark.parametrize(
    ("answer", "score"),
    [
        (sentence(20), 1.0),
        (sentence(40), 1.0),
        (sentence(20, ""), 0.5),
        (sentence(60), 0.75),
        (sentence(80), 0.5),
        (sentence(200, ""), 0.0),
        ("", 0.0),
        (".", 0.0),
        (sentence(2), 0.4),
        ("你好，谢谢您的来信，我们明天就寄出。", 1.0),
    ],
)
def test_score_prefers_finished_answers_of_some_length(answer, score):
    assert Brief().score(answer) == pytest.approx(score)


def test_stars_go_from_one_to_five_and_the_rule_says_what_it_is():
    assert Brief().stars("") == 1
    assert Brief().stars(sentence(20)) == 5
    assert "not a person" in Brief().text
    assert Brief().name.startswith("rule:")
