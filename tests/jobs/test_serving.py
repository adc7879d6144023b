"""A model behind a server as one of the project's: its row, its reference, its answers, and what it cannot do."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.providers.openai_server import Says, serving
from workbench.errors import StopRequested, WorkbenchError
from workbench.events import Answer
from workbench.feedback.base import Prompt
from workbench.jobs import preparing, recording
from workbench.jobs.exporting import export_model
from workbench.jobs.servers import add_server, change_server, servers_of
from workbench.jobs.tasks import generate
from workbench.jobs.tasks import serving as serves
from workbench.methods.base import Data, Job, options_from
from workbench.providers import asking, keys
from workbench.store import Store
from workbench.store.exchange.exporting import export_store
from workbench.store.exchange.importing import import_file

URL = "http://localhost:8080/v1"


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


@pytest.fixture(autouse=True)
def no_keys(monkeypatch):
    monkeypatch.setattr(keys, "_from_keyring", lambda host: "")
    asking._refused.clear()


def test_a_servers_model_comes_back_as_it_was(store):
    model = add_server(store, URL + "/", "qwen", price_in=0.5, price_out=2)
    assert store.models.find(model.id) == model
    assert (model.kind, model.source, model.format, model.location) == ("server", "server", "server", URL)
    assert (model.name, model.info) == ("qwen", {"model": "qwen", "price_in": 0.5, "price_out": 2.0, "extras": True})


def test_one_server_has_many_models_and_each_is_there_once(store):
    first, second, again = (add_server(store, URL, name) for name in ("qwen", "llama", "qwen"))
    assert first.id == again.id != second.id
    assert servers_of(store) == [URL]
    assert [model.name for model in store.models.list("server")] == ["qwen", "llama"]


def test_its_name_and_prices_can_be_changed_and_where_it_is_cannot(store):
    model = add_server(store, URL, "qwen", price_in=1.0)
    changed = change_server(store, model.id, "Ours", price_out=3.0)
    assert (changed.name, changed.location) == ("Ours", URL)
    assert changed.info == {"model": "qwen", "price_out": 3.0, "extras": True}


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"url": "localhost"}, "not the address"),
        ({"model": " "}, "no name"),
        ({"price_in": -1.0}, "price cannot be"),
        ({"price_out": float("nan")}, "price cannot be"),
    ],
)
def test_what_is_no_server_is_refused(store, fields, sentence):
    with pytest.raises(WorkbenchError, match=sentence):
        add_server(store, **{"url": URL, "model": "qwen", **fields})
    assert store.models.list() == []


def test_its_reference_needs_no_file(store):
    model = add_server(store, URL, "qwen", "Ours", extras=False)
    ref = preparing.reference(store, model.id)
    assert (ref.kind, ref.base, ref.format, ref.adapter) == ("server", URL, "server", "")
    assert (ref.name, ref.served, ref.extras, ref.id) == ("Ours", "qwen", False, model.id)
    assert store.models.base_of(model) == store.models.reference_of(model) == model


@pytest.mark.parametrize("method", ["sft", "evaluate"])
def test_nothing_that_needs_weights_is_done_with_it(store, method):
    model = add_server(store, URL, "qwen")
    for number in range(30):
        prompt, _ = store.prompts.add(f"Hi {number}")
        answer = store.responses.add(prompt.id, "Hello")
        store.feedback.add("edit", prompt.id, [answer.id], {"text": "Hello there"}, annotator="you")
    models = {"model_id": model.id} if method == "sft" else {"model_id": None, "other_ids": [model.id, model.id]}
    with pytest.raises(WorkbenchError, match="needs a model's weights, and qwen is behind a server"):
        preparing.prepare(store, method, {}, **models)
    assert store.runs.list() == []


def test_it_is_not_exported_as_files(store, tmp_path):
    model = add_server(store, URL, "qwen")
    with pytest.raises(WorkbenchError, match="on a server"):
        next(export_model(store, model.id, tmp_path / "out"))


def test_it_travels_with_its_project(store, tmp_path):
    model = add_server(store, URL, "qwen", price_in=0.5)
    export_store(store, tmp_path / "all.jsonl")
    other = Store.open(tmp_path / "other")
    import_file(other, tmp_path / "all.jsonl")
    assert other.models.find(model.id) == model
    other.close()


def job(tmp_path, count, stopping=lambda: False):
    prompts = tuple(Prompt(f"p{n}", ({"role": "user", "content": f"Say {n}"},), "train") for n in range(count))
    return Job(tmp_path, None, Data(prompts), stopping=stopping)


def test_its_answers_are_those_events_that_a_local_models_are(store, tmp_path):
    with serving(lambda number, body: Says([body["messages"][-1]["content"], "!"])) as server:
        ref = preparing.reference(store, add_server(store, server.url, "small", extras=False).id)
        options = options_from(generate.Options, {"samples": 2, "seed": 5, "max_new_tokens": 9})
        found = list(serves.answers(job(tmp_path, 3), options, ref, "base"))
    assert sorted((each.prompt_id, each.index, each.seed, each.text) for each in found) == [
        (f"p{n}", index, 5 + index, f"Say {n}!") for n in range(3) for index in range(2)
    ]
    one = found[0]
    assert isinstance(one, Answer) and one.role == "base"
    assert (one.prompt_tokens, one.response_tokens, one.finish_reason) == (7, 2, "stop")
    assert one.sampler == {
        "temperature": 0.8,
        "top_p": 0.95,
        "min_p": 0.0,
        "repetition_penalty": 1.0,
        "max_new_tokens": 9,
    }


def test_an_answer_is_stored_under_the_servers_model(store):
    model = add_server(store, URL, "qwen")
    prompt, _ = store.prompts.add("Hi")
    response = recording.store_answer(store, Answer(prompt.id, "Hello"), None, model.id)
    assert (response.model_id, response.adapter_id) == (model.id, None)


def test_a_stop_ends_it(store, tmp_path):
    with serving(lambda number, body: Says(hangs="before")) as server:
        ref = preparing.reference(store, add_server(store, server.url, "small").id)
        stopped = job(tmp_path, 3, lambda: bool(server.asked))
        with pytest.raises(StopRequested):
            next(serves.answers(stopped, options_from(generate.Options, {}), ref))


def test_no_torch_is_needed():
    code = "import sys, workbench.jobs.tasks.serving, workbench.providers.reaching as r; print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"'torch'", "'openai'"} & set(done.stdout.strip("[]\n").split(", "))
