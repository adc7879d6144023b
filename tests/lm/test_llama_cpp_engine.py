"""What llama.cpp writes of a GGUF file, against our own loop on the same file."""

from __future__ import annotations

import dataclasses
import gc
import math
import random
import signal
import threading

import pytest
import torch

from tests import tiny
from tests.conftest import FP32
from tests.lm import gguf_models
from workbench.errors import WorkbenchError
from workbench.lm import llama_cpp, llama_cpp_engine, pool
from workbench.lm.chances import chances
from workbench.lm.generating import Sampler, sample, sample_all
from workbench.lm.gguf_writing import About, write_gguf
from workbench.lm.loading import load
from workbench.lm.refs import LLAMA_CPP, ModelRef

pytest.importorskip("xllamacpp")

GREEDY = Sampler(temperature=0, max_new_tokens=24)
TEXTS = ("hello", "a kind answer", "the lazy dog", "write a short text", "hello world")
QUESTION = [{"role": "user", "content": "hello"}]


def written(folder, source, dtype="float32"):
    """A model's folder as a GGUF file of our own, for llama.cpp."""
    path = folder / f"{dtype}.gguf"
    list(write_gguf(load(ModelRef(str(source)), FP32), path, dtype, About("tiny", "apache-2.0")))
    return ModelRef(str(path), "gguf", id="tiny", name="tiny", engine=LLAMA_CPP)


@pytest.fixture(scope="module")
def ref(tmp_path_factory, llama_folder):
    return written(tmp_path_factory.mktemp("gguf"), llama_folder)


@pytest.fixture(scope="module")
def running(ref):
    return llama_cpp_engine.load(ref, FP32)


@pytest.fixture(scope="module")
def ours(ref):
    return load(ref, FP32)


def prompts(loaded):
    return [loaded.template.prompt_ids([{"role": "user", "content": text}]) for text in TEXTS]


def ids_of(loaded, sampler, seeds=(1, 2, 3, 4, 5)):
    return [draft.ids for draft in sample_all(loaded, prompts(loaded), sampler, list(seeds))]


@pytest.mark.parametrize("kind", ["llama", "llama3", "mistral", "qwen2", "qwen3", "gemma2", "gemma3", "phi3", "gpt2"])
def test_a_file_of_ours_is_the_same_model_in_llama_cpp(tmp_path, kind):
    source = gguf_models.write(tmp_path / kind, kind)
    made, original = llama_cpp_engine.load(written(tmp_path, source), FP32), load(ModelRef(str(source)), FP32)
    assert made.stop_ids == original.stop_ids
    text = original.template.prompt_text(QUESTION)
    theirs = made.model.ask(0, {"content": text, "parse_special": True, "add_special": False}, "/tokenize")["tokens"]
    assert theirs == original.template.ids_of(text)
    found = ids_of(made, GREEDY)
    assert found == ids_of(original, GREEDY)
    prompt, ids = prompts(original)[0], found[0]
    with torch.no_grad():
        logits = original.causal(torch.tensor([[*prompt, *ids]])).logits[0, len(prompt) - 1 :].log_softmax(-1)
    said = list(enumerate(next(iter(made.remembered.values()))))
    near = 5e-3 if kind == "gpt2" else 1e-3  # llama.cpp looks GELU up in float16
    assert any(each.others for _, each in said)
    for place, each in said:
        if each.others:
            assert math.log(each.p) == pytest.approx(float(logits[place, each.id]), abs=near)


@pytest.mark.parametrize("dtype", ["float16", "q8_0"])
def test_a_quantised_file_is_run_as_it_is(tmp_path, llama_folder, dtype):
    made = llama_cpp_engine.load(written(tmp_path, llama_folder, dtype), FP32)
    assert made.numbers == {"float16": "F16", "q8_0": "Q8_0"}[dtype]
    original = load(dataclasses.replace(made.ref, engine="transformers"), FP32)
    same = [a[:4] == b[:4] for a, b in zip(ids_of(made, GREEDY), ids_of(original, GREEDY), strict=True)]
    assert sum(same) >= 4  # products of quantised numbers round in another way, and a tiny model has near ties


