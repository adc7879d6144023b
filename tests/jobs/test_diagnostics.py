"""What a person sends to whoever helps says nothing of what is their own."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from tests.jobs import bundles
from tests.providers.keyrings import kept  # noqa: F401
from workbench import cli, paths, settings
from workbench.errors import WorkbenchError
from workbench.jobs import compute, doctor
from workbench.jobs.diagnostics import LEFT_OUT, diagnostics
from workbench.providers import keys
from workbench.store import Store

EXAMINED = {
    "ok": True,
    "version": "1",
    "checks": [{"name": "Python", "ok": True, "text": "3.11"}, {"name": "Compute", "ok": False, "text": "none"}],
    "versions": {"torch": "9.9"},
}
PROMPT = "How do I tell my sister Ottilie\nthat the canary has flown?"
ANSWER = "Say that it went south for the winter"
PERSON = "Oluwaseun"
KEY = "sk-canary-0123456789"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    handlers = list(logging.getLogger().handlers)
    cli.start_log()
    yield tmp_path / "home"
    for handler in set(logging.getLogger().handlers) - set(handlers):
        logging.getLogger().removeHandler(handler)
        handler.close()


@pytest.fixture
def project(home):
    folder = home / "projects" / "mine"
    store = Store.open(folder)
    prompt, _ = store.prompts.add(PROMPT)
    answer = store.responses.add(prompt.id, ANSWER)
    store.feedback.add(
        "thumbs", prompt.id, [answer.id], {"thumbs": [True]}, annotator=PERSON, comment="Reads like a poem"
    )
    store.close()
    return folder


def fail(error: Exception) -> None:
    try:
        raise error
    except Exception:
        logging.getLogger("workbench").exception("problem")


def test_it_has_versions_checks_engines_and_the_end_of_the_log(project):
    for number in range(80):
        logging.getLogger("workbench").info("step %d of it", number)
    text = diagnostics(EXAMINED, project)
    assert text.startswith("Feedback Workbench 1, installed by pip\n")
    for part in ("ok   Python: 3.11", "BAD  Compute: none", "torch 9.9", "Engines: ", "step 79 of it", "step 30 of it"):
        assert part in text
    assert "step 29 of it" not in text
    assert "crash.log ---\n(empty)" in text


def test_no_prompt_answer_name_or_key_is_in_it(project, kept, monkeypatch):  # noqa: F811
    keys.keep("https://api.example.org/v1", KEY)
    monkeypatch.setenv("SOME_API_KEY", "hush-hush-12345")
    settings.save(settings.Settings(annotator="Wilhelmina"))
    log = logging.getLogger("workbench")
    fail(ValueError(PROMPT))
    log.info("after it comes an entry of its own")
    fail(ValueError(f"no answer {ANSWER[:26]!r}..."))
    fail(WorkbenchError(f"There is already somebody called {PERSON.lower()}.", "Reads like a poem"))
    log.info("asked by Wilhelmina with Authorization: Bearer %s and hush-hush-12345", KEY)
    log.info("written to %s", project / "export.jsonl")
    (project / "crash.log").write_text(f"Fatal Python error: in {ANSWER}\n")
    text = diagnostics(EXAMINED, project)
    for canary in (
        "Ottilie",
        "canary",
        "south",
        PERSON,
        PERSON.lower(),
        "poem",
        "Wilhelmina",
        KEY,
        "hush",
        str(project),
    ):
        assert canary not in text, text
    assert "after it comes an entry of its own" in text
    assert "~/projects/mine/export.jsonl" in text
    assert text.count(LEFT_OUT) == 4
    assert "Traceback" in text and "test_diagnostics.py" in text  # what helps is still there


def test_a_quoted_sentence_that_is_of_no_project_is_left_out_too(project):
    fail(ValueError("cannot read 'a row of a file somewhere' as \"x\", No module named 'torch'"))
    text = diagnostics(EXAMINED, project)
    assert "a row of a file" not in text
    assert "No module named 'torch'" in text


def test_of_a_project_that_cannot_be_opened_no_line_of_a_log_is_told(project):
    fail(ValueError(PROMPT))
    (project / "project.db").write_bytes(b"damaged")
    text = diagnostics(EXAMINED, project)
    assert "Ottilie" not in text and "ok   Python" in text


def test_in_a_standalone_app_the_engines_are_named(project, tmp_path, monkeypatch):
    root = bundles.bundle(tmp_path / "app")
    monkeypatch.setattr(paths, "bundle", lambda: root)
    assert "Engines: none" in diagnostics(EXAMINED, project)
    (root / "engine" / "site-packages" / "torch").mkdir(parents=True)
    assert "Engines: built-in (in use)" in diagnostics(EXAMINED, project)


def test_the_window_is_found_without_the_metadata_of_its_package(monkeypatch, tmp_path):
    known = doctor._window()
    monkeypatch.setattr(compute, "version_of", lambda package: None)
    assert doctor._window() == known  # PySide6 says it itself
    (tmp_path / "PySide6").mkdir()
    (tmp_path / "PySide6" / "__init__.py").touch()
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(__import__("sys").modules, "PySide6", raising=False)
    assert doctor._window() == "PySide6 is here; it does not say which version."


def test_the_command_line_prints_it_all(project, capsys, monkeypatch):
    monkeypatch.setattr("workbench.jobs.compute_trying.probe", lambda: {
        "torch": "9", "device": "cpu", "name": "tiny", "dtype": "float32", "memory": 1e9})  # fmt: skip
    monkeypatch.setattr("sys.argv", ["workbench", "doctor", "--full", "--project", str(project)])
    assert cli.main() == 0
    out = capsys.readouterr().out
    assert "PyTorch 9, cpu (tiny), float32, 1.0 GB" in out and "--- the last lines of workbench.log" in out
    assert PERSON not in out
