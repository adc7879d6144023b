"""Runs that ask for an engine: told, used, and replaced when it fails."""

from __future__ import annotations

import pytest

from tests.methods import worlds
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Started, Warned
from workbench.lm import writing
from workbench.methods import ppo, reward
from workbench.methods.base import Data, knobs

QUICK = {
    "steps": 2, "batch_size": 4, "max_new_tokens": 8, "rank": 4, "temperature": 1.0, "device": "cpu",
    "dtype": "float32",
}  # fmt: skip


@pytest.fixture(scope="module")
def scorer(llama_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reward-run")
    options = reward.Options(epochs=1, learning_rate=5e-3, rank=4, max_tokens=64, device="cpu", dtype="float32")
    list(reward.train(worlds.job(folder, llama_folder, data=Data(pairs=worlds.pairs(16, 4))), options))
    return folder / "reward"


@pytest.fixture
def job(llama_folder, scorer, tmp_path):
    return worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts()), reward=scorer)


def run(job, **options):
    return list(ppo.train(job, ppo.Options(**QUICK | options)))


def of(kind, events):
    return [event for event in events if isinstance(event, kind)]


def test_the_knob_has_the_engines_that_there_are():
    from workbench.lm.engines import ENGINES

    (knob,) = [knob for knob in knobs(ppo.Options) if knob.name == "engine"]
    assert (knob.label, knob.default, knob.choices) == ("Writes with", "auto", ENGINES)


def test_a_run_on_a_cpu_writes_with_its_own_loop_and_says_so(job):
    events = run(job, steps=1)
    assert of(Started, events)[0].info["engine"] == "own"
    assert "CUDA" in of(Started, events)[0].info["engine_why"]
    assert of(Finished, events)[0].summary["engine"] == "own"
    assert not of(Warned, events)


def test_a_run_learns_from_what_continuous_batching_wrote(job):
    """The log-probabilities that it gave while it wrote are those of the update's own path."""
    events = run(job, engine="continuous", old_logprobs="sampled")
    assert of(Finished, events)[0].summary["engine"] == "continuous"
    first = of(Metrics, events)[0].values
    assert first["val/ratio_first"] == pytest.approx(1.0, abs=1e-4)
    assert first["val/logprob_drift"] < 1e-4
    assert len(of(Metrics, events)) == 2
    assert not of(Warned, events)


def test_old_log_probabilities_are_computed_again_for_another_engine(job):
    from tests.conftest import FP32

    options = QUICK | {"engine": "continuous"}
    assert ppo.Run(job, ppo.Options(**options), FP32).recompute
    assert not ppo.Run(job, ppo.Options(**QUICK), FP32).recompute


def test_an_engine_that_cannot_run_is_refused_before_anything_is_loaded(job, monkeypatch):
    def load(*args, **kwargs):
        raise AssertionError("the model was loaded")

    monkeypatch.setattr("workbench.lm.loading.load", load)
    with pytest.raises(WorkbenchError, match="vLLM: it needs a CUDA device"):
        run(job, engine="vllm")


def test_a_run_whose_engine_dies_goes_on_with_its_own_loop(job, monkeypatch):
    """And learns what it would have learned had it been asked to."""

    def die(*args):
        raise RuntimeError("the engine died")

    own = [event.values for event in of(Metrics, run(job, engine="own", old_logprobs="recomputed"))]
    monkeypatch.setattr(writing.Continuous, "write", die)
    events = run(job, engine="continuous", old_logprobs="recomputed")
    (warned,) = of(Warned, events)
    assert "the engine died" in warned.text and warned.topic == "engine"
    assert of(Finished, events)[0].summary["engine"] == "own"
    died = [event.values for event in of(Metrics, events)]
    memory = "perf/memory_bytes"
    assert [{**each, memory: 0} for each in died] == [{**each, memory: 0} for each in own]


def test_answers_of_other_weights_are_written_again_from_the_same_prompts(job, monkeypatch):
    """An adapter that an engine lost without a word shows in the log-probabilities it gave."""
    real = writing.Own.write

    def strange(self, prompts, sampler, seeds, check):
        drafts = real(writing.Own(self.loaded, 8), prompts, sampler, seeds, check)
        for draft in drafts:
            draft.logprobs = [value - 3.0 for value in draft.logprobs]
        return drafts

    own = [event.values for event in of(Metrics, run(job, engine="own"))]
    monkeypatch.setattr(writing.Continuous, "write", strange)
    events = run(job, engine="continuous", old_logprobs="sampled")
    assert "not this policy's" in of(Warned, events)[0].text
    found = of(Metrics, events)[0].values
    assert found["objective/scores"] == own[0]["objective/scores"]
    assert found["val/logprob_drift"] < 1e-4
