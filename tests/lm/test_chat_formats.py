"""Which of the known chat formats a template writes, and the Go template that Ollama gets for it."""

from __future__ import annotations

import pytest

from tests import tiny
from tests.lm import gguf_models
from workbench.lm.chat_formats import FORMATS, known_format
from workbench.lm.templates import Template

EACH = "{% for message in messages %}"
SMOL = (
    "{% for message in messages %}{% if loop.first and messages[0]['role'] != 'system' %}"
    "{{ '<|im_start|>system\nYou are small<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
LLAMA = (
    "{{ bos_token }}" + EACH + "{{ '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' "
    "+ message['content'] | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\n\n' }}{% endif %}"
)
GEMMA = (
    "{{ bos_token }}{% if messages[0]['role'] == 'system' %}{{ raise_exception('no system') }}{% endif %}"
    + EACH
    + "{{ '<start_of_turn>' + ('model' if message['role'] == 'assistant' else 'user') + '\n' + message['content'] "
    "+ '<end_of_turn>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
MISTRAL = (
    "{{ bos_token }}"
    + EACH
    + "{% if message['role'] == 'system' %}{{ raise_exception('no system') }}"
    + "{% elif message['role'] == 'user' %}{{ '[INST] ' + message['content'] + '[/INST]' }}"
    + "{% else %}{{ ' ' + message['content'] + eos_token }}{% endif %}{% endfor %}"
)
PHI = (
    EACH + "{{ '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\n' }}{% endif %}"
)
OWN = EACH + "{{ '## ' + message['role'] + ': ' + message['content'] + '\n' }}{% endfor %}"


@pytest.fixture(scope="module")
def tokenizer():
    return gguf_models.pieces()


def known(tokenizer, text):
    tokenizer.chat_template = text
    return known_format(Template(tokenizer))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        (tiny.CHAT, "ChatML"), (SMOL, "ChatML"), (LLAMA, "Llama 3"), (GEMMA, "Gemma"), (MISTRAL, "Mistral"),
        (PHI, "Phi 3"), (None, "plain"),
    ],
)  # fmt: skip
def test_known_formats_are_found_by_what_they_write(tokenizer, text, name):
    found = known(tokenizer, text)
    assert found is not None and found.format.name == name
    assert found.system == ("You are small" if text == SMOL else "")
    assert found.begin == ("<s>" if text and "bos_token" in text else "")  # this tokenizer puts none there by itself


def test_a_format_of_its_own_is_left_to_ollama(tokenizer):
    assert known(tokenizer, OWN) is None
    assert known(tokenizer, tiny.CHAT.replace("<|im_end|>", "<|im_end|> ")) is None
    assert known(tokenizer, "{{ raise_exception('no') }}") is None


def test_a_template_that_drops_the_system_text_is_another_format(tokenizer):
    drops = tiny.CHAT.replace("{{ '<|im_start|>'", "{% if message['role'] == 'system' %}{% else %}{{ '<|im_start|>'")
    assert known(tokenizer, drops.replace("{% endfor %}", "{% endif %}{% endfor %}")) is None


def test_the_go_template_of_chatml(tokenizer):
    assert known(tokenizer, tiny.CHAT).go() == (
        '{{ range .Messages }}{{ if eq .Role "system" }}<|im_start|>system\n{{ .Content }}<|im_end|>\n{{ end }}'
        '{{ if eq .Role "user" }}<|im_start|>user\n{{ .Content }}<|im_end|>\n{{ end }}'
        '{{ if eq .Role "assistant" }}<|im_start|>assistant\n{{ .Content }}<|im_end|>\n{{ end }}{{ end }}'
        "<|im_start|>assistant\n"
    )


@pytest.mark.parametrize("format", FORMATS, ids=lambda format: format.name)
def test_every_go_template_closes_what_it_opens_and_holds_its_marks(format):
    text = format.go()
    assert text.count("{{ if") + text.count("{{ range") == text.count("{{ end }}")
    for before, after in format.turns.values():
        assert before in text and after in text
    assert text.endswith(format.asks)


def test_a_system_text_without_a_turn_stands_before_the_first_thing_said():
    gemma = next(format for format in FORMATS if format.name == "Gemma")
    talk = [{"role": "system", "content": "S"}, {"role": "user", "content": "U"}]
    assert gemma.render(talk) == "<start_of_turn>user\nS\n\nU<end_of_turn>\n<start_of_turn>model\n"
    assert '{{ $system := "" }}' in gemma.go() and "{{ $system = .Content }}" in gemma.go()
