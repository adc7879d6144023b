"""Prompt and answers of a record whose fields were named by somebody else."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from ...feedback.base import Message
from .items import Item, Unfit, asked, conversation, messages_of, text_of, user

_PROMPTS = (
    "prompt",
    "instruction",
    "question",
    "messages",
    "chat",
    "conversation",
    "query",
    "input",
    "context",
    "text",
)
_SYSTEMS = ("system", "system_prompt")
_ANSWER = re.compile(
    r"(?:(?:model|assistant|generated)[_ -]?)?"
    r"(?:response|completion|answer|generation|output|reply|candidate|summary|text)"
    r"(?:[_ -]?\d{1,2}|[_ -][a-z]|(?-i:[A-Z]))?|chosen|rejected",
    re.IGNORECASE,
)
_LISTS = ("responses", "answers", "completions", "candidates", "generations", "items")


def prompt_in(fields: Mapping[str, Any]) -> tuple[str, tuple[Message, ...], str]:
    """System text, turns, and the name of the field that they are in. Raises Unfit when there is none."""
    name = next((name for name in _PROMPTS if fields.get(name) is not None), "")
    if not name:
        raise Unfit(f"There is no field for the prompt, such as {', '.join(_PROMPTS[:3])}.")
    system = next((text_of(fields, system) for system in _SYSTEMS if fields.get(system) is not None), "")
    if isinstance(fields[name], list):
        inside, turns = conversation(fields[name], name)
        return inside or system, turns, name
    about = text_of(fields, "input", "") if name in ("prompt", "instruction") else ""
    return system, user(asked(text_of(fields, name), about)), name


def answers_in(fields: Mapping[str, Any], prompt: str) -> dict[str, str]:
    """The answers by name, in the order of the fields, or of the one field that lists them."""
    for name in _LISTS:
        if isinstance(fields.get(name), list):
            return dict(_listed(fields[name], name))
    taken = {prompt, "input", *_SYSTEMS}
    return {
        name: text
        for name, text in fields.items()
        if name not in taken and isinstance(text, str) and _ANSWER.fullmatch(name)
    }


def _listed(items: list[Any], name: str) -> list[tuple[str, str]]:
    found = []
    for number, item in enumerate(items, 1):
        if isinstance(item, str):
            found.append((f"{name}_{number}", item))
        elif isinstance(item, dict):
            texts = [item[key] for key in ("text", "body", "content", "title") if isinstance(item.get(key), str)]
            if not texts or not isinstance(item.get("id"), str | int):
                raise Unfit(f"{name} holds an item without an id or a text.")
            found.append((str(item["id"]), texts[0]))
        else:
            raise Unfit(f"{name} is not a list of answers.")
    return found


def written(item: Item, answers: Mapping[str, str]) -> dict[str, Any]:
    """The fields of our own records."""
    return {"prompt": messages_of(item), **answers}
