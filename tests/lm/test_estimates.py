"""Estimates against what models and their training really hold."""

import collections
import contextlib
import dataclasses

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tests import tiny
from workbench.errors import WorkbenchError
from workbench.lm import attention, estimates, logprobs
from workbench.lm.batching import Row
from workbench.lm.devices import choose
from workbench.lm.estimates import (
    Shape,
    Work,
    activation_bytes,
    adapter_numbers,
    estimate,
    kept_a_token,
    shape_of,
    tokens_that_fit,
    weight_bytes,
)
from workbench.lm.full import matrices
from workbench.lm.gguf_header import read_header
from workbench.lm.loading import POLICY, load
from workbench.lm.policy import PolicyModel, adapter_parameters
from workbench.lm.reading import gather
from workbench.lm.refs import ModelRef
from workbench.lm.scoring import AdapterReward

SMOL = Shape(30, 576, 9, 3, 64, 1536, 49152, 134_515_008, 10176)


def test_constants_are_those_of_the_code_that_holds_the_tensors():
    assert estimates.LOGIT_ROWS == logprobs.CHUNK
    assert getattr(attention, "KEPT", estimates.KEPT) == estimates.KEPT
    assert estimates.FORWARD_TOKENS["cpu"] == choose("cpu").batch_tokens


def test_the_shape_is_read_from_config_and_headers_alike(llama_folder, tmp_path):
    shape = shape_of(ModelRef(str(llama_folder)))
    loaded = load(ModelRef(str(llama_folder)), choose("cpu", "float32"))
    assert (shape.layers, shape.hidden, shape.queries, shape.keys, shape.intermediate) == (2, 32, 32, 16, 64)
    assert shape.parameters == sum(weight.numel() for weight in loaded.model.parameters())
    assert shape.gated
    assert shape_of(ModelRef(str(tiny.gguf(tmp_path, llama_folder)), "gguf")) == shape


def test_gpt2_has_no_gate_and_names_things_in_its_own_way(gpt2_folder):
    shape = shape_of(ModelRef(str(gpt2_folder)))
    assert (shape.layers, shape.hidden, shape.heads, shape.kv_heads, shape.intermediate) == (2, 32, 4, 4, 128)
    assert not shape.gated


@pytest.mark.parametrize("where", ["/nowhere/at/all", "some/hub-id", "."])
def test_what_cannot_be_read_has_no_shape(where):
    assert shape_of(ModelRef(where)) is None


@pytest.mark.parametrize("folder", ["llama_folder", "gpt2_folder"])
def test_adapters_have_as_many_numbers_as_estimated(folder, request):
    ref = ModelRef(str(request.getfixturevalue(folder)))
    loaded = load(ref, choose("cpu", "float32"))
    PolicyModel(loaded, rank=4, alpha=8, dropout=0.0, temperature=1.0)
    assert adapter_numbers(shape_of(ref), 4) == sum(weight.numel() for weight in adapter_parameters(loaded, POLICY))


def saved_bytes(loaded, forward):
    """Bytes of everything that autograd keeps of a forward pass, weights aside."""
    weights = {weight.untyped_storage().data_ptr() for weight in loaded.model.parameters()}
    kept, alive = collections.OrderedDict(), []

    def pack(tensor):
        storage = tensor.untyped_storage()
        alive.append(tensor)  # so that no address is used twice
        if storage.data_ptr() not in weights:
            kept[storage.data_ptr()] = storage.nbytes()
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        forward()
    return sum(kept.values())


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_what_the_backward_pass_keeps_is_what_is_estimated(llama_folder, dtype, monkeypatch):
    monkeypatch.setattr(attention, "KEPT", 0, raising=False)  # as with longer rows: probabilities are formed again
    ref = ModelRef(str(llama_folder))
    loaded = load(ref, choose("cpu", dtype))
    policy = PolicyModel(loaded, rank=4, alpha=8, dropout=0.0, temperature=1.0)
    batch = gather(loaded, [Row(tuple(range(3, 90)), tuple(range(100 + n, 140 + n))) for n in range(6)])
    each = 4 if dtype == "float32" else 2
    estimated = 2 * batch.ids.numel() * kept_a_token(shape_of(ref), 4, each)
    answers = int(batch.mask.sum()) * 32 * (4 + 2 * each)  # states of the answers, for the head and the output layer
    assert saved_bytes(loaded, lambda: policy.read(batch)) == pytest.approx(estimated + answers, rel=0.1)


def test_dropout_keeps_an_input_and_its_noise_for_every_linear_layer(llama_folder, monkeypatch):
    monkeypatch.setattr(attention, "KEPT", 0, raising=False)
    ref = ModelRef(str(llama_folder))
    loaded = load(ref, choose("cpu", "float32"))
    model = AdapterReward.fresh(loaded, rank=4, alpha=8, dropout=0.1, limit=512)
    model.depth = 2
    model.train_groups(1e-3)
    loaded.model.train()
    rows = [Row(tuple(range(3, 90)), tuple(range(100 + n, 140 + n))) for n in range(6)]
    tokens = gather(loaded, rows).ids.numel()
    estimated = 2 * tokens * kept_a_token(shape_of(ref), 4, 4, dropout=True)
    assert saved_bytes(loaded, lambda: model.scores(rows)) == pytest.approx(estimated, rel=0.1)


