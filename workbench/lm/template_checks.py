"""Is a template fit to be used: does it parse, take usual conversations, keep what people say, let the model begin?"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from ..errors import WorkbenchError
from ..feedback.base import Message
from .formats import LIKE_SPECIAL
from .rendering import HINT, render
from .templates import special_ids

SYSTEM, FIRST, ANSWER, LAST = "SystemText", "FirstQuestion", "FirstAnswer", "LastQuestion"
ONE: tuple[Message, ...] = ({"role": "user", "content": FIRST},)
TALK: tuple[Message, ...] = (
    *ONE,
    {"role": "assistant", "content": ANSWER},
    {"role": "user", "content": LAST},
)


def check(tokenizer: Any, text: str) -> list[str]:
    """What a person should know of a template that can be used. Raises WorkbenchError for one that cannot."""
    if not text.strip():
        raise WorkbenchError("The chat template is empty.", HINT)
    one, talk = render(tokenizer, text, ONE, True), render(tokenizer, text, TALK, True)
    for made, messages in ((one, ONE), (talk, TALK)):
        _check_kept(made, messages)
    _check_beginning(tokenizer, text, one)
    found = [] if ANSWER in talk else ["It leaves out what the model has said before."]
    return [*found, *_about_system(tokenizer, text), *_about_marks(tokenizer, text)]


def _check_kept(made: str, messages: Sequence[Message]) -> None:
    for message in messages:
        if message["role"] == "user" and message["content"] not in made:
            which = "what the user says" if len(messages) == 1 else "a part of what the user says in a longer talk"
            raise WorkbenchError(
                f"The chat template leaves out {which}.", "Write message['content'] where each message's text belongs."
            )


def _check_beginning(tokenizer: Any, text: str, prompt: str) -> None:
    """The prompt must end where an answer stands within a conversation, or say itself where it begins."""
    if prompt != render(tokenizer, text, ONE, False):
        return
    whole = render(tokenizer, text, TALK[:2], False)
    before, answered, _ = whole.partition(ANSWER)
    if answered and not before.removeprefix(prompt).strip() and before.startswith(prompt):
        return
    raise WorkbenchError(
        "The chat template has no place where the answer begins.",
        "Add at its end: {% if add_generation_prompt %} and what stands before an answer {% endif %}.",
    )


def _about_system(tokenizer: Any, text: str) -> list[str]:
    try:
        made = render(tokenizer, text, ({"role": "system", "content": SYSTEM}, *ONE), True)
    except WorkbenchError:
        return ["It refuses a system text."]
    return [] if SYSTEM in made else ["It leaves out the system text."]


def _about_marks(tokenizer: Any, text: str) -> list[str]:
    """What looks like a special token and is none to this model is read letter by letter."""
    known = {tokenizer.convert_ids_to_tokens(id_) for id_ in special_ids(tokenizer)}
    known |= {str(token) for token in tokenizer.added_tokens_decoder.values()}
    found = [mark for mark in dict.fromkeys(re.findall(LIKE_SPECIAL, text)) if mark not in known]
    return [
        f"{mark} is no token of this model: it reads it as {_length(tokenizer, mark)} tokens." for mark in found[:4]
    ]


def _length(tokenizer: Any, text: str) -> int:
    return len(tokenizer(text, add_special_tokens=False)["input_ids"])
