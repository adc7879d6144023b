"""`workbench models load-as`: seen, chosen and refused on the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests import tiny
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.jobs.adding import add_model
from workbench.lm import llama_cpp
from workbench.store import Store


@pytest.fixture
def project(tmp_path, llama_folder):
    store = Store.open(tmp_path / "project")
    add_model(store, str(llama_folder), "folder")
    add_model(store, str(tiny.gguf(tmp_path, llama_folder)), "file")
    store.close()
    return tmp_path / "project"


def call(project, *words):
    return CliRunner().invoke(cli, ["models", "load-as", *words, "--project", str(project)])


def test_what_is_chosen_is_kept_and_shown(project):
    assert "engine transformers" in call(project, "file").output
    pytest.importorskip("xllamacpp")
    told = json.loads(call(project, "file", "--run-with", "llama.cpp", "--json").stdout)
    assert told["engine"] == "llama.cpp"
    assert json.loads(call(project, "file", "--json").stdout) == told
    assert json.loads(call(project, "file", "--dtype", "float32", "--json").stdout) == told | {"dtype": "float32"}


def test_what_cannot_be_is_refused_and_changes_nothing(project, monkeypatch):
    refused = call(project, "folder", "--run-with", "llama.cpp")
    assert isinstance(refused.exception, WorkbenchError) and "folder is none" in refused.exception.text
    monkeypatch.setattr(llama_cpp, "PACKAGE", "no_such_package")
    absent = call(project, "file", "--run-with", "llama.cpp").exception
    assert isinstance(absent, WorkbenchError) and absent.text == "llama.cpp is not installed for Python."
    assert absent.hint.startswith('Run: pip install "feedback-workbench[llama-cpp]"')
    assert json.loads(call(project, "file", "--json").stdout)["engine"] == "transformers"
