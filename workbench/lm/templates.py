"""From a conversation to tokens: the template that was chosen, the model's own, or a plain one where it has none."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from transformers import PreTrainedTokenizerBase

from ..errors import WorkbenchError
from ..feedback.base import Message
from .formats import PLAIN, digest, in_order
from .rendering import render

_TURNS = ({"role": "user", "content": "QuestionText"}, {"role": "assistant", "content": "AnswerText"})


class Template:
    """How a conversation becomes the tokens that a model is given. `chosen`: a template in the place of its own."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, chosen: str = "") -> None:
        self.tokenizer = tokenizer
        self.chosen = chosen
        text = chosen or own_text(tokenizer)
        self.own = bool(text)
        self.text = text or PLAIN
        self.hash = digest(self.text)

    def prompt_ids(self, messages: Sequence[Message], limit: int | None = None) -> list[int]:
        """Token ids of the conversation up to where the answer begins. `limit` cuts the beginning off.

        Raises WorkbenchError when the template refuses the conversation.
        """
        ids = self.ids_of(self.prompt_text(messages))
        return ids[-limit:] if limit else ids

    def prompt_text(self, messages: Sequence[Message], begins: bool = True) -> str:
        """The conversation as the template writes it; begins: up to where the answer begins."""
        return render(self.tokenizer, self.text, messages, begins)

    def ids_of(self, text: str) -> list[int]:
        """Token ids of a text that has its special tokens already."""
        return list(self.tokenizer(text, add_special_tokens=False)["input_ids"])  # type: ignore[arg-type]

    def answer_ids(self, text: str, limit: int | None = None) -> list[int]:
        """Token ids of an answer with its end token. `limit` cuts the end off, but keeps the end token."""
        ids = self.ids_of(self._lead + text)
        if limit is not None:
            ids = ids[: max(limit - 1, 0)]
        return [*ids, self.end_id]

    @property
    def end_id(self) -> int:
        """The token that ends an answer: the one that ends it within a conversation, or else the model's end token."""
        return self._answer[1]

    @property
    def _lead(self) -> str:
        return self._answer[0]

    @cached_property
    def _answer(self) -> tuple[str, int]:
        """What stands before an answer where the prompt has ended, and the token that ends it: as in a conversation."""
        end = self.tokenizer.eos_token_id
        usual = int(end[0] if isinstance(end, list) else end)  # type: ignore[arg-type]
        try:
            before = self.prompt_text(_TURNS[:1])
            _, found, rest = self.prompt_text(_TURNS, begins=False).partition(before)
            lead, answered, after = rest.partition(_TURNS[1]["content"])
        except WorkbenchError:  # told where a conversation is refused that a person has
            return "", usual
        if not (found and answered):
            return "", usual
        spaced = lead == " " and not str(self.tokenizer.tokenize("a")[0]).startswith("\u2581")
        ids = self.ids_of(after[:64])
        return " " * spaced, ids[0] if ids and ids[0] in special_ids(self.tokenizer) else usual

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of an answer's tokens, without special tokens.

        A character may span tokens; one that the longest answer cut in two is left out.
        """
        text = str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).rstrip("\ufffd")
        return text.removeprefix(self._lead)

    def save_tokenizer(self, folder: Path) -> None:
        """Write the tokenizer with the template that is used, so that other programs use it too."""
        before = self.tokenizer.chat_template
        try:
            self.tokenizer.chat_template = self.chosen or before
            self.tokenizer.save_pretrained(folder)
        finally:
            self.tokenizer.chat_template = before


def own_text(tokenizer: Any) -> str:
    """The template that a tokenizer brings; the one called "default" where it brings several. "" for none."""
    found = tokenizer.chat_template
    if isinstance(found, dict):
        return next(iter(in_order(found).values()), "")
    return str(found or "")


def special_ids(tokenizer: Any) -> set[int]:
    """Tokens that no text stands for."""
    added = {id_ for id_, token in tokenizer.added_tokens_decoder.items() if token.special}
    return added | set(tokenizer.all_special_ids)
