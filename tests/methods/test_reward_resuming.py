"""A reward run that is cut off and goes on ends as one that was not: bit for bit, wherever it was cut."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from safetensors.torch import load_file

from tests.methods import worlds
from tests.methods.test_resuming import OFTEN, StopsAt, assert_same_tensors, cut_off, told
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Saved, Started, Stopped, Warned
from workbench.lm import checkpoints
from workbench.methods import reward
from workbench.methods.base import Data

STEPS = 6
OPTIONS = {
    "epochs": 2, "batch_size": 4, "micro_tokens": 64, "learning_rate": 5e-3, "rank": 4, "max_tokens": 64,
    "dropout": 0.2, "evaluations": 3, "checkpoint_minutes": OFTEN, "device": "cpu", "dtype": "float32",
}  # fmt: skip
DATA = Data(pairs=worlds.pairs(12, 6))


def options(**fields):
    return reward.Options(**OPTIONS | fields)


def begin(folder, model, events=None, fields=None, **chosen):
    return reward.train(worlds.job(folder, model, data=DATA, **fields or {}), options(**chosen))


def resume(folder, model, **chosen):
    return list(begin(folder, model, fields={"resumes": True}, **chosen))


@pytest.fixture(scope="module")
def straight(llama_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("straight")
    return folder, list(begin(folder, llama_folder))


def assert_same_model(one, other):
    (first,), (second,) = (sorted(folder.glob("reward*")) for folder in (one, other))
    for path in sorted(first.glob("*.safetensors")):
        assert_same_tensors(load_file(path), load_file(second / path.name))
    assert (first / "reward.json").read_text() == (second / "reward.json").read_text()


def test_it_takes_six_steps_and_leaves_no_checkpoints_behind(straight):
    folder, events = straight
    assert [event.step for event in events if isinstance(event, Metrics)] == list(range(STEPS + 1))
    assert [event.step for event in events if isinstance(event, Saved) and event.kind == "checkpoint"] == [
        *range(1, STEPS + 1)
    ]
    assert isinstance(events[-1], Finished)
    assert not (folder / "checkpoints").exists()


@pytest.mark.parametrize("k", range(1, STEPS + 1))
def test_k_steps_and_the_rest_are_as_good_as_all_at_once(llama_folder, straight, tmp_path, k):
    folder, whole = straight
    cut_off(begin(tmp_path, llama_folder), k)
    torch.manual_seed(99)
    events = resume(tmp_path, llama_folder)
    started = next(event for event in events if isinstance(event, Started))
    assert started.info["resumed"] == k
    assert list(started.info["recent"]) == list(range(1, k + 1))
    assert told(events, after=k) == told(whole, after=k)
    assert events[-1] == whole[-1]
    assert_same_model(folder, tmp_path)


def test_the_state_itself_is_the_same(llama_folder, tmp_path):
    """Optimiser, random numbers, best weights: after the last step, before the checkpoints go."""
    found = []
    for name, cuts in (("whole", (5,)), ("cut", (2, 4, 5))):
        for number, k in enumerate(cuts):
            cut_off(begin(tmp_path / name, llama_folder, fields={"resumes": number > 0}), k)
        found.append(checkpoints.newest(tmp_path / name))
    assert_same_tensors(found[0].tensors(), found[1].tensors())
    assert found[0].state()["run"] == found[1].state()["run"]
    names = {name.split("/")[0] for name in found[0].tensors()}
    assert names == {"master", "exp_avg", "exp_avg_sq", "step", "random", "best", "held", "scale"}


def test_a_stop_in_the_middle_of_a_step_or_a_measurement_goes_on_from_there(llama_folder, straight, tmp_path):
    folder, whole = straight
    counter, marks = [0], {}

    def asked():
        counter[0] += 1
        return False

    for event in begin(tmp_path / "counted", llama_folder, fields={"stopping": asked}):
        if isinstance(event, Metrics):
            marks[event.step] = counter[0]
    kinds = set()
    for number, call in enumerate(range(marks[2], marks[4])):
        place = tmp_path / f"cut-{number}"
        events = list(begin(place, llama_folder, fields={"stopping": StopsAt(call)}))
        assert isinstance(events[-1], Stopped)
        saved = next(event for event in events if isinstance(event, Saved) and event.kind == "reward")
        kinds.add(checkpoints.newest(place).state()["run"]["pending"] is not None)
        rest = resume(place, llama_folder)
        cut = [event for event in events if isinstance(event, Metrics)]
        assert told(cut) + told(rest, after=cut[-1].step) == told(cut) + told(whole, after=cut[-1].step)
        assert saved.path == str(place / "reward")
        assert rest[-1] == whole[-1]
        (again,) = [event for event in rest if isinstance(event, Saved) and event.kind == "reward"]
        assert again.path != saved.path  # the model of the stop stays as it was
        first, second = (load_file(f"{path}/adapter_model.safetensors") for path in (folder / "reward", again.path))
        assert_same_tensors(first, second)
    assert kinds == {True, False}


def test_early_stopping_counts_on(llama_folder, tmp_path):
    chosen = {"evaluations": 6, "patience": 1, "learning_rate": 0.5}
    whole = list(begin(tmp_path / "whole", llama_folder, **chosen))
    last = [event.step for event in whole if isinstance(event, Metrics)][-1]
    assert last < STEPS
    cut_off(begin(tmp_path / "cut", llama_folder, **chosen), last)
    rest = resume(tmp_path / "cut", llama_folder, **chosen)
    assert next(event.topic for event in rest if isinstance(event, Warned)) == "stopped_early"
    assert rest[-1] == whole[-1]


def test_an_encoder_goes_on_too(bert_folder, tmp_path):
    chosen = {"learning_rate": 3e-3}
    whole = list(begin(tmp_path / "whole", bert_folder, **chosen))
    cut_off(begin(tmp_path / "cut", bert_folder, **chosen), 3)
    rest = resume(tmp_path / "cut", bert_folder, **chosen)
    assert told(rest, after=3) == told(whole, after=3)
    assert_same_model(tmp_path / "whole", tmp_path / "cut")


def test_a_stop_before_the_first_measurement_writes_none(llama_folder, tmp_path):
    assert list(begin(tmp_path, llama_folder, fields={"stopping": lambda: True}))[-1] == Stopped(0)
    assert checkpoints.newest(tmp_path) is None


def test_other_pairs_and_other_settings_are_refused(llama_folder, tmp_path):
    cut_off(begin(tmp_path, llama_folder), 2)
    with pytest.raises(WorkbenchError, match=r"other settings \(epochs\)"):
        resume(tmp_path, llama_folder, epochs=3)
    job = worlds.job(tmp_path, llama_folder, data=Data(pairs=worlds.pairs(12, 6, seed=1)), resumes=True)
    with pytest.raises(WorkbenchError, match="other data"):
        list(reward.train(job, options()))
    for key in ("pending", "waited", "best", "recent", "step"):
        found = checkpoints.newest(tmp_path)
        state = found.state()
        del state["run"][key]
        place = tmp_path / key
        checkpoints.write(place, 2, found.tensors(), state)
        with pytest.raises(WorkbenchError, match="lacks something"):
            list(reward.train(dataclasses.replace(worlds.job(place, llama_folder, data=DATA), resumes=True), options()))
