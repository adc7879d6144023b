"""Known chat formats as templates of our own, and a model's own template read from its files. No torch.

Templates are written for how transformers compiles them: a line with nothing but a {% block %} leaves no trace.
"""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ..errors import WorkbenchError
from .gguf_header import read_header
from .refs import ModelRef

log = logging.getLogger(__name__)

OWN = "own"
"""Name of the choice of what the model brings; "own/NAME" where it brings several."""
EDITED = "edited"
"""Name of the choice of a text that a person wrote."""

PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}"
    "{% else %}{{ message['role'].capitalize() + ': ' + message['content'] + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""For models that were never taught a chat format."""

LIKE_SPECIAL = r"<\|[\w.-]{1,40}\|>|<(?:start|end)_of_turn>|\[/?INST\]"
"""What people take for special tokens in a template."""

_CHATML = r"""{% for message in messages %}
{{- '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' -}}
{% endfor %}
{% if add_generation_prompt %}
{{- '<|im_start|>assistant\n' -}}
{% endif %}
"""

_LLAMA_3 = r"""{{- bos_token -}}
{% for message in messages %}
{{- '<|start_header_id|>' + message['role'] + '<|end_header_id|>\n\n' -}}
{{- message['content'] | trim + '<|eot_id|>' -}}
{% endfor %}
{% if add_generation_prompt %}
{{- '<|start_header_id|>assistant<|end_header_id|>\n\n' -}}
{% endif %}
"""

_GEMMA = r"""{{- bos_token -}}
{% set opening = '' %}
{% if messages[0]['role'] == 'system' %}
{% set opening = messages[0]['content'] + '\n\n' %}
{% endif %}
{% for message in messages if message['role'] != 'system' %}
{% set name = 'model' if message['role'] == 'assistant' else message['role'] %}
{{- '<start_of_turn>' + name + '\n' + (opening if loop.first else '') -}}
{{- message['content'] | trim + '<end_of_turn>\n' -}}
{% endfor %}
{% if add_generation_prompt %}
{{- '<start_of_turn>model\n' -}}
{% endif %}
"""

_MISTRAL = r"""{{- bos_token -}}
{% set opening = '' %}
{% if messages[0]['role'] == 'system' %}
{% set opening = messages[0]['content'] + '\n\n' %}
{% endif %}
{% for message in messages if message['role'] != 'system' %}
{% if message['role'] == 'user' %}
{{- '[INST] ' + (opening if loop.first else '') + message['content'] + '[/INST]' -}}
{% else %}
{{- ' ' + message['content'] | trim -}}
{{- eos_token -}}
{% endif %}
{% endfor %}
"""

_PHI_3 = r"""{% for message in messages %}
{{- '<|' + message['role'] + '|>\n' + message['content'] + '<|end|>\n' -}}
{% endfor %}
{% if add_generation_prompt %}
{{- '<|assistant|>\n' -}}
{% endif %}
"""

_ALPACA = r"""{% for message in messages %}
{% if message['role'] == 'system' %}
{{- message['content'] + '\n\n' -}}
{% elif message['role'] == 'user' %}
{{- '### Instruction:\n' + message['content'] + '\n\n' -}}
{% else %}
{{- '### Response:\n' + message['content'] -}}
{{- eos_token -}}
{{- '\n\n' -}}
{% endif %}
{% endfor %}
{% if add_generation_prompt %}
{{- '### Response:\n' -}}
{% endif %}
"""


@dataclass(frozen=True)
class Format:
    """A known format: its name on the command line, what people call it, its template, and what it is known by."""

    name: str
    title: str
    text: str
    marks: tuple[str, ...]


FORMATS: dict[str, Format] = {
    each.name: each
    for each in (
        Format("chatml", "ChatML", _CHATML, ("<|im_start|>", "<|im_end|>")),
        Format("llama3", "Llama 3", _LLAMA_3, ("<|start_header_id|>", "<|eot_id|>")),
        Format("gemma", "Gemma", _GEMMA, ("<start_of_turn>", "<end_of_turn>")),
        Format("mistral", "Mistral", _MISTRAL, ("[INST]", "[/INST]")),
        Format("phi3", "Phi 3", _PHI_3, ("<|end|>",)),
        Format("alpaca", "Alpaca", _ALPACA, ("### Instruction", "### Response")),
        Format("plain", "Plain", PLAIN, ("{{ 'Assistant:' }}",)),
    )
}


def digest(text: str) -> str:
    """What is stored of a template with every answer."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def kind_of(text: str) -> Format | None:
    """The known format that a template writes, told by its marks; None for one of its own kind."""
    if not text:
        return FORMATS["plain"]
    return next((each for each in FORMATS.values() if all(mark in text for mark in each.marks)), None)


def own_templates(ref: ModelRef) -> dict[str, str]:
    """The templates that a base brings, by name, in the order in which transformers prefers them: the first is used.

    Empty where it brings none, or its files do not tell. What a base's files hold is a stranger's text.
    """
    path = Path(ref.base).expanduser()
    try:
        found = _of_gguf(path) if ref.format == "gguf" else _of_folder(path)
    except (OSError, WorkbenchError, ValueError, RecursionError, AttributeError, KeyError, TypeError) as error:
        log.info("no template is read from %s: %s", path, error)
        return {}
    return in_order(found)


def in_order(found: Mapping[str, str]) -> dict[str, str]:
    """Named templates with the one first that is used when none is named."""
    first = [name for name in ("default",) if name in found]
    return {name: str(found[name]) for name in [*first, *sorted(set(found) - {*first})] if found[name]}


def _of_gguf(path: Path) -> dict[str, str]:
    values, _ = read_header(path)
    text = values.get("tokenizer.chat_template")
    return {"default": text} if isinstance(text, str) else {}


def _of_folder(path: Path) -> dict[str, str]:
    """Files of templates, or else what the tokenizer's configuration says."""
    found = {each.stem: each.read_text(encoding="utf-8") for each in path.glob("additional_chat_templates/*.jinja")}
    if (path / "chat_template.jinja").is_file():
        found["default"] = (path / "chat_template.jinja").read_text(encoding="utf-8")
    if found:
        return found
    said = json.loads((path / "tokenizer_config.json").read_text(encoding="utf-8")).get("chat_template")
    if isinstance(said, list):
        return {str(each["name"]): str(each["template"]) for each in said}
    return {"default": said} if isinstance(said, str) else {}
