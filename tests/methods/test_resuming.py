"""A run that is cut off and goes on ends as one that was not: bit for bit, wherever it was cut."""

from __future__ import annotations

import dataclasses
import shutil

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.conftest import FP32
from tests.methods import worlds
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Sample, Saved, Started, Stopped, Warned
from workbench.lm import checkpoints, randomness
from workbench.methods import ppo, resuming, reward
from workbench.methods.base import Data

STEPS = 6
OFTEN = 1e-9
"""Minutes between checkpoints so short that each round has one."""
PPO = {
    "steps": STEPS, "batch_size": 6, "max_new_tokens": 8, "rank": 4, "learning_rate": 2e-3, "temperature": 1.0,
    "kl_control": "adaptive", "kl_coef": 0.1, "target_kl": 0.01, "micro_tokens": 64, "human_every": 2,
    "checkpoint_minutes": OFTEN, "minibatches": 2, "device": "cpu", "dtype": "float32",
}  # fmt: skip


@pytest.fixture(scope="module")
def scorer(llama_folder, tmp_path_factory):
    folder = tmp_path_factory.mktemp("reward-run")
    options = reward.Options(epochs=1, learning_rate=5e-3, rank=4, max_tokens=64, device="cpu", dtype="float32")
    list(reward.train(worlds.job(folder, llama_folder, data=Data(pairs=worlds.pairs(16, 4))), options))
    return folder / "reward"


@pytest.fixture(scope="module")
def world(llama_folder, scorer):
    """world(folder) is a PPO job there, on eight prompts: the sampler begins them again in the second round."""

    def make(folder, **fields):
        data = fields.pop("data", Data(prompts=worlds.prompts(8), pairs=worlds.pairs(0, 40)))
        return worlds.job(folder, llama_folder, data=data, reward=fields.pop("reward", scorer), **fields)

    return make


@pytest.fixture(scope="module")
def straight(world, tmp_path_factory):
    """Six rounds at once: the folder and the events."""
    folder = tmp_path_factory.mktemp("straight")
    return folder, run(world(folder))


def run(job, **options):
    return list(ppo.train(job, ppo.Options(**PPO | options)))


def cut_off(events, step):
    """What happens until the checkpoint of a step is written; then the run is gone."""
    seen = []
    for event in events:
        seen.append(event)
        if isinstance(event, Saved) and event.kind == "checkpoint" and event.step == step:
            return seen
    raise AssertionError(seen)


def told(events, after=0):
    """Metrics and samples past a step, without what depends on the machine's state."""
    found = []
    for event in events:
        if isinstance(event, Metrics) and event.step > after:
            found.append((event.step, {k: v for k, v in event.values.items() if not k.startswith("perf/")}))
        elif isinstance(event, Sample) and event.step > after:
            found.append(event)
    return found


def assert_same_end(one, other, kind="adapter"):
    """Adapter, value head, optimiser, RNG and every number beside them."""
    for first in sorted((one / kind).glob("*.safetensors")):
        assert_same_tensors(load_file(first), load_file(other / kind / first.name))
    first, second = checkpoints.newest(one), checkpoints.newest(other)
    assert first.step == second.step
    assert_same_tensors(first.tensors(), second.tensors())
    left, right = first.state()["run"], second.state()["run"]
    for state in (left, right):
        for values in state.get("recent", ()):
            values.pop("perf/memory_bytes")
    assert left == right


def assert_same_tensors(one, other):
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


@pytest.mark.parametrize("k", range(1, STEPS + 1))
def test_k_rounds_and_the_rest_are_as_good_as_all_at_once(world, straight, tmp_path, k):
    folder, whole = straight
    cut_off(ppo.train(world(tmp_path), ppo.Options(**PPO)), k)
    torch.manual_seed(99)  # nothing of the process that died is left in this one
    events = run(world(tmp_path, resumes=True))
    started = next(event for event in events if isinstance(event, Started))
    assert started.info["resumed"] == k
    assert started.info["seconds"] > 0
    assert isinstance(events[-1], Finished)
    assert not any(isinstance(event, Warned) and event.topic == "surroundings" for event in events)
    assert told(events) == told(whole, after=k)
    assert_same_end(folder, tmp_path)


def test_the_checkpoint_holds_what_the_brief_of_it_names(straight):
    """The comparison above would not see a state that both lack."""
    found = checkpoints.newest(straight[0])
    names = found.tensors().keys()
    for kind in ("master", "exp_avg", "exp_avg_sq", "step"):
        assert f"{kind}/value_head.weight" in names
        assert any(name.startswith(f"{kind}/") and ".policy." in name for name in names)
    assert "random/cpu" in names
    state = found.state()["run"]
    assert {"step", "kl_coef", "order", "waiting", "recent", "warned"} <= state.keys()
    assert state["kl_coef"] != PPO["kl_coef"]
    assert 0 < len(state["waiting"]) < 8


