"""Conversation to tokens, with and without a chat template."""

from __future__ import annotations

CHAT = [{"role": "system", "content": "be brief"}, {"role": "user", "content": "hello world"}]


def test_own_template_is_used_and_its_hash_is_stable(llama):
    text = llama.tokenizer.decode(llama.template.prompt_ids(CHAT))
    assert (
        text
        == "<|im_start|>system\nbe brief<|im_end|>\n<|im_start|>user\nhello world<|im_end|>\n<|im_start|>assistant\n"
    )
    assert llama.template.own
    assert len(llama.template.hash) == 16


def test_a_model_without_a_template_gets_a_plain_one(gpt2):
    text = gpt2.tokenizer.decode(gpt2.template.prompt_ids(CHAT))
    assert text == "be brief\n\nUser: hello world\nAssistant:"
    assert not gpt2.template.own


def test_an_answer_ends_with_the_end_token_and_round_trips(llama, gpt2):
    for loaded in (llama, gpt2):
        ids = loaded.template.answer_ids("a kind answer, 你好")
        assert ids[-1] == loaded.template.end_id
        assert loaded.template.text_of(ids) == "a kind answer, 你好"


def test_limits_cut_the_right_ends(llama):
    full = llama.template.prompt_ids(CHAT)
    assert llama.template.prompt_ids(CHAT, 5) == full[-5:]
    cut = llama.template.answer_ids("a kind answer to a long question", 4)
    assert len(cut) == 4
    assert cut[-1] == llama.template.end_id


def test_pad_is_not_the_end_token(llama):
    assert llama.tokenizer.pad_token_id != llama.tokenizer.eos_token_id


def test_a_character_that_was_cut_in_two_is_left_out(llama):
    ids = llama.tokenizer("你好", add_special_tokens=False)["input_ids"]
    assert llama.template.text_of(ids[:-1]) == "你"
