"""What is opened, what is refused, and in which words."""

from __future__ import annotations

import json
import shutil
import struct

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests import tiny
from tests.conftest import FP32
from workbench.errors import WorkbenchError
from workbench.events import Finished
from workbench.jobs.tasks import convert
from workbench.lm import files
from workbench.lm.loading import POLICY, add_new_adapter, load, prepare_training
from workbench.lm.policy import PolicyModel, use_adapter
from workbench.lm.refs import ModelRef
from workbench.lm.saving import save_adapter
from workbench.methods.base import Data, Job


def copy(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "copy")


def test_facts_come_from_headers(llama_folder, llama):
    facts = files.describe_folder(llama_folder)
    assert facts["parameters"] == sum(weight.numel() for weight in llama.causal.parameters())
    assert (facts["layers"], facts["hidden_size"], facts["generates"]) == (2, 32, True)


def test_a_classifier_does_not_generate(bert_folder):
    assert not files.describe_folder(bert_folder)["generates"]


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda f: (f / "config.json").unlink(), "no config.json"),
        (lambda f: (f / "config.json").write_text("{"), "cannot be read"),
        (lambda f: (f / "config.json").write_text("[]"), "names no model type"),
        (lambda f: (f / "model.safetensors").unlink(), "no weights"),
        (lambda f: (f / "model.safetensors").rename(f / "pytorch_model.bin"), "pickled weights"),
        (lambda f: (f / "model.safetensors").write_bytes(b"short"), "not a whole safetensors"),
        (lambda f: (f / "model.safetensors").write_bytes(struct.pack("<Q", 2**40) + b"x" * 99), "not a whole"),
        (lambda f: (f / "model.safetensors").write_bytes((f / "model.safetensors").read_bytes()[:-7]), "cut off"),
        (lambda f: (f / "tokenizer.json").write_text("{}"), "its files say nothing of 'added_tokens'"),
        (lambda f: shutil.rmtree(f), "no model folder"),
    ],
)
def test_damaged_folders_get_one_sentence(llama_folder, tmp_path, damage, words):
    folder = copy(llama_folder, tmp_path)
    damage(folder)
    with pytest.raises(WorkbenchError, match=words) as caught:
        load(ModelRef(str(folder)), FP32)
    assert caught.value.hint


@pytest.mark.parametrize(
    "content", [b"", b"GGUF", b"nope" * 20, b"GGUF" + struct.pack("<IQQ", 3, 2**33, 0) + b"x" * 80]
)
def test_bad_gguf_is_refused_before_it_is_parsed(tmp_path, content):
    path = tmp_path / "model.gguf"
    path.write_bytes(content)
    with pytest.raises(WorkbenchError):
        files.describe_gguf(path)
    with pytest.raises(WorkbenchError):
        load(ModelRef(str(path), "gguf"), FP32)


def test_a_config_that_names_an_unknown_architecture(llama_folder, tmp_path):
    folder = copy(llama_folder, tmp_path)
    config = json.loads((folder / "config.json").read_text()) | {"model_type": "nonesuch"}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(WorkbenchError, match="cannot be loaded"):
        load(ModelRef(str(folder)), FP32)


def trained(loaded):
    add_new_adapter(loaded, POLICY, rank=4, alpha=8)
    torch.manual_seed(3)
    for key, weight in loaded.model.named_parameters():
        if "lora_B" in key:
            weight.data.normal_()
    return loaded


def logits_of(loaded):
    with torch.no_grad():
        return loaded.causal(torch.tensor([[1, 40, 41, 42]])).logits


def test_a_fresh_adapter_changes_nothing_and_off_equals_base_bit_for_bit(llama):
    prepare_training(llama)  # it chooses the attention kernel; what follows must not depend on that choice
    before = logits_of(llama)
    PolicyModel(llama, rank=4, alpha=8, dropout=0.0, temperature=1.0)
    assert torch.equal(logits_of(llama), before)
    for key, weight in llama.model.named_parameters():
        if "lora_B" in key:
            weight.data.normal_()
    assert not torch.equal(logits_of(llama), before)
    with llama.model.disable_adapter():
        assert torch.equal(logits_of(llama), before)


