"""Decoding over fixed buffers writes what the growing cache writes. The recording itself needs CUDA and is not run."""

from __future__ import annotations

import itertools

import pytest
import torch

from workbench.lm import graphs
from workbench.lm.generating import Sampler, sample
from workbench.lm.graphs import FixedStep, can_stay, recorded
from workbench.lm.loading import POLICY, add_new_adapter
from workbench.lm.policy import adapter_parameters

FREE = Sampler(temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=27)
TEXTS = ["hello", "write a short kind answer about the quick brown fox", "hello", "over the lazy dog"] * 3


def write(loaded, fixed, sampler=FREE):
    ids = [loaded.template.prompt_ids([{"role": "user", "content": text}]) for text in TEXTS]
    drafts = {}
    for grown in sample(loaded, ids, sampler, list(range(len(ids))), keep_logprobs=True, fixed=fixed):
        drafts.update((draft.index, draft) for draft in grown)
    return [drafts[index] for index in range(len(ids))]


@pytest.fixture
def steps(monkeypatch):
    """The number of rows of every recording."""
    made = []

    def counted(run, device):
        made.append(len(run.__self__.ids))
        return recorded(run, device)

    monkeypatch.setattr(graphs, "recorded", counted)
    return made


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_fixed_buffers_give_the_tokens_of_the_growing_cache(name, request, steps):
    loaded = request.getfixturevalue(name)
    add_new_adapter(loaded, POLICY, rank=4, alpha=8)
    torch.manual_seed(1)
    for weight in adapter_parameters(loaded, POLICY):
        torch.nn.init.normal_(weight, std=0.1)
    wanted = write(loaded, False)
    assert steps == []
    found = write(loaded, True)
    assert [(draft.ids, draft.finish_reason) for draft in found] == [
        (draft.ids, draft.finish_reason) for draft in wanted
    ]
    for mine, theirs in zip(found, wanted, strict=True):
        torch.testing.assert_close(torch.tensor(mine.logprobs), torch.tensor(theirs.logprobs), rtol=0, atol=1e-4)
    assert steps[0] == len(TEXTS)
    assert all(2 * after <= before for before, after in itertools.pairwise(steps))


def test_half_of_the_rows_gone_make_a_new_recording(llama, steps):
    """Rows end at different steps; their answers are those of the growing cache all the same."""
    llama.causal.generation_config.eos_token_id = list(range(3, 40))
    wanted, found = write(llama, False), write(llama, True)
    assert len({len(draft.ids) for draft in wanted}) > 3
    assert [draft.ids for draft in found] == [draft.ids for draft in wanted]
    assert len(steps) > 1


def test_what_was_in_memory_does_not_matter(llama, monkeypatch):
    """The lanes are made without being cleared; a NaN under a mask is a NaN still."""
    real = torch.Tensor.new_empty
    monkeypatch.setattr(torch.Tensor, "new_empty", lambda self, *size: real(self, *size).fill_(float("nan")))
    drafts = write(llama, True)
    assert all(torch.tensor(draft.logprobs).isfinite().all() for draft in drafts)


def test_a_sliding_window_keeps_the_growing_cache(llama, monkeypatch):
    assert can_stay(llama)
    monkeypatch.setattr(llama.causal.config, "sliding_window", 8, raising=False)
    assert not can_stay(llama)
    monkeypatch.setattr(FixedStep, "__init__", None)
    write(llama, True)


def test_a_step_that_cannot_be_recorded_runs_as_it_is(monkeypatch):
    def refuse(run):
        raise RuntimeError("operation not permitted when stream is capturing")

    def run():
        return torch.ones(1)

    monkeypatch.setattr(graphs, "_record", refuse)
    assert recorded(run, torch.device("cuda")) is run

    def full(run):
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(graphs, "_record", full)
    with pytest.raises(torch.OutOfMemoryError):
        recorded(run, torch.device("cuda"))