@pytest.mark.parametrize(
    "more", [{"repetition_penalty": 1.3}, {"min_new_tokens": 24}, {"max_new_tokens": 3}, {"min_p": 0.2, "top_k": 3}]
)
def test_settings_change_what_is_likeliest_as_ours_do(running, ours, more):
    sampler = dataclasses.replace(GREEDY, **more)
    assert ids_of(running, sampler) == ids_of(ours, sampler)
    reasons = [draft.finish_reason for draft in sample_all(running, prompts(running), sampler, [1] * 5)]
    assert reasons == [draft.finish_reason for draft in sample_all(ours, prompts(ours), sampler, [1] * 5)]


def test_a_seed_draws_the_same_again_and_another_one_something_else(running):
    drawn = Sampler(temperature=1.0, top_k=0, top_p=1.0, max_new_tokens=12, min_new_tokens=12)
    first = ids_of(running, drawn)
    assert ids_of(running, drawn) == first and ids_of(running, drawn, (6, 7, 8, 9, 10)) != first
    assert ids_of(running, dataclasses.replace(drawn, top_k=1)) == ids_of(
        running, dataclasses.replace(GREEDY, max_new_tokens=12, min_new_tokens=12)
    )


@pytest.mark.parametrize(
    "sampler",
    [
        Sampler(temperature=0.7, top_k=3, top_p=1.0, max_new_tokens=1),
        Sampler(temperature=1.5, top_k=0, top_p=0.6, max_new_tokens=1),
        Sampler(temperature=1.5, top_k=0, top_p=1.0, min_p=0.3, max_new_tokens=1),
    ],
)
def test_what_can_be_drawn_is_what_ours_can_draw(running, ours, sampler):
    """The first token of many answers, against the shares that our own processors leave."""
    prompt, many = prompts(ours)[0], 300
    with torch.no_grad():
        logits = ours.causal(torch.tensor([prompt])).logits[:, -1]
    p = sampler.processors()(torch.tensor([prompt]), logits).softmax(-1)[0]
    drafts = sample_all(running, [prompt] * many, sampler, list(range(many)))
    counts = torch.bincount(torch.tensor([draft.ids[0] for draft in drafts]), minlength=len(p))
    assert not counts[p == 0].any()
    assert (counts / many - p).abs().max() < 0.12  # four standard deviations


def test_an_answer_that_is_left_is_stopped_and_its_row_is_free(running):
    long = Sampler(temperature=1.0, max_new_tokens=200, min_new_tokens=200)
    writing = sample(running, prompts(running)[:2], long, [1, 2])
    while not next(writing):
        pass
    before = running.model.left
    writing.close()
    assert len(running.model.free) == llama_cpp_engine.ROWS and running.model.left > before
    assert len(ids_of(running, GREEDY)) == 5


def test_two_columns_take_turns_and_each_writes_what_it_writes_alone(running):
    drawn = Sampler(temperature=1.0, max_new_tokens=16, min_new_tokens=16)
    alone = {seed: sample_all(running, prompts(running)[:3], drawn, [seed] * 3) for seed in (3, 4)}
    columns = {seed: sample(running, prompts(running)[:3], drawn, [seed] * 3) for seed in (3, 4)}
    found, turns = {3: {}, 4: {}}, []
    while columns:
        for seed, steps in list(columns.items()):
            grown = next(steps, None)
            if grown is None:
                del columns[seed]
                continue
            turns += [seed] if grown else []
            found[seed].update((draft.index, draft) for draft in grown)
    assert {seed: [drafts[place].ids for place in range(3)] for seed, drafts in found.items()} == {
        seed: [draft.ids for draft in drafts] for seed, drafts in alone.items()
    }
    assert turns != sorted(turns)


