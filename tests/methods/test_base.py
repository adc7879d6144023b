"""Knobs: declared once, checked everywhere."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workbench.errors import WorkbenchError
from workbench.jobs.tasks import TASKS
from workbench.methods import AGAINST_A_REWARD, METHODS
from workbench.methods.base import Knob, knobs, options_from

EVERYTHING = [*METHODS.values(), *TASKS.values()]


def values_of(knob: Knob) -> st.SearchStrategy:
    if knob.choices:
        return st.sampled_from(knob.choices)
    if knob.type is bool:
        return st.booleans()
    if knob.type is int:
        return st.integers(int(knob.low or 0), int(knob.high or 1000))
    if knob.type is float:
        return st.floats(knob.low or 0.0, knob.high or 1000.0, allow_nan=False)
    return st.text(max_size=20)


@pytest.mark.parametrize("method", EVERYTHING, ids=lambda method: method.name)
def test_every_knob_says_what_it_does_and_allows_its_default(method):
    for knob in knobs(method.Options):
        assert knob.text.endswith("."), knob.name
        assert knob.parse(knob.default) == knob.default


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
@given(data=st.data())
def test_options_to_json_and_back_is_the_identity(method, data):
    chosen = {knob.name: data.draw(values_of(knob)) for knob in knobs(method.Options)}
    if "samples" in chosen:
        whole = chosen["batch_size"] - chosen["batch_size"] % chosen["samples"]
        chosen["batch_size"] = max(2, whole, chosen["samples"])
    if chosen.get("judge_url"):
        chosen |= {"judge_url": "http://localhost:8080/v1", "judge_model": "a"}
    if chosen.get("rule") in ("pattern", "match"):
        chosen["rule_pattern"] = data.draw(st.sampled_from(["a", "[0-9]+$", "(?i)yes|no"]))
    if chosen.get("min_new_tokens", 0) > chosen.get("max_new_tokens", 0):
        chosen["min_new_tokens"] = 0
    if "heads" in chosen and "width" in chosen:
        chosen["width"] = max(1, chosen["width"] // (2 * chosen["heads"])) * 2 * chosen["heads"]
    if chosen.get("train") == "full" and "quantize" in chosen:
        chosen["quantize"] = "none"
    if chosen.get("minibatches", 0) > chosen.get("batch_size", 1):
        chosen["minibatches"] = 1
    options = options_from(method.Options, chosen)
    assert options_from(method.Options, json.loads(json.dumps(dataclasses.asdict(options)))) == options


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"learning_rate": 1.0}, "Learning rate cannot be 1.0"),
        ({"batch_size": 0}, "Batch size cannot be 0"),
        ({"learning_rate": float("nan")}, "cannot be nan"),
        ({"steps": "many"}, "Steps cannot be 'many'"),
        ({"kl_control": "magic"}, "Choose one of fixed, adaptive"),
        ({"nonsense": 1}, "no knob called nonsense"),
        ({"minibatches": 9, "batch_size": 8}, "9 minibatches"),
        ({"train": "full", "quantize": "4bit"}, "4 bits cannot be trained"),
    ],
)
def test_nonsense_is_refused_before_anything_loads(values, words):
    with pytest.raises(WorkbenchError, match=words):
        options_from(METHODS["ppo"].Options, values)


def test_what_is_said_of_methods_without_importing_them_is_so():
    assert [method.name for method in METHODS.values()] == list(METHODS)
    assert [name for name, method in METHODS.items() if method.NEEDS_REWARD] == list(AGAINST_A_REWARD)
    code = (
        "import sys, workbench.methods; print([name for name in sys.modules if name.startswith('workbench.methods.')])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "['workbench.methods.base']"
