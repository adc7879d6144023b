"""Vectors on their way from the child to the store: with new answers, on request, and by a task of their own."""

from __future__ import annotations

import base64

import numpy as np
import pytest

from tests.jobs import worlds
from tests.jobs.test_session import request, session, until  # noqa: F401
from workbench import events as ev
from workbench.errors import WorkbenchError
from workbench.jobs import preparing
from workbench.jobs.run import run as run_here
from workbench.jobs.running import run_to_end
from workbench.jobs.spec import JobSpec

CPU = {"device": "cpu", "dtype": "float32"}
HELLO = [{"role": "user", "content": "hello"}]


@pytest.fixture
def store(tmp_path, llama_folder):
    made = worlds.project(tmp_path / "project", llama_folder, prompts=6)
    yield made
    made.close()


def start(store, method="features", **fields):
    options = CPU | fields.pop("options", {})
    return preparing.prepare(store, method, options, model_id=store.models.list("base")[0].id, **fields)


def here(spec: JobSpec, stopping=lambda: False):
    return list(run_here(spec, stopping))


def record(store, events):
    from workbench.jobs.recording import store_features

    for event in events:
        if isinstance(event, ev.Features):
            store_features(store, event)


def test_generated_answers_come_with_their_vectors(store):
    run, spec = start(store, "generate", options={"samples": 2, "max_new_tokens": 6})
    run_to_end(store, run, spec)
    made = store.responses.of_run(run.id)
    (space,) = store.features.spaces()
    found = store.features.read(space)
    assert sorted(found.ids) == sorted(answer.id for answer in made)
    assert found.matrix.shape == (12, 64)
    assert np.isfinite(found.matrix).all()


def test_the_task_reads_what_is_missing_and_no_more(store):
    run, spec = start(store)
    run_to_end(store, run, spec)
    (space,) = store.features.spaces()
    assert store.features.spaces() == {space: 12}
    assert store.runs.find(run.id).summary == {"answers": 12}
    with pytest.raises(WorkbenchError, match="read already"):
        start(store)
    assert len(store.runs.list()) == 1
    prompt = store.prompts.list()[0]
    new = store.responses.add(prompt.id, "hello again")
    events = here(start(store)[1])
    assert [list(event.vectors) for event in events if isinstance(event, ev.Features)] == [[new.id]]


def test_a_stop_keeps_what_was_read_and_the_next_run_goes_on(store):
    asked = []
    events = here(start(store, options={"batch_size": 2})[1], lambda: len(asked) >= 4 or asked.append(1))
    record(store, events)
    assert isinstance(events[-1], ev.Stopped)
    (kept,) = store.features.spaces().values()
    assert 0 < kept < 12
    assert kept == events[-1].step
    record(store, here(start(store)[1]))
    assert list(store.features.spaces().values()) == [12]


def test_the_task_and_generation_read_alike(store):
    run, spec = start(store, "generate", options={"samples": 1, "max_new_tokens": 6})
    run_to_end(store, run, spec)
    (space,) = store.features.spaces()
    first = store.features.read(space)
    with store.writing() as db:
        db.execute("DELETE FROM features")
    record(store, here(start(store)[1]))
    again = store.features.read(space)
    for id_, vector in zip(first.ids, first.matrix, strict=True):
        np.testing.assert_allclose(again.matrix[again.ids.index(id_)], vector, atol=2e-2)


def test_a_reward_model_scores_every_answer_once(store):
    reward, spec = start(store, "reward", options=worlds.REWARD | {"epochs": 1})
    made = run_to_end(store, reward, spec)
    run, spec = start(store, reward_id=made.result_id)
    run_to_end(store, run, spec)
    assert store.features.scorer() == made.result_id
    assert len(store.features.scored(made.result_id)) == 12
    assert not store.features.any()
    with pytest.raises(WorkbenchError, match="read already"):
        start(store, reward_id=made.result_id)


def test_a_reward_model_with_several_heads_says_how_unsure_it_is(store):
    for heads, known in ((1, False), (4, True)):
        run, spec = start(store, "reward", options=worlds.REWARD | {"epochs": 1, "heads": heads})
        made = run_to_end(store, run, spec)
        record(store, here(start(store, reward_id=made.result_id)[1]))
        assert all((spread is not None) == known for *_, spread in store.features.scored(made.result_id))


def test_the_session_reads_on_request(session):  # noqa: F811
    child, events, _ = session
    space = until(events, ev.Loaded)[-1].info["space"]
    answers = [{"id": str(number), "messages": HELLO, "text": f"hello {number}"} for number in range(3)]
    child.send({"do": "features", "answers": answers})
    found = until(events, ev.Features)[-1]
    assert found.space == space
    assert list(found.vectors) == ["0", "1", "2"]
    assert len(base64.b64decode(found.vectors["0"])) == 2 * 64


def test_a_request_for_an_answer_goes_first(session):  # noqa: F811
    child, events, ref = session
    until(events, ev.Loaded)
    answers = [{"id": str(number), "messages": HELLO, "text": "hello " * 90} for number in range(3000)]
    child.send({"do": "features", "answers": answers})
    child.send(request(ref, samples=1))
    seen = until(events, ev.Finished)
    read = [event for event in seen if isinstance(event, ev.Features)]
    assert len(read) == 1
    assert len(read[0].vectors) < 3000


def test_nothing_to_read_is_answered_too(session):  # noqa: F811
    child, events, _ = session
    until(events, ev.Loaded)
    child.send({"do": "features", "answers": []})
    assert until(events, ev.Features)[-1].vectors == {}