def test_more_than_the_cache_holds_waits_and_more_than_it_ever_holds_is_refused(running, ours):
    rng = random.Random(0)
    many = [[rng.randrange(3, 290) for _ in range(rng.randrange(10, 300))] for _ in range(9)]
    full = Sampler(temperature=0, max_new_tokens=120, min_new_tokens=120)
    theirs, wanted = (sample_all(loaded, many, full, [1] * 9) for loaded in (running, ours))
    assert [draft.ids for draft in theirs] == [draft.ids for draft in wanted]
    assert running.model.left == running.context == 512
    with pytest.raises(WorkbenchError, match="has room for 512 here"):
        sample_all(running, [many[0] * 60], full, [1])


def test_chances_are_those_that_the_model_gave_and_only_of_what_it_wrote(running, ours):
    (draft,) = sample_all(running, prompts(running)[:1], GREEDY, [1])
    text = running.template.text_of(draft.ids)
    found, wanted = chances(running, QUESTION, text), chances(ours, QUESTION, text)
    assert "".join(each.text for each in found) == text
    with torch.no_grad():
        prompt = prompts(ours)[0]
        p = ours.causal(torch.tensor([[*prompt, *draft.ids]])).logits[0, len(prompt) - 1 :].softmax(-1)
    told = [(place, each) for place, each in enumerate(found) if each.others]
    assert told
    for place, each in told:  # the likeliest was taken
        assert each.p == pytest.approx(float(p[place].max()), abs=1e-3)
        assert len(each.others) == len(wanted[0].others) and each.others[0][1] == each.p
    with pytest.raises(WorkbenchError, match="only of what tiny wrote"):
        chances(running, QUESTION, "a text of somebody else")


def test_the_server_listens_here_alone_and_wants_its_key(running):
    import http.client
    from urllib.parse import urlsplit

    place = urlsplit(running.model._native.listening_address)
    assert place.hostname == "127.0.0.1"
    connection = http.client.HTTPConnection(place.netloc)
    connection.request("POST", "/completion", b'{"prompt": [1], "n_predict": 1}', {"Content-Type": "application/json"})
    assert connection.getresponse().status == 401
    connection.close()


def test_signals_stay_what_they_were_and_a_model_that_leaves_is_gone(ref):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    threads = threading.active_count()
    models = pool.Pool(FP32, lambda: 1 << 40)
    models.take(ref)
    assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before
    assert models.ids() == ["tiny"] and not models.holds(dataclasses.replace(ref, engine="transformers"))
    models.take(dataclasses.replace(ref, engine="transformers", id="other"))
    assert models.ids() == ["tiny", "other"]
    assert models.drop("tiny")
    gc.collect()
    assert threading.active_count() <= threads + llama_cpp_engine.ROWS


def test_memory_is_the_file_and_the_cache(ref, llama_folder):
    size = pool.bytes_of(ref, FP32)
    assert size == (llama_folder.parent / ref.base).stat().st_size + 4096 * (2 * 2 + 1) * 16 * 2
    assert size != pool.bytes_of(dataclasses.replace(ref, engine="transformers"), FP32)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": "safetensors"}, "runs GGUF files, and tiny is none"),
        ({"adapter": "/somewhere"}, "runs whole GGUF files, and tiny is an adapter"),
        ({}, "is not installed"),
    ],
)
def test_why_it_cannot_run_a_model(ref, change, said):
    problem = llama_cpp.problem_with(dataclasses.replace(ref, **change), installed=lambda _: None)
    assert problem is not None and said in problem.text
    assert llama_cpp.problem_with(ref) is None
    if not change:
        assert 'pip install "feedback-workbench[llama-cpp]"' in problem.hint


def test_a_file_that_llama_cpp_cannot_read_is_one_sentence(tmp_path, llama_folder):
    path = tiny.gguf(tmp_path, llama_folder)
    path.write_bytes(path.read_bytes()[:-4096])
    with pytest.raises(WorkbenchError, match="cannot be loaded"):
        llama_cpp_engine.load(ModelRef(str(path), "gguf", name="short", engine=LLAMA_CPP), FP32)
