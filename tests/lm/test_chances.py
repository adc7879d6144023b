"""What a model thought of each token of a text."""

from __future__ import annotations

import pytest
import torch

from workbench.lm.chances import ALTERNATIVES, chances

PROMPT = [{"role": "user", "content": "hello"}]


@pytest.mark.parametrize("name", ["llama", "gpt2"])
@pytest.mark.parametrize("text", ["the quick brown fox", "日本 \U0001f600 naïve\n\n  two", "a"])
def test_chances_are_those_of_a_plain_forward_pass(name, text, request):
    loaded = request.getfixturevalue(name)
    found = chances(loaded, PROMPT, text)
    prompt, ids = loaded.template.prompt_ids(PROMPT), loaded.template.answer_ids(text)[:-1]
    with torch.no_grad():
        p = loaded.causal(torch.tensor([prompt + ids])).logits[0, len(prompt) - 1 : -1].softmax(-1)
    assert [each.p for each in found] == pytest.approx([float(row[id_]) for row, id_ in zip(p, ids, strict=True)], 1e-3)
    assert "".join(each.text for each in found) == text
    for each, row in zip(found, p, strict=True):
        assert len(each.others) == ALTERNATIVES
        assert [value for _, value in each.others] == pytest.approx(row.topk(ALTERNATIVES).values.tolist(), 1e-3)


def test_an_empty_text_has_none(llama):
    assert chances(llama, PROMPT, "") == []
