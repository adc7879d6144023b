"""Our sampling against transformers' generate, and what it promises about seeds and stopping."""

from __future__ import annotations

import pytest
import torch

from workbench.errors import StopRequested
from workbench.lm.generating import Sampler, sample, sample_all
from workbench.lm.loading import POLICY, add_new_adapter, merge_adapter

PROMPTS = ["hello", "write a short kind answer about the quick brown fox"]
FREE = Sampler(temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=24)


def ids_of(loaded):
    return [loaded.template.prompt_ids([{"role": "user", "content": text}]) for text in PROMPTS]


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_greedy_text_equals_transformers(name, request):
    loaded = request.getfixturevalue(name)
    for ids, draft in zip(
        ids_of(loaded),
        sample_all(loaded, ids_of(loaded), Sampler(temperature=0, max_new_tokens=20), [1, 2]),
        strict=True,
    ):
        theirs = loaded.causal.generate(
            torch.tensor([ids]), do_sample=False, max_new_tokens=20, eos_token_id=list(loaded.stop_ids), pad_token_id=0
        )
        assert draft.ids == theirs[0, len(ids) :].tolist()


def adapted(loaded):
    """With an adapter whose weights change what is written."""
    torch.manual_seed(3)
    add_new_adapter(loaded, POLICY, rank=4, alpha=16)
    with torch.no_grad():
        for name, weight in loaded.model.named_parameters():
            if "lora_B" in name:
                weight.normal_(std=0.05)
    loaded.model.eval()
    return loaded


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_with_an_adapter_text_and_log_probabilities_equal_transformers(name, request):
    loaded = request.getfixturevalue(name)
    prompts, greedy = ids_of(loaded), Sampler(temperature=0, top_p=1.0, top_k=0, max_new_tokens=20)
    before = [draft.ids for draft in sample_all(loaded, prompts, greedy, [1, 2])]
    adapted(loaded)
    drafts = sample_all(loaded, prompts, greedy, [1, 2], keep_logprobs=True)
    assert [draft.ids for draft in drafts] != before
    for ids, draft in zip(prompts, drafts, strict=True):
        theirs = loaded.model.generate(
            input_ids=torch.tensor([ids]), do_sample=False, max_new_tokens=20, eos_token_id=list(loaded.stop_ids),
            pad_token_id=0,
        )  # fmt: skip
        assert draft.ids == theirs[0, len(ids) :].tolist()
        with torch.no_grad():
            logits = loaded.model(input_ids=torch.tensor([ids + draft.ids])).logits[0, len(ids) - 1 : -1]
        logs = torch.log_softmax(logits, -1).gather(1, torch.tensor(draft.ids)[:, None]).squeeze(1)
        torch.testing.assert_close(torch.tensor(draft.logprobs), logs, rtol=0, atol=1e-4)


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_a_merged_adapter_writes_what_an_applied_one_does(name, request):
    loaded = adapted(request.getfixturevalue(name))
    greedy = Sampler(temperature=0, max_new_tokens=20)
    applied = [draft.ids for draft in sample_all(loaded, ids_of(loaded), greedy, [1, 2])]
    merge_adapter(loaded)
    assert [draft.ids for draft in sample_all(loaded, ids_of(loaded), greedy, [1, 2])] == applied


def test_an_answer_does_not_depend_on_the_rows_beside_it(llama):
    ids = ids_of(llama)
    together = sample_all(llama, ids, FREE, [3, 4])
    alone = [sample_all(llama, [one], FREE, [seed])[0] for one, seed in zip(ids, (3, 4), strict=True)]
    assert [draft.ids for draft in together] == [draft.ids for draft in alone]
    assert sample_all(llama, ids, FREE, [5, 6])[0].ids != together[0].ids


@pytest.mark.parametrize("name", ["llama", "gpt2"])
def test_captured_log_probabilities_are_those_of_a_fresh_forward(name, request):
    loaded = request.getfixturevalue(name)
    ids = ids_of(loaded)
    for prompt, draft in zip(ids, sample_all(loaded, ids, FREE, [3, 4], keep_logprobs=True), strict=True):
        with torch.no_grad():
            logits = loaded.causal(torch.tensor([prompt + draft.ids])).logits[0, len(prompt) - 1 : -1]
        logs = torch.log_softmax(logits, -1).gather(1, torch.tensor(draft.ids)[:, None]).squeeze(1)
        torch.testing.assert_close(torch.tensor(draft.logprobs), logs, rtol=0, atol=1e-4)


def test_finish_reasons_and_the_stop_token(llama):
    drafts = sample_all(llama, ids_of(llama) * 8, FREE, list(range(16)))
    for draft in drafts:
        stopped = draft.ids[-1] in llama.stop_ids
        assert draft.finish_reason == ("stop" if stopped else "length")
        assert not any(id_ in llama.stop_ids for id_ in draft.ids[:-1])
        assert stopped or len(draft.ids) == 24


def test_stopping_between_tokens(llama):
    steps = 0

    def check():
        nonlocal steps
        steps += 1
        if steps > 3:
            raise StopRequested

    with pytest.raises(StopRequested):
        list(sample(llama, ids_of(llama), Sampler(max_new_tokens=100, min_new_tokens=100), [1, 2], check=check))
    assert steps == 4


def test_top_k_one_is_greedy(llama):
    greedy = sample_all(llama, ids_of(llama), Sampler(temperature=0, max_new_tokens=12), [0, 0])
    narrow = sample_all(llama, ids_of(llama), Sampler(temperature=1.0, top_k=1, max_new_tokens=12), [7, 8])
    assert [draft.ids for draft in greedy] == [draft.ids for draft in narrow]


def test_a_forbidden_end_does_not_change_the_log_probabilities(llama):
    """They are the model's own, not those of the distribution without its end token."""
    ids = ids_of(llama)
    sampler = Sampler(temperature=0.7, top_p=1.0, top_k=0, max_new_tokens=12, min_new_tokens=12)
    for prompt, draft in zip(ids, sample_all(llama, ids, sampler, [3, 4], keep_logprobs=True), strict=True):
        assert len(draft.ids) == 12
        assert not set(draft.ids) & llama.stop_ids
        with torch.no_grad():
            logits = llama.causal(torch.tensor([prompt + draft.ids])).logits[0, len(prompt) - 1 : -1]
        logs = torch.log_softmax(logits / 0.7, -1).gather(1, torch.tensor(draft.ids)[:, None]).squeeze(1)
        torch.testing.assert_close(torch.tensor(draft.logprobs), logs, rtol=0, atol=1e-4)
