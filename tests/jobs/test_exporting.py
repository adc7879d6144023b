"""A model with its adapter as a folder for other programs: the same numbers, in shards, with a card that tells no
text of anybody."""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import subprocess
import sys

import pytest
import torch
from click.testing import CliRunner
from transformers import AutoModelForCausalLM, AutoTokenizer

from tests.conftest import FP32
from tests.jobs import worlds
from tests.jobs.test_whole_models import carry_out
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.events import Finished, Progress, Started, Stopped, Warned
from workbench.jobs import child, exporting, model_cards, preparing
from workbench.jobs.adding import add_model
from workbench.lm.files import check_gguf
from workbench.lm.generating import Sampler, sample_all
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.store import Store

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
    assert isinstance(last, Finished) and last.summary["dtype"] == "float32"
    assert last.summary["target"] == str(target)

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


# -- other formats


class Here:
    """A child that is no process of its own: starting one takes longer than all that these tests do."""

    killed = False

    def __init__(self, spec, log_path):
        self.spec = spec

    def events(self):
        return child._events(self.spec, self)

    def stopping(self):
        return False

    def close(self):
        pass


@pytest.fixture
def here(monkeypatch):
    monkeypatch.setattr(exporting, "Child", Here)


def greedy(ref):
    loaded = load(ref, FP32)
    with torch.no_grad():
        for weight in loaded.causal.parameters():
            if weight.ndim > 1:
                weight.copy_(weight.half().float())
    prompt = loaded.template.prompt_ids([{"role": "user", "content": "say kind"}])
    (draft,) = sample_all(loaded, [prompt], Sampler(temperature=0, max_new_tokens=16), [0])
    return loaded.template.text_of(draft.ids)


def exported(project, target, name="tuned", **knobs):
    *_, last = exporting.export_model(project, project.models.find(name).id, target, **knobs)
    assert isinstance(last, Finished), last
    return last.summary


def test_a_gguf_file_writes_the_text_of_the_merged_model(project, tmp_path, here):
    summary = exported(project, tmp_path / "merged.gguf", format="gguf", dtype="float16")
    assert summary["file"] == "merged.gguf" and [path.name for path in tmp_path.iterdir()] == ["merged.gguf"]
    exported(project, tmp_path / "merged")
    written = greedy(ModelRef(str(tmp_path / "merged.gguf"), "gguf"))
    assert written == greedy(ModelRef(str(tmp_path / "merged")))
    assert written != greedy(preparing.reference(project, project.models.list("base")[0].id))


def test_a_gguf_folder_has_a_card_beside_the_file(project, tmp_path, here):
    exported(project, tmp_path / "out", format="gguf", dtype="q8_0")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["README.md", "tuned-Q8_0.gguf"]
    assert "library_name: gguf" in (tmp_path / "out" / "README.md").read_text()


def test_shards_are_no_larger_than_asked(project, tmp_path, here):
    exported(project, tmp_path / "out", shard_mb=50)
    assert (tmp_path / "out" / "model.safetensors").stat().st_size < 50_000_000
    with pytest.raises(WorkbenchError, match="Shard size"):
        exported(project, tmp_path / "other", shard_mb=1)


