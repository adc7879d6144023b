"""Conversation to tokens, with and without a chat template."""

from __future__ import annotations

import pytest

from tests import tiny
from workbench.errors import WorkbenchError
from workbench.lm import rendering
from workbench.lm.formats import FORMATS, OWN, digest, kind_of, own_templates
from workbench.lm.loading import load_tokenizer, tokenizer_in
from workbench.lm.refs import ModelRef
from workbench.lm.template_checks import check
from workbench.lm.templates import Template
from workbench.lm.token_parts import TEMPLATE, owners

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


TALK = [*CHAT, {"role": "assistant", "content": "hi"}, {"role": "user", "content": "  how are you today?\n"}]


@pytest.mark.parametrize("name", [OWN, *FORMATS])
@pytest.mark.parametrize("messages", [CHAT[1:], CHAT, TALK])
def test_ids_are_those_of_the_librarys_own_call(llama, name, messages):
    words = llama.tokenizer
    template = Template(words, "" if name == OWN else FORMATS[name].text)
    text = template.text if name == OWN else FORMATS[name].text
    wanted = words.apply_chat_template(messages, chat_template=text, add_generation_prompt=True)["input_ids"]
    assert template.prompt_ids(messages) == wanted
    assert template.hash == digest(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("chatml", "<|im_start|>system\nS<|im_end|>\n<|im_start|>user\nA<|im_end|>\n<|im_start|>assistant\nB"
                   "<|im_end|>\n<|im_start|>user\nC<|im_end|>\n<|im_start|>assistant\n"),
        ("llama3", "<|im_start|><|start_header_id|>system<|end_header_id|>\n\nS<|eot_id|><|start_header_id|>user"
                   "<|end_header_id|>\n\nA<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\nB<|eot_id|>"
                   "<|start_header_id|>user<|end_header_id|>\n\nC<|eot_id|><|start_header_id|>assistant"
                   "<|end_header_id|>\n\n"),
        ("gemma", "<|im_start|><start_of_turn>user\nS\n\nA<end_of_turn>\n<start_of_turn>model\nB<end_of_turn>\n"
                  "<start_of_turn>user\nC<end_of_turn>\n<start_of_turn>model\n"),
        ("mistral", "<|im_start|>[INST] S\n\nA[/INST] B<|im_end|>[INST] C[/INST]"),
        ("phi3", "<|system|>\nS<|end|>\n<|user|>\nA<|end|>\n<|assistant|>\nB<|end|>\n<|user|>\nC<|end|>\n"
                 "<|assistant|>\n"),
        ("alpaca", "S\n\n### Instruction:\nA\n\n### Response:\nB<|im_end|>\n\n### Instruction:\nC\n\n### Response:\n"),
        ("plain", "S\n\nUser: A\nAssistant: B\nUser: C\nAssistant:"),
    ],
)  # fmt: skip
def test_each_format_writes_what_its_models_know(llama, name, text):
    said = [
        {"role": role, "content": word}
        for role, word in zip(("system", "user", "assistant", "user"), "SABC", strict=True)
    ]
    assert Template(llama.tokenizer, FORMATS[name].text).prompt_text(said) == text
    assert kind_of(FORMATS[name].text) is FORMATS[name]
    assert not [each for each in check(llama.tokenizer, FORMATS[name].text) if "is no token" not in each]


def test_the_one_called_default_is_used_of_several(tmp_path, llama_folder):
    words = load_tokenizer(ModelRef(str(llama_folder)))
    words.chat_template = {"tool_use": "tools {{ messages[0]['content'] }}", "default": tiny.CHAT}
    assert Template(words).text == tiny.CHAT
    words.save_pretrained(tmp_path)
    assert list(own_templates(ModelRef(str(tmp_path)))) == ["default", "tool_use"]
    assert Template(tokenizer_in(tmp_path)).text == tiny.CHAT
    words.save_pretrained(tmp_path / "old", save_jinja_files=False)
    assert own_templates(ModelRef(str(tmp_path / "old")))["tool_use"].startswith("tools")


def test_what_a_model_brings_is_read_from_its_files(tmp_path, llama_folder, gpt2_folder):
    file = tiny.gguf(tmp_path, llama_folder)
    assert own_templates(ModelRef(str(llama_folder))) == {"default": tiny.CHAT}
    assert own_templates(ModelRef(str(file), "gguf")) == {"default": tiny.CHAT}
    assert own_templates(ModelRef(str(gpt2_folder))) == {} == own_templates(ModelRef(str(tmp_path / "none")))


