"""Presets: real knobs of every method, and how they follow the amount of data."""

from __future__ import annotations

import pytest

from workbench.feedback.base import Pair
from workbench.methods import METHODS, dpo, ppo, presets, pretrain
from workbench.methods.base import Data, options_from

SIZES = (0, 1, 20, 199, 200, 1999, 2000, 100_000, 30_000_000)


@pytest.mark.parametrize("name", METHODS)
@pytest.mark.parametrize("preset", presets.NAMES)
def test_every_preset_is_one_that_the_method_takes(name, preset):
    for size in SIZES:
        options_from(METHODS[name].Options, presets.values(METHODS[name], preset, size))


@pytest.mark.parametrize("name", METHODS)
def test_presets_go_from_short_to_long(name):
    method = METHODS[name]

    def work(preset, size):
        options = options_from(method.Options, presets.values(method, preset, size))
        if hasattr(options, "steps"):
            return options.steps * options.batch_size
        return options.epochs

    for size in SIZES:
        quick, balanced, thorough = (work(each, size) for each in presets.NAMES)
        assert quick <= balanced <= thorough
    assert work("quick", 0) < work("balanced", 0) < work("thorough", 0)


def test_what_is_not_known_or_usual_leaves_the_balanced_one_at_the_defaults():
    for method in METHODS.values():
        assert presets.values(method, "balanced") == {}
    assert presets.values(dpo, "balanced", 500) == {}


def test_few_examples_are_seen_more_often_and_many_in_larger_steps():
    assert presets.values(dpo, "balanced", 50) == {"epochs": 4}
    assert presets.values(dpo, "quick", 50)["epochs"] == 2
    assert presets.values(dpo, "balanced", 5_000) == {"epochs": 1, "batch_size": 16}
    assert presets.values(dpo, "balanced", 50_000) == {"epochs": 1, "batch_size": 32}


def test_few_prompts_end_an_on_policy_run_before_they_are_known_by_heart():
    few = presets.values(ppo, "thorough", 10)
    assert few["steps"] * few["batch_size"] <= presets.MOST_ANSWERS * 10
    assert presets.values(ppo, "thorough", 1)["steps"] == presets.FEWEST_ROUNDS
    assert presets.values(ppo, "thorough", 1_000)["steps"] == 120


def test_a_long_text_makes_a_larger_model():
    assert presets.values(pretrain, "balanced", 1_000_000) == {}
    larger = options_from(pretrain.Options, presets.values(pretrain, "balanced", 20_000_000))
    assert (larger.width, larger.layers, larger.epochs) == (384, 6, 1)


def test_only_what_is_learned_from_is_counted():
    pairs = tuple(Pair(str(number), (), "a", "b", split="held_out" if number < 3 else "train") for number in range(10))
    assert presets.amount(dpo, Data(pairs=pairs)) == 7