def test_it_holds_on_across_many_cuts(world, straight, tmp_path):
    folder, whole = straight
    seen = cut_off(ppo.train(world(tmp_path), ppo.Options(**PPO)), 1)
    for k in range(2, STEPS):
        seen += cut_off(ppo.train(world(tmp_path, resumes=True), ppo.Options(**PPO)), k)
    seen += run(world(tmp_path, resumes=True))
    assert told(seen) == told(whole)
    assert_same_end(folder, tmp_path)


class StopsAt:
    """Says stop from the given call on."""

    def __init__(self, call):
        self.left = call

    def __call__(self):
        self.left -= 1
        return self.left < 0


def calls_of(world, folder):
    """How often each round asks whether to stop, and in which part of the round."""
    counter = [0]
    marks = []

    def asked():
        counter[0] += 1
        return False

    for event in ppo.train(world(folder, stopping=asked), ppo.Options(**PPO | {"steps": 2})):
        if isinstance(event, Metrics):
            marks.append(counter[0])
    return marks


def test_a_stop_in_the_middle_of_a_round_goes_on_from_there(world, straight, tmp_path):
    """While it writes, while it reads, and between and inside the optimiser steps of the second round."""
    folder, whole = straight
    first, second = calls_of(world, tmp_path / "counted")
    kinds = set()
    for number, call in enumerate([first, (first + second) // 2, *range(second - 14, second, 2)]):
        place = tmp_path / f"cut-{number}"
        events = run(world(place, stopping=StopsAt(call)))
        assert isinstance(events[-1], Stopped)
        assert [event.kind for event in events if isinstance(event, Saved)][-2:] == ["adapter", "checkpoint"]
        state = checkpoints.newest(place).state()["run"]
        kinds.add((bool(state["rollout"]), len(state["updates"])))
        shutil.rmtree(place / "adapter")
        rest = run(world(place, resumes=True))
        assert told(events) + told(rest) == told(whole)
        assert_same_end(folder, place)
    assert {(False, 0), (True, 0), (True, 3)} <= kinds
    assert len(kinds) > 3


def test_more_rounds_can_be_asked_for_afterwards(world, straight, tmp_path):
    folder, whole = straight
    run(world(tmp_path), steps=2, checkpoint_minutes=0.0)
    shutil.rmtree(tmp_path / "adapter")
    assert told(run(world(tmp_path, resumes=True))) == told(whole, after=2)
    assert_same_end(folder, tmp_path)


def test_in_bf16_too(world, tmp_path):
    """There the masters hold more than the weights do."""
    whole = run(world(tmp_path / "whole"), dtype="bfloat16", steps=3)
    options = ppo.Options(**PPO | {"dtype": "bfloat16", "steps": 3})
    cut_off(ppo.train(world(tmp_path / "cut"), options), 2)
    rest = list(ppo.train(world(tmp_path / "cut", resumes=True), options))
    assert told(rest) == told(whole, after=2)
    assert_same_end(tmp_path / "whole", tmp_path / "cut")


def test_what_memory_was_given_up_stays_given_up(world, tmp_path):
    """Other micro-batches round differently: a run that took smaller ones goes on with those."""
    options = ppo.Options(**PPO)
    trial = ppo.Run(world(tmp_path), options, FP32)
    trial._hold_less()
    trial._hold_less()
    list(trial.round())
    list(resuming.Checkpoints(trial).keep(now=True))
    other = ppo.Run(world(tmp_path, resumes=True), options, FP32)
    list(resuming.Checkpoints(other).go_on())
    assert other.saving
    assert (other.micro_tokens, other.rows_at_once) == (trial.micro_tokens, trial.rows_at_once)
    assert other.micro_tokens < ppo.Run(world(tmp_path), options, FP32).micro_tokens


# --- when checkpoints are written -----------------------------------------------------------------------------------


def test_checkpoints_are_due_by_the_clock(world, tmp_path):
    now = [100.0]
    trial = ppo.Run(world(tmp_path), ppo.Options(**PPO | {"checkpoint_minutes": 5.0}), FP32)
    kept = resuming.Checkpoints(trial, clock=lambda: now[0])
    list(trial.round())
    now[0] += 299
    assert list(kept.keep()) == []
    now[0] += 1
    (event,) = kept.keep()
    assert event == Saved("checkpoint", str(tmp_path / "checkpoints" / "step-000001"), 1)
    now[0] += 200
    assert list(kept.keep()) == []
    assert checkpoints.newest(tmp_path).state()["seconds"] == 300


def test_a_finished_run_keeps_one(straight):
    assert [path.name for path in (straight[0] / "checkpoints").iterdir()] == [f"step-{STEPS:06d}"]


def test_none_is_due_when_it_was_turned_off(world, tmp_path):
    events = run(world(tmp_path), steps=2, checkpoint_minutes=0.0)
    assert [event.step for event in events if isinstance(event, Saved) and event.kind == "checkpoint"] == [2]


def test_a_stop_before_anything_was_learned_writes_none(world, tmp_path):
    run(world(tmp_path, stopping=lambda: True))
    assert checkpoints.newest(tmp_path) is None


def test_a_checkpoint_that_cannot_be_written_ends_nothing(world, tmp_path, monkeypatch):
    """The disk is full for rounds two and three: the one before stays, it is said once, and tried again later."""
    now = [0.0]
    trial = ppo.Run(world(tmp_path), ppo.Options(**PPO | {"checkpoint_minutes": 5.0}), FP32)
    kept = resuming.Checkpoints(trial, clock=lambda: now[0])
    said = []
    for number in range(5):
        list(trial.round())
        now[0] += 301 if number < 2 else 61
        with monkeypatch.context() as patch:
            if number in (1, 2):
                patch.setattr(checkpoints, "_check_room", full)
            said.append(list(kept.keep()))
    (first,), (second,), third, (fourth,), fifth = said
    assert isinstance(first, Saved)
    assert isinstance(second, Warned)
    assert "The disk is full." in second.text
    assert "Training goes on" in second.text
    assert third == []
    assert isinstance(fourth, Saved)
    assert fifth == []
    assert [path.name for path in sorted((tmp_path / "checkpoints").iterdir())] == ["step-000001", "step-000004"]


def full(folder, size):
    raise WorkbenchError("The disk is full.", "Free some space.")


def test_a_full_disk_at_a_stop_keeps_the_one_before(world, tmp_path, monkeypatch):
    first, _ = calls_of(world, tmp_path / "counted")
    job = world(tmp_path / "run", stopping=StopsAt(first + 3))
    seen = []
    for event in ppo.train(job, ppo.Options(**PPO)):
        seen.append(event)
        if isinstance(event, Metrics):
            monkeypatch.setattr(checkpoints, "_check_room", full)
    assert isinstance(seen[-1], Stopped)
    assert any(isinstance(event, Warned) and event.topic == "checkpoint" for event in seen)


# --- what is refused ------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def cut_at_the_end(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("cut")
    cut_off(ppo.train(world(folder), ppo.Options(**PPO)), STEPS)
    return folder


@pytest.fixture
def interrupted(cut_at_the_end, tmp_path):
    """A copy of a run with checkpoints of rounds five and six."""
    shutil.copytree(cut_at_the_end / "checkpoints", tmp_path / "checkpoints")
    return tmp_path


def refused(job, words, **options):
    with pytest.raises(WorkbenchError, match=words) as caught:
        run(job, **options)
    assert caught.value.hint
    return caught.value


def test_without_a_checkpoint_it_says_so(world, tmp_path):
    refused(world(tmp_path, resumes=True), "no usable checkpoint")


def test_other_settings_are_refused_by_name(world, interrupted):
    words = r"step 6 belongs to another run: it was made with other settings \(gamma, seed\)\."
    refused(world(interrupted, resumes=True), words, seed=18, gamma=0.9)


def test_settings_that_change_no_step_may_differ(world, interrupted):
    events = run(world(interrupted, resumes=True), steps=7, sample_every=5, checkpoint_minutes=3.0)
    assert isinstance(events[-1], Finished)


def test_settings_that_were_changed_on_purpose_may_differ(world, interrupted):
    job = world(interrupted, resumes=True, changed=("learning_rate",))
    assert isinstance(run(job, learning_rate=1e-3, steps=7)[-1], Finished)
    refused(job, r"other settings \(gamma\)", learning_rate=1e-3, gamma=0.9)


def test_a_rank_that_was_changed_on_purpose_does_not_fit(world, interrupted):
    refused(world(interrupted, resumes=True, changed=("rank",)), "does not fit this model", rank=2)


def test_other_data_and_another_reward_model_are_refused(world, interrupted, scorer, tmp_path):
    data = Data(prompts=worlds.prompts(7))
    refused(world(interrupted, resumes=True, data=data), "it was made with other data")
    other = tmp_path / "other-reward"
    shutil.copytree(scorer, other)
    assert isinstance(run(world(interrupted, resumes=True, reward=other), steps=7)[-1], Finished)  # the same, moved
    head = load_file(other / "reward_head.safetensors")
    save_file({key: value + 1 for key, value in head.items()}, other / "reward_head.safetensors")
    refused(world(interrupted, resumes=True, reward=other), "another reward model")


def test_another_base_is_refused(world, interrupted, gpt2_folder):
    job = world(interrupted, resumes=True)
    ref = dataclasses.replace(job.model, base_hash="of another base")
    refused(dataclasses.replace(job, model=ref), "another model")


def test_another_method_is_refused(world, interrupted, monkeypatch):
    monkeypatch.setattr(ppo.Run, "name", "rloo")
    refused(world(interrupted, resumes=True), "it was made with another method")


def rewrite(folder, change):
    """Change a checkpoint's state, with a manifest that vouches for it."""
    found = checkpoints.newest(folder)
    tensors, state = found.tensors(), found.state()
    change(tensors, state)
    checkpoints.write(folder, found.step, tensors, state)


@pytest.mark.parametrize(
    "key", ["kl_coef", "order", "waiting", "recent", "warned", "updates", "held", "rollout", "step"]
)
def test_a_state_that_lacks_something_is_refused(world, interrupted, key):
    rewrite(interrupted, lambda tensors, state: state["run"].pop(key))
    refused(world(interrupted, resumes=True), "The checkpoint at step 6 lacks something")


@pytest.mark.parametrize("kind", ["master", "exp_avg", "exp_avg_sq", "step", "random"])
def test_a_tensor_that_is_missing_is_refused(world, interrupted, kind):
    def change(tensors, state):
        name = next(name for name in tensors if name.startswith(f"{kind}/"))
        del tensors[name]

    rewrite(interrupted, change)
    refused(world(interrupted, resumes=True), "lacks something|does not fit")


def test_other_libraries_are_told_of_and_do_not_stop_it(world, interrupted):
    rewrite(interrupted, lambda tensors, state: state["surroundings"].update(torch="1.0"))
    warned = [e for e in run(world(interrupted, resumes=True), steps=7) if isinstance(e, Warned)]
    (event,) = [event for event in warned if event.topic == "surroundings"]
    assert "torch was 1.0 and is" in event.text
    assert "not bit for bit" in event.text


def test_a_damaged_newest_is_told_of_and_the_one_before_goes_on(world, straight, interrupted):
    path = interrupted / "checkpoints" / "step-000006" / "tensors.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    events = run(world(interrupted, resumes=True))
    assert next(event for event in events if isinstance(event, Started)).info["resumed"] == 5
    assert any(isinstance(event, Warned) and event.topic == "damaged" for event in events)
    assert told(events) == told(straight[1], after=5)
    assert_same_end(straight[0], interrupted)


def test_what_a_killed_process_left_is_swept(world, interrupted):
    left = interrupted / "checkpoints" / f".tmp-step-000007-{2**22 + 9}"
    left.mkdir()
    run(world(interrupted, resumes=True))
    assert not left.exists()


def test_random_numbers_go_on_where_they_were():
    torch.manual_seed(3)
    kept = randomness.capture()
    first = torch.rand(5)
    torch.manual_seed(4)
    assert randomness.put_back(kept) == []
    assert torch.equal(torch.rand(5), first)
    assert randomness.put_back(kept | {"random/cuda7": kept["random/cpu"], "other": torch.zeros(1)}) == ["cuda7"]


def test_every_accelerator_has_its_own_random_numbers(monkeypatch):
    """Which generators are asked and set where there are two CUDA devices; nothing here runs on one."""
    set_to = {}
    for name, answer in (("is_available", True), ("is_initialized", True), ("device_count", 2)):
        monkeypatch.setattr(torch.cuda, name, lambda answer=answer: answer)
    monkeypatch.setattr(torch.cuda, "get_rng_state_all", lambda: [torch.tensor([n], dtype=torch.uint8) for n in (5, 6)])
    monkeypatch.setattr(torch.cuda, "set_rng_state", lambda state, device: set_to.update({device: state.tolist()}))
    kept = randomness.capture()
    assert set(kept) == {"random/cpu", "random/cuda0", "random/cuda1"}
    assert randomness.put_back(kept) == []
    assert set_to == {0: [5], 1: [6]}
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert randomness.put_back(kept) == ["cuda1"]
