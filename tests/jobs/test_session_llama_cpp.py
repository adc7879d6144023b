"""A session with a GGUF model that llama.cpp runs, beside one that transformers runs; and the same for `generate`."""

from __future__ import annotations

import dataclasses

import pytest

from tests.jobs import worlds
from tests.jobs.test_session import request, until
from tests.lm.test_llama_cpp_engine import written
from workbench import events as ev
from workbench.cli.working import carry_out
from workbench.errors import WorkbenchError
from workbench.jobs import load_choices, preparing
from workbench.jobs.adding import add_model
from workbench.jobs.load_choices import LoadChoice
from workbench.jobs.process import Child
from workbench.jobs.spec import JobSpec
from workbench.lm.refs import LLAMA_CPP, TRANSFORMERS

pytest.importorskip("xllamacpp")

LONG = {"temperature": 1.0, "max_new_tokens": 40, "min_new_tokens": 40}
GREEDY = {"temperature": 0, "max_new_tokens": 16}


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder, prompts=3)
    model = add_model(store, written(tmp_path, llama_folder).base, "file")
    load_choices.keep(store, model, LoadChoice(engine=LLAMA_CPP))
    yield store
    store.close()


@pytest.fixture
def session(store, tmp_path):
    ref = preparing.reference(store, "file")
    options = {"device": "cpu", "dtype": "float32"}
    child = Child(JobSpec("session", "session", options, str(tmp_path), ref), tmp_path / "log.txt")
    yield child, child.events(), ref
    child.kill()
    child.close()


def answers_in(seen):
    return [event for event in seen if isinstance(event, ev.Answer)]


def test_it_writes_what_transformers_writes_and_says_who_drew_it(session, store):
    child, events, ref = session
    loaded = until(events, ev.Loaded)[-1].info
    assert (loaded["engine"], loaded["dtype"], loaded["space"]) == (LLAMA_CPP, "F32", "")
    assert loaded["parameters"] > 10_000
    child.send(request(ref, samples=1, sampler=GREEDY))
    seen = until(events, ev.Finished)
    (theirs,) = answers_in(seen)
    assert theirs.sampler["engine"] == LLAMA_CPP
    assert theirs.text.startswith("".join(event.text for event in seen if isinstance(event, ev.Token)))
    other = dataclasses.replace(ref, engine=TRANSFORMERS, id="other")
    child.send(request(other, id="2", samples=1, sampler=GREEDY))
    (ours,) = answers_in(until(events, ev.Finished))
    assert (theirs.text, theirs.response_tokens, theirs.finish_reason, theirs.template_hash) == (
        ours.text, ours.response_tokens, ours.finish_reason, ours.template_hash,
    )  # fmt: skip
    assert theirs.prompt_tokens == ours.prompt_tokens and "engine" not in ours.sampler


def test_columns_of_both_engines_grow_side_by_side_and_one_is_stopped(session, store):
    child, events, ref = session
    until(events, ev.Loaded)
    folder = preparing.reference(store, "tiny")
    for column, model in enumerate((ref, folder, ref)):
        wanted = LONG if column else {"temperature": 1.0, "max_new_tokens": 400, "min_new_tokens": 400}
        child.send(request(model, id=str(column), column=column, samples=1, sampler=wanted))
    seen = until(events, ev.Token)
    while {event.column for event in seen if isinstance(event, ev.Token)} != {0, 1, 2}:
        seen += until(events, ev.Token)
    assert not answers_in(seen)
    child.send({"do": "stop", "ids": ["0"]})
    while sum(isinstance(event, ev.Finished | ev.Stopped) for event in seen) < 3:
        seen += until(events, ev.Finished, ev.Stopped)
    assert [event.summary["id"] for event in seen if isinstance(event, ev.Stopped)] == ["0"]
    assert {answer.model_id for answer in answers_in(seen)} == {ref.id, folder.id}
    child.send(request(ref, id="after"))
    assert len(answers_in(until(events, ev.Finished))) == 2


def test_what_it_cannot_do_is_a_sentence_and_what_it_wrote_has_chances(session):
    child, events, ref = session
    until(events, ev.Loaded)
    child.send(request(ref, samples=1, sampler=GREEDY))
    (answer,) = answers_in(until(events, ev.Finished))
    asked = {"do": "chances", "model": ref.to_json(), "messages": request(ref)["messages"]}
    child.send(asked | {"id": "c1", "text": answer.text})
    child.send(asked | {"id": "c2", "text": "somebody else's"})
    told = [next(event for event in events if isinstance(event, ev.Chances)) for _ in range(2)]
    assert "".join(token[0] for token in told[0].tokens) == answer.text and not told[0].problem
    assert told[1].problem.startswith("llama.cpp tells chances only of what file wrote since it was loaded.")
    child.send({"do": "features", "answers": [{"id": "a", "messages": asked["messages"], "text": "hello"}]})
    assert next(event for event in events if isinstance(event, ev.Features)) == ev.Features("", {})
    child.send({"do": "rewrite", "id": "r", "messages": asked["messages"], "text": "hello world",
                "instruction": "shorter", "seed": 1})  # fmt: skip
    ended = next(event for event in events if isinstance(event, ev.Rewritten) and event.ended)
    assert (ended.ended, ended.model_id) == ("finished", ref.id)
    child.send(request(dataclasses.replace(ref, format="safetensors", id="folder"), id="2"))
    failed = until(events, ev.Failed)[-1]
    assert failed.text.startswith("llama.cpp runs GGUF files")


def test_the_child_ends_by_itself_when_nobody_asks_any_more(session):
    child, events, _ = session
    until(events, ev.Loaded)
    child._process.stdin.close()
    assert child._process.wait(timeout=60) == 0


def test_it_is_chosen_for_whole_gguf_files_alone(store, tmp_path):
    file, folder = store.models.find("file"), store.models.find("tiny")
    adapter = store.models.add(name="theirs", kind="adapter", source="local", location="/tmp", parent_id=file.id)
    assert load_choices.of(store, file).engine == LLAMA_CPP
    assert load_choices.of(store, adapter).engine == TRANSFORMERS  # its base's choice is not one for it
    for model, said in ((folder, "tiny is none"), (adapter, "theirs is an adapter")):
        with pytest.raises(WorkbenchError, match=said):
            load_choices.keep(store, model, LoadChoice(engine=LLAMA_CPP))


def test_generate_writes_with_what_was_chosen_and_again_with_what_is_asked_for(store):
    store.prompts.add("hello")
    count = len(store.prompts.list())
    wanted = {"samples": 1, "temperature": 0.0, "max_new_tokens": 8, "device": "cpu", "dtype": "float32"}
    first = carry_out(store, "generate", wanted, model_id=store.models.find("file").id)
    assert first.summary["answers"] == count
    rows = store.responses.of_run(first.id)
    assert {row.sampler["engine"] for row in rows} == {LLAMA_CPP}
    assert carry_out(store, "generate", wanted, model_id=store.models.find("file").id).summary["there"] == count
    other = carry_out(store, "generate", wanted | {"engine": TRANSFORMERS}, model_id=store.models.find("file").id)
    assert other.summary["answers"] == count
    again = {row.prompt_id: row.text for row in store.responses.of_run(other.id)}
    assert again == {row.prompt_id: row.text for row in rows}
