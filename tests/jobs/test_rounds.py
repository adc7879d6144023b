"""Rounds: what is new to a reward model, and where the trained model goes on."""

import pytest

from workbench.jobs.rounds import next_round, policy_before
from workbench.store import Store


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


def judge(store, number, kind="rating"):
    prompt, _ = store.prompts.add(f"Question {number}?")
    answers = [store.responses.add(prompt.id, f"Answer {number}{letter}.").id for letter in "ab"]
    value = {"ratings": [5, 2]} if kind == "rating" else {}
    return store.feedback.add(kind, prompt.id, answers, value, annotator="you").id


def model(store, name, kind, run, **info):
    made = store.models.add(name=name, kind=kind, source="run", location=f"/{name}", run_id=run.id, info=info)
    store.runs.update(run.id, status="finished", result_id=made.id)
    return made


@pytest.fixture
def first(store):
    """A round: two judgements, a reward model, and a run that pleased it."""
    seen = [judge(store, number) for number in range(2)]
    taught = store.runs.add(name="Reward 1", method="reward", options={"epochs": 3})
    store.runs.freeze(taught.id, seen, "hash")
    scorer = model(store, "r1", "reward", taught, started_from="base")
    pleased = store.runs.add(name="PPO 1", method="ppo", options={}, reward_id=scorer.id)
    policy = model(store, "p1", "adapter", pleased)
    return scorer, store.runs.find(pleased.id), policy


def test_only_what_the_reward_model_has_not_seen_is_new(store, first):
    scorer, pleased, _ = first
    assert next_round(store, pleased) is None
    judge(store, 8, "skip")
    assert next_round(store, pleased) is None
    added = judge(store, 9)
    found = next_round(store, pleased)
    assert found is not None
    assert (found.reward_id, dict(found.options), found.new) == (scorer.id, {"epochs": 3}, 1)
    store.feedback.retract([added])
    assert next_round(store, pleased) is None


def test_a_run_without_a_result_or_a_reward_model_has_no_next_round(store, first):
    judge(store, 9)
    scorer, _, _ = first
    assert next_round(store, store.runs.add(name="PPO 2", method="ppo", options={}, reward_id=scorer.id)) is None
    assert next_round(store, store.runs.add(name="SFT 1", method="sft", options={})) is None


def test_the_model_goes_on_from_the_round_before(store, first):
    scorer, _, policy = first
    assert policy_before(store, scorer.id) is None
    again = store.runs.add(name="Reward 2", method="reward", options={}, model_id=scorer.id)
    second = model(store, "r2", "reward", again, started_from=scorer.id)
    assert policy_before(store, second.id) == policy.id
