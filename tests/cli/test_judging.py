"""`workbench judge` and its report: a server and a rule, a rubric from a file, dry runs and wrong words."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests.jobs import worlds
from tests.jobs.test_judging import kind_one
from tests.methods.judge_server import serving
from workbench.cli import cli
from workbench.store import Store


@pytest.fixture
def project(tmp_path, llama_folder, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    worlds.project(tmp_path / "project", llama_folder, prompts=8).close()
    return tmp_path / "project"


def judge(project, *words, status=0):
    done = CliRunner().invoke(cli, ["judge", *words, "--project", str(project)], catch_exceptions=status == 2)
    assert done.exit_code == status, done.output
    return done.stdout if not status else done.output


def test_a_server_compares_by_a_rubric_from_a_file_and_the_report_says_how_well(project, tmp_path):
    (tmp_path / "rubric.txt").write_text("Is it kind?\n", encoding="utf-8")
    with serving(kind_one) as server:
        words = ["--server", server.url, "--model", "m", "--rubric", str(tmp_path / "rubric.txt"), "--compare"]
        before = json.loads(judge(project, *words, "--dry-run", "--price-in", "5", "--json"))
        said = judge(project, *words, "--only-judged", "--limit", "6")
    assert before["count"] == 8 and before["cost"] > 0
    assert "gave 6 verdicts" in said and "1800 tokens read, 12 written" in said
    report = json.loads(CliRunner().invoke(cli, ["judge", "report", "--project", str(project), "--json"]).stdout)
    (found,) = report["judges"]
    assert found["rubric"]["text"] == "Is it kind?"
    assert found["agreement"]["figures"]["accuracy"]["value"] == 1.0 and found["places"]["by_place"] == 0
    store = Store.open(project)
    assert store.feedback.annotators() == {"you": 8}
    store.close()


def test_a_rule_rates_and_the_report_is_words(project):
    judge(project, "--rule", "pattern", "--rule-pattern", "kind hello")
    text = CliRunner().invoke(cli, ["judge", "report", "--project", str(project)]).stdout
    assert "rule pattern (rubric" in text and "16 ratings; people judged 16 of them, to 8 prompts." in text
    assert "Spearman's ρ: 1" in text and "Rubric: The regular expression kind hello is found" in text


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "Name one judge"),
        (["--rule", "length", "--reward", "x"], "Name one judge"),
    ],
)
def test_one_judge_is_named(project, words, said):
    assert said in judge(project, *words, status=2)


def test_without_a_judge_the_report_says_so(project):
    assert "No judge" in CliRunner().invoke(cli, ["judge", "report", "--project", str(project)]).stdout