def test_an_answer_begins_and_ends_as_in_a_conversation(llama, gpt2):
    end, ours = llama.tokenizer.convert_tokens_to_ids("<|endoftext|>"), llama.template.end_id
    other = Template(llama.tokenizer, tiny.CHAT.replace("<|im_end|>", "<|endoftext|>"))
    assert other.answer_ids("hi")[-1] == end != ours
    spaced = Template(gpt2.tokenizer, FORMATS["mistral"].text)
    assert spaced.answer_ids("hi")[:-1] == gpt2.tokenizer(" hi")["input_ids"]
    assert spaced.text_of(spaced.answer_ids("hi")) == "hi"


HOSTILE = {
    "endless": "{% for a in range(99999) %}{% for b in range(99999) %}{% for c in range(99999) %}{% endfor %}"
               "{% endfor %}{% endfor %}{{ messages[0]['content'] }}",
    "huge": "{% for a in range(9999) %}{{ 'x' * 9999 }}{% endfor %}{{ messages[0]['content'] }}",
    "deep": "{% macro again(n) %}{{ again(n + 1) }}{% endmacro %}{{ again(0) }}",
    "outside": "{{ messages.__class__.__mro__[1].__subclasses__() }}",
}  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_template_ends_in_a_sentence(llama, name, monkeypatch):
    monkeypatch.setattr(rendering, "SECONDS", 0.3)
    with pytest.raises(WorkbenchError, match="chat template") as caught:
        Template(llama.tokenizer, HOSTILE[name]).prompt_ids(CHAT)
    assert "\n" not in caught.value.text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{% for m in messages %}\n{{ m['content'] }\n{% endfor %}", "Line 2 of the chat template is wrong"),
        ("{% for m in messages %}", "Unexpected end of template"),
        ("hello", "leaves out what the user says"),
        ("{{ messages[-1]['content'] }}", "leaves out a part of what the user says"),
        ("{{ raise_exception('No.') }}", "refuses this conversation: No"),
        ("{{ messages[0]['content'] + 1 }}", "refuses this conversation"),
        (tiny.CHAT[: tiny.CHAT.index("{% if add")], "no place where the answer begins"),
        ("   ", "is empty"),
        ("x" * 300_000, "has 300,000 characters"),
    ],
)
def test_a_template_that_cannot_be_used_is_told_in_words(llama, text, said):
    with pytest.raises(WorkbenchError, match=said):
        check(llama.tokenizer, text)


def test_what_to_know_of_a_template_that_can_be_used(llama):
    assert check(llama.tokenizer, tiny.CHAT) == []
    without = "{% if messages[0]['role'] == 'system' %}{{ raise_exception('none') }}{% endif %}" + tiny.CHAT
    assert check(llama.tokenizer, without) == ["It refuses a system text."]
    foreign = check(llama.tokenizer, FORMATS["llama3"].text)
    assert foreign[0].startswith("<|start_header_id|> is no token of this model: it reads it as ")


@pytest.mark.parametrize("text", ["", FORMATS["llama3"].text, FORMATS["gemma"].text])
def test_each_token_is_the_templates_or_a_messages(llama, text):
    template = Template(llama.tokenizer, text)
    ids = template.prompt_ids(TALK)
    whose = owners(template, TALK, ids)
    assert len(whose) == len(ids)
    for number, message in enumerate(TALK):
        said = llama.tokenizer.decode([id_ for id_, each in zip(ids, whose, strict=True) if each == number])
        assert message["content"].strip() in said
        assert len(said) <= len(message["content"]) + 1
    special = set(llama.tokenizer.all_special_ids)
    assert all(each == TEMPLATE for id_, each in zip(ids, whose, strict=True) if id_ in special)


def test_a_word_of_the_template_is_not_taken_for_the_persons(llama):
    said = [{"role": "user", "content": "user"}]
    ids = llama.template.prompt_ids(said)
    places = [place for place, each in enumerate(owners(llama.template, said, ids)) if each == 0]
    text = llama.tokenizer.decode(ids[: places[0]])
    assert text == "<|im_start|>user\n"
