"""`workbench report`: the same report as words and as JSON."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.ui.test_data_report import fill
from workbench.cli import cli
from workbench.store import Store


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    store = Store.open(tmp_path / "project")
    fill(store, vectors=True)
    store.close()
    return tmp_path / "project"


def report(*words) -> str:
    done = CliRunner().invoke(cli, ["report", *words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


def test_words_say_verdict_counts_and_what_to_do(project):
    text = report(str(project))
    assert "120 ratings → 120 pairs (gap ≥ 1)" in text
    assert "LOOK  Shorter answers win" in text
    assert "6 sets of two answers were judged both ways." in text
    assert "Worth doing next:" in text
    assert text == report("--project", str(project))


def test_json_holds_every_figure_with_its_interval(project):
    found = json.loads(report(str(project), "--json"))
    alpha = found["agreement"]["rating"]["alpha_ordinal"]
    assert alpha["low"] < alpha["value"] < alpha["high"]
    assert found["agreement"]["rating"]["pairs"]["you / Noor"][0] == 120
    assert len(found["becoming"]["contradictions"]) == 6
    assert found["readiness"]["curve"]["now"]["accuracy"] > 0.8
    assert next(each for each in found["findings"] if each["about"] == "drift")["value"] is None
