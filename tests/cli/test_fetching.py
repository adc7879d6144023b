"""`workbench models search`, `download` and `cached` against a small hub on this machine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner

from tests.jobs import hub_worlds
from tests.jobs.hub_server import Hub
from tests.jobs.hub_worlds import NAME
from workbench.cli import cli
from workbench.jobs import hub_partial


@pytest.fixture
def hub(tmp_path, monkeypatch, llama_folder):
    served = Hub()
    hub_worlds.use(served, tmp_path / "home", monkeypatch)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    files = {path.name: path.read_bytes() for path in llama_folder.iterdir()}
    served.add(NAME, files, facts=hub_worlds.facts())
    yield served
    served.close()


def run(*words):
    result = CliRunner().invoke(cli, [*words], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_search_tells_size_fit_and_licence(hub):
    hub.add("potter/giant", {"config.json": b"{}"}, facts=hub_worlds.facts(10**13))
    tiny, giant = run("models", "search", "potter").splitlines()
    assert tiny.split("\t")[:2] == [NAME, "0.00 B"]
    assert "fits" in tiny and "apache-2.0" in tiny and "4200 downloads" in tiny
    assert "has no weights" in giant
    rows = json.loads(run("models", "search", "tiny", "--largest", "1B", "--licence", "mit", "--json"))
    assert rows[0]["id"] == NAME and rows[0]["exact"] and rows[0]["fits"] == "fits"
    assert hub.searches[-1]["filter"] == ["license:mit"]
    assert run("models", "search", "nothing-like-it") == "Nothing was found.\n"


def test_download_adds_the_model(hub, tmp_path):
    project = str(tmp_path / "project")
    told = json.loads(run("models", "download", NAME, "--project", project, "--json"))
    assert told["source"] == "hub" and told["info"]["hub"]["commit"] == "a" * 40
    assert Path(told["location"]).name == "potter--tiny-llama"
    assert "tiny-llama\tbase" in run("models", "list", "--project", project)


def test_ctrl_c_keeps_what_is_here_and_says_how_to_go_on(hub, tmp_path):
    hub.repos[NAME].commits = {"a" * 40: hub_worlds.model_files()}
    hub.pause = 0.005
    words = ["models", "download", NAME, "--revision", "main", "--project", str(tmp_path / "project")]
    child = subprocess.Popen([sys.executable, "-m", "workbench", *words], stderr=subprocess.PIPE, env=dict(os.environ))
    deadline = time.monotonic() + 60
    while not any(partial.done > 40_000 for partial in hub_partial.partials()):
        assert child.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    child.send_signal(signal.SIGINT)
    _, told = child.communicate(timeout=60)
    assert child.returncode == 130
    assert f"are kept. Go on with: workbench models download {NAME} --revision main" in told.decode()
    (row,) = json.loads(run("models", "cached", "--json"))
    assert (row["name"], row["place"]) == (NAME, "download") and row["size"] > 40_000
    assert "thrown away" in run("models", "download", NAME, "--discard")
    assert hub_partial.partials() == []


def test_cached_lists_a_folder(hub, llama_folder):
    assert "Nothing is here" in run("models", "cached")
    assert "\tmodel\t" in run("models", "cached", "--folder", str(llama_folder.parent))
