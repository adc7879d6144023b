"""What the rail and the status bar count: a round is any run against a reward, by whatever method."""

import pytest

from workbench.store import Store
from workbench.ui.window_counts import count


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


def test_every_on_policy_method_makes_a_round(store):
    made = store.models.add(name="made", kind="adapter", source="run", location="/nowhere")
    for method, status in (("ppo", "finished"), ("grpo", "stopped"), ("rloo", "failed"), ("sft", "finished")):
        run = store.runs.add(name=method, method=method, options={})
        store.runs.update(run.id, status=status, result_id=None if status == "failed" else made.id)
    discarded = store.runs.add(name="PPO 2", method="ppo", options={})
    store.runs.update(discarded.id, status="stopped")
    assert count(store, "you").rounds == 2


def test_what_was_judged_before_the_last_round_is_not_new(store):
    prompt, _ = store.prompts.add("Question?")
    ids = [store.responses.add(prompt.id, f"Answer {letter}.").id for letter in "ab"]
    store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 2]}, annotator="you")
    assert count(store, "you").new == 1
    made = store.models.add(name="made", kind="adapter", source="run", location="/nowhere")
    run = store.runs.add(name="GRPO 1", method="grpo", options={})
    store.runs.update(run.id, status="finished", result_id=made.id, created_at="2999-01-01T00:00:00.000+00:00")
    assert count(store, "you").new == 0
