"""Lean layers give what the library's give, in value and gradient."""

from __future__ import annotations

import pytest
import torch
from peft.tuners.lora.layer import Linear as LoraLinear
from torch import nn
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm

from workbench.lm.batching import Row, collate
from workbench.lm.fusing import fuse_layers
from workbench.lm.loading import POLICY, add_new_adapter
from workbench.lm.policy import adapter_parameters, use_adapter
from workbench.lm.reading import hidden_states

ROWS = [Row((1, 5, 6), (7, 8)), Row((1, 4), (7, 9, 3))]


@pytest.fixture
def adapted(llama):
    """A tiny Llama with an adapter that does something."""
    torch.manual_seed(0)
    add_new_adapter(llama, POLICY, rank=4, alpha=8)
    use_adapter(llama, POLICY, train=True)
    for weight in adapter_parameters(llama, POLICY):
        nn.init.normal_(weight, std=0.2)
    return llama


def outcome(loaded):
    """Hidden states and the adapter's gradients."""
    hidden = hidden_states(loaded, collate(ROWS, loaded.pad_id, packed=True))
    hidden.square().sum().backward()
    slopes = [weight.grad.clone() for weight in adapter_parameters(loaded, POLICY)]
    for weight in adapter_parameters(loaded, POLICY):
        weight.grad = None
    return hidden.detach(), slopes


def plain(loaded):
    """The library's own layers again."""
    for module in loaded.model.modules():
        module.__dict__.pop("forward", None)


def test_lora_norms_and_gates_change_nothing(adapted):
    fused = [module for module in adapted.model.modules() if "forward" in module.__dict__]
    assert sum(isinstance(module, LoraLinear) for module in fused) == 14
    assert len(fused) == 14 + 5 + 2
    lean, lean_slopes = outcome(adapted)
    plain(adapted)
    wanted, slopes = outcome(adapted)
    torch.testing.assert_close(lean, wanted, rtol=0, atol=1e-5)
    for one, other in zip(lean_slopes, slopes, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-4)


def test_without_gradients_too(adapted):
    with torch.no_grad():
        lean = hidden_states(adapted, collate(ROWS, adapted.pad_id, packed=True))
        plain(adapted)
        wanted = hidden_states(adapted, collate(ROWS, adapted.pad_id, packed=True))
    torch.testing.assert_close(lean, wanted, rtol=0, atol=1e-5)


def test_adapters_off_is_the_base_bit_for_bit(llama):
    batch = collate(ROWS, llama.pad_id, packed=True)
    with torch.no_grad():
        before = hidden_states(llama, batch)
        add_new_adapter(llama, POLICY, rank=4, alpha=8)
        for weight in adapter_parameters(llama, POLICY):
            nn.init.normal_(weight)
        with llama.model.disable_adapter():
            assert torch.equal(hidden_states(llama, batch), before)
        assert not torch.equal(hidden_states(llama, batch), before)


def test_dropout_goes_the_librarys_way(llama):
    add_new_adapter(llama, POLICY, rank=4, alpha=8, dropout=0.5)
    use_adapter(llama, POLICY, train=True)
    for weight in adapter_parameters(llama, POLICY):
        nn.init.normal_(weight)
    llama.model.train()
    batch = collate(ROWS, llama.pad_id, packed=True)
    assert not torch.equal(hidden_states(llama, batch), hidden_states(llama, batch))
    llama.model.eval()
    assert torch.equal(hidden_states(llama, batch), hidden_states(llama, batch))


def test_a_norm_that_computes_something_else_stays():
    """Gemma's norm scales by 1 + w."""
    norm = GemmaRMSNorm(16)
    nn.init.constant_(norm.weight, 0.5).requires_grad_(False)
    assert fuse_layers(nn.Sequential(norm)) == 0
