"""From a conversation to tokens: the model's own chat template where it has one, a plain one where not (GPT-2)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from jinja2 import TemplateError
from transformers import PreTrainedTokenizerBase

from ..errors import WorkbenchError
from ..feedback.base import Message

PLAIN = (
    "{% for message in messages %}{% if message['role'] == 'system' %}{{ message['content'] + '\n\n' }}"
    "{% else %}{{ message['role'].capitalize() + ': ' + message['content'] + '\n' }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'Assistant:' }}{% endif %}"
)
"""For models that were never taught a chat format."""


class Template:
    """How a conversation becomes the tokens that a model is given."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self.own = bool(tokenizer.chat_template)
        self.text = str(tokenizer.chat_template) if self.own else PLAIN
        self.hash = hashlib.sha256(self.text.encode()).hexdigest()[:16]

    def prompt_ids(self, messages: Sequence[Message], limit: int | None = None) -> list[int]:
        """Token ids of the conversation up to where the answer begins. `limit` cuts the beginning off.

        Raises WorkbenchError when the template refuses the conversation.
        """
        try:
            text = self.tokenizer.apply_chat_template(
                [dict(message) for message in messages],
                chat_template=self.text,
                add_generation_prompt=True,
                tokenize=False,
            )
        except TemplateError as error:
            raise WorkbenchError(
                f"The chat template refuses this conversation: {error}.",
                "Remove the system text, or change the template.",
            ) from error
        ids = self.tokenizer(str(text), add_special_tokens=False)["input_ids"]
        return list(ids)[-limit:] if limit else list(ids)

    def answer_ids(self, text: str, limit: int | None = None) -> list[int]:
        """Token ids of an answer with its end token. `limit` cuts the end off, but keeps the end token."""
        lead = text if self.own else f" {text}"
        ids = list(self.tokenizer(lead, add_special_tokens=False)["input_ids"])
        if limit is not None:
            ids = ids[: max(limit - 1, 0)]
        return [*ids, self.end_id]

    @property
    def end_id(self) -> int:
        """The token that ends an answer."""
        end = self.tokenizer.eos_token_id
        return int(end[0] if isinstance(end, list) else end)  # type: ignore[arg-type]

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of an answer's tokens, without special tokens.

        A character may span tokens; one that the longest answer cut in two is left out.
        """
        text = str(self.tokenizer.decode(list(ids), skip_special_tokens=True)).rstrip("\ufffd")
        return text if self.own else text.removeprefix(" ")
