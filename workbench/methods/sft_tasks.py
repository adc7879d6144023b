"""What a task measures of the answers that a model writes to held-out prompts, each token the likeliest."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from ..evaluation.text_metrics import bleu, chrf, exact_match, rouge, token_f1
from ..feedback.base import Demonstration, Message

if TYPE_CHECKING:
    from ..lm.loading import Loaded

QUESTIONS, TRANSLATION = "question answering", "translation"
TASKS = ("none", QUESTIONS, TRANSLATION)
LONGEST = 256
"""Tokens of an answer, at most; fewer where all right answers are shorter."""


def figures(task: str, said: Sequence[str], references: Sequence[Sequence[str]]) -> dict[str, float]:
    """The task's figures of answers, each with the answers that are right. Where several are, texts are compared with
    the first."""
    first = [each[0] for each in references]
    if task == TRANSLATION:
        return {"bleu": bleu(said, first), "chrf": chrf(said, first)}
    pairs = list(zip(said, references, strict=True))
    return {
        "exact_match": sum(exact_match(*pair) for pair in pairs) / len(pairs),
        "f1": sum(token_f1(*pair) for pair in pairs) / len(pairs),
        "rougeL": rouge(said, first)["rougeL"],
    }


def measured(
    task: str, loaded: Loaded, items: Sequence[Demonstration], most: int, limit: int, check: Callable[[], None]
) -> dict[str, float]:
    """The task's figures on the first `most` prompts of `items`; prompt and answer have `limit` tokens together."""
    from ..lm.generating import Sampler, sample_all

    asked: dict[str, tuple[tuple[Message, ...], list[str]]] = {}
    for item in items:
        if item.prompt_id in asked or len(asked) < most:
            asked.setdefault(item.prompt_id, (item.messages, []))[1].append(item.text)
    template = loaded.template
    right = [len(template.answer_ids(text)) for _, texts in asked.values() for text in texts]
    new = min(LONGEST, max(right), limit // 2)
    prompts = [template.prompt_ids(messages, limit - new) for messages, _ in asked.values()]
    sampler = Sampler(temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=new)
    drafts = sample_all(loaded, prompts, sampler, [0] * len(prompts), check=check)
    said = [template.text_of(draft.ids).strip() for draft in drafts]
    return figures(task, said, [texts for _, texts in asked.values()])