def test_checkpointing_keeps_a_layer_and_one_state_of_each():
    kept, again = (activation_bytes(SMOL, Work(4096, 512, checkpointing=on), 2) for on in (False, True))
    assert again < kept / 5
    assert again > 4096 * 30 * 576 * 2


def test_four_bits_take_a_third_of_sixteen_and_leave_embeddings_alone():
    whole, quarter = weight_bytes(SMOL, 2), weight_bytes(SMOL, 2, 4)
    embeddings = 49152 * 576 * 2
    assert whole == 2 * SMOL.parameters
    assert (quarter - embeddings) / (whole - embeddings) == pytest.approx((4 + 65 / 64 / 8) / 16, rel=0.01)


def test_the_larger_of_writing_and_learning_counts():
    writes = estimate(SMOL, Work(64, 64, rows=512, prompt=64, new=512), bytes_each=2)
    learns = estimate(SMOL, Work(8192, 256, logits=4096, rows=8, prompt=64, new=64), bytes_each=2)
    assert not writes.learns_most
    assert writes.total == writes.fixed + writes.cache + writes.writing + writes.heap == sum(writes.parts().values())
    passing = learns.activations + learns.logits
    assert learns.total == learns.fixed + passing + learns.heap == sum(learns.parts().values())
    assert learns.heap == round(estimates.HEAP * passing)


def test_all_matrices_cost_a_copy_and_sixteen_bytes_each_beside_themselves():
    """SmolLM2-135M in bf16: what they were (2), gradients (2), masters (4) and two moments (8)."""
    matrices = 30 * (576 * (2 * 576 + 2 * 192) + 3 * 576 * 1536)
    assert matrices == 106_168_320
    found = estimate(SMOL, Work(64, 64, trained_rank=0, adapter_ranks=(), kept_copies=1), bytes_each=2)
    assert found.optimiser == 16 * matrices
    assert found.weights == 2 * SMOL.parameters
    assert found.adapters == 0
    assert estimate(SMOL, Work(64, 64, trained_rank=0, kept_copies=1), bytes_each=4).optimiser == 20 * matrices


def test_a_value_function_with_an_adapter_learns_as_many_numbers_again():
    one = estimate(SMOL, Work(64, 64), bytes_each=2)
    two = estimate(SMOL, Work(64, 64, adapter_ranks=(16, 16), value_rank=16), bytes_each=2)
    adapter = 30 * 16 * 10176
    assert (one.adapters, two.adapters) == (2 * adapter, 4 * adapter)
    assert (one.optimiser, two.optimiser) == (14 * adapter, 28 * adapter)


@pytest.mark.parametrize("folder", ["llama_folder", "gpt2_folder"])
def test_the_matrices_of_the_layers_are_as_many_as_estimated(folder, request):
    ref = ModelRef(str(request.getfixturevalue(folder)))
    loaded = load(ref, choose("cpu", "float32"))
    found = estimate(shape_of(ref), Work(64, 64, trained_rank=0, adapter_ranks=()), bytes_each=4)
    assert found.optimiser == 16 * sum(weight.numel() for weight in matrices(loaded.layers))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_without_an_adapter_the_backward_pass_keeps_no_inner_numbers(llama_folder, dtype, monkeypatch):
    monkeypatch.setattr(attention, "KEPT", 0, raising=False)
    ref = ModelRef(str(llama_folder))
    loaded = load(ref, choose("cpu", dtype))
    policy = PolicyModel(loaded, rank=4, alpha=8, dropout=0.0, temperature=1.0, whole=True)
    batch = gather(loaded, [Row(tuple(range(3, 90)), tuple(range(100 + n, 140 + n))) for n in range(6)])
    each = 4 if dtype == "float32" else 2
    estimated = 2 * batch.ids.numel() * kept_a_token(shape_of(ref), 0, each)
    answers = int(batch.mask.sum()) * 32 * (4 + 2 * each)
    assert saved_bytes(loaded, lambda: policy.read(batch)) == pytest.approx(estimated + answers, rel=0.1)


@given(st.integers(10, 40), st.booleans())
def test_the_tokens_that_fit_do_and_one_more_does_not(exponent, checkpointing):
    work = Work(1024, 96, logits=512, rows=16, prompt=48, new=48, checkpointing=checkpointing)
    room = 2**exponent
    most = tokens_that_fit(SMOL, work, room, bytes_each=2)

    def total(tokens):
        trial = dataclasses.replace(work, tokens=tokens, logits=-(-tokens // 2))
        return estimate(SMOL, trial, bytes_each=2).total

    if most:
        assert total(most) <= room
        assert most == 1 << 17 or total(most + 1) > room
    else:
        assert total(work.longest) > room


def test_a_header_that_is_cut_off_is_told_apart(llama_folder, tmp_path):
    whole = tiny.gguf(tmp_path, llama_folder).read_bytes()
    values, sizes = read_header(tmp_path / "tiny.gguf")
    assert values["llama.block_count"] == 2
    assert sizes["blk.0.ffn_gate.weight"] == [32, 64]
    for length in (0, 20, 24, 300, 2000, 4000):
        (tmp_path / "cut.gguf").write_bytes(whole[:length])
        with pytest.raises(WorkbenchError):
            read_header(tmp_path / "cut.gguf")
    for place in range(24, 400, 7):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        (tmp_path / "bad.gguf").write_bytes(damaged)
        with contextlib.suppress(WorkbenchError):
            read_header(tmp_path / "bad.gguf")
