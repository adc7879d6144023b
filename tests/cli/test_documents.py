"""Documents, questions, tasks and translations on the command line, in this process but for the jobs' children."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.jobs.adding import add_model
from workbench.store import Store, asking

HOUSE = "# Guests\n\nA guest may stay three nights.\n"
KILN = "# Kiln\n\nThe kiln is fired on Fridays.\n"
SHOP = "# Shop\n\nThe shop opens at ten.\n"


class Shell:
    def __init__(self, project: Path) -> None:
        self.project = project

    def __call__(self, *words: object) -> str:
        done = CliRunner().invoke(cli, [*map(str, words), "--project", str(self.project)], catch_exceptions=False)
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *words: object) -> dict:
        return json.loads(self(*words, "--json"))


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    for name, text in (("house.md", HOUSE), ("kiln.md", KILN), ("shop.txt", SHOP)):
        (tmp_path / name).write_text(text)
    shell = Shell(tmp_path / "project")
    shell("documents", "add", *(tmp_path / name for name in ("house.md", "kiln.md", "shop.txt")))
    return shell


def test_documents_are_added_listed_searched_and_removed(shell: Shell, tmp_path: Path) -> None:
    assert "house.md: 1 passages, already here" in shell("documents", "add", tmp_path / "house.md")
    assert [row["name"] for row in shell.json("documents", "list")["documents"]] == ["house.md", "kiln.md", "shop.txt"]
    assert shell("documents", "search", "When is it fired?").startswith("kiln.md, Kiln (passage 1)\nThe kiln")
    assert shell("documents", "search", "fired", "--documents", "shop.txt") == "Nothing found.\n"
    assert shell("documents", "remove", "kiln.md") == "Removed: kiln.md.\n"
    assert len(shell.json("documents", "list")["documents"]) == 2
    assert shell("documents", "search", "fired") == "Nothing found.\n"


def test_a_question_over_three_documents_keeps_the_passages_that_it_was_given(shell: Shell, llama_folder: Path) -> None:
    store = Store.open(shell.project)
    add_model(store, str(llama_folder), "tiny")
    store.close()
    found = shell.json("ask", "When is the kiln fired?", "--passages", 2, "--max-new-tokens", 4)
    assert (found["passages"][0]["document"], found["passages"][0]["number"]) == ("kiln.md", 1)
    assert found["cited"] == [] and found["used"] == []
    store = Store.open(shell.project)
    (prompt,) = store.prompts.list(tag="documents")
    assert "[1] kiln.md, Kiln\nThe kiln is fired on Fridays." in prompt.text
    assert prompt.text.endswith("Question: When is the kiln fired?")
    (answer,) = store.responses.of_prompt(prompt.id)
    assert answer.text == found["answer"] and answer.run_id == found["run"]
    given = asking.given_to(store, prompt.id)
    assert given[0].document == "kiln.md"
    store.documents.remove([given[0].document_id])
    cites = store.responses.add(prompt.id, "It is fired on Fridays [1], perhaps [9].")
    sources = asking.sources_of(store, cites)
    assert [each.passage and each.passage.title for each in sources.cited] == ["kiln.md, Kiln", None]
    store.close()


def test_what_cannot_be_asked_is_told(shell: Shell, tmp_path: Path, llama_folder: Path) -> None:
    with pytest.raises(WorkbenchError, match="has no model"):
        shell("ask", "When?")
    store = Store.open(tmp_path / "empty")
    add_model(store, str(llama_folder), "tiny")
    for question, told in ((" ", "empty"), ("When?", "no documents")):
        with pytest.raises(WorkbenchError, match=told):
            asking.ask(store, question)
    store.documents.add_text("a.txt", "Something.")
    with pytest.raises(WorkbenchError, match="No document has a word"):
        asking.ask(store, "Zebra crossing")
    store.close()


def test_what_is_told_of_an_answer() -> None:
    from workbench.cli.documents import _told
    from workbench.store.citing import sources
    from workbench.store.retrieving import Passage

    given = [Passage("d", "kiln.md", 0, 0, "", "The kiln is fired on Fridays.")]
    told = _told(sources("Fridays [1] [4].", given), given)
    assert told.splitlines()[1:] == [
        "  [1] kiln.md: The kiln is fired on Fridays.", "  [4] no such passage was given",
    ]  # fmt: skip
    assert "by words in common" in _told(sources("It is fired on Fridays.", given), given)
    assert "cites no passage, and shares few" in _told(sources("Bananas.", given), given)


def test_a_small_model_is_given_less() -> None:
    assert asking.budget_for(0, 200) == asking.budget_for(8192, 200) == 1200
    assert 100 < asking.budget_for(1024, 200) < 900
    assert asking.budget_for(256, 200) == 100


# ---- tasks ----


def test_tasks_are_listed_shown_and_filled(shell: Shell, tmp_path: Path) -> None:
    assert "write-poem" in shell("tasks", "list")
    assert "such as: the last tram" in shell("tasks", "show", "Poem")
    done = shell("tasks", "fill", "write-poem", "--set", "form=a haiku", "--set", "subject=tea", "--examples", 2)
    assert done.startswith("Added 1 prompts.") and "There are 0 good answers" in done
    (tmp_path / "rows.csv").write_text("form,subject\na limerick,rain\n,snow\n")
    dry = shell("tasks", "fill", "write-poem", "--file", tmp_path / "rows.csv", "--dry-run")
    assert dry == "Would add 1 prompts. Already there: 0.\nSkipped row 3: It has no form.\n"
    assert shell.json("tasks", "fill", "write-poem", "--file", tmp_path / "rows.csv")["added"] == 1
    rows = {row["id"]: row["prompts"] for row in shell.json("tasks", "list")["tasks"]}
    assert rows["write-poem"] == 2


def test_one_prompt_that_lacks_a_value_is_refused(shell: Shell) -> None:
    with pytest.raises(WorkbenchError, match="About: no value"):
        shell("tasks", "fill", "write-poem", "--set", "form=a haiku")
    done = CliRunner().invoke(cli, ["tasks", "fill", "write-poem"])
    assert done.exit_code == 2 and "--set" in done.output


# ---- translating ----


def test_a_document_is_translated_by_a_child(shell: Shell, tmp_path: Path, llama_folder: Path) -> None:
    store = Store.open(shell.project)
    add_model(store, str(llama_folder), "tiny")
    store.close()
    words = ("translate", tmp_path / "kiln.md", "--to", "French", "--max-new-tokens", 3, "--device", "cpu")
    found = shell.json(*words)
    summary = found["summary"]
    assert found["status"] == "finished" and summary["paragraphs"] == 2
    assert Path(summary["out"]) == (tmp_path / "kiln.french.md").resolve()
    made = Path(summary["out"]).read_text().split("\n")
    assert made[0].startswith("# ") and made[1] == "" and made[3:] == [""]
    again = shell(*words)  # nobody has changed what was written
    assert f"{2 - summary['left']} before" in again or summary["left"] == 2
    Path(summary["out"]).write_text("My own words.")
    with pytest.raises(WorkbenchError, match="is there already"):
        shell(*words)
    assert Path(summary["out"]).read_text() == "My own words."
