"""How far an adapter has moved a model, and whether it moved the way people prefer."""

import math

import pytest
import torch

from workbench.feedback.base import Pair
from workbench.lm.batching import Row
from workbench.lm.devices import choose
from workbench.lm.drift import implicit_accuracy, kl_to_base
from workbench.lm.loading import load
from workbench.lm.policy import PolicyModel
from workbench.lm.reading import gather
from workbench.lm.refs import ModelRef

SAID = ({"role": "user", "content": "say fox"},)
PAIRS = [Pair(f"p{n}", SAID, chosen=f"fox kind {word}", rejected=f"dog lazy {word}") for n, word in enumerate("abcdef")]


@pytest.fixture
def policy(llama_folder):
    torch.manual_seed(0)
    loaded = load(ModelRef(str(llama_folder)), choose("cpu", "float32"))
    return PolicyModel(loaded, rank=4, alpha=8, dropout=0.0, temperature=1.0)


def learn(policy, texts, steps=8):
    """Make some answers likelier."""
    template = policy.loaded.template
    rows = [Row(tuple(template.prompt_ids(SAID)), tuple(template.answer_ids(text))) for text in texts]
    optimizer = torch.optim.AdamW(policy.adapter_parameters(), lr=1e-2)
    for _ in range(steps):
        optimizer.zero_grad()
        (-policy.read(gather(policy.loaded, rows)).logp.sum()).backward()
        optimizer.step()


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_a_model_that_is_its_base_prefers_nothing(llama_folder, dtype):
    loaded = load(ModelRef(str(llama_folder)), choose("cpu", dtype))
    PolicyModel(loaded, rank=4, alpha=8, dropout=0.0, temperature=1.0)
    assert implicit_accuracy(loaded, PAIRS) == 0.5
    assert math.isnan(implicit_accuracy(loaded, []))


def test_accuracy_says_whose_answers_were_made_likelier(policy):
    learn(policy, [pair.chosen for pair in PAIRS])
    assert implicit_accuracy(policy.loaded, PAIRS) == 1.0
    turned = [Pair(pair.prompt_id, SAID, chosen=pair.rejected, rejected=pair.chosen) for pair in PAIRS]
    assert implicit_accuracy(policy.loaded, turned) == 0.0


def test_long_answers_are_cut_and_the_others_are_read_as_before(policy):
    learn(policy, ["fox kind a"])
    texts = [(SAID, "fox kind a"), (SAID, "fox " * 200)]
    whole, cut = kl_to_base(policy.loaded, texts), kl_to_base(policy.loaded, texts, limit=64)
    assert cut[0] == pytest.approx(whole[0], abs=1e-4)
    assert cut[1] != pytest.approx(whole[1], abs=1e-2)


def test_it_can_be_stopped(policy):
    def stop():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        implicit_accuracy(policy.loaded, PAIRS, check=stop)
