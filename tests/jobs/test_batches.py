"""Answers to many prompts as a job: whatever cuts it off, started again it writes what is left and nothing twice."""

from __future__ import annotations

import pytest

from tests.jobs import worlds
from tests.jobs.test_whole_models import carry_out
from tests.providers.openai_server import serving
from workbench import events as ev
from workbench.jobs import preparing, running
from workbench.jobs.servers import add_server

SMALL = {"samples": 3, "max_new_tokens": 6, "batch_size": 4, "device": "cpu", "dtype": "float32"}


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder, prompts=6)
    yield store
    store.close()


def written(store, model):
    """(prompt, seed) of every answer of a model."""
    rows = store.rows("SELECT prompt_id, seed FROM responses WHERE model_id = ? AND seed IS NOT NULL", [model.id])
    return sorted((row["prompt_id"], row["seed"]) for row in rows)


def wanted(store, samples=3, seed=17):
    return sorted((prompt.id, seed + index) for prompt in store.prompts.list() for index in range(samples))


def cut_off(store, model, after):
    """A job whose process dies when some answers are stored."""
    run, spec = preparing.prepare(store, "generate", SMALL, model_id=model.id)
    children, count = [], 0
    for event in running.events_of(store, run, spec, children.append):
        if isinstance(event, ev.Answer):
            count += 1
            if count == after:
                children[0].kill()
    return store.runs.find(run.id)


def test_a_job_that_was_killed_goes_on_and_nothing_is_written_twice(store):
    model = store.models.list("base")[0]
    first = cut_off(store, model, 5)
    assert first.status != "finished" and 5 <= len(written(store, model)) < 18
    kept = len(written(store, model))
    second = carry_out(store, "generate", SMALL, model_id=model.id)
    assert second.summary == {"answers": 18 - kept, "there": kept}
    assert written(store, model) == wanted(store)
    third = carry_out(store, "generate", SMALL, model_id=model.id)
    assert third.summary == {"answers": 0, "there": 18}


def test_what_is_drawn_in_another_way_is_another_answer(store):
    model = store.models.list("base")[0]
    carry_out(store, "generate", SMALL, model_id=model.id)
    warmer = carry_out(store, "generate", SMALL | {"temperature": 1.2}, model_id=model.id)
    assert warmer.summary == {"answers": 18, "there": 0}
    more = carry_out(store, "generate", SMALL | {"samples": 5}, model_id=model.id)
    assert more.summary == {"answers": 12, "there": 18}


def test_the_answers_of_a_job_can_be_scored(store):
    model = store.models.list("base")[0]
    reward = carry_out(store, "reward", worlds.REWARD, model_id=model.id)
    run = carry_out(store, "generate", SMALL | {"samples": 1}, model_id=model.id, reward_id=reward.result_id)
    scores = [each.scores["reward"] for each in store.responses.of_run(run.id)]
    assert len(scores) == 6 and len(set(scores)) > 1


def test_a_job_on_a_server_goes_on_where_it_broke_off(store):
    with serving() as server:
        model = add_server(store, server.url, "tiny")
        run = carry_out(store, "generate", SMALL | {"samples": 1}, model_id=model.id)
        assert run.summary == {"answers": 6, "there": 0} and written(store, model) == wanted(store, 1)
        again = carry_out(store, "generate", SMALL | {"samples": 2}, model_id=model.id)
        assert again.summary == {"answers": 6, "there": 6} and written(store, model) == wanted(store, 2)


def test_a_part_of_an_answer_is_written_again(store):
    with serving() as server:
        model = add_server(store, server.url, "tiny")
        prompt = store.prompts.list()[0]
        about = {"model_id": model.id, "seed": 17, "sampler": {"temperature": 0.8}, "finish_reason": ev.BROKE_OFF}
        store.responses.add(prompt.id, "Hel", queued=False, **about)
        run = carry_out(store, "generate", SMALL | {"samples": 1}, model_id=model.id)
        assert run.summary == {"answers": 6, "there": 0}
