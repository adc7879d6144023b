"""PPO's relatives on a tiny model: their advantages by arithmetic, their purpose, and going on bit for bit."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import FP32
from tests.methods import worlds
from tests.methods.test_resuming import assert_same_end, cut_off, told
from workbench.errors import StopRequested
from workbench.events import Finished, Metrics, Stopped
from workbench.lm.advantages import group_relative, leave_one_out, over_tokens, returns_to_go
from workbench.lm.losses import kl_loss
from workbench.methods import METHODS, grpo, reinforce, rloo
from workbench.methods.base import Data

QUICK = {
    "batch_size": 16, "max_new_tokens": 12, "rank": 4, "learning_rate": 5e-3, "temperature": 1.0, "kl_coef": 0.01,
    "missing_eos_penalty": 0.0, "rule": "pattern", "rule_pattern": "o", "human_every": 0, "device": "cpu",
    "dtype": "float32",
}  # fmt: skip
WAYS = {
    "grpo": {"samples": 4, "epochs": 2},
    "grpo unscaled": {"samples": 4, "scale": "none", "kl_in": "reward"},
    "rloo": {"samples": 4},
    "reinforce": {"gamma": 0.95},
    "reinforce moving": {"baseline": "moving"},
}


def method_of(way):
    return METHODS[way.split()[0]]


def a_job(folder, model, **fields):
    return worlds.job(folder, model, data=Data(prompts=worlds.prompts()), **fields)


def run(way, job, **options):
    method = method_of(way)
    return list(method.train(job, method.Options(**QUICK | WAYS[way] | options)))


def begin(way, job, **options):
    method = method_of(way)
    return method.Run(job, method.Options(**QUICK | WAYS[way] | options), FP32)  # type: ignore[attr-defined]


# --- advantages ------------------------------------------------------------------------------------------------------


def test_returns_to_go_are_what_comes_after_discounted():
    rewards = torch.tensor([[1.0, 2.0, 4.0], [8.0, 16.0, 99.0]])
    mask = torch.tensor([[True, True, True], [True, True, False]])
    assert returns_to_go(rewards, mask, 0.5).tolist() == [[3.0, 4.0, 4.0], [16.0, 16.0, 0.0]]


@given(st.lists(st.floats(-50, 50), min_size=1, max_size=8), st.floats(0, 1))
def test_returns_to_go_equal_the_sum_by_its_definition(rewards, gamma):
    found = returns_to_go(torch.tensor([rewards]), torch.ones(1, len(rewards), dtype=torch.bool), gamma)[0]
    for t in range(len(rewards)):
        expected = sum(gamma**later * reward for later, reward in enumerate(rewards[t:]))
        assert float(found[t]) == pytest.approx(expected, abs=1e-3)


def test_each_answer_is_compared_with_the_others_to_its_prompt():
    rewards = torch.tensor([1.0, 2.0, 3.0, 10.0, 10.0, 40.0])
    assert leave_one_out(rewards, 3).tolist() == [-1.5, 0.0, 1.5, -15.0, -15.0, 30.0]


@given(st.lists(st.floats(-100, 100), min_size=2, max_size=2), st.integers(2, 5), st.integers(0, 99))
def test_advantages_of_a_group_sum_to_nothing(prompts, samples, seed):
    rewards = torch.randn(len(prompts) * samples, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    rewards += torch.tensor(prompts, dtype=torch.float64).repeat_interleave(samples)  # a prompt's own difficulty
    for found in (leave_one_out(rewards, samples), group_relative(rewards, samples, scale=True)):
        assert found.view(-1, samples).sum(1).abs().max() < 1e-9
    scaled = group_relative(rewards, samples, scale=True).view(-1, samples)
    spread = rewards.view(-1, samples).std(1)
    assert torch.allclose(scaled.std(1), spread / (spread + 1e-4))  # one, unless they are almost alike
    # Leaving one out is the group's own mean, stretched: k / (k - 1).
    unscaled = group_relative(rewards, samples, scale=False)
    assert torch.allclose(leave_one_out(rewards, samples), unscaled * samples / (samples - 1))


def test_a_group_that_is_all_alike_teaches_nothing():
    assert group_relative(torch.full((4,), 2.5), 4, scale=True).abs().max() == 0


def test_the_kl_term_is_never_below_zero_and_pulls_towards_the_reference():
    reference = torch.tensor([[-1.0, -2.0, -3.0]])
    mask = torch.tensor([[True, True, False]])
    logp = torch.tensor([[-2.0, -1.0, -9.0]], requires_grad=True)
    loss = kl_loss(logp, reference, mask)
    assert float(loss.detach()) == pytest.approx((math.e - 2 + math.exp(-1)) / 2, abs=1e-6)
    loss.backward()
    assert logp.grad is not None
    assert logp.grad[0, 0] < 0 < logp.grad[0, 1] and logp.grad[0, 2] == 0
    assert float(kl_loss(reference, reference, mask)) == 0


@pytest.mark.parametrize("way", WAYS)
def test_a_method_learns_towards_its_own_formula(llama_folder, tmp_path, way):
    trial = begin(way, a_job(tmp_path, llama_folder), kl_coef=0.3)
    rollout = trial.roll_out()
    rollout.reference = rollout.reference - 0.1 * rollout.mask  # as if the policy had moved
    scores, rewards = trial.rewards(rollout)
    found = trial.targets(rollout, scores, rewards)
    assert found.returns is None and not rollout.values.any()
    mask, name = rollout.mask, way.split()[0]
    if name == "rloo":
        expected = over_tokens(leave_one_out(rewards.sum(1), 4), mask)
    elif name == "grpo":
        whole = scores if way == "grpo" else rewards.sum(1)
        expected = over_tokens(group_relative(whole, 4, scale=way == "grpo"), mask)
    else:
        returns = returns_to_go(rewards, mask, trial.options.gamma)
        centred = (returns - returns[mask].mean()) * mask
        expected = centred / centred[mask].std(correction=0)
    assert torch.allclose(found.advantages, expected, atol=1e-5)
    size = trial.options.samples
    ids = [prompt.prompt_id for prompt in rollout.prompts]
    assert all(len(set(ids[at : at + size])) == 1 for at in range(0, len(ids), size))  # groups stand together


# --- learning --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("way", WAYS)
def test_it_raises_its_reward_without_a_reward_model_and_without_a_value_function(llama_folder, tmp_path, way):
    events = run(way, a_job(tmp_path, llama_folder), steps=30)
    assert isinstance(events[-1], Finished)
    told_values = [event.values for event in events if isinstance(event, Metrics)]
    assert all(math.isfinite(value) for values in told_values for value in values.values() if value is not None)
    scores = [values["objective/scores"] for values in told_values]
    assert sum(scores[-8:]) / 8 > sum(scores[:8]) / 8 + 0.1
    assert not any(name.startswith(("loss/value", "reward/")) for name in told_values[0])
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()


@pytest.mark.parametrize("way", ["grpo", "rloo", "reinforce moving"])
def test_a_run_that_was_cut_off_goes_on_bit_for_bit(llama_folder, tmp_path, way):
    options = {"steps": 3, "batch_size": 8, "checkpoint_minutes": 1e-9}
    whole = run(way, a_job(tmp_path / "whole", llama_folder), **options)
    method = method_of(way)
    chosen = method.Options(**QUICK | WAYS[way] | options)
    cut_off(method.train(a_job(tmp_path / "cut", llama_folder), chosen), 2)
    torch.manual_seed(99)
    events = run(way, a_job(tmp_path / "cut", llama_folder, resumes=True), **options)
    assert told(events) == told(whole, after=2)
    assert_same_end(tmp_path / "whole", tmp_path / "cut")


@pytest.mark.parametrize("way", ["grpo", "rloo", "reinforce"])
def test_a_stop_keeps_what_was_learned(llama_folder, tmp_path, way):
    calls = iter(range(10_000))
    job = a_job(tmp_path, llama_folder, stopping=lambda: next(calls) > 60)
    events = run(way, job, steps=500, batch_size=4)
    assert isinstance(events[-1], Stopped) and 0 < events[-1].step < 500
    assert (tmp_path / "adapter").is_dir()


def test_the_moving_mean_takes_in_a_round_once_even_if_it_is_stopped_in_its_last_moment(
    llama_folder, tmp_path, monkeypatch
):
    trial = begin("reinforce moving", a_job(tmp_path, llama_folder), batch_size=4)

    def stopped():
        raise StopRequested

    list(trial.round())
    first = trial.mean
    with monkeypatch.context() as patch:
        patch.setattr(trial, "human", stopped)  # asked for when the round has been learned from
        with pytest.raises(StopRequested):
            list(trial.round())
    assert trial.mean == first
    _, rewards = trial.rewards(trial.rollout)
    returns = returns_to_go(rewards, trial.rollout.mask, 1.0)[trial.rollout.mask]
    list(trial.round())
    assert trial.mean == pytest.approx(0.9 * first + 0.1 * float(returns.mean()), abs=1e-5)


def test_group_methods_need_groups():
    for method in (grpo, rloo):
        assert method.Options().samples >= 2
    assert reinforce.Options().samples == 1
