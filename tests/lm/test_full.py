"""Training a base's own weights, and a value function with an adapter for itself."""

from __future__ import annotations

import json

import pytest
import torch

from tests.conftest import FP32
from workbench.errors import WorkbenchError
from workbench.lm.batching import Row
from workbench.lm.drift import kl_to_base, likelihoods
from workbench.lm.full import matrices
from workbench.lm.loading import CRITIC, REWARD, add_new_adapter, load
from workbench.lm.memory import checkpointed
from workbench.lm.policy import PolicyModel, adapter_parameters, use_adapter, use_policy
from workbench.lm.reading import gather, hidden_states
from workbench.lm.refs import ModelRef
from workbench.lm.saving import save_adapter, save_whole

ROWS = [Row((5, 6, 7), (8, 9, 10, 11)), Row((5, 6, 7), (12, 13)), Row((30, 31), (40, 41, 42))]
TEXTS = [(({"role": "user", "content": "hello"},), "the quick fox"), (({"role": "user", "content": "dog"},), "kind")]


def whole(loaded, **about):
    return PolicyModel(loaded, rank=4, alpha=8, dropout=0.0, temperature=1.0, whole=True, **about)


def learn(policy, steps=3, rate=0.05):
    """A few steps that make the answers likelier."""
    optimizer = torch.optim.SGD(policy.parameters(), lr=rate)
    for _ in range(steps):
        (-policy.read(gather(policy.loaded, ROWS)).logp.sum()).backward()
        optimizer.step()
        optimizer.zero_grad()


@pytest.fixture(params=["llama_folder", "gpt2_folder"])
def loaded(request):
    return load(ModelRef(str(request.getfixturevalue(request.param))), FP32)


@pytest.mark.parametrize("shared", [False, True])
def test_the_reference_is_the_base_bit_for_bit_also_after_training(loaded, shared):
    batch = gather(loaded, ROWS)
    with torch.no_grad():
        before = hidden_states(loaded, batch)
    policy = whole(loaded)
    if shared:
        add_new_adapter(loaded, REWARD, rank=4, alpha=8)
        use_policy(loaded, train=True)
    first = policy.reference(batch)
    with torch.no_grad():
        assert torch.equal(policy.read(batch).logp, first)
    learn(policy)
    assert torch.equal(policy.reference(batch), first)
    with torch.no_grad(), loaded.as_base():
        assert torch.equal(hidden_states(loaded, batch), before)
        with loaded.as_base(), loaded.untrained():
            assert torch.equal(hidden_states(loaded, batch), before)
    with torch.no_grad():
        assert not torch.equal(policy.read(batch).logp, first)
    assert all(weight.requires_grad for weight in policy.parameters())


def test_only_the_matrices_of_the_layers_learn(loaded):
    policy = whole(loaded)
    add_new_adapter(loaded, REWARD, rank=4, alpha=8)
    use_policy(loaded, train=True)
    before = {key: weight.detach().clone() for key, weight in loaded.model.named_parameters()}
    learn(policy)
    changed = {key for key, weight in loaded.model.named_parameters() if not torch.equal(weight, before[key])}
    assert changed
    assert all(".base_layer.weight" in key for key in changed)
    assert len(changed) == len(policy.parameters()) == len(matrices(loaded.layers))


def test_the_weights_never_move_and_are_never_copied(llama):
    policy = whole(llama)
    trained = [weight.data_ptr() for weight in policy.parameters()]
    with llama.as_base():
        kept = [weight.data_ptr() for weight in policy.parameters()]
    assert [weight.data_ptr() for weight in policy.parameters()] == trained
    assert not set(trained) & set(kept)
    learn(policy)
    with llama.as_base():
        assert [weight.data_ptr() for weight in policy.parameters()] == kept
    with pytest.raises(RuntimeError, match="boom"), llama.as_base():
        raise RuntimeError("boom")
    assert [weight.data_ptr() for weight in policy.parameters()] == trained


def test_a_reward_adapter_reads_the_base_as_it_was(llama):
    policy = whole(llama)
    add_new_adapter(llama, REWARD, rank=4, alpha=8)
    torch.manual_seed(3)
    for weight in adapter_parameters(llama, REWARD):
        torch.nn.init.normal_(weight, std=0.1)
    batch = gather(llama, ROWS)

    @torch.no_grad()
    def read():
        with llama.untrained():
            use_adapter(llama, REWARD, train=False)
            found = hidden_states(llama, batch)
        use_policy(llama, train=True)
        return found

    before = read()
    with torch.no_grad(), llama.as_base():
        assert not torch.equal(hidden_states(llama, batch), before)  # the adapter does something
    learn(policy)
    assert torch.equal(read(), before)
    assert not any(weight.requires_grad for weight in adapter_parameters(llama, REWARD))


