"""Tokens of a conversation, each with whose it is: the template's, or that of one of the messages."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..feedback.base import Message
from .templates import Template

TEMPLATE = -1
"""Whose a token is that stands in no message."""
_FROM, _TO = "\ue000", "\ue001"
"""Marks round a message's text; of the private use area, so that no text has them."""

Span = tuple[int, int, int]
"""(begin, end, number of the message)."""


def owners(template: Template, messages: Sequence[Message], ids: Sequence[int]) -> list[int]:
    """For each token of the prompt the number of the message that it holds text of, or TEMPLATE."""
    text = template.prompt_text(messages)
    spans = _spans(template, messages, text)
    places = _places(template, text, ids)
    return [_owner(begin, end, spans) for begin, end in places]


def _owner(begin: int, end: int, spans: Sequence[Span]) -> int:
    return next((number for first, last, number in spans if begin < last and end > first), TEMPLATE)


def _spans(template: Template, messages: Sequence[Message], text: str) -> list[Span]:
    """Where the messages stand in the rendered text: by marks round them, or by looking for them one after another
    where the template makes something else of marked text."""
    marked = [{"role": each["role"], "content": _marked(each["content"])} for each in messages]
    found, plain = _unmarked(template.prompt_text(marked))
    return found if plain == text else list(_searched(messages, text))


def _marked(content: str) -> str:
    """The marks inside the white space at the ends, which templates cut off."""
    inner = content.strip()
    if not inner or _FROM in content or _TO in content:
        return content
    at = content.index(inner)
    return f"{content[:at]}{_FROM}{inner}{_TO}{content[at + len(inner) :]}"


def _unmarked(text: str) -> tuple[list[Span], str]:
    """The spans of what was marked, numbered as they come, and the text without the marks."""
    spans: list[Span] = []
    parts = text.split(_FROM)
    plain = parts[0]
    for part in parts[1:]:
        inner, _, rest = part.partition(_TO)
        spans.append((len(plain), len(plain) + len(inner), len(spans)))
        plain += inner + rest
    return spans, plain


def _searched(messages: Sequence[Message], text: str) -> Iterator[Span]:
    after = 0
    for number, message in enumerate(messages):
        inner = message["content"].strip()
        begin = text.find(inner, after) if inner else -1
        if begin >= 0:
            after = begin + len(inner)
            yield begin, after, number


def _places(template: Template, text: str, ids: Sequence[int]) -> list[tuple[int, int]]:
    """Where each token's text begins and ends."""
    if template.tokenizer.is_fast:
        found = template.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
        return [(int(begin), int(end)) for begin, end in found["offset_mapping"]]
    places, at = [], 0
    for count in range(len(ids)):  # tokenizers without places: by what the tokens say together
        said = len(str(template.tokenizer.decode(list(ids[: count + 1]), skip_special_tokens=False)))
        places.append((at, max(at, said)))
        at = places[-1][1]
    return places
