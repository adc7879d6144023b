"""Rewards on the command line: what a run without a reward model needs, and a function that must be confirmed."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests import tiny
from workbench.cli import cli
from workbench.store import Store


@pytest.fixture
def project(tmp_path):
    store = Store.open(tmp_path / "p")
    for number in range(20):
        store.prompts.add(f"Question {number}?")
    store.models.add(name="tiny", kind="base", source="local", location=str(tiny.llama(tmp_path / "tiny")))
    store.close()
    return tmp_path / "p"


def train(project, method, *options):
    return CliRunner().invoke(cli, ["train", method, "--project", str(project), *options])


@pytest.mark.parametrize("method", ["ppo", "grpo", "rloo", "reinforce"])
def test_a_rule_is_enough_and_nothing_is_refused(project, method):
    refused = train(project, method, "--queue", "--reward", "none")
    assert "needs a reward model to say what answers are worth" in str(refused.exception)
    waits = train(project, method, "--queue", "--rule", "exact", "--json")
    assert waits.exit_code == 0, waits.output
    assert json.loads(waits.stdout)["status"] == "waiting"


def test_a_function_runs_only_as_it_was_confirmed(project):
    file = project / "mine.py"
    file.write_text("def reward(prompt, answer, reference):\n    return 1.0\n")
    chosen = ["--function", "mine.py", "--queue"]
    refused = train(project, "grpo", *chosen)
    assert "has not been confirmed by you" in str(refused.exception)
    assert train(project, "grpo", *chosen, "--trust-function").exit_code == 0
    assert train(project, "grpo", *chosen).exit_code == 0
    file.write_text("def reward(prompt, answer, reference):\n    return 2.0\n")
    changed = train(project, "grpo", *chosen)
    assert "was changed since you confirmed it" in str(changed.exception)


def test_there_is_nothing_to_confirm_without_a_function(project):
    refused = train(project, "grpo", "--rule", "exact", "--trust-function", "--queue")
    assert refused.exit_code == 2 and "--function" in refused.output