def test_an_adapter_alone_goes_on_its_base_and_names_no_path(project, tmp_path):
    exported(project, tmp_path / "lora", format="adapter")
    config = json.loads((tmp_path / "lora" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == "tiny"
    card = (tmp_path / "lora" / "README.md").read_text()
    assert "library_name: peft" in card and "adapter alone" in card
    for file in (tmp_path / "lora").iterdir():
        assert str(project.folder).encode() not in file.read_bytes()
    base = preparing.reference(project, project.models.list("base")[0].id)
    ids = torch.tensor([[5, 9, 3, 17, 20, 4]])
    theirs = load(dataclasses.replace(base, adapter=str(tmp_path / "lora")), FP32)
    ours = load(preparing.reference(project, project.models.find("tuned").id), FP32)
    with torch.no_grad():
        assert torch.equal(theirs.model(input_ids=ids).logits, ours.model(input_ids=ids).logits)
    with pytest.raises(WorkbenchError, match="no adapter of its own"):
        exported(project, tmp_path / "none", "tiny", format="adapter")


def test_ollama_gets_a_modelfile(project, tmp_path, here):
    exported(project, tmp_path / "out", format="ollama", dtype="float16")
    lines = (tmp_path / "out" / "Modelfile").read_text()
    assert lines.startswith("FROM ./tuned-F16.gguf\n") and 'PARAMETER stop "<|im_end|>"' in lines
    assert 'TEMPLATE """{{ range .Messages }}' in lines and "<|im_start|>assistant\n" in lines
    assert "PARAMETER temperature 0.8" in lines and "SYSTEM" not in lines
    check_gguf(tmp_path / "out" / "tuned-F16.gguf")


def test_the_project_s_system_text_stands_in_the_modelfile(tmp_path, llama_folder, here):
    with contextlib.closing(Store.open(tmp_path / "project")) as store:
        add_model(store, str(llama_folder), "tiny")
        store.prompts.add("hello", system="Answer in one line.")
        assert exporting.common_system(store) == "Answer in one line."
        exported(store, tmp_path / "out", "tiny", format="ollama")
        assert 'SYSTEM """Answer in one line."""' in (tmp_path / "out" / "Modelfile").read_text()
        store.prompts.add("hello", system="Rhyme.")
        assert exporting.common_system(store) == ""


CONVERTER = """
import argparse, pathlib
from safetensors import safe_open
told = argparse.ArgumentParser()
told.add_argument("folder"), told.add_argument("--outfile"), told.add_argument("--outtype")
said = told.parse_args()
assert (pathlib.Path(said.folder) / "tokenizer.json").is_file()
with safe_open(pathlib.Path(said.folder) / "model.safetensors", "pt") as file:
    dtype = file.get_tensor("model.norm.weight").dtype
if said.outtype == "q8_0":
    raise SystemExit("no such type here")
pathlib.Path(said.outfile).write_text(f"GGUF by the converter, {said.outtype} from {dtype}")
"""


def test_llama_cpp_s_own_converter_is_used_where_it_is_found(project, tmp_path, monkeypatch, here):
    place = tmp_path / "llama.cpp"
    place.mkdir()
    (place / "convert_hf_to_gguf.py").write_text(CONVERTER)
    exported(project, tmp_path / "a.gguf", format="gguf", dtype="float16", llama_cpp=str(place))
    assert (tmp_path / "a.gguf").read_text() == "GGUF by the converter, f16 from torch.float32"
    monkeypatch.setenv("LLAMA_CPP", str(place))
    exported(project, tmp_path / "b", format="gguf", dtype="bfloat16")
    assert (tmp_path / "b" / "tuned-BF16.gguf").read_text() == "GGUF by the converter, bf16 from torch.bfloat16"
    assert sorted(path.name for path in (tmp_path / "b").iterdir()) == ["README.md", "tuned-BF16.gguf"]
    tuned = project.models.find("tuned").id
    events = list(exporting.export_model(project, tuned, tmp_path / "c.gguf", format="gguf", dtype="q8_0"))
    assert ["no such type here. Our own is used" in event.text for event in events if isinstance(event, Warned)] == [
        True
    ]
    check_gguf(tmp_path / "c.gguf")
    exported(project, tmp_path / "d.gguf", format="gguf", dtype="q8_0", llama_cpp="none")
    check_gguf(tmp_path / "d.gguf")
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path / "nowhere"))
    with pytest.raises(WorkbenchError, match="LLAMA_CPP names"):
        exported(project, tmp_path / "e.gguf", format="gguf")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.gguf", "b", "c.gguf", "d.gguf", "llama.cpp"]


@pytest.mark.parametrize("force", [False, True], ids=["stopped", "killed"])
def test_what_is_stopped_leaves_nothing(project, tmp_path, force):
    children = []
    events = []
    for event in exporting.export_model(
        project, project.models.find("tuned").id, tmp_path / "out", format="gguf", take=children.append
    ):
        if isinstance(event, Started):
            children[0].kill() if force else children[0].stop()
        events.append(event)
    assert isinstance(events[-1], Stopped)
    assert list(tmp_path.iterdir()) == []


def test_what_a_dead_export_left_is_cleared_by_the_next_one_to_that_place(project, tmp_path):
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    for name in (f".tmp-out-{gone.pid}", f".tmp-out-{os.getppid()}", f".tmp-other-{gone.pid}", ".tmp-out-mine"):
        (tmp_path / name).mkdir()
    exported(project, tmp_path / "out", format="adapter")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["out", f".tmp-out-{os.getppid()}", f".tmp-other-{gone.pid}", ".tmp-out-mine"]
    )


