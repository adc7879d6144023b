"""Bases in 4 bits: where they can run, and where bitsandbytes is installed that they do."""

from __future__ import annotations

import dataclasses
import importlib.util

import pytest
import torch

from tests import tiny
from tests.conftest import FP32
from workbench.errors import WorkbenchError
from workbench.lm.batching import Row
from workbench.lm.devices import Compute, check_bits
from workbench.lm.estimates import shape_of, weight_bytes
from workbench.lm.fusing import fuse_adapters
from workbench.lm.loading import load
from workbench.lm.policy import PolicyModel
from workbench.lm.reading import gather, hidden_states
from workbench.lm.refs import ModelRef
from workbench.lm.saving import save_adapter

HERE = importlib.util.find_spec("bitsandbytes") is not None
needs_bitsandbytes = pytest.mark.skipif(not HERE, reason="bitsandbytes is not installed")
ROWS = [Row((5, 6, 7), (8, 9, 10, 11)), Row((5, 6, 7), (12, 13)), Row((30, 31), (40, 41, 42))]


def on(device, dtype=torch.bfloat16):
    return Compute(torch.device(device), dtype, device, 0)


@pytest.mark.parametrize("device", ["cuda", "cpu"])
def test_where_bitsandbytes_is_installed_a_card_and_a_cpu_will_do(device):
    check_bits(on(device), "4bit", installed=True)
    with pytest.raises(WorkbenchError, match="need bitsandbytes, which is not installed"):
        check_bits(on(device), "4bit", installed=False)


@pytest.mark.parametrize("device", ["mps", "xpu"])
def test_other_devices_are_refused_before_anything_is_loaded(device):
    with pytest.raises(WorkbenchError, match="NVIDIA or AMD card, or a CPU"):
        check_bits(on(device), "4bit", installed=True)
    with pytest.raises(WorkbenchError, match="NVIDIA or AMD card, or a CPU"):
        load(ModelRef("/no/where"), on(device), quantize="4bit")


def test_eight_bits_need_a_card():
    check_bits(on("cuda"), "8bit", installed=True)
    with pytest.raises(WorkbenchError, match="8-bit weights need an NVIDIA or AMD card"):
        check_bits(on("cpu"), "8bit", installed=True)


def test_a_gguf_base_is_refused(llama_folder, tmp_path):
    ref = ModelRef(str(tiny.gguf(tmp_path, llama_folder)), "gguf")
    with pytest.raises(WorkbenchError, match="safetensors folder"):
        load(ref, FP32, quantize="4bit")


@pytest.mark.skipif(HERE, reason="bitsandbytes is installed")
def test_without_bitsandbytes_a_sentence_comes_first(llama_folder):
    with pytest.raises(WorkbenchError, match="not installed"):
        load(ModelRef(str(llama_folder)), FP32, quantize="4bit")


@needs_bitsandbytes
def test_on_a_cpu_rows_that_share_a_block_are_refused(llama_folder):
    """Its kernels take wrong scales there: the weights of 32 inputs would be off by a third."""
    with pytest.raises(WorkbenchError, match="multiple of 64"):
        load(ModelRef(str(llama_folder)), FP32, quantize="4bit")


@pytest.fixture(scope="module")
def wide_folder(tmp_path_factory):
    return tiny.llama(tmp_path_factory.mktemp("wide"), hidden=64)


@pytest.fixture(params=[torch.float32, torch.bfloat16], ids=["float32", "bfloat16"])
def quantised(request, wide_folder):
    return load(ModelRef(str(wide_folder)), on("cpu", request.param), quantize="4bit")


@needs_bitsandbytes
def test_the_layers_are_in_four_bits_and_nothing_else(quantised, wide_folder):
    sizes = {key: weight.numel() * weight.element_size() for key, weight in quantised.model.named_parameters()}
    inside = {key: weight for key, weight in quantised.model.named_parameters() if weight.dtype == torch.uint8}
    assert len(inside) == 2 * 7
    matrices = 2 * (2 * 64 * 64 + 2 * 64 * 32 + 3 * 64 * 128)
    assert sum(sizes[key] for key in inside) == matrices // 2
    states = [weight.quant_state for weight in inside.values()]
    scales = sum(state.absmax.numel() * 1 + state.state2.absmax.numel() * 4 for state in states)
    each = quantised.compute.dtype.itemsize
    estimated = weight_bytes(shape_of(ModelRef(str(wide_folder))), each, 4)
    assert sum(sizes.values()) + scales == pytest.approx(estimated, rel=0.005)
    assert all(state.nested and state.quant_type == "nf4" for state in states)
    assert not any(weight.requires_grad for weight in quantised.model.parameters())


@needs_bitsandbytes
def test_adapters_learn_and_off_are_the_base_bit_for_bit(quantised, tmp_path):
    batch = gather(quantised, ROWS)
    with torch.no_grad():
        before = hidden_states(quantised, batch)
    policy = PolicyModel(quantised, rank=4, alpha=8, dropout=0.0, temperature=1.0)
    first = policy.reference(batch)
    assert fuse_adapters(quantised.model) == 0  # peft's own forward knows how such layers are stored
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.2)
    for _ in range(3):
        loss = -policy.read(batch).logp.sum()
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    with torch.no_grad():
        assert float(policy.read(batch).logp.sum()) > float(first.sum()) + 0.1
        with quantised.as_base():
            assert torch.equal(hidden_states(quantised, batch), before)
    assert torch.equal(policy.reference(batch), first)
    save_adapter(quantised, "policy", tmp_path / "adapter", {})
    ref = dataclasses.replace(quantised.ref, adapter=str(tmp_path / "adapter"), kind="adapter")
    again = load(ref, quantised.compute, quantize="4bit")
    with torch.no_grad():
        assert torch.equal(hidden_states(again, batch), hidden_states(quantised, batch))


@needs_bitsandbytes
def test_gradients_are_those_of_the_weights_that_the_bits_stand_for(wide_folder):
    import bitsandbytes

    quantised = load(ModelRef(str(wide_folder)), FP32, quantize="4bit")
    plain = load(ModelRef(str(wide_folder)), FP32)
    for key, module in quantised.trunk.named_modules():
        if isinstance(module, bitsandbytes.nn.Linear4bit):
            wide = bitsandbytes.functional.dequantize_4bit(module.weight.data, module.weight.quant_state)
            weight = plain.trunk.get_submodule(key).weight.data
            assert 0.02 < float((wide - weight).norm() / weight.norm()) < 0.15
            weight.copy_(wide)
    assert quantised.packs == plain.packs
    found = []
    for loaded in (quantised, plain):
        policy = PolicyModel(loaded, rank=4, alpha=8, dropout=0.0, temperature=1.0)
        torch.manual_seed(5)
        for weight in policy.parameters():
            torch.nn.init.normal_(weight, std=0.1)
        reading = policy.read(gather(loaded, ROWS))
        reading.logp.sum().backward()
        found.append((reading.logp, [weight.grad for weight in policy.parameters()]))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-4)
    for one, other in zip(found[0][1], found[1][1], strict=True):
        assert torch.allclose(one, other, atol=1e-3, rtol=1e-3)
