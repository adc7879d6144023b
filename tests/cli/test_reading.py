"""`workbench features`: reads what has not been read, once, and says how good the instant head is."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.jobs import worlds
from workbench.cli import cli
from workbench.jobs import preparing
from workbench.jobs.running import run_to_end
from workbench.store import Store

FAST = ["--device", "cpu", "--dtype", "float32"]


@pytest.fixture
def project(tmp_path, llama_folder, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    worlds.project(tmp_path / "project", llama_folder, prompts=30).close()
    return tmp_path / "project"


def features(project, *words):
    done = CliRunner().invoke(cli, ["features", *words, *FAST, "--project", str(project)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_it_reads_once_and_says_how_good_the_head_is(project):
    first = json.loads(features(project, "--json"))
    assert (first["read"], first["left"], first["answers"], first["pairs"]) == (60, 0, 60, 30)
    assert first["held_out"]["pairs"] == 30
    assert first["held_out"]["low"] < 0.95 <= first["held_out"]["accuracy"]  # "kind" beats "lazy" everywhere
    again = features(project)
    assert "Read 0 answers; 0 of 60 are left." in again
    assert "of 30 judged pairs on prompts that it had not seen" in again


def test_a_reward_model_scores_what_it_has_not_scored(project):
    store = Store.open(project)
    base = store.models.list("base")[0].id
    run, spec = preparing.prepare(store, "reward", worlds.REWARD | {"epochs": 1}, model_id=base, name="judge")
    run_to_end(store, run, spec)
    assert json.loads(features(project, "--reward", "judge", "--json"))["read"] == 60
    assert json.loads(features(project, "--reward", "judge", "--json"))["read"] == 0
    assert len(store.features.scored(store.models.find("judge").id)) == 60
    store.close()
