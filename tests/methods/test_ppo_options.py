"""PPO's options: the base's own weights as the policy, an adapter for the value function, a base in 4 bits."""

from __future__ import annotations

import dataclasses
import importlib.util
import json

import pytest
import torch

from tests import tiny
from tests.conftest import FP32
from tests.methods import worlds
from tests.methods.test_resuming import assert_same_tensors, cut_off, told
from workbench.errors import WorkbenchError
from workbench.events import Finished, Metrics, Saved, Started, Warned
from workbench.lm import checkpoints
from workbench.lm.loading import load
from workbench.lm.refs import ModelRef
from workbench.lm.scoring import encode_all, score_all
from workbench.methods import ppo, reward
from workbench.methods.base import Data
from workbench.methods.planning import plan

QUICK = {
    "steps": 3, "batch_size": 8, "max_new_tokens": 12, "rank": 4, "learning_rate": 2e-3, "temperature": 1.0,
    "device": "cpu", "dtype": "float32",
}  # fmt: skip
WAYS = {
    "whole": {"train": "full", "learning_rate": 5e-4},
    "own value": {"value": "adapter"},
    "both": {"train": "full", "learning_rate": 5e-4, "value": "adapter"},
}
needs_bitsandbytes = pytest.mark.skipif(
    importlib.util.find_spec("bitsandbytes") is None, reason="bitsandbytes is not installed"
)


def score_with(folder, base):
    """A trained reward model on a base."""
    options = reward.Options(epochs=4, learning_rate=5e-3, rank=4, max_tokens=64, device="cpu", dtype="float32")
    list(reward.train(worlds.job(folder, base, data=Data(pairs=worlds.pairs())), options))
    return folder / "reward"


@pytest.fixture(scope="module")
def scorer(llama_folder, tmp_path_factory):
    return score_with(tmp_path_factory.mktemp("reward-run"), llama_folder)


@pytest.fixture
def job(llama_folder, scorer, tmp_path):
    return worlds.job(tmp_path, llama_folder, data=Data(prompts=worlds.prompts()), reward=scorer)


@pytest.fixture(params=WAYS)
def way(request):
    return WAYS[request.param]


def begin(job, **options):
    return ppo.Run(job, ppo.Options(**QUICK | options), FP32)


def run(job, **options):
    return list(ppo.train(job, ppo.Options(**QUICK | options)))


def assert_learned(events):
    assert isinstance(events[-1], Finished)
    scores = [event.values["objective/scores"] for event in events if isinstance(event, Metrics)]
    assert sum(scores[-3:]) / 3 > sum(scores[:3]) / 3 + 0.2
    first, last = ([event for event in events if isinstance(event, Metrics)][place].values for place in (0, -1))
    assert first["objective/kl"] == pytest.approx(0.0, abs=1e-3)
    assert last["objective/kl"] > 0


@pytest.mark.parametrize("kind", ["whole", "own value"])
def test_each_way_raises_the_reward(job, kind):
    assert_learned(run(job, steps=20, batch_size=16, kl_coef=0.01, epochs=3, **WAYS[kind]))


@needs_bitsandbytes
def test_a_base_in_four_bits_raises_the_reward_too(tmp_path):
    base = tiny.llama(tmp_path / "wide", hidden=64)
    data = Data(prompts=worlds.prompts())
    judged = worlds.job(tmp_path, base, data=data, reward=score_with(tmp_path / "scorer", base))
    events = run(judged, steps=16, batch_size=16, kl_coef=0.01, epochs=3, quantize="4bit")
    assert_learned(events)
    assert next(event for event in events if isinstance(event, Saved)).kind == "adapter"


def test_reference_and_scores_stay_what_they_were(job, way):
    begun = begin(job, **way)
    plain = load(job.model, FP32)
    rollout = begun.roll_out()
    items = encode_all(begun.reward, [(prompt.messages, "a kind fox") for prompt in begun.prompts[:4]])

    def scores():
        with begun.loaded.untrained():
            return score_all(begun.reward, items)

    batch, _ = next(begun.batches(rollout.rows, list(range(8))))
    reference, scored = begun.policy.reference(batch), scores()
    begun._train_policy()
    for _ in range(2):
        list(begun.round())
    assert torch.equal(begun.policy.reference(batch), reference)
    assert torch.equal(scores(), scored)
    begun._train_policy()
    with torch.no_grad():
        assert not torch.equal(begun.policy.read(batch).logp, reference)
        ids = torch.tensor([[1, 40, 41]])
        with begun.loaded.as_base():
            assert torch.equal(begun.loaded.causal(ids).logits, plain.causal(ids).logits)


def test_the_first_ratio_is_one_and_values_are_read_again_as_they_were(job, way):
    begun = begin(job, old_logprobs="sampled", **way)
    list(begun.round())
    rollout = begun.roll_out()
    assert rollout.values.any()
    for part in begun.minibatches(rollout.rows):
        for batch, group in begun.batches(rollout.rows, part):
            with torch.no_grad():
                reading = begun.policy.read(batch)
                values = begun.policy.own_values(batch) if reading.values is None else reading.values
            assert torch.equal(values, rollout.values[group, : batch.mask.shape[1]])
    assert begun.learn(rollout)["val/ratio_first"] == pytest.approx(1.0, abs=1e-4)


