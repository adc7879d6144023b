"""The vector of an answer: what a new reward model's head would read, whatever adapter is on."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from workbench.errors import StopRequested
from workbench.lm.features import read, space_of
from workbench.lm.loading import POLICY, add_new_adapter, load
from workbench.lm.scoring import AdapterReward
from workbench.lm.vectors import spaces_of

HELLO = [{"role": "user", "content": "hello"}]
LONG = [{"role": "system", "content": "be kind"}, {"role": "user", "content": "how are you today? " * 5}]
ANSWERS = [(HELLO, "the quick brown fox"), (LONG, "kind"), (HELLO, ""), (LONG, "hello world, how are you")]


def reload(loaded):
    return load(loaded.ref, loaded.compute)


def test_it_is_what_a_fresh_reward_model_reads(llama):
    fresh = AdapterReward.fresh(reload(llama), rank=2, alpha=4, dropout=0.0, limit=1024)
    with torch.no_grad():
        wanted = fresh.features([fresh.encode(messages, text) for messages, text in ANSWERS]).numpy()
    found = read(llama, ANSWERS)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-5)


def test_an_adapter_that_is_on_changes_nothing_and_stays_on(llama):
    before = read(llama, ANSWERS)
    add_new_adapter(llama, POLICY, rank=2, alpha=64)
    with torch.no_grad():
        for name, weight in llama.model.named_parameters():
            if "lora_B" in name:
                weight.fill_(0.3)
    ids = torch.tensor([[5, 6, 7]])
    with torch.no_grad():
        adapted = llama.causal(ids).logits
        np.testing.assert_allclose(read(llama, ANSWERS), before, atol=1e-6)
        assert torch.equal(llama.causal(ids).logits, adapted)


def test_rows_do_not_change_one_another(llama):
    together = read(llama, ANSWERS)
    alone = np.concatenate([read(llama, [answer]) for answer in ANSWERS])
    np.testing.assert_allclose(together, alone, atol=2e-5)


def test_it_can_be_interrupted_before_a_layer_and_leaves_no_trace(llama):
    asked = []

    def check():
        asked.append(1)
        raise StopRequested

    with pytest.raises(StopRequested):
        read(llama, ANSWERS[:1], check)
    again = read(llama, ANSWERS[:1])
    assert len(asked) == 1  # nobody is asked any more
    np.testing.assert_allclose(again, read(reload(llama), ANSWERS[:1]), atol=1e-6)


def test_the_space_names_base_template_and_depth(llama, gpt2):
    assert space_of(llama).startswith(spaces_of("", llama.ref.base))
    assert llama.template.hash in space_of(llama)
    assert space_of(llama) != space_of(gpt2)
    llama.ref = dataclasses.replace(llama.ref, base_hash="x" * 64, adapter="/somewhere", kind="adapter")
    assert space_of(llama).startswith("x" * 16 + "/")
    assert spaces_of("x" * 64, "/a") == spaces_of("x" * 64, "/b") != spaces_of("", "/a")
