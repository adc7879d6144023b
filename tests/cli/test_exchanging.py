"""`workbench import` and `workbench export`, with formats, containers and columns."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from workbench.cli import cli
from workbench.store import Store
from workbench.store.exchange import SHAPES


@pytest.fixture
def run(tmp_path, monkeypatch):
    """run("import", file, ...) on a project of its own."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))

    def invoke(*words):
        return CliRunner().invoke(cli, [*map(str, words), "--project", str(tmp_path / "project")])

    return invoke


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "votes.csv"
    path.write_text("Question,Better,Worse,By\nHi,A,B,Noor\nHo,C,D,\nHm,,E,Noor\n,F,G,\n")
    return path


COLUMNS = ("--map", "prompt=Question", "--map", "chosen=better", "--map", "rejected=Worse", "--map", "who=By")


def test_columns_can_be_named_and_tried_first(run, table, tmp_path):
    done = run("import", table, *COLUMNS, "--dry-run")
    assert done.exit_code == 0, done.output
    assert "Would add 3 prompts, 6 responses, 3 feedback." in done.output
    assert "Skipped row 5: The prompt is empty." in done.output
    report = json.loads(run("import", table, *COLUMNS, "--json").stdout)
    assert (report["format"], report["added"], report["refused"]) == (
        "columns", {"prompts": 3, "responses": 6, "feedback": 3}, 1,
    )  # fmt: skip
    again = json.loads(run("import", table, *COLUMNS, "--json").stdout)
    assert (sum(again["added"].values()), again["already_there"]) == (0, 3)
    store = Store.open(tmp_path / "project")
    assert store.feedback.annotators() == {"Noor": 2, "": 1}
    store.close()


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--map", "prompt"), "prompt is not ROLE=COLUMN"),
        (("--map", "prompt=Nothing"), "The file has no column called Nothing. It has Question, Better, Worse, By."),
        (("--map", "colour=By"), "colour is nothing that a column can be"),
        (("--format", "smoke"), "There is no format called smoke"),
        ((), "has no column called prompt"),
    ],
)
def test_what_does_not_fit_is_one_sentence(run, table, words, sentence):
    done = run("import", table, *words)
    assert done.exit_code != 0
    assert sentence in (done.output + str(done.exception)).replace("\n", " ")


def test_an_export_goes_into_the_format_and_container_that_were_asked_for(run, table, tmp_path):
    run("import", table, *COLUMNS)
    report = json.loads(run("export", tmp_path / "a.parquet", "--what", "pairs", "--json").stdout)
    assert (report["rows"], report["format"], report["container"]) == (3, "preferences", "parquet")
    run("export", tmp_path / "folder", "--what", "pairs", "--format", "sharegpt", "--container", "datasets")
    again = json.loads(run("import", tmp_path / "folder", "--json").stdout)
    # The shape has no place for who said it, so only that is new.
    assert (again["format"], again["added"]) == ("sharegpt", {"prompts": 0, "responses": 0, "feedback": 2})
    done = run("export", tmp_path / "a", "--what", "labels", "--format", "hh")
    assert "Labels cannot be written as hh" in str(done.exception)
    done = run("export", tmp_path / "a", "--what", "all", "--format", "hh")
    assert "one format" in done.output


def test_help_says_what_each_format_cannot_hold(run):
    words = run("export", "--help").output
    assert [name for name in SHAPES if f"  {name} " not in words] == []
    assert "no margin" in words


def test_many_refused_rows_are_counted_by_reason(run, tmp_path):
    rows = [{"prompt": "Hi"}, *[{"prompt": 7}] * 30]
    (tmp_path / "a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    words = run("import", tmp_path / "a.jsonl").output
    assert words.count("Skipped row") == 20
    assert "30 rows were skipped in all:\n  30 times: prompt is a number, not text." in words
