"""What is checked before a run, and what is frozen."""

from __future__ import annotations

import shutil

import pytest

from tests.jobs import worlds
from workbench.errors import WorkbenchError
from workbench.feedback.base import Rules
from workbench.jobs import frozen, preparing
from workbench.jobs.adding import add_model
from workbench.jobs.spec import JobSpec


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    yield store
    store.close()


def test_data_comes_from_judgements_under_the_rules(store):
    data = preparing.data_of(store)
    assert len(data.pairs) == len(data.prompts) == 30
    assert {pair.margin for pair in data.pairs} == {3.0}
    assert {pair.split for pair in data.pairs} == {"train", "held_out"}
    assert not preparing.data_of(store, Rules(min_gap=4)).pairs
    assert not preparing.data_of(store, annotators=["somebody else"]).pairs


def test_a_run_learns_from_rows_frozen_when_it_was_prepared(store):
    model = store.models.list()[0]
    run, spec = preparing.prepare(store, "reward", worlds.REWARD, model_id=model.id)
    before = frozen.read(store.runs_folder / run.id / "data.jsonl")
    prompt = store.prompts.list()[0]
    store.feedback.undo("you")
    store.feedback.add("rating", prompt.id, [r.id for r in store.responses.of_prompt(prompt.id)], {"ratings": [1, 5]})
    assert frozen.read(store.runs_folder / run.id / "data.jsonl") == before
    assert len(store.runs.feedback_of(run.id)) == 30
    assert run.status == "waiting"
    assert run.versions["torch"]
    assert len(run.data_hash) == 64
    assert JobSpec.from_line(__import__("json").dumps(spec.to_json())) == spec


def test_rankings_reach_a_reward_run_whole(store):
    prompt, _ = store.prompts.add("Say three words.")
    ids = [store.responses.add(prompt.id, text).id for text in ("One.", "Two words.", "Three words here.")]
    store.feedback.add("ranking", prompt.id, ids, {"order": [[2], [0, 1]]}, annotator="you")
    run, _ = preparing.prepare(store, "reward", worlds.REWARD, model_id=store.models.list()[0].id)
    data = frozen.read(store.runs_folder / run.id / "data.jsonl")
    (ranking,) = data.rankings
    assert ranking.groups == (("Three words here.",), ("One.", "Two words."))
    assert ranking.sources[0] in {each.id for each in store.runs.feedback_of(run.id)}
    assert sum(pair.prompt_id == prompt.id for pair in data.pairs) == 2


def test_only_what_the_method_reads_is_frozen(store):
    model = store.models.list()[0]
    run, _ = preparing.prepare(store, "reward", worlds.REWARD, model_id=model.id)
    data = frozen.read(store.runs_folder / run.id / "data.jsonl")
    assert data.pairs
    assert not (data.prompts or data.labels or data.demonstrations)


@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("nonesuch", {}, "no method called nonesuch"),
        ("reward", {"learning_rate": 5.0}, "Learning rate"),
        ("ppo", worlds.PPO, "needs a reward model"),
    ],
)
def test_nonsense_is_refused_and_leaves_no_run(store, method, options, words):
    with pytest.raises(WorkbenchError, match=words):
        preparing.prepare(store, method, options, model_id=store.models.list()[0].id)
    assert store.runs.list() == []


def test_too_little_data_is_refused(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "p", llama_folder, prompts=2)
    with pytest.raises(WorkbenchError, match="at least 4 pairs"):
        preparing.prepare(store, "reward", worlds.REWARD, model_id=store.models.list()[0].id)
    store.close()


def test_a_model_whose_files_are_gone_is_named(tmp_path, llama_folder):
    copy = shutil.copytree(llama_folder, tmp_path / "model")
    store = worlds.project(tmp_path / "p", copy)
    shutil.rmtree(copy)
    with pytest.raises(WorkbenchError, match="files of tiny are gone"):
        preparing.prepare(store, "reward", worlds.REWARD, model_id=store.models.list()[0].id)
    store.close()


def test_damaged_frozen_data_is_an_error_and_not_silence(tmp_path):
    path = tmp_path / "data.jsonl"
    path.write_text('{"kind": "pairs", "prompt_id": "x"')
    with pytest.raises(WorkbenchError, match="cannot be read"):
        frozen.read(path)


def test_the_same_model_is_added_once_and_another_one_gets_another_name(store, llama_folder, gpt2_folder):
    assert add_model(store, str(llama_folder)).id == store.models.list()[0].id
    other = add_model(store, str(gpt2_folder), "tiny")
    assert other.name == "tiny (2)"
    assert other.info["model_type"] == "gpt2"


@pytest.mark.parametrize("location", ["/nonesuch/model", "no-such-thing", "a/b/c"])
def test_a_location_without_a_model_is_refused(store, location):
    with pytest.raises(WorkbenchError, match="nothing at"):
        add_model(store, location)
