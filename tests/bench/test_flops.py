"""FLOP counts against numbers worked out by hand."""

from __future__ import annotations

import pytest
from transformers import AutoModelForCausalLM

from workbench.bench import flops
from workbench.bench.flops import Shape, Tokens

SMALL = Shape(trunk=10, head=5, total=15)
WORK = Tokens(prompt=3, answer=2)


def test_ours_by_hand():
    # through 2*10*5 = 100, vocabulary 2*5*2 = 20, LoRA 2*1*5 = 10
    once = 3 * 120 + 50 + 2.5 * 10
    epoch = 2 * 120 + 30
    assert flops.ppo_ours(SMALL, WORK, epochs=2, lora=1, reward_depth=0.5) == once + 2 * epoch


def test_trl_with_lora_by_hand():
    # logits of all 5 tokens: 2*5*5 = 50
    rollout, scoring = 100 + 20 + 10, 3 * 100 + 50
    epoch = 3 * 100 + 2 * (100 + 50) + 30
    assert flops.ppo_trl(SMALL, WORK, epochs=2, lora=1) == rollout + scoring + 2 * epoch


def test_trl_whole_by_hand():
    rollout, scoring = 100 + 20, 3 * 100 + 50
    epoch = 3 * 100 + 3 * (100 + 50)
    assert flops.ppo_trl(SMALL, WORK, epochs=2, lora=0) == rollout + scoring + 2 * epoch


def test_reward_and_generation_by_hand():
    assert flops.reward(SMALL, 5, lora=1) == 2 * 100 + 30
    assert flops.reward(SMALL, 5, lora=0) == 3 * 100
    assert flops.reward(SMALL, 5, lora=1, depth=0.5) == 2 * 50 + 30
    assert flops.generating(SMALL, WORK) == 100 + 20


@pytest.mark.parametrize("folder", ["llama_folder", "gpt2_folder"])
def test_shape_counts_the_weights_that_a_token_meets(folder, request):
    path = request.getfixturevalue(folder)
    shape = Shape.of(path)
    model = AutoModelForCausalLM.from_pretrained(path)
    looked_up = ("embed_tokens", "wte", "wpe")
    through = [
        weight.numel()
        for name, weight in model.base_model.named_parameters()
        if weight.dim() == 2 and not any(part in name for part in looked_up)
    ]
    assert shape.head == model.get_input_embeddings().weight.numel()
    assert shape.trunk == sum(through) > 0
    assert shape.total == sum(weight.numel() for weight in model.parameters())