def test_a_saved_adapter_comes_back_the_same(llama, llama_folder, tmp_path):
    expected = logits_of(trained(llama))
    save_adapter(llama, POLICY, tmp_path / "adapter", {"method": "test"})
    again = load(ModelRef(str(llama_folder), adapter=str(tmp_path / "adapter"), kind="adapter"), FP32)
    torch.testing.assert_close(logits_of(again), expected, rtol=0, atol=1e-6)
    assert not list(tmp_path.glob(".tmp-*"))


def test_an_adapter_with_numbers_that_are_not_finite_is_not_saved(llama, tmp_path):
    trained(llama)
    next(weight for key, weight in llama.model.named_parameters() if "lora_A" in key).data[0, 0] = torch.nan
    with pytest.raises(WorkbenchError, match="not finite"):
        save_adapter(llama, POLICY, tmp_path / "adapter", {})
    assert not list(tmp_path.iterdir())


def test_an_adapter_of_another_model_is_refused(llama, llama_folder, tmp_path):
    save_adapter(trained(llama), POLICY, tmp_path / "adapter", {})
    weights = load_file(tmp_path / "adapter" / "adapter_model.safetensors")
    bad = {key: torch.zeros(value.shape[0] + 1, value.shape[1]) for key, value in weights.items()}
    save_file(bad, tmp_path / "adapter" / "adapter_model.safetensors")
    with pytest.raises(WorkbenchError, match="does not fit"):
        load(ModelRef(str(llama_folder), adapter=str(tmp_path / "adapter")), FP32)


def test_only_the_adapter_in_use_is_trainable(llama):
    trained(llama)
    add_new_adapter(llama, "reward", rank=2, alpha=4)
    use_adapter(llama, "reward", train=True)
    live = {key for key, weight in llama.model.named_parameters() if weight.requires_grad}
    assert live
    assert all(".reward." in key for key in live)
    use_adapter(llama, POLICY, train=False)
    assert not any(weight.requires_grad for weight in llama.model.parameters())


@pytest.fixture(scope="module")
def gguf_file(llama_folder, tmp_path_factory):
    return tiny.gguf(tmp_path_factory.mktemp("gguf"), llama_folder)


def test_a_gguf_file_gives_the_same_logits_and_facts(gguf_file, llama_folder, llama):
    loaded = load(ModelRef(str(gguf_file), "gguf"), FP32)
    torch.testing.assert_close(logits_of(loaded), logits_of(llama), rtol=0, atol=1e-5)
    assert loaded.template.hash == llama.template.hash
    chat = [{"role": "user", "content": "hello world"}]
    assert loaded.template.prompt_ids(chat) == llama.template.prompt_ids(chat)
    facts, theirs = files.describe_gguf(gguf_file), files.describe_folder(llama_folder)
    assert all(facts[key] == theirs[key] for key in ("parameters", "layers", "hidden_size", "context"))


def test_a_gguf_file_that_was_cut_off_is_refused(gguf_file, tmp_path):
    cut = tmp_path / "cut.gguf"
    cut.write_bytes(gguf_file.read_bytes()[: gguf_file.stat().st_size // 2])
    with pytest.raises(WorkbenchError):
        files.describe_gguf(cut)
    with pytest.raises(WorkbenchError):
        load(ModelRef(str(cut), "gguf"), FP32)


def test_a_gguf_file_becomes_a_safetensors_folder(gguf_file, tmp_path, llama):
    job = Job(tmp_path, None, Data())
    target = tmp_path / "made"
    events = list(convert.train(job, convert.Options(source=str(gguf_file), target=str(target))))
    assert isinstance(events[-1], Finished)
    again = load(ModelRef(str(target)), FP32)
    torch.testing.assert_close(logits_of(again), logits_of(llama), rtol=0, atol=0.1)  # bf16
