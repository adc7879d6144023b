"""Chunked log-probabilities equal the plain ones in value and gradient."""

from __future__ import annotations

import pytest
import torch

from workbench.lm import logprobs
from workbench.lm.logprobs import OutputLayer, chosen_logprobs


def plain(hidden, layer, targets, temperature):
    logits = hidden @ layer.weight.T
    if layer.bias is not None:
        logits = logits + layer.bias
    logits = logits * layer.scale
    if layer.softcap:
        logits = layer.softcap * torch.tanh(logits / layer.softcap)
    logs = torch.log_softmax(logits / temperature, -1)
    return logs.gather(1, targets[:, None]).squeeze(1), -(logs.exp() * logs).sum(-1)


@pytest.mark.parametrize("softcap", [None, 3.0])
@pytest.mark.parametrize("bias", [False, True])
@pytest.mark.parametrize("temperature", [1.0, 0.7])
def test_values_and_gradients_equal_the_plain_softmax(monkeypatch, softcap, bias, temperature):
    monkeypatch.setattr(logprobs, "CHUNK", 4)
    torch.manual_seed(1)
    layer = OutputLayer(torch.randn(11, 6), torch.randn(11) if bias else None, 0.5, softcap)
    targets = torch.randint(0, 11, (10,))
    weights = torch.randn(10), torch.randn(10)
    found, expected = [], []
    for function, store in ((chosen_logprobs, found), (plain, expected)):
        hidden = torch.linspace(-1, 1, 60).reshape(10, 6).requires_grad_()
        kwargs = {"with_entropy": True} if function is chosen_logprobs else {}
        if function is chosen_logprobs:
            logp, entropy = function(hidden, layer, targets, temperature=temperature, **kwargs)
        else:
            logp, entropy = function(hidden, layer, targets, temperature)
        (logp @ weights[0] + entropy @ weights[1]).backward()
        store += [logp.detach(), entropy.detach(), hidden.grad]
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-5)


def test_without_entropy_it_is_not_computed():
    layer = OutputLayer(torch.randn(5, 3))
    hidden = torch.randn(2, 3, requires_grad=True)
    logp, entropy = chosen_logprobs(hidden, layer, torch.tensor([0, 1]))
    (logp.sum() + entropy.sum()).backward()
    assert hidden.grad.abs().sum() > 0
    assert entropy.tolist() == [0, 0]


@pytest.mark.parametrize("rows", [1, 3, 40])
def test_onednn_gives_the_blas_product_and_gradients_take_the_other_way(rows):
    torch.manual_seed(rows)
    layer = OutputLayer(torch.randn(300, 16))
    hidden = torch.randn(rows, 16)
    with torch.no_grad():
        assert logprobs._suits_onednn(hidden, layer.weight) == torch.backends.mkldnn.is_available()
        torch.testing.assert_close(layer.raw(hidden), hidden @ layer.weight.T, rtol=1e-5, atol=1e-5)
        assert not logprobs._suits_onednn(hidden, layer.weight.bfloat16())
        assert not logprobs._suits_onednn(hidden, torch.randn(16, 300).T)
    hidden.requires_grad_()
    layer.raw(hidden).sum().backward()
    torch.testing.assert_close(hidden.grad, layer.weight.sum(0).expand(rows, -1))
