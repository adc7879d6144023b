"""The template that was chosen is the one that everything uses: writing, training, what is stored, taken along."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from transformers import AutoTokenizer

from tests import tiny
from tests.jobs import worlds
from tests.jobs.test_session import request, until
from tests.jobs.test_whole_models import carry_out
from workbench import events as ev
from workbench.errors import WorkbenchError
from workbench.jobs import bundling, chat_templates, exporting, preparing, tokens, unbundling
from workbench.jobs.chat_templates import Choice, choice_of, choose, mismatch, named, reset
from workbench.jobs.process import Child
from workbench.jobs.spec import JobSpec
from workbench.jobs.tokens import TokenReader
from workbench.lm.formats import FORMATS, digest
from workbench.lm.loading import load_tokenizer
from workbench.lm.templates import Template
from workbench.store import Store
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file

EDITED = tiny.CHAT.replace("<|im_end|>", " over <|im_end|>")
SFT = {"epochs": 1, "rank": 4, "max_tokens": 64, "shown": 0, "device": "cpu", "dtype": "float32"}
FEW = {"samples": 1, "max_new_tokens": 4, "device": "cpu", "dtype": "float32"}


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    yield store
    store.close()


@pytest.fixture(scope="module")
def reader():
    reader = TokenReader()
    yield reader
    reader.close()


def hashes_of(store, run):
    rows = store.rows("SELECT DISTINCT template_hash AS hash FROM responses WHERE run_id = ?", [run.id])
    return [row["hash"] for row in rows]


def template_of(spec):
    return spec.model.template


def test_a_choice_is_kept_and_followed_by_adapters_that_came_from_elsewhere(store):
    base = store.models.list()[0]
    adapter = store.models.add(name="theirs", kind="adapter", source="local", location="/tmp", parent_id=base.id)
    assert choice_of(store, base) == Choice("own", "")
    choose(store, base, Choice("edited", EDITED))
    again = Store.open(store.folder)
    assert choice_of(again, again.models.find("theirs")) == Choice("edited", EDITED)
    assert preparing.reference(again, base.id).template == EDITED
    again.close()
    choose(store, adapter, Choice())
    assert choice_of(store, adapter) == Choice()
    reset(store, adapter)
    reset(store, base)
    assert choice_of(store, adapter) == Choice() and preparing.reference(store, base.id).template == ""


def test_what_can_be_chosen_by_name(store):
    base = store.models.list()[0]
    assert [each.name for each in chat_templates.offers(store, base)] == ["own", *FORMATS]
    assert chat_templates.offers(store, base)[0].text == tiny.CHAT
    assert named(store, base, "gemma") == Choice("gemma", FORMATS["gemma"].text)
    assert chat_templates.title_of(store, base) == "ChatML"
    with pytest.raises(WorkbenchError, match="no chat template called vicuna"):
        named(store, base, "vicuna")


def test_answers_runs_and_models_keep_the_template_that_they_were_made_with(store, tmp_path):
    base = store.models.list()[0]
    plain = carry_out(store, "generate", FEW, model_id=base.id)
    assert hashes_of(store, plain) == [digest(tiny.CHAT)]
    choose(store, base, Choice("edited", EDITED))
    edited = carry_out(store, "generate", FEW, model_id=base.id)
    assert hashes_of(store, edited) == [digest(EDITED)]

    run = carry_out(store, "sft", SFT, model_id=base.id, name="learned")
    assert run.spec["model"]["template"] == EDITED
    seen = json.loads((store.runs_folder / run.id / "first_batch.json").read_text())
    assert " over" in "".join(text for text, _, _ in seen["rows"][0]["tokens"])
    learned = store.models.find(run.result_id)
    reset(store, base)
    assert choice_of(store, learned) == Choice("edited", EDITED)
    assert mismatch(store, learned) is None and mismatch(store, base) is None

    choose(store, learned, Choice("plain", FORMATS["plain"].text))
    said = mismatch(store, learned)
    assert said is not None and "learned is used with another chat template" in said.text
    reset(store, learned)

    target = tmp_path / "out"
    list(exporting.export_model(store, learned.id, target))
    assert AutoTokenizer.from_pretrained(target).chat_template == EDITED

    theirs = Store.open(tmp_path / "other")
    export_store(store, tmp_path / "project.jsonl")
    import_file(theirs, tmp_path / "project.jsonl")
    assert choice_of(theirs, theirs.models.find(learned.id)).text == EDITED
    theirs.close()


def test_a_reward_model_reads_with_its_own_template_whoever_writes(store):
    from tests.conftest import FP32
    from workbench.lm.loading import load
    from workbench.lm.scoring import AdapterReward, load_reward, reward_info

    base = store.models.list()[0]
    choose(store, base, Choice("edited", EDITED))
    run = carry_out(store, "reward", worlds.REWARD | {"epochs": 1}, model_id=base.id)
    reset(store, base)
    ref = preparing.reference(store, run.result_id)
    policy = load(preparing.reference(store, base.id), FP32)
    shared, alone = load_reward(ref, FP32, policy), load_reward(ref, FP32)
    assert isinstance(shared, AdapterReward)
    said = [{"role": "user", "content": "hello"}]
    assert shared.encode(said, "kind") == alone.encode(said, "kind")
    assert shared.template.hash == digest(EDITED) and policy.template.hash == digest(tiny.CHAT)
    assert reward_info(Path(ref.adapter))["template_hash"] == digest(EDITED)
    ended = carry_out(store, "ppo", worlds.PPO | {"steps": 1}, model_id=base.id, reward_id=run.result_id)
    assert ended.status == "finished"


def test_a_run_that_waits_or_goes_on_keeps_its_template_and_a_bundle_takes_it_along(store, tmp_path):
    base = store.models.list()[0]
    choose(store, base, Choice("edited", EDITED))
    run, spec = preparing.prepare(store, "sft", SFT, model_id=base.id)
    reset(store, base)
    assert spec.model is not None and spec.model.template == EDITED
    assert template_of(preparing.spec_of(store, run)) == EDITED
    assert template_of(JobSpec.from_line(json.dumps(preparing.repeat(store, run.id).spec))) == EDITED
    bundling.write(store, run.id, tmp_path / "run.zip", with_models=True)
    fresh, made = unbundling.unbundle(tmp_path / "run.zip", tmp_path / "fresh")
    assert template_of(made.spec) == EDITED
    assert choice_of(fresh, fresh.models.list()[0]).text == EDITED
    fresh.close()


def test_two_projects_agree_on_the_choice_that_was_made_last(store, tmp_path):
    base = store.models.list()[0]
    choose(store, base, Choice("edited", EDITED))
    other = Store.open(tmp_path / "other")
    export_store(store, tmp_path / "one.jsonl")
    import_file(other, tmp_path / "one.jsonl")
    assert choice_of(other, other.models.find(base.id)).text == EDITED
    choose(other, other.models.find(base.id), named(other, base, "plain"))
    export_store(other, tmp_path / "two.jsonl")
    import_file(store, tmp_path / "two.jsonl")
    assert choice_of(store, base).name == "plain"
    other.close()


def test_a_session_writes_with_another_template_from_one_request_to_the_next(store, tmp_path):
    base = store.models.list()[0]
    ref = preparing.reference(store, base.id)
    child = Child(JobSpec("session", "session", {"device": "cpu"}, str(tmp_path), ref), tmp_path / "log.txt")
    events = child.events()
    try:
        child.send(request(ref))
        before = [each for each in until(events, ev.Finished) if isinstance(each, ev.Answer)]
        choose(store, base, Choice("edited", EDITED))
        child.send(request(preparing.reference(store, base.id)))
        after = [each for each in until(events, ev.Finished) if isinstance(each, ev.Answer)]
    finally:
        child.kill()
        child.close()
    assert {each.template_hash for each in before} == {digest(tiny.CHAT)}
    assert {each.template_hash for each in after} == {digest(EDITED)}
    assert after[0].prompt_tokens > before[0].prompt_tokens
    assert after[0].text != before[0].text


def test_the_tokens_told_are_those_that_generation_feeds(store, reader):
    base = store.models.list()[0]
    said = [{"role": "user", "content": "hello, 你好"}]
    for text in ("", EDITED, FORMATS["llama3"].text):
        choose(store, base, Choice("edited" if text else "own", text))
        ref = preparing.reference(store, base.id)
        found = reader.look(ref, said)
        ids = Template(load_tokenizer(ref), ref.template).prompt_ids(said)
        assert [id_ for _, id_, _, _ in found["tokens"]] == ids
        assert found["count"] == len(ids) and found["hash"] == digest(text or tiny.CHAT)
        assert "".join(each[0] for each in found["tokens"] if each[3] == 0) == "hello, 你好"
    reset(store, base)
    sample = reader.look(preparing.reference(store, base.id))
    assert (sample["special"], sample["left_out"], sample["warnings"]) == (5, 0, [])


def test_a_template_that_cannot_be_used_is_told_and_the_child_goes_on(store, reader):
    import dataclasses

    ref = preparing.reference(store, store.models.list()[0].id)
    with pytest.raises(WorkbenchError, match="leaves out what the user says"):
        reader.look(dataclasses.replace(ref, template="hello"), check=True)
    assert reader.look(ref, check=True)["count"] > 0


def test_a_child_that_does_not_come_back_is_ended(store, monkeypatch):
    import dataclasses

    ref = preparing.reference(store, store.models.list()[0].id)
    patient = TokenReader()
    try:
        patient.look(ref)
        monkeypatch.setattr(tokens, "PATIENCE", 0.5)
        endless = "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}"
        with pytest.raises(WorkbenchError, match="does not come to an end"):
            patient.look(dataclasses.replace(ref, template=endless))
        monkeypatch.undo()
        assert patient.look(ref)["count"] > 0
    finally:
        patient.close()
