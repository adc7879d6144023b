"""`workbench models template`: seen, chosen, edited and refused on the command line."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from tests import tiny
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.jobs.adding import add_model
from workbench.lm.formats import FORMATS, digest
from workbench.store import Store


@pytest.fixture(scope="module")
def project(tmp_path_factory, llama_folder):
    folder = tmp_path_factory.mktemp("templating") / "project"
    store = Store.open(folder)
    add_model(store, str(llama_folder), "tiny")
    store.close()
    return folder


def call(project, *words, **about):
    words = ["models", "template", "tiny", "--project", str(project), *map(str, words)]
    return CliRunner().invoke(cli, words, catch_exceptions=True, **about)


def test_tokens_are_shown_with_their_ids_and_whose_they_are(project):
    shown = call(project, "--prompt", "hello").output
    assert "tiny: ChatML (own)" in shown
    assert "       1  special   '<|im_start|>'" in shown
    assert shown.rstrip().endswith("the model writes here")


def test_a_format_is_used_shown_edited_and_reset(project, tmp_path):
    used = json.loads(call(project, "--use", "gemma", "--json").stdout)
    assert (used["choice"], used["format"], used["hash"]) == ("gemma", "Gemma", digest(FORMATS["gemma"].text))
    assert any("<start_of_turn> is no token of this model" in each for each in used["warnings"])
    assert call(project, "--show").output.rstrip() == FORMATS["gemma"].text.rstrip()
    edited = tiny.CHAT.replace("<|im_end|>", " over <|im_end|>")
    told = json.loads(call(project, "--set", "-", "--json", input=edited).stdout)
    assert told["choice"] == "edited" and told["hash"] == digest(edited)
    assert json.loads(call(project, "--reset", "--json").stdout)["choice"] == "own"


def test_one_that_cannot_be_used_changes_nothing(project, tmp_path):
    bad = tmp_path / "bad.jinja"
    for text, said in (("{% for", "is wrong"), ("hello", "leaves out what the user says"), ("", "is empty")):
        bad.write_text(text)
        found = call(project, "--set", bad)
        assert isinstance(found.exception, WorkbenchError) and said in found.exception.text
    assert "Only one" in str(call(project, "--reset", "--use", "plain").exception)
    assert json.loads(call(project, "--json").stdout)["choice"] == "own"
