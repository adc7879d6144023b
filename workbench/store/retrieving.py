"""A question to the passages of documents that fit it best: any of its words, ranked by bm25, neighbours as one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .documents import text_hash
from .rows import to_json
from .words import rough_tokens, terms

if TYPE_CHECKING:
    from .store import Store

PASSAGES, BUDGET = 4, 1200
"""Passages that a question is given at most, and tokens that they have together, by a guess."""
MOST_TERMS = 64
_HEADING_WEIGHT = 2.0


@dataclass(frozen=True)
class Passage:
    """Passages `first` to `last` of a document, which are one where they are neighbours. score: greater fits better."""

    document_id: str
    document: str
    first: int
    last: int
    heading: str
    text: str
    score: float = 0.0

    def to_json(self) -> dict[str, Any]:
        """As it is kept with the prompt that it was given to: the document may be removed later."""
        plain = {name: value for name, value in vars(self).items() if name != "score"}
        return plain | {"hash": text_hash(self.text)}

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> Passage:
        """From what was kept."""
        return cls(**{name: given[name] for name in ("document_id", "document", "first", "last", "heading", "text")})

    @property
    def title(self) -> str:
        """The document's name, with the headings that the passage stands under."""
        return f"{self.document}, {self.heading}" if self.heading else self.document


def search(store: Store, question: str, document_ids: Sequence[str] | None = None, limit: int = 20) -> list[Passage]:
    """Single passages that hold words of the question, best first. document_ids: only in these."""
    store.documents.index()
    words = terms(question)[:MOST_TERMS]
    if not words:
        return []
    sql = f"""SELECT p.document_id, d.name, p.position, p.heading, p.text,
        -bm25(passage_words, {_HEADING_WEIGHT}, 1.0) AS score
        FROM passage_words w JOIN passages p ON p.id = w.rowid JOIN documents d ON d.id = p.document_id
        WHERE passage_words MATCH :words AND d.removed_at IS NULL
        AND (:ids IS NULL OR d.id IN (SELECT value FROM json_each(:ids)))
        ORDER BY score DESC, d.id, p.position LIMIT :limit"""
    ids = None if document_ids is None else to_json(list(document_ids))
    quoted = " OR ".join('"' + word.replace('"', '""') + '"' for word in words)
    rows = store.rows(sql, {"words": quoted, "ids": ids, "limit": limit})
    return [
        Passage(row["document_id"], row["name"], row["position"], row["position"], row["heading"], row["text"],
                row["score"])
        for row in rows
    ]  # fmt: skip


def retrieve(
    store: Store,
    question: str,
    document_ids: Sequence[str] | None = None,
    *,
    most: int = PASSAGES,
    budget: int = BUDGET,
) -> list[Passage]:
    """The passages to answer a question from: the best `most` that have `budget` tokens together; neighbours are one.

    The best is always among them, however long it is.
    """
    chosen: list[Passage] = []
    left = budget
    for passage in search(store, question, document_ids, limit=most):
        size = rough_tokens(passage.text)
        if chosen and size > left:
            continue
        chosen.append(passage)
        left -= size
    return merged(chosen)


def merged(passages: Sequence[Passage]) -> list[Passage]:
    """Passages that follow one another in a document as one, which stands where the better of them stood."""
    found: list[Passage] = []
    for passage in sorted(passages, key=lambda each: (each.document_id, each.first)):
        before = found[-1] if found else None
        if before is not None and before.document_id == passage.document_id and before.last + 1 == passage.first:
            found[-1] = _joined(before, passage)
        else:
            found.append(passage)
    return sorted(found, key=lambda each: (-each.score, each.document_id, each.first))


def _joined(one: Passage, other: Passage) -> Passage:
    head = f"{other.heading}\n" if other.heading != one.heading and other.heading else ""
    text = f"{one.text}\n\n{head}{other.text}"
    score = max(one.score, other.score)
    return Passage(one.document_id, one.document, one.first, other.last, one.heading, text, score)


def numbered(passages: Sequence[Passage]) -> str:
    """The passages as a prompt has them: each under its number and what it is from."""
    return "\n\n".join(f"[{number}] {each.title}\n{each.text}" for number, each in enumerate(passages, 1))
