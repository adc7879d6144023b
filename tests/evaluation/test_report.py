"""The report's page: complete, and nothing in it can run."""

from __future__ import annotations

import pytest

from workbench.evaluation.report import render

SIDE = {"reward": 0.5, "words": 20.0, "finished": 0.5}
FOUND = {
    "rule": "rule: x", "rule_text": "Half <b>. This is a rule, not a person.", "model": "base<script>",
    "tuned_model": "tuned", "held_out_prompts": 27, "base": {"score": 0.4, **SIDE}, "tuned": {"score": 0.6, **SIDE},
    "gain": 0.2, "gain_ci": [0.1, 0.3], "win_rate": 0.7, "win_rate_ci": [0.5, 0.9], "kl": 4.0, "judged_answers": 512,
    "reward_model": {"accuracy": 0.9, "longer_wins": 0.5, "pairs": 200, "held_out_pairs": 50},
    "seconds": 500.0, "device": "CPU",
}  # fmt: skip
EXAMPLE = {
    "prompt": "<img src=x>",
    "base": "a & b",
    "tuned": "<script>alert(1)</script>",
    "base_score": 0,
    "tuned_score": 1,
}


def test_everything_from_a_model_is_escaped():
    page = render(FOUND, {"objective/kl": [(1, 0.0), (2, None), (3, 2.5)]}, [EXAMPLE])
    assert "<script" not in page
    assert "<img" not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "a &amp; b" in page


def test_a_curve_with_a_gap_is_drawn():
    page = render(FOUND, {"objective/kl": [(1, 0.0), (2, None), (3, 2.5)]}, [])
    assert page.count("<polyline") == 1
    assert "KL to base" in page


@pytest.mark.parametrize(
    ("interval", "words"), [([0.1, 0.3], "Better"), ([-0.1, 0.3], "No clear change"), ([-0.3, -0.1], "Worse")]
)
def test_the_verdict_follows_the_interval(interval, words):
    assert f"{words} under the rule" in render({**FOUND, "gain_ci": interval}, {}, [])
