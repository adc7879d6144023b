"""A run on stored judgements that is cut off and goes on ends as one that was not: bit for bit, wherever it was cut."""

from __future__ import annotations

import json

import pytest
import torch
from safetensors.torch import load_file

from tests.methods import stored
from tests.methods.test_resuming import StopsAt, assert_same_tensors, cut_off, told
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Saved, Started, Stopped
from workbench.lm import checkpoints

STEPS = 6
SMALL = {
    "epochs": 2, "evaluations": 3, "micro_tokens": 64, "dropout": 0.2, "checkpoint_minutes": stored.OFTEN,
}  # fmt: skip
DATA = stored.data(12, 6)


def begin(name, folder, model, fields=None, **chosen):
    # KTO has two answers a prompt
    size = {"batch_size": 8} if name == "kto" else {}
    return stored.begin(name, folder, model, fields={"data": DATA} | (fields or {}), **SMALL | size | chosen)


@pytest.fixture(scope="module")
def straight(llama_folder, tmp_path_factory):
    """straight(name): the folder and the events of a run that is not cut off."""
    done = {}

    def run(name):
        if name not in done:
            folder = tmp_path_factory.mktemp(name)
            done[name] = folder, list(begin(name, folder, llama_folder))
        return done[name]

    return run


def figures(summary):
    return {key: value for key, value in summary.items() if key != "peak_bytes"}


CUTS = [*(("sft", k) for k in (1, 4, 6)), *(("dpo", k) for k in (2, 5, 6)), ("kto", 3), ("orpo", 4)]


@pytest.mark.parametrize(("name", "k"), CUTS)
def test_k_steps_and_the_rest_are_as_good_as_all_at_once(llama_folder, straight, tmp_path, name, k):
    folder, whole = straight(name)
    assert isinstance(whole[-1], Finished)
    assert [event.step for event in whole if isinstance(event, Metrics)] == list(range(STEPS + 1))
    cut_off(begin(name, tmp_path, llama_folder), k)
    assert checkpoints.newest(tmp_path).folder.name == f"step-{k:06d}"
    torch.manual_seed(99)
    events = list(begin(name, tmp_path, llama_folder, fields={"resumes": True}))
    started = next(event for event in events if isinstance(event, Started))
    assert started.info["resumed"] == k
    assert told(events, after=k) == told(whole, after=k)
    assert figures(events[-1].summary) == figures(whole[-1].summary)
    first, second = (load_file(each / "adapter" / "adapter_model.safetensors") for each in (folder, tmp_path))
    assert_same_tensors(first, second)
    about = [json.loads((each / "adapter" / "workbench.json").read_text()) for each in (folder, tmp_path)]
    assert about[0] == about[1]
    assert not (tmp_path / "checkpoints").exists()


@pytest.mark.parametrize("name", ["sft", "dpo"])
def test_a_stop_in_the_middle_of_a_step_or_a_measurement_goes_on_from_there(llama_folder, straight, tmp_path, name):
    folder, whole = straight(name)
    counter, marks = [0], {}

    def asked():
        counter[0] += 1
        return False

    for event in begin(name, tmp_path / "counted", llama_folder, fields={"stopping": asked}):
        if isinstance(event, Metrics):
            marks[event.step] = counter[0]
    kinds = set()
    for number, call in enumerate(range(marks[2], marks[4], 6)):
        place = tmp_path / f"cut-{number}"
        events = list(begin(name, place, llama_folder, fields={"stopping": StopsAt(call)}))
        assert isinstance(events[-1], Stopped)
        kinds.add(checkpoints.newest(place).state()["run"]["pending"] is not None)
        rest = list(begin(name, place, llama_folder, fields={"resumes": True}))
        last = max(event.step for event in events if isinstance(event, Metrics))
        assert told(rest, after=last) == told(whole, after=last)
        again = next(event for event in reversed(rest) if isinstance(event, Saved) and event.kind == "adapter")
        assert again.path != str(place / "adapter")  # the model of the stop stays as it was
        assert_same_tensors(
            *(load_file(f"{each}/adapter_model.safetensors") for each in (folder / "adapter", again.path))
        )
    assert kinds == {True, False}


def test_another_run_does_not_go_on_from_it(llama_folder, tmp_path):
    cut_off(begin("dpo", tmp_path, llama_folder), 2)
    with pytest.raises(WorkbenchError, match=r"other settings \(beta\)"):
        list(begin("dpo", tmp_path, llama_folder, fields={"resumes": True}, beta=0.3))
    with pytest.raises(WorkbenchError, match="made with another method"):
        list(begin("sft", tmp_path, llama_folder, fields={"resumes": True}))


def test_the_whole_model_goes_on_too(llama_folder, tmp_path):
    chosen = {"train": "full", "learning_rate": 1e-3}
    whole = list(begin("dpo", tmp_path / "whole", llama_folder, **chosen))
    cut_off(begin("dpo", tmp_path / "cut", llama_folder, **chosen), 3)
    rest = list(begin("dpo", tmp_path / "cut", llama_folder, fields={"resumes": True}, **chosen))
    assert told(rest, after=3) == told(whole, after=3)
    assert_same_tensors(*(load_file(tmp_path / each / "model" / "model.safetensors") for each in ("whole", "cut")))
