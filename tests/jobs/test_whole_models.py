"""A model that was trained whole, from its run to the list of models, and on from there."""

from __future__ import annotations

import dataclasses

import pytest

from tests.jobs import worlds
from workbench.jobs import preparing
from workbench.jobs.recording import record
from workbench.jobs.run import run as run_here
from workbench.lm.files import folder_hash


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    yield store
    store.close()


def carry_out(store, method, options, **about):
    run, spec = preparing.prepare(store, method, options, **about)
    list(record(store, run.id, run_here(spec)))
    return store.runs.find(run.id)


def test_it_is_generated_from_evaluated_against_its_parent_and_trained_further(store):
    base = store.models.list()[0]
    judge = store.models.find(carry_out(store, "reward", worlds.REWARD, model_id=base.id).result_id)
    fully = worlds.PPO | {"train": "full", "learning_rate": 1e-3, "steps": 3}
    run = carry_out(store, "ppo", fully, model_id=base.id, reward_id=judge.id)
    assert run.status == "finished"
    whole = store.models.find(run.result_id)
    assert (whole.kind, whole.source, whole.parent_id, whole.run_id) == ("base", "run", base.id, run.id)
    assert (whole.parameters, whole.info["generates"], whole.info["layers"]) == (base.parameters, True, 2)
    assert whole.info["method"] == "ppo"
    assert whole.hash == folder_hash(store.folder / whole.location) != base.hash

    ref = preparing.reference(store, whole.id)
    assert (ref.base, ref.adapter, ref.base_hash) == (whole.location, "", whole.hash)
    assert (ref.parent, ref.parent_format) == (base.location, "safetensors")
    assert not preparing.reference(store, base.id).parent
    assert dataclasses.asdict(ref) == ref.to_json()

    quick = {"max_new_tokens": 8, "device": "cpu", "dtype": "float32"}
    written = carry_out(
        store, "generate", quick, model_id=whole.id, prompt_ids=[item.id for item in store.prompts.list()[:2]]
    )
    assert {answer.model_id for answer in store.responses.of_run(written.id)} == {whole.id}

    both = {"other_ids": [base.id, whole.id], "reward_id": judge.id, "model_id": None, "split": "held_out"}
    measured = carry_out(store, "evaluate", quick, **both)
    assert measured.summary["kl"]["base"] == 0
    assert measured.summary["kl"]["tuned"] != 0
    assert set(measured.summary["reward"]) == {"base", "tuned", "change", "ci"}

    further = carry_out(store, "ppo", worlds.PPO, model_id=whole.id, reward_id=judge.id)
    adapter = store.models.find(further.result_id)
    assert (adapter.kind, adapter.parent_id) == ("adapter", whole.id)
    again = preparing.reference(store, adapter.id)
    assert (again.base, again.base_hash) == (whole.location, whole.hash)
    third = carry_out(store, "ppo", fully, model_id=adapter.id, reward_id=judge.id)
    assert store.models.find(third.result_id).parent_id == whole.id
