"""What the store holds, as items to write: what judgements teach, or the judgements themselves."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from ...feedback import ASIDE
from ...feedback.base import Label, Message, Rules
from ...feedback.converting import convert
from .items import Item, Said, preference, reference, thumb

if TYPE_CHECKING:
    from ..store import Store

Found = tuple[Item, str]
"""An item, and the split that its prompt belongs to."""


def gather(store: Store, what: str, rules: Rules | None, annotators: Sequence[str] | None) -> Iterator[Found]:
    """Everything of a kind (shapes.WHAT)."""
    return _GATHERERS[what](store, rules, annotators)


def _pairs(store: Store, rules: Rules | None, annotators: Sequence[str] | None) -> Iterator[Found]:
    for pair in convert(store.feedback.judgements(annotators=annotators), rules).pairs:
        system, turns = _divided(pair.messages)
        yield Item(0, turns, system, **preference(pair.chosen, pair.rejected, pair.margin)), pair.split


def _labels(store: Store, rules: Rules | None, annotators: Sequence[str] | None) -> Iterator[Found]:
    for label in convert(store.feedback.judgements(annotators=annotators), rules).labels:
        system, turns = _divided(label.messages)
        yield replace(_labelled(label), turns=turns, system=system), label.split


def _labelled(label: Label) -> Item:
    if label.scale == "thumbs" or label.value not in (1, 2, 3, 4, 5):
        # Stars that are no whole number come from a rubric: there is no rating that says the same.
        return Item(0, (), **thumb(label.text, label.value > (0.5 if label.scale == "thumbs" else 3)))
    said = Said("rating", {"ratings": [int(label.value)]}, (0,))
    return Item(0, (), answers=(label.text,), said=(said,))


def _demonstrations(store: Store, rules: Rules | None, annotators: Sequence[str] | None) -> Iterator[Found]:
    for item in convert(store.feedback.judgements(annotators=annotators), rules).demonstrations:
        system, turns = _divided(item.messages)
        yield Item(0, turns, system, **reference(item.text)), item.split


def _judgements(store: Store, rules: Rules | None, annotators: Sequence[str] | None) -> Iterator[Found]:
    prompts = {prompt.id: prompt for prompt in store.prompts.list()}
    sql = "SELECT id, text FROM responses WHERE id IN (SELECT response_id FROM shown)"
    texts = {row["id"]: row["text"] for row in store.rows(sql)}
    for item in store.feedback.list():
        # Votes of an evaluation measure a model; to set an item aside is no judgement.
        if item.run_id is not None or item.kind in ASIDE or (annotators and item.annotator not in annotators):
            continue
        prompt = prompts[item.prompt_id]
        answers = tuple(texts[id_] for id_ in item.response_ids)
        shown = tuple(range(len(answers)))
        said = Said(item.kind, item.value, shown, item.annotator, item.comment, item.reasons, item.id)
        yield Item(0, prompt.turns, prompt.system, prompt.tags, answers, (said,)), prompt.split
    for item in store.judges.judgements(annotators or ()):
        prompt = prompts[item.prompt_id]
        answers = tuple(answer.text for answer in item.answers)
        said = Said(item.kind, item.value, tuple(range(len(answers))), item.annotator, key=item.id)
        yield Item(0, prompt.turns, prompt.system, prompt.tags, answers, (said,)), prompt.split


def _prompts(store: Store, rules: Rules | None, annotators: Sequence[str] | None) -> Iterator[Found]:
    for prompt in store.prompts.list():
        yield Item(0, prompt.turns, prompt.system, prompt.tags), prompt.split


def _divided(messages: Sequence[Message]) -> tuple[str, tuple[Message, ...]]:
    if messages and messages[0]["role"] == "system":
        return messages[0]["content"], tuple(messages[1:])
    return "", tuple(messages)


_GATHERERS: dict[str, Callable[[Store, Rules | None, Sequence[str] | None], Iterator[Found]]] = {
    "pairs": _pairs,
    "labels": _labels,
    "demonstrations": _demonstrations,
    "judgements": _judgements,
    "prompts": _prompts,
}