def test_a_model_trained_whole_is_saved_as_the_policy_and_trained_further(job, scorer, tmp_path):
    begun = begin(job, **WAYS["whole"])
    list(begun.round())
    saved = begun.save()
    assert saved.kind == "model"
    assert json.loads((tmp_path / "model" / "workbench.json").read_text())["method"] == "ppo"
    rollout = begun.roll_out()
    batch, _ = next(begun.batches(rollout.rows, list(range(8))))
    ref = ModelRef(saved.path, name="tuned")
    again = ppo.Run(dataclasses.replace(job, folder=tmp_path / "second", model=ref), begun.options, FP32)
    assert again.reward.loaded is not again.loaded  # the reward model stands on the first base
    with torch.no_grad():
        assert torch.equal(again.policy.read(batch).logp, begun.policy.read(batch).logp)
    events = list(again.round())
    first = next(event for event in events if isinstance(event, Metrics))
    assert first.values["objective/kl"] == pytest.approx(0.0, abs=1e-3)  # now the tuned model is the reference


@pytest.mark.parametrize("kind", ["whole", "both"])
def test_only_a_whole_model_is_left_behind(job, kind, tmp_path):
    events = run(job, **WAYS[kind])
    assert [event.kind for event in events if isinstance(event, Saved)] == ["model", "checkpoint"]
    assert (tmp_path / "model" / "model.safetensors").is_file()
    assert not (tmp_path / "adapter").exists()
    assert load(ModelRef(str(tmp_path / "model")), FP32).tokenizer.chat_template


def test_a_run_that_is_cut_off_goes_on_bit_for_bit(llama_folder, scorer, tmp_path, way):
    often = {"steps": 3, "batch_size": 6, "max_new_tokens": 8, "human_every": 2, "checkpoint_minutes": 1e-9} | way
    data = Data(prompts=worlds.prompts(8), pairs=worlds.pairs(0, 40))

    def make(name, **fields):
        return worlds.job(tmp_path / name, llama_folder, data=data, reward=scorer, **fields)

    whole = run(make("straight"), **often)
    cut_off(ppo.train(make("cut"), ppo.Options(**QUICK | often)), 2)
    torch.manual_seed(99)
    events = run(make("cut", resumes=True), **often)
    assert next(event for event in events if isinstance(event, Started)).info["resumed"] == 2
    assert told(events) == told(whole, after=2)
    one, other = (checkpoints.newest(tmp_path / name) for name in ("straight", "cut"))
    assert one.step == other.step == 3
    assert_same_tensors(one.tensors(), other.tensors())
    names = one.tensors().keys()
    if "value" in way:
        assert any(name.startswith("exp_avg_sq/") and ".critic." in name for name in names)
    if "train" in way:
        assert sum(name.startswith("master/") and name.endswith("base_layer.weight") for name in names) == 14


def test_a_checkpoint_of_another_way_is_refused(llama_folder, scorer, tmp_path):
    data = Data(prompts=worlds.prompts(8))
    first = worlds.job(tmp_path, llama_folder, data=data, reward=scorer)
    run(first, steps=1)
    with pytest.raises(WorkbenchError, match=r"other settings .*train"):
        run(dataclasses.replace(first, resumes=True), steps=2, train="full")


def test_running_out_of_memory_in_the_value_pass_drops_the_whole_step(job, monkeypatch):
    begun = begin(job, value="adapter", minibatches=1, checkpointing="on")
    plain = begun.policy.values

    def values(batch):
        found = plain(batch)
        if torch.is_grad_enabled() and batch.ids.numel() > 80:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return found

    monkeypatch.setattr(begun.policy, "values", values)
    events = list(begun.round())
    assert any(isinstance(event, Warned) and event.topic == "memory" for event in events)
    assert begun.micro_tokens == 64
    assert all(weight.grad is None for weight in begun.optimizer.weights)
    assert all(weight.requires_grad for weight in begun.policy.parameters())
    assert next(event for event in events if isinstance(event, Metrics)).values["val/ratio_first"] == pytest.approx(1.0)


def test_weights_in_four_bits_are_not_trained_themselves():
    with pytest.raises(WorkbenchError, match="4 bits cannot be trained"):
        ppo.Options(train="full", quantize="4bit")


def test_the_plan_shows_what_each_way_takes(llama_folder, scorer):
    """The tiny Llama: two layers of 9 216 numbers in matrices, 544 inputs and outputs of its linear layers, rank 4."""
    data = Data(prompts=worlds.prompts())
    ref = ModelRef(str(llama_folder))
    judge = ModelRef(str(llama_folder), adapter=str(scorer), kind="reward")

    def parts(each=2, **changes):
        options = dataclasses.asdict(ppo.Options(**QUICK | changes))
        return plan(options, data, ref, judge, bytes_each=each).estimate

    matrices = 2 * (2 * 32 * 32 + 2 * 32 * 16 + 3 * 32 * 64)
    adapter = 2 * 4 * (2 * (32 + 32) + 2 * (32 + 16) + 3 * (32 + 64))
    assert (matrices, adapter) == (18_432, 4_096)
    lora, whole, own, both = (parts(**changes) for changes in ({}, *WAYS.values()))
    assert (lora.adapters, lora.optimiser) == (2 * adapter * 2, adapter * 14)
    assert (whole.adapters, whole.optimiser) == (adapter * 2, matrices * 16)
    assert (own.adapters, own.optimiser) == (3 * adapter * 2, 2 * adapter * 14)
    assert (both.adapters, both.optimiser) == (2 * adapter * 2, matrices * 16 + adapter * 14)
    assert lora.weights == whole.weights == own.weights
    assert whole.activations < lora.activations
    assert parts(4, train="full").optimiser == matrices * 20
    saved = lora.weights - parts(quantize="4bit").weights
    assert saved == pytest.approx(matrices * 2 - matrices * (0.5 + 65 / 64 / 64), abs=1)
