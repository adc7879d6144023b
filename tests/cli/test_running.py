"""`workbench runs compare`: the same comparison as the window's, as tables, JSON and a file."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from workbench.cli import cli
from workbench.store import Store


@pytest.fixture
def project(tmp_path):
    store = Store.open(tmp_path / "project")
    for name, rate, accuracy in (("one", 1e-4, 0.5), ("two", 2e-4, 0.75)):
        options = {"learning_rate": rate, "steps": 1200, "dora": name == "two"}
        run = store.runs.add(name=name, method="ppo", options=options, summary={"accuracy": accuracy, "step": 30})
        store.runs.add_metrics(run.id, 1, {"objective/kl": 0.1})
    store.close()
    return tmp_path / "project"


def call(project, *words):
    return CliRunner().invoke(cli, ["runs", "compare", "--project", str(project), *words])


def test_what_differs_and_what_came_of_it_are_two_tables(project):
    found = call(project, "one", "two")
    assert found.exit_code == 0, found.output
    assert [line.split() for line in found.output.splitlines() if line and not line.startswith("-")] == [
        ["set", "otherwise", "one", "two"],
        ["dora", "False", "True"],
        ["learning_rate", "0.0001", "0.0002"],
        ["came", "to", "one", "two"],
        ["accuracy", "0.5", "0.75"],
        ["step", "30", "30"],
    ]


def test_json_and_the_curves_in_a_file(project, tmp_path):
    found = call(project, "one", "two", "--json", "--csv", str(tmp_path / "curves.csv"))
    told = json.loads(found.stdout)
    assert told["runs"] == ["one", "two"]
    assert told["settings"]["learning_rate"] == [1e-4, 2e-4]
    assert told["figures"]["accuracy"] == [0.5, 0.75]
    assert len((tmp_path / "curves.csv").read_text().splitlines()) == 3


def test_a_run_that_is_not_there_is_one_sentence(project):
    found = call(project, "one", "three")
    assert found.exit_code != 0
    assert "three" in str(found.exception or found.output)


def test_a_preset_follows_the_data_and_a_knob_that_is_given_stands(tmp_path):
    store = Store.open(tmp_path / "judged")
    store.models.add(name="base", kind="base", source="local", location=str(tmp_path))
    for number in range(24):
        prompt, _ = store.prompts.add(f"Question {number}?")
        ids = [store.responses.add(prompt.id, f"Answer {number}{letter}.").id for letter in "ab"]
        store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 2]}, annotator="you")
    store.close()

    def options(*words):
        command = ["train", "reward", "--queue", "--json", "--project", str(tmp_path / "judged"), *words]
        found = CliRunner().invoke(cli, command)
        assert found.exit_code == 0, found.output
        store = Store.open(tmp_path / "judged")
        made = store.runs.find(json.loads(found.stdout)["run"]).options
        store.close()
        return {key: made[key] for key in ("epochs", "evaluations", "learning_rate")}

    assert options() == {"epochs": 2, "evaluations": 8, "learning_rate": 2e-4}
    assert options("--preset", "quick") == {"epochs": 2, "evaluations": 4, "learning_rate": 2e-4}
    given = options("--preset", "thorough", "--epochs", "3")
    assert given == {"epochs": 3, "evaluations": 16, "learning_rate": 1e-4}
