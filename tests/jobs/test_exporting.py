"""A model with its adapter as a folder for other programs: the same numbers, in shards, with a card that tells no
text of anybody."""

from __future__ import annotations

import json

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.conftest import FP32
from tests.jobs import worlds
from tests.jobs.test_whole_models import carry_out
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.events import Finished, Progress
from workbench.jobs import exporting, model_cards, preparing
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef

DPO = {"epochs": 3, "learning_rate": 1e-2, "rank": 4, "max_tokens": 64, "shown": 0, "device": "cpu", "dtype": "float32"}


@pytest.fixture(scope="module")
def project(tmp_path_factory, llama_folder):
    """A project with an adapter that DPO made, and a reward model."""
    store = worlds.project(tmp_path_factory.mktemp("export") / "project", llama_folder)
    base = store.models.list()[0]
    carry_out(store, "dpo", DPO, model_id=base.id, name="tuned")
    carry_out(store, "reward", worlds.REWARD, model_id=base.id, name="scorer")
    evaluated = {"max_new_tokens": 8, "device": "cpu", "dtype": "float32"}
    both = {"other_ids": [base.id, store.models.find("tuned").id], "model_id": None, "split": "held_out"}
    carry_out(store, "evaluate", evaluated, **both)
    yield store
    store.close()


def logits_of(loaded, ids):
    with torch.no_grad():
        return loaded.causal(input_ids=ids).logits


def test_merged_equals_applied_and_other_programs_read_it(project, tmp_path):
    target = tmp_path / "merged"
    *progress, last = exporting.export_model(project, project.models.find("tuned").id, target)
    assert any(isinstance(event, Progress) for event in progress)
    assert isinstance(last, Finished) and last.summary == {"target": str(target), "dtype": "float32"}

    ids = torch.tensor([[5, 9, 3, 17, 20, 4]])
    applied = load(preparing.reference(project, project.models.find("tuned").id), FP32)
    plain = load(preparing.reference(project, project.models.list("base")[0].id), FP32)
    with torch.no_grad():
        expected = applied.model(input_ids=ids).logits
    merged = logits_of(load(ModelRef(str(target)), FP32), ids)
    assert (expected - logits_of(plain, ids)).abs().max() > 0.01
    assert torch.allclose(merged, expected, atol=1e-4)
    theirs = AutoModelForCausalLM.from_pretrained(target, local_files_only=True)
    with torch.no_grad():
        assert torch.allclose(theirs(input_ids=ids).logits, expected, atol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(target, local_files_only=True)
    assert tokenizer("hello kind").input_ids == applied.tokenizer("hello kind").input_ids


def test_the_card_says_how_it_was_made_and_nobodys_words(project):
    card = model_cards.card(project, project.models.find("tuned"))
    head, body = card.split("---\n", 2)[1:]
    assert 'base_model: "tiny"' in head and "tags: [feedback-workbench, dpo]" in head
    assert "trained with DPO" in body and "rating" in body and "learning_rate 0.01" in body
    assert "torch " in body
    assert "| tokens |" in body and "Base and tuned on held-out prompts" in body
    for told in ("say", "kind hello", "you"):
        assert f" {told} " not in body
    plain = model_cards.card(project, project.models.list("base")[0])
    assert "as it was added" in plain


def test_the_card_tells_no_name_path_or_address_of_a_run(project):
    typed = {
        "whose": "Ada Lovelace",
        "epochs": 9,
        "loss": "hinge",
        "judge_url": "http://me@home/v1",
        "text": "/home/me",
    }
    run = project.runs.add(name="private", method="reward", options=typed, model_id=project.models.list("base")[0].id)
    made = project.models.add(
        name="private", kind="adapter", source="run", location="/home/me/x", run_id=run.id,
        parent_id=project.models.list("base")[0].id,
    )  # fmt: skip
    card = model_cards.card(project, made)
    assert "epochs 9, loss hinge" in card
    added = project.models.add(name="added", kind="base", source="local", location="/home/me/model")
    for text in (card, model_cards.card(project, added)):
        assert not any(secret in text for secret in ("Ada", "home", "/v1"))


def test_what_cannot_be_exported_is_said_and_leaves_nothing(project, tmp_path):
    with pytest.raises(WorkbenchError, match="scores answers"):
        list(exporting.export_model(project, project.models.find("scorer").id, tmp_path / "a"))
    (tmp_path / "there").mkdir()
    with pytest.raises(WorkbenchError, match="is there already"):
        list(exporting.export_model(project, project.models.find("tuned").id, tmp_path / "there"))
    (tmp_path / "file").write_text("")
    with pytest.raises(WorkbenchError, match="Saving to"):
        list(exporting.export_model(project, project.models.find("tuned").id, tmp_path / "file" / "below"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "there"]


def test_the_command_line_writes_another_format(project, tmp_path):
    command = ["models", "export", "tuned", str(tmp_path / "half"), "--dtype", "bfloat16", "--project"]
    found = CliRunner().invoke(cli, [*command, str(project.folder), "--json"])
    assert found.exit_code == 0, found.output
    assert json.loads(found.stdout)["dtype"] == "bfloat16"
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"
    assert (tmp_path / "half" / "README.md").read_text().startswith("---\n")