def test_a_disk_without_room_is_told_before_anything_is_written(project, small_disk):
    with pytest.raises(WorkbenchError, match="free, and about") as refused:
        exported(project, small_disk / "out", format="gguf")
    assert "Free some space" in refused.value.hint and list(small_disk.iterdir()) == []


def test_a_disk_that_fills_up_is_told_and_nothing_stays(project, small_disk, monkeypatch, here):
    (small_disk / "filler").write_bytes(b"x" * 2_050_000)
    monkeypatch.setattr(exporting, "BESIDE", -10_000_000)
    for format in ("folder", "gguf"):
        with pytest.raises(WorkbenchError, match="No space left"):
            exported(project, small_disk / "out", format=format)
    assert [path.name for path in small_disk.iterdir()] == ["filler"]


def test_a_place_that_may_not_be_written_to_is_told(project, small_disk, monkeypatch, here):
    monkeypatch.setattr(exporting, "BESIDE", -10_000_000)
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    for format in ("adapter", "gguf"):
        with pytest.raises(WorkbenchError, match=r"Saving to .* failed") as refused:
            exported(project, small_disk / "out", format=format)
        assert "may write to" in refused.value.hint


def test_formats_that_do_not_go_together_are_refused(project, tmp_path, here):
    with pytest.raises(WorkbenchError, match="GGUF files alone"):
        exported(project, tmp_path / "out", dtype="q8_0")
    with pytest.raises(WorkbenchError, match="is the name of a GGUF file"):
        exported(project, tmp_path / "out.gguf", format="ollama")
    assert list(tmp_path.iterdir()) == []


def test_the_card_says_how_far_people_agreed_and_names_nobody(tmp_path, llama_folder):
    with contextlib.closing(worlds.project(tmp_path / "project", llama_folder, prompts=12)) as store:
        first = store.feedback.list()
        for judged in first[:8]:
            store.feedback.add(
                "rating", judged.prompt_id, judged.response_ids, {"ratings": [5, 1]}, annotator="Ada Lovelace"
            )
        base = store.models.list("base")[0]
        run = store.runs.add(name="tuned", method="dpo", options={}, model_id=base.id)
        store.runs.freeze(run.id, [item.id for item in store.feedback.list()], "x")
        made = store.models.add(
            name="tuned", kind="adapter", source="run", location="/x", run_id=run.id, parent_id=base.id
        )
        card = model_cards.card(store, made)
    assert "Agreement of 2 people: Krippendorff's alpha" in card and "over 16 answers" in card
    assert "Ada" not in card


def test_a_base_from_the_hub_is_named_and_its_folder_is_not(project):
    place = "/home/me/models/owner--base"
    base = project.models.add(
        name="hubbed", kind="base", source="hub", location=place, note="owner/base", licence="mit"
    )
    made = project.models.add(name="on it", kind="adapter", source="run", location="/x", parent_id=base.id)
    for model in (base, made):
        card = model_cards.card(project, model)
        assert "/home" not in card and "license: mit" in card and "owner/base" in card


def test_the_command_line_writes_for_ollama_and_says_what_to_type(project, tmp_path, monkeypatch, here):
    def asked(*more):
        command = ["models", "export", "tuned", str(tmp_path / "out"), "--format", "ollama", "--dtype", "f16", *more]
        return CliRunner().invoke(cli, [*command, "--project", str(project.folder)])

    monkeypatch.setenv("PATH", "")
    found = asked("--create", "tuned")
    assert isinstance(found.exception, WorkbenchError) and "not installed" in str(found.exception)
    assert not (tmp_path / "out").exists()
    found = asked()
    assert found.exit_code == 0, found.output
    assert "ollama create tuned -f Modelfile" in found.stdout


def test_ollama_is_run_only_when_asked(project, tmp_path, monkeypatch, here):
    program = tmp_path / "bin" / "ollama"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho $* in $PWD > {tmp_path}/said\n[ $2 = good ]\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}{os.pathsep}{os.environ['PATH']}")
    for name, code in (("good", 0), ("bad", 1)):
        command = ["models", "export", "tiny", str(tmp_path / name), "--format", "ollama", "--create", name]
        found = CliRunner().invoke(cli, [*command, "--project", str(project.folder)])
        assert found.exit_code == code, found.output
        assert (tmp_path / "said").read_text() == f"create {name} -f Modelfile in {tmp_path / name}\n"
        assert (tmp_path / name / "Modelfile").is_file()
