"""A loaded model answers requests, token by token."""

from __future__ import annotations

import pytest

from tests.jobs import worlds
from workbench import events as ev
from workbench.jobs import preparing
from workbench.jobs.process import Child
from workbench.jobs.spec import JobSpec
from workbench.lm.refs import ModelRef

SAMPLER = {"temperature": 0.8, "top_k": 20, "max_new_tokens": 12}


@pytest.fixture
def session(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    ref = preparing.reference(store, "tiny")
    options = {"device": "cpu", "dtype": "float32"}
    child = Child(JobSpec("session", "session", options, str(tmp_path), ref), tmp_path / "log.txt")
    yield child, child.events(), ref
    child.kill()
    child.close()
    store.close()


def request(ref, **fields):
    messages = [{"role": "user", "content": "hello"}]
    return {
        "do": "generate", "id": "1", "column": 0, "prompt_id": "p", "messages": messages, "model": ref.to_json(),
        "samples": 2, "sampler": SAMPLER, "seed": 5, "reward": None,
    } | fields  # fmt: skip


def until(events, *kinds):
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, kinds):
            return seen
    raise AssertionError(seen)


def test_tokens_add_up_to_the_answers_and_the_model_stays(session):
    child, events, ref = session
    loaded = until(events, ev.Loaded)[-1]
    assert loaded.info["name"] == "tiny"
    child.send(request(ref))
    first = until(events, ev.Finished)
    answers = {event.index: event for event in first if isinstance(event, ev.Answer)}
    assert set(answers) == {0, 1}
    for index, answer in answers.items():
        streamed = "".join(event.text for event in first if isinstance(event, ev.Token) and event.index == index)
        assert answer.text.startswith(streamed)
    child.send(request(ref, id="2"))
    second = until(events, ev.Finished)
    assert [e.text for e in second if isinstance(e, ev.Answer)] == [e.text for e in first if isinstance(e, ev.Answer)]
    assert not any(isinstance(event, ev.Loaded) for event in second)


def test_stop_ends_the_answer_and_not_the_session(session):
    child, events, ref = session
    until(events, ev.Loaded)
    child.send(request(ref, samples=4, sampler={"temperature": 1.0, "max_new_tokens": 450, "min_new_tokens": 450}))
    until(events, ev.Token)
    child.send({"do": "stop"})
    stopped = until(events, ev.Stopped)
    assert stopped[-1].summary["id"] == "1"
    child.send(request(ref, id="after"))
    assert until(events, ev.Finished)[-1].summary["id"] == "after"


def test_a_bad_request_is_an_answer_and_not_the_end(session):
    child, events, ref = session
    until(events, ev.Loaded)
    child.send(request(ref, model=ref.to_json() | {"base": "/nonesuch"}))
    failed = until(events, ev.Failed)[-1]
    assert failed.request == "1"
    child.send(request(ref))
    assert isinstance(until(events, ev.Finished)[-1], ev.Finished)


REWRITE = {"do": "rewrite", "id": "r1", "messages": [{"role": "user", "content": "hello"}], "text": "hello world"}


def test_a_text_is_rewritten_and_nothing_else_is_said(session):
    child, events, ref = session
    until(events, ev.Loaded)
    child.send(REWRITE | {"instruction": "shorter", "seed": 1})
    told = []
    while not told or not told[-1].ended:
        told.append(next(event for event in events if isinstance(event, ev.Rewritten | ev.Answer | ev.Token)))
    assert all(isinstance(event, ev.Rewritten) and event.id == "r1" for event in told)
    assert (told[-1].ended, told[-1].model_id) == ("finished", ref.id)
    child.send(request(ref))
    assert until(events, ev.Finished)[-1].summary["id"] == "1"


def test_rewriting_stops_when_told_and_the_session_goes_on(session):
    child, events, _ = session
    until(events, ev.Loaded)
    child.send(REWRITE | {"text": "hello world " * 15, "instruction": "longer", "seed": 1})
    child.send({"do": "stop"})
    ended = next(event for event in events if isinstance(event, ev.Rewritten) and event.ended)
    assert ended.ended in ("stopped", "finished")  # a tiny model may be faster than the stop
    child.send(REWRITE | {"id": "after", "instruction": "shorter", "seed": 2})
    after = next(event for event in events if isinstance(event, ev.Rewritten) and event.ended)
    assert (after.id, after.ended) == ("after", "finished")


def test_a_text_too_long_for_the_model_is_refused_in_a_sentence(session):
    child, events, _ = session
    until(events, ev.Loaded)
    child.send(REWRITE | {"text": "hello world " * 400, "instruction": "shorter", "seed": 1})
    failed = next(event for event in events if isinstance(event, ev.Rewritten) and event.ended)
    assert (failed.ended, failed.text) == ("failed", "The text is too long for this model.")
    assert failed.hint


LONG = {"temperature": 1.0, "max_new_tokens": 40, "min_new_tokens": 40}


@pytest.fixture
def second(tmp_path, gpt2_folder):
    return ModelRef(str(gpt2_folder), id="second", name="second")


