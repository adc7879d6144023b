"""`workbench train pretrain`: from a folder of text to a model of the project, which then writes."""

from __future__ import annotations

import json

from click.testing import CliRunner

from tests.methods import texts
from workbench.cli import cli
from workbench.store import Store


def test_from_text_to_a_base_model_that_generates(tmp_path):
    book = tmp_path / "book.txt"
    book.write_text("\n\n".join(texts.page(seed, 40) for seed in range(40)))
    project = ["--project", str(tmp_path / "p")]
    chosen = texts.OPTIONS | {"text": str(book), "shown": 0}
    options = [part for key, value in chosen.items() for part in (f"--{key.replace('_', '-')}", str(value))]
    runner = CliRunner()
    planned = runner.invoke(cli, ["train", "pretrain", *project, *options, "--plan", "--json"])
    assert planned.exit_code == 0, planned.output
    done = runner.invoke(cli, ["train", "pretrain", *project, *options, "--name", "small", "--json"])
    assert done.exit_code == 0, done.output
    result = json.loads(done.stdout)
    assert result["summary"]["perplexity"] < result["summary"]["perplexity_before"]
    store = Store.open(tmp_path / "p")
    try:
        model = store.models.find(result["model"]["id"])
        assert (model.kind, model.name, model.parent_id, model.run_id) == ("base", "small", None, result["run"])
        assert model.parameters > 0
        assert store.models.reference_of(model).id == model.id
    finally:
        store.close()
    wrote = runner.invoke(
        cli, ["generate", *project, "--prompt", "the fox", "--max-new-tokens", "4", "--device", "cpu", "--json"]
    )
    assert wrote.exit_code == 0, wrote.output
    assert json.loads(wrote.stdout)["answers"]


def test_it_takes_no_model_to_start_from(tmp_path):
    refused = CliRunner().invoke(cli, ["train", "pretrain", "--project", str(tmp_path / "p"), "--model", "x"])
    assert refused.exit_code == 2
    assert "No such option" in refused.output
