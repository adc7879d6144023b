"""What a command says when a run has ended."""

from __future__ import annotations

from types import SimpleNamespace

from workbench.cli.working import run_words


def test_a_reward_run_says_how_far_it_can_be_believed():
    curve = [
        {"sure": 0.56, "right": 0.5, "count": 12, "low": 0.25, "high": 0.75},
        {"sure": 0.98, "right": 1.0, "count": 120, "low": 0.97, "high": 1.0},
    ]
    summary = {"accuracy": 0.71234, "stopped_early": True, "ece": 0.0301, "reliability": curve}
    words = run_words(SimpleNamespace(name="Reward model 1", status="finished", summary=summary))
    assert words.splitlines() == [
        "Reward model 1 finished early. accuracy 0.7123, ece 0.0301",
        "   56% sure: right  50% of 12    (95 % interval 25% to 75%)",
        "   98% sure: right 100% of 120   (95 % interval 97% to 100%)",
    ]


def test_other_runs_are_one_line():
    run = SimpleNamespace(name="PPO 1", status="finished", summary={"score": 1.5, "stopped_early": False, "kl": 2})
    assert run_words(run) == "PPO 1 finished. score 1.5, kl 2"