def test_columns_are_written_side_by_side(session, second):
    child, events, ref = session
    until(events, ev.Loaded)
    asked = [(ref, 5), (second, 5), (ref, 9), (second, 9)]
    for column, (model, seed) in enumerate(asked):
        wanted = {"id": str(column), "column": column, "seed": seed, "samples": 1, "sampler": LONG}
        child.send(request(model, **wanted))
    seen = []
    while sum(isinstance(event, ev.Finished) for event in seen) < 4:
        seen += until(events, ev.Finished)
    first_end = next(place for place, event in enumerate(seen) if isinstance(event, ev.Answer))
    assert {event.column for event in seen[:first_end] if isinstance(event, ev.Token)} == {0, 1, 2, 3}
    answers = {event.column: event for event in seen if isinstance(event, ev.Answer)}
    assert [answers[column].model_id for column in range(4)] == [ref.id, "second", ref.id, "second"]
    for column, (model, seed) in enumerate(asked):  # the same alone
        child.send(request(model, id=f"alone{column}", seed=seed, samples=1, sampler=LONG))
        found = next(event for event in until(events, ev.Finished) if isinstance(event, ev.Answer))
        assert found.text == answers[column].text


def test_one_column_stops_and_the_others_go_on(session, second):
    child, events, ref = session
    until(events, ev.Loaded)
    endless = {"temperature": 1.0, "max_new_tokens": 450, "min_new_tokens": 450}
    child.send(request(ref, id="kept", column=0, samples=1, sampler=endless))
    child.send(request(second, id="cut", column=1, samples=1, sampler=endless))
    seen = until(events, ev.Token)
    while not isinstance(seen[-1], ev.Token) or seen[-1].column != 1:
        seen += until(events, ev.Token)
    child.send({"do": "stop", "ids": ["cut"]})
    ended = until(events, ev.Stopped, ev.Finished)[-1]
    assert isinstance(ended, ev.Stopped) and ended.summary == {"id": "cut"}
    assert until(events, ev.Stopped, ev.Finished)[-1] == ev.Finished({"id": "kept"})


def test_a_stop_that_comes_before_its_request_begins_is_heard(session):
    child, events, ref = session
    for id_ in ("early", "late"):
        child.send(request(ref, id=id_, samples=1))
    child.send({"do": "stop", "ids": ["late"]})
    ends = [until(events, ev.Stopped, ev.Finished)[-1] for _ in range(2)]
    assert {(type(end), end.summary["id"]) for end in ends} == {(ev.Finished, "early"), (ev.Stopped, "late")}


def test_models_come_and_go_by_request(session, second):
    child, events, ref = session
    assert until(events, ev.Loaded)[-1].info["loaded"] == [ref.id]
    child.send({"do": "load", "model": second.to_json()})
    loaded = until(events, ev.Loaded)[-1]
    assert (loaded.info["name"], loaded.info["loaded"]) == ("second", [ref.id, "second"])
    child.send({"do": "unload", "id": ref.id})
    assert until(events, ev.Loaded)[-1].info["loaded"] == ["second"]
    child.send({"do": "load", "model": ref.to_json() | {"base": "/nonesuch"}})
    assert until(events, ev.Failed)[-1].request == ""
    child.send({"do": "unload", "id": "second"})
    emptied = until(events, ev.Loaded)[-1]
    assert emptied.info["loaded"] == [] and "id" not in emptied.info
    child.send(request(ref, model=None, id="x"))
    assert until(events, ev.Failed)[-1].text == "No model is loaded."


def test_unloading_stops_whoever_writes_with_the_model(session):
    child, events, ref = session
    until(events, ev.Loaded)
    child.send(request(ref, samples=1, sampler={"temperature": 1.0, "max_new_tokens": 450, "min_new_tokens": 450}))
    until(events, ev.Token)
    child.send({"do": "unload", "id": ref.id})
    assert until(events, ev.Stopped)[-1].summary == {"id": "1"}
    assert until(events, ev.Loaded)[-1].info["loaded"] == []


def test_a_session_says_how_likely_a_model_finds_a_text(session, second):
    child, events, ref = session
    until(events, ev.Loaded)
    asked = {"do": "chances", "id": "c", "messages": [{"role": "user", "content": "hello"}], "text": "hello world"}
    for model in (ref, second):
        child.send(asked | {"model": model.to_json()})
        found = until(events, ev.Chances)[-1]
        assert (found.id, "".join(token[0] for token in found.tokens), found.problem) == ("c", "hello world", "")
    child.send(asked | {"model": ref.to_json() | {"base": "/nonesuch"}})
    failed = until(events, ev.Chances)[-1]
    assert failed.problem and not failed.tokens


def test_a_model_without_room_waits_for_one_that_writes_and_asks_once(tmp_path, llama_folder, second, monkeypatch):
    """In this process, where the room can be chosen: what waits is not tried again at every token."""
    from workbench.jobs import session
    from workbench.lm import pool

    class Said:
        waiting, stopped = None, set()

        def stopping(self):
            return False

        def go_on(self):
            pass

    asked = []
    monkeypatch.setattr(pool, "free_bytes", lambda compute: asked.append(1) or 0)
    desk = session._Desk("cpu", "float32", Said())
    ref = ModelRef(str(llama_folder), id="first", name="first")
    told = [*desk.take(request(ref, id="a", samples=1, sampler=LONG))]
    told += desk.step()
    told += desk.take(request(second, id="b", samples=1, sampler=LONG))
    while not desk.idle():
        told += desk.step()
    ends = [event.summary["id"] for event in told if isinstance(event, ev.Finished)]
    assert ends == ["a", "b"] and not any(isinstance(event, ev.Failed) for event in told)
    assert len(asked) <= 3 and sum(isinstance(event, ev.Progress) for event in told) <= 3
    assert desk.pool.ids() == ["second"]