@pytest.mark.parametrize("shared", [False, True])
def test_a_saved_model_is_the_policy(loaded, shared, tmp_path):
    policy = whole(loaded)
    if shared:
        add_new_adapter(loaded, REWARD, rank=4, alpha=8)
        use_policy(loaded, train=True)
    learn(policy)
    save_whole(loaded, tmp_path / "model", {"method": "test"})
    assert json.loads((tmp_path / "model" / "workbench.json").read_text())["method"] == "test"
    again = load(ModelRef(str(tmp_path / "model")), FP32)
    batch = gather(loaded, ROWS)
    with torch.no_grad():
        assert torch.equal(hidden_states(again, batch), hidden_states(loaded, batch))
    mine = likelihoods(again, TEXTS)
    assert mine == likelihoods(loaded, TEXTS)
    with loaded.as_base():
        base = likelihoods(loaded, TEXTS)
    assert [one - other for one, other in zip(mine, base, strict=True)] == pytest.approx(kl_to_base(loaded, TEXTS))
    assert sorted(again.causal.state_dict()) == sorted(load(loaded.ref, FP32).causal.state_dict())


def test_numbers_that_are_none_are_not_saved(llama, tmp_path):
    policy = whole(llama)
    policy.parameters()[0].data[0, 0] = torch.nan
    with pytest.raises(WorkbenchError, match="not finite"):
        save_whole(llama, tmp_path / "model", {})
    assert not list(tmp_path.iterdir())


def test_training_goes_on_from_an_adapter_with_the_base_as_reference(llama_folder, tmp_path):
    first = PolicyModel(load(ModelRef(str(llama_folder)), FP32), rank=4, alpha=8, dropout=0.0, temperature=1.0)
    learn(first, rate=1.0)
    save_adapter(first.loaded, "policy", tmp_path / "adapter", {})
    loaded = load(ModelRef(str(llama_folder), adapter=str(tmp_path / "adapter"), kind="adapter"), FP32)
    policy = whole(loaded)
    batch = gather(loaded, ROWS)
    assert torch.equal(policy.reference(batch), first.reference(batch))
    with torch.no_grad():
        assert torch.allclose(policy.read(batch).logp, first.read(batch).logp, atol=1e-4)
        assert not torch.allclose(policy.read(batch).logp, first.reference(batch), atol=1e-2)
    assert not [key for key, _ in loaded.model.named_parameters() if "lora" in key]


@pytest.mark.parametrize("saving", [False, True])
@pytest.mark.parametrize("entirely", [False, True])
def test_value_and_policy_do_not_interfere(llama, entirely, saving):
    about = {"rank": 4, "alpha": 8, "dropout": 0.0, "temperature": 1.0, "values": "adapter"}
    policy = PolicyModel(llama, whole=entirely, **about)
    torch.manual_seed(3)
    torch.nn.init.normal_(policy.value_head.weight)
    for weight in [*adapter_parameters(llama, CRITIC), *(() if entirely else policy.parameters())]:
        torch.nn.init.normal_(weight, std=0.1)
    batch = gather(llama, ROWS)
    with checkpointed(llama, saving):
        reading = policy.read(batch)
    assert reading.values is None
    reading.logp.sum().backward()
    mine = [weight.grad.clone() for weight in policy.parameters()]
    assert all(weight.grad is None for weight in policy.value_parameters())
    for weight in policy.parameters():
        weight.grad = None
    with policy.valuing():
        with checkpointed(llama, saving):
            values = policy.values(batch)
        values.pow(2).sum().backward()
    assert all(weight.grad is None for weight in policy.parameters())
    own = [weight.grad for weight in policy.value_parameters()]
    assert all(grad is not None and grad.abs().sum() > 0 for grad in own)
    # The same gradients as with nothing switched in between, and as numbers nearby say.
    policy.read(batch).logp.sum().backward()
    for weight, grad in zip(policy.parameters(), mine, strict=True):
        assert torch.allclose(weight.grad, grad, atol=1e-5)
    place = adapter_parameters(llama, CRITIC)[-1]
    step, at = 1e-2, (0, 0)
    found = []
    for sign in (1, -1):
        with torch.no_grad(), policy.valuing():
            place[at] += sign * step
            found.append(float(policy.values(batch).double().pow(2).sum()))
            place[at] -= sign * step
    assert (found[0] - found[1]) / (2 * step) == pytest.approx(float(place.grad[at]), rel=0.05, abs=0.05)


def test_values_are_zero_before_anything_is_learned_and_the_reference_ignores_both(llama):
    batch = gather(llama, ROWS)
    with torch.no_grad():
        before = hidden_states(llama, batch)
    policy = PolicyModel(llama, rank=4, alpha=8, dropout=0.0, temperature=1.0, values="adapter")
    first = policy.reference(batch)
    for weight in [*adapter_parameters(llama, CRITIC), *policy.parameters()]:
        torch.nn.init.normal_(weight, std=0.1)
    assert torch.equal(policy.reference(batch), first)
    with torch.no_grad(), llama.as_base():
        assert torch.equal(hidden_states(llama, batch), before)
    with torch.no_grad(), policy.valuing():
        assert not policy.values(batch).any()
    assert all(weight.requires_grad for weight in policy.parameters())
