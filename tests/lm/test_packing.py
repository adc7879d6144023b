"""Packed rows give what rows one by one give: in value, in gradient, in any order."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from transformers import Gemma2Config, Gemma2ForCausalLM, MistralConfig, MistralForCausalLM

from tests import tiny
from tests.conftest import FP32
from workbench.lm.attention import NAME
from workbench.lm.batching import Row, by_prompt, collate
from workbench.lm.loading import load
from workbench.lm.policy import PolicyModel
from workbench.lm.reading import hidden_states
from workbench.lm.refs import ModelRef

tokens = st.lists(st.integers(3, 9), min_size=1, max_size=6).map(tuple)
many_rows = st.lists(st.builds(Row, tokens, tokens), min_size=1, max_size=6)

SHARED = [
    Row((1, 5, 6), (7, 8)),
    Row((1, 5, 6), (7, 9, 10)),
    Row((1, 5, 6), (7, 8)),
    Row((1, 4), (7,)),
    Row((3,), (4,)),
]


def readings(loaded, rows, *, packed):
    """Hidden states of each row's own tokens, one by one."""
    batch = collate(rows, loaded.pad_id, packed=packed)
    hidden = hidden_states(loaded, batch)
    return [hidden[batch.places[index, : len(row.answer)]] for index, row in enumerate(rows)]


@pytest.fixture(params=["llama", "gpt2"])
def any_model(request):
    return request.getfixturevalue(request.param)


def test_the_usual_models_pack(any_model):
    assert any_model.packs
    assert any_model.causal.config._attn_implementation == NAME


@settings(max_examples=60, deadline=None)
@given(rows=many_rows)
def test_packed_equals_padded_and_one_by_one(llama_folder, rows):
    loaded = _once(llama_folder)
    with torch.no_grad():
        packed, padded = (readings(loaded, rows, packed=kind) for kind in (True, False))
        for index, row in enumerate(rows):
            alone = readings(loaded, [row], packed=False)[0]
            torch.testing.assert_close(packed[index], alone, rtol=0, atol=2e-5)
            torch.testing.assert_close(padded[index], alone, rtol=0, atol=2e-5)


_LOADED = {}


def _once(folder):
    if folder not in _LOADED:
        _LOADED[folder] = load(ModelRef(str(folder)), FP32)
    return _LOADED[folder]


@given(rows=many_rows)
def test_every_distinct_beginning_is_one_token(rows):
    batch = collate(rows, 0, packed=True)
    beginnings = {row.ids[: length + 1] for row in rows for length in range(len(row))}
    assert batch.ids.shape == (1, len(beginnings))
    assert batch.layout is not None
    for index, row in enumerate(rows):
        keys = batch.layout.keys[index, : len(row)]
        assert batch.ids[0, keys].tolist() == list(row.ids)
        assert batch.positions[0, keys].tolist() == list(range(len(row)))


def test_gradients_of_shared_tokens_are_the_sum_over_their_rows(any_model):
    policy = PolicyModel(any_model, rank=4, alpha=8, dropout=0.0, temperature=0.7)
    for weight in policy.adapter_parameters():
        torch.nn.init.normal_(weight, std=0.1)
    slopes = {}
    for packed in (False, True):
        batch = collate(SHARED, any_model.pad_id, packed=packed)
        reading = policy.read(batch, with_entropy=True)
        (reading.logp.square().sum() + reading.entropy.sum()).backward()
        slopes[packed] = [weight.grad.clone() for weight in policy.adapter_parameters()]
        for weight in policy.adapter_parameters():
            weight.grad = None
    for one, other in zip(slopes[False], slopes[True], strict=True):
        assert float(one.abs().max()) > 0
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_row_order_does_not_matter(llama):
    with torch.no_grad():
        one = readings(llama, SHARED, packed=True)
        other = readings(llama, SHARED[::-1], packed=True)[::-1]
    for left, right in zip(one, other, strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-5)


def test_accelerators_kernel_gives_the_same(llama, monkeypatch):
    """The path of every device that is not a CPU, run on one."""
    with torch.no_grad():
        wanted = readings(llama, SHARED, packed=True)
        monkeypatch.setattr("workbench.lm.attention.LONG", 0)
        found = readings(llama, SHARED, packed=True)
    for left, right in zip(wanted, found, strict=True):
        torch.testing.assert_close(left, right, rtol=0, atol=1e-5)


def _saved(folder, model):
    model.save_pretrained(folder)
    tiny.tokenizer(chat=True).save_pretrained(folder)
    return load(ModelRef(str(folder)), FP32)


SMALL = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "vocab_size": 300,
}


def test_a_sliding_window_is_kept(tmp_path):
    torch.manual_seed(0)
    config = MistralConfig(**SMALL, num_key_value_heads=2, sliding_window=3, initializer_range=0.2)
    loaded = _saved(tmp_path, MistralForCausalLM(config))
    rows = [Row((1, 5, 6, 7, 8), (9, 10, 11)), Row((1, 5, 6, 7), (4,))]
    assert loaded.packs
    with torch.no_grad():
        for left, right in zip(*(readings(loaded, rows, packed=kind) for kind in (False, True)), strict=True):
            torch.testing.assert_close(left, right, rtol=0, atol=1e-5)


def test_a_model_whose_attention_is_different_keeps_its_own(tmp_path):
    """Gemma 2 holds its scores within a soft cap, which packed attention does not do."""
    torch.manual_seed(0)
    loaded = _saved(tmp_path, Gemma2ForCausalLM(Gemma2Config(**SMALL, num_key_value_heads=2, head_dim=8)))
    assert not loaded.packs
    assert loaded.causal.config._attn_implementation == "eager"
    with torch.no_grad():
        for left, right in zip(
            readings(loaded, SHARED, packed=False), readings(loaded, SHARED[::-1], packed=False)[::-1], strict=True
        ):
            torch.testing.assert_close(left, right, rtol=0, atol=1e-5)


def test_groups_hold_the_answers_to_a_prompt_together_within_the_budget():
    rows = [Row((1, 2, 3), (4,) * n) for n in (2, 5)] + [Row((9,) * 4, (5, 6))] + [Row((1, 2, 3), (7,) * 3)]
    groups = by_prompt(rows, 12)
    assert sorted(index for group in groups for index in group) == [0, 1, 2, 3]
    assert groups[0] == [0, 3]
    assert all(collate([rows[i] for i in group], 0, packed=True).ids.numel() <= 12 for group in groups)
