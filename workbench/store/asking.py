"""A question over a person's own documents: the prompt with the passages that fit, and where its answers come from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from ..errors import WorkbenchError
from .citing import Sources, sources
from .filling import asked, fill
from .records import Prompt, Response
from .retrieving import BUDGET, PASSAGES, Passage, numbered, retrieve
from .task_templates import Template, find
from .words import rough_tokens

if TYPE_CHECKING:
    from .store import Store

TEMPLATE = "answer-documents"
LEAST = 100
"""Tokens of passages that a question is given however small the model is."""


def ask(
    store: Store,
    question: str,
    document_ids: Sequence[str] | None = None,
    *,
    most: int = PASSAGES,
    budget: int = BUDGET,
    by: object = None,
) -> tuple[Prompt, list[Passage]]:
    """Add the prompt of a question, with the passages that it is to be answered from, and return both.

    The same question over the same passages is the same prompt. Raises WorkbenchError when there is nothing to answer
    it from.
    """
    passages = found(store, question, document_ids, most=most, budget=budget)
    values = {"question": question.strip(), "passages": numbered(passages)}
    given = [passage.to_json() for passage in passages]
    prompt, _ = fill(store, find(TEMPLATE), values, given=given, source="documents", by=by)
    return prompt, passages


def found(
    store: Store, question: str, document_ids: Sequence[str] | None = None, *, most: int, budget: int
) -> list[Passage]:
    """The passages for a question. Raises WorkbenchError when there are none."""
    if not question.strip():
        raise WorkbenchError("The question is empty.", "Type one.")
    if not store.documents.list():
        raise WorkbenchError("The project has no documents.", "Add some: text, Markdown, HTML or PDF.")
    passages = retrieve(store, question, document_ids, most=most, budget=budget)
    if not passages:
        raise WorkbenchError("No document has a word of this question.", "Ask in the words of your documents.")
    return passages


def budget_for(context: int, longest_answer: int) -> int:
    """Tokens of passages that a model with this context can be given beside the question and its answer; 0: unknown."""
    if not context:
        return BUDGET
    system, turns = asked(find(TEMPLATE), {"question": "-" * 200, "passages": "-"})
    around = rough_tokens(system + turns[0]["content"])
    return max(LEAST, min(BUDGET, context - longest_answer - around))


def template_of(store: Store, prompt: Prompt) -> Template | None:
    """The template that a prompt was made of; None for one that was typed or imported, or whose template is gone."""
    filling = store.fillings.of(prompt.id)
    if filling is None:
        return None
    try:
        return find(filling.template, store)
    except WorkbenchError:
        return None


def given_to(store: Store, prompt_id: str) -> list[Passage]:
    """The passages that a prompt holds, in the order of their numbers."""
    filling = store.fillings.of(prompt_id)
    return [Passage.of(each) for each in filling.given] if filling else []


def sources_of(store: Store, response: Response) -> Sources:
    """Where an answer comes from; nothing for one that was given no passages."""
    return sources(response.text, given_to(store, response.prompt_id))
