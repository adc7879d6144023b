"""`workbench import` of another project: its export, or its folder."""

from __future__ import annotations

import pytest
from click.testing import CliRunner

from workbench.cli import cli
from workbench.store import Store


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """Two projects in which two people judged the same prompt."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    for number, who in enumerate(("you", "Noor")):
        store = Store.open(tmp_path / who)
        prompt, _ = store.prompts.add("Where is the kettle?", tags=[who])
        answer = store.responses.add(prompt.id, f"Answer {number}")
        store.feedback.add("rating", prompt.id, [answer.id], {"ratings": [4]}, annotator=who)
        store.close()
    return tmp_path / "you", tmp_path / "Noor"


def say(*words) -> str:
    done = CliRunner().invoke(cli, [str(word) for word in words], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.stdout


@pytest.mark.parametrize("as_file", [True, False])
def test_two_projects_become_one_and_stay_so(folders, tmp_path, as_file):
    ours, theirs = folders
    source = theirs
    if as_file:
        source = tmp_path / "theirs.jsonl"
        say("export", source, "--project", theirs)
    asked = say("import", source, "--project", ours, "--dry-run")
    assert "Would add 0 prompts, 1 responses, 1 feedback. Already there: 0. Would change: 1." in asked
    assert "Added 0 prompts, 1 responses, 1 feedback. Already there: 0. Changed: 1." in say(
        "import", source, "--project", ours
    )
    assert "Added 0 prompts, 0 responses, 0 feedback. Already there: 3." in say("import", source, "--project", ours)
    store = Store.open(ours)
    assert store.feedback.annotators() == {"you": 1, "Noor": 1}
    assert store.prompts.list()[0].tags == ("Noor", "you")
    store.close()


def test_a_folder_without_a_project_is_refused(folders, tmp_path):
    (tmp_path / "empty").mkdir()
    done = CliRunner().invoke(cli, ["import", str(tmp_path / "empty"), "--project", str(folders[0])])
    assert done.exit_code == 1
    assert "empty" in str(done.exception)
