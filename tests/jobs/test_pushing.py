"""A model is sent to the hub: told before, private unless asked, and nothing is lost where it fails."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.jobs import worlds
from tests.jobs.hub_receiver import TOKEN, Hub
from tests.jobs.test_exporting import Here
from workbench import paths
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.events import Finished, Stopped
from workbench.jobs import exporting, pushing


@pytest.fixture(scope="module")
def project(tmp_path_factory, llama_folder):
    store = worlds.project(tmp_path_factory.mktemp("push") / "project", llama_folder, prompts=2)
    yield store
    store.close()


@pytest.fixture
def hub(monkeypatch, tmp_path):
    """A hub on this machine and a person who is logged in to it. Writing the folder needs no process of its own; the
    sending has one, because the client reads its settings when it is imported."""
    found = Hub()
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    for key, value in {"HF_ENDPOINT": found.address, "HF_TOKEN": TOKEN, "HF_HUB_DISABLE_XET": "1"}.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(exporting, "Child", Here)
    yield found
    found.close()


def prepared(store, **knobs):
    *_, last = pushing.prepare(store, store.models.list()[0].id, "me/tuned", **knobs)
    return pushing.plan_of(Path(last.summary["target"]), "me/tuned", True)


def pushed(project, *more, typed=None):
    command = ["models", "push", "tiny", "me/tuned", "--project", str(project.folder), *more]
    return CliRunner().invoke(cli, command, input=typed)


def test_a_model_is_sent_once_the_person_has_seen_what(project, hub):
    found = pushed(project, "--json", typed="y\n")
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["url"] == f"{hub.address}/me/tuned"
    assert "model.safetensors" in found.stderr and "only you see it" in found.stderr
    assert hub.repos == {"me/tuned": True}
    sent = hub.files["me/tuned"]
    assert {"README.md", "config.json", "model.safetensors", "tokenizer.json"} <= set(sent)
    assert sent["README.md"].startswith(b"---\n")
    assert not list((paths.user_data() / "exports").iterdir())
    for file in paths.user_data().rglob("*"):
        assert not file.is_file() or TOKEN.encode() not in file.read_bytes()
    assert not any(TOKEN.encode() in content for content in sent.values())


def test_a_no_sends_nothing_and_a_second_try_goes_on_with_the_folder(project, hub):
    assert pushed(project, "--format", "gguf", "--public", typed="n\n").exit_code == 1
    assert hub.asked == []
    (folder,) = (paths.user_data() / "exports").iterdir()
    before = (folder / "tiny-F32.gguf").stat().st_mtime_ns
    hub.refuses = {"/commit/": 403}
    failed = pushed(project, "--format", "gguf", "--public", "--yes")
    assert isinstance(failed.exception, WorkbenchError) and "may not write" in str(failed.exception)
    assert (folder / "tiny-F32.gguf").stat().st_mtime_ns == before
    hub.refuses, hub.asked = {}, []
    found = pushed(project, "--format", "gguf", "--public", "--yes")
    assert found.exit_code == 0, found.output
    assert hub.files["me/tuned"]["tiny-F32.gguf"][:4] == b"GGUF"
    assert not any(verb == "PUT" for verb, _ in hub.asked)  # the large file was there already
    assert hub.repos == {"me/tuned": False} and not folder.exists()


@pytest.mark.parametrize(
    ("refuses", "said"),
    [({"/repos/": 401}, "does not know your login"), ({"/repos/": 403}, "may not write"), ({"/lfs/": 413}, "413")],
)
def test_what_the_hub_refuses_is_one_sentence_and_the_folder_stays(project, hub, refuses, said):
    plan, hub.refuses = prepared(project), refuses
    with pytest.raises(WorkbenchError, match=said) as refused:
        list(pushing.send(plan))
    assert "kept" in refused.value.hint and (plan.folder / "config.json").is_file()


def test_without_a_login_or_a_network_the_folder_stays(project, hub, monkeypatch):
    plan = prepared(project)
    hub.close()
    with pytest.raises(WorkbenchError, match="could not be reached"):
        list(pushing.send(plan))
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(WorkbenchError, match="not logged in") as refused:
        list(pushing.send(plan))
    assert "hf auth login" in refused.value.hint
    assert (plan.folder / "model.safetensors").is_file()


def test_what_is_private_is_not_sent_where_everybody_sees_it(project, hub):
    plan, hub.repos = prepared(project), {"me/tuned": False}
    with pytest.raises(WorkbenchError, match="everybody sees it"):
        list(pushing.send(plan))
    assert hub.files == {} and not any(verb == "PUT" for verb, _ in hub.asked)


def test_a_sending_that_is_stopped_keeps_the_folder(project, hub):
    children = []
    plan = prepared(project)
    events = []
    for event in pushing.send(plan, children.append):
        children[0].kill()
        events.append(event)
    assert isinstance(events[-1], Stopped) and not any(isinstance(event, Finished) for event in events)
    assert (plan.folder / "model.safetensors").is_file() and hub.files == {}


@pytest.mark.parametrize("repo", ["tuned", "me/../you", "a/b/c", "me/", "me /x"])
def test_a_name_that_is_none_on_the_hub_is_told_before_anything_is_written(project, hub, repo):
    with pytest.raises(WorkbenchError, match="no name on the hub"):
        list(pushing.prepare(project, project.models.list()[0].id, repo))
    assert not (paths.user_data() / "exports").exists()
