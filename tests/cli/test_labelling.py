"""`workbench train classify` and `workbench classify`: labels learned from tags, and told of a text."""

from __future__ import annotations

import json

from click.testing import CliRunner

from tests.methods.test_classify import OPTIONS, rows
from workbench.cli import cli
from workbench.jobs.adding import add_model
from workbench.store import Store


def test_labels_are_learned_from_tags_and_told_of_a_text(tmp_path, bert_folder):
    store = Store.open(tmp_path / "p")
    try:
        add_model(store, str(bert_folder), "encoder")
        for _, messages, label, _ in rows(60, 20):
            store.prompts.add(messages[0]["content"], tags=[label])
    finally:
        store.close()
    project, runner = ["--project", str(tmp_path / "p")], CliRunner()
    none = runner.invoke(cli, ["classify", "a fox", *project])
    assert "no trained classifier" in str(none.exception)
    chosen = OPTIONS | {"labels": "tags", "train": "full", "learning_rate": 3e-3, "epochs": 10, "shown": 0}
    options = [part for key, value in chosen.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    done = runner.invoke(cli, ["train", "classify", *project, *options, "--model", "encoder", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["summary"]["f1"] >= 0.9
    told = runner.invoke(cli, ["classify", "hello fox world", *project, "--device", "cpu", "--json"])
    assert told.exit_code == 0, told.output
    assert json.loads(told.stdout)["label"] == "about a fox"
    words = runner.invoke(cli, ["classify", "hello dog world", *project, "--model", result["model"]["name"]])
    assert words.exit_code == 0, (words.output, words.exception)
    assert words.stdout.splitlines()[0].endswith("about a dog")
    store = Store.open(tmp_path / "p")
    try:
        model = store.models.find(result["model"]["id"])
        assert store.models.find(model.parent_id).name == "encoder"
        assert model.info["generates"] is False
    finally:
        store.close()
