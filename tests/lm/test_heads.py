"""Linear heads on features, and reading features at a depth."""

from __future__ import annotations

import torch

from workbench.lm.batching import Row, collate
from workbench.lm.heads import fit_head
from workbench.lm.reading import hidden_states
from workbench.lm.scoring import AdapterReward

ROWS = [Row((1, 40, 41), (42, 43, 2)), Row((1, 44), (45, 2))]


def test_a_head_finds_the_feature_that_matters_whatever_its_scale():
    torch.manual_seed(0)
    chosen, rejected = torch.randn(80, 6), torch.randn(80, 6)
    chosen[:, 2] += 3
    factors = torch.tensor([1.0, 1e3, 1e-3, 1.0, 1.0, 1.0])
    weight, scale, _ = fit_head(chosen * factors, rejected * factors, list(range(80)))
    scores = ((chosen - rejected) * factors * scale) @ weight
    assert float((scores > 0).float().mean()) > 0.9
    assert int(weight.abs().argmax()) == 2


def test_leaving_early_reads_the_same_states_as_the_whole_model(llama):
    batch = collate(ROWS, llama.pad_id)
    with torch.no_grad():
        states = llama.trunk(input_ids=batch.ids, output_hidden_states=True).hidden_states
        assert torch.equal(hidden_states(llama, batch, 1), states[1].flatten(0, 1))
        assert torch.equal(hidden_states(llama, batch, 2), states[2].flatten(0, 1))


def test_features_are_the_last_token_and_the_mean_of_the_answer_alone(llama):
    model = AdapterReward.fresh(llama, rank=2, alpha=4, dropout=0.0, limit=64)
    with torch.no_grad():
        found = model.features(ROWS)
        for index, row in enumerate(ROWS):
            states = hidden_states(llama, collate([row], llama.pad_id), model.depth)
            torch.testing.assert_close(found[index, :32], states[-1], rtol=0, atol=1e-5)
            torch.testing.assert_close(found[index, 32:], states[len(row.prompt) :].mean(0), rtol=0, atol=1e-5)


def test_gradients_reach_the_adapter_below_the_depth_only(llama):
    model = AdapterReward.fresh(llama, rank=2, alpha=4, dropout=0.0, limit=64)
    model.train_groups(1e-3)
    model.weight.data.fill_(0.1)
    model.scores(ROWS).sum().backward()
    assert all(weight.grad is not None for weight in model.adapter())
    above = [w for layer in list(llama.layers)[model.depth :] for k, w in layer.named_parameters() if "lora" in k]
    assert above
    assert all(weight.grad is None for weight in above)
