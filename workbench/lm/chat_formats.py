"""The chat formats that are widely used, and which of them a model's template writes: as Go templates for Ollama."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .templates import Template

log = logging.getLogger(__name__)

TALK = (
    {"role": "user", "content": "Where is the kettle"},
    {"role": "assistant", "content": "On the shelf"},
    {"role": "user", "content": "And the tea"},
)
SYSTEM = {"role": "system", "content": "Answer in one line"}


@dataclass(frozen=True)
class Format:
    """What stands before and after each turn of a conversation, and what asks for the answer.

    A format that has no turn for a system text puts it, with `joiner` after it, before the first thing that was said.
    """

    name: str
    turns: Mapping[str, tuple[str, str]]
    asks: str
    joiner: str = "\n\n"

    def render(self, messages: Sequence[Mapping[str, str]]) -> str:
        """The text of a conversation up to where the answer begins."""
        text, waits = "", ""
        for message in messages:
            if message["role"] not in self.turns:
                waits = message["content"] + self.joiner
                continue
            before, after = self.turns[message["role"]]
            text += before + waits + message["content"] + after
            waits = ""
        return text + self.asks

    def go(self) -> str:
        """The same as a Go template over Ollama's messages. No mark trims: line ends belong to the format."""
        kept, said = "", "{{ .Content }}"
        if "system" not in self.turns:
            kept = '{{ $system := "" }}'
            said = f'{{{{ if $system }}}}{{{{ $system }}}}{self.joiner}{{{{ $system = "" }}}}{{{{ end }}}}{said}'
        parts = [
            f'{{{{ if eq .Role "{role}" }}}}{before}{said if role == "user" else "{{ .Content }}"}{after}{{{{ end }}}}'
            for role, (before, after) in self.turns.items()
        ]
        if "system" not in self.turns:
            parts.append('{{ if eq .Role "system" }}{{ $system = .Content }}{{ end }}')
        return f"{kept}{{{{ range .Messages }}}}{''.join(parts)}{{{{ end }}}}{self.asks}"


def _same(
    before: str, after: str, roles: Sequence[str] = ("system", "user", "assistant")
) -> dict[str, tuple[str, str]]:
    return {role: (before.format(role=role), after) for role in roles}


FORMATS = (
    Format("ChatML", _same("<|im_start|>{role}\n", "<|im_end|>\n"), "<|im_start|>assistant\n"),
    Format(
        "Llama 3",
        _same("<|start_header_id|>{role}<|end_header_id|>\n\n", "<|eot_id|>"),
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
    ),
    Format("Phi 3", _same("<|{role}|>\n", "<|end|>\n"), "<|assistant|>\n"),
    Format(
        "Gemma",
        {
            "user": ("<start_of_turn>user\n", "<end_of_turn>\n"),
            "assistant": ("<start_of_turn>model\n", "<end_of_turn>\n"),
        },
        "<start_of_turn>model\n",
    ),
    Format("Mistral", {"user": ("[INST] ", "[/INST]"), "assistant": (" ", "</s>")}, ""),
    Format("Mistral, first form", {"user": ("[INST] ", " [/INST]"), "assistant": ("", "</s>")}, ""),
    Format("Mistral, first form, spaced", {"user": ("[INST] ", " [/INST]"), "assistant": (" ", "</s>")}, ""),
    Format(
        "plain",
        {"system": ("", "\n\n"), "user": ("User: ", "\n"), "assistant": ("Assistant: ", "\n")},
        "Assistant:",
    ),
)


@dataclass(frozen=True)
class Known:
    """The format of a model's template. begin: what stands before everything; system: what the template says by
    itself where no system text is given."""

    format: Format
    begin: str = ""
    system: str = ""

    def go(self) -> str:
        """The Go template."""
        return self.begin + self.format.go()


def known_format(template: Template) -> Known | None:
    """Which of the formats the template writes, found by writing a conversation in both. None for none of them."""
    tokenizer = template.tokenizer
    bos = str(tokenizer.bos_token or "")
    adds = bool(bos) and list(tokenizer("a")["input_ids"])[:1] == [tokenizer.bos_token_id]  # type: ignore[arg-type]
    text = _rendered(template, TALK)
    if text is None:
        return None
    # ChatML's first token may be what a text begins with anyway, so both are tried.
    for begin in dict.fromkeys(("", bos if text.startswith(bos) else "")):
        for format in FORMATS:
            system = _own_system(format, text.removeprefix(begin))
            if system is not None and _takes_system(format, template, begin):
                return Known(format, "" if adds else begin, system)
    return None


def _own_system(format: Format, text: str) -> str | None:
    """What the template says by itself ("" for nothing); None where the format is another."""
    if text == format.render(TALK):
        return ""
    before, after = format.turns.get("system", ("", ""))
    if not before or not text.startswith(before) or after not in text:
        return None
    system = text.removeprefix(before).split(after, 1)[0]
    return system if text == format.render([{"role": "system", "content": system}, *TALK]) else None


def _takes_system(format: Format, template: Template, begin: str) -> bool:
    """Whether a system text stands where the format has it; a template may also refuse one."""
    text = _rendered(template, [SYSTEM, *TALK])
    return text is None or text.removeprefix(begin) == format.render([SYSTEM, *TALK])


def _rendered(template: Template, messages: Sequence[Mapping[str, Any]]) -> str | None:
    try:
        return str(
            template.tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                chat_template=template.text,
                add_generation_prompt=True,
                tokenize=False,
            )
        )
    except Exception as error:  # templates are programs of their authors, and raise what they like
        log.info("the template refuses a conversation: %s", error)
        return None
