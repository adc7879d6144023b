"""What a format writes: one shape of row for each kind of thing that can be exported."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .columns import Columns
from .items import Item, Said, Skipped, Unfit, thumb
from .reading import Parsed

WHAT = ("pairs", "labels", "demonstrations", "judgements", "prompts")
"""pairs: which of two answers is better. labels: whether an answer is good. demonstrations: answers to imitate.
judgements: everything that was said, whole. prompts: what was asked."""


@dataclass(frozen=True)
class Shape:
    """How one kind of thing is written as rows, and read again.

    columns: what a table of such rows holds; None where the rows are too different for a table.
    keeps: what the rows hold beside prompt, answers and the bare judgement: "margin", "stars", "who", "comment",
    "reasons", "tags".
    """

    what: str
    write: Callable[[Item], dict[str, Any]]
    read: Callable[[int, dict[str, Any]], Parsed]
    columns: Columns | None = None
    keeps: frozenset[str] = frozenset()

    def row(self, item: Item) -> dict[str, Any]:
        """The item as a row. Raises Unfit when reading the row would not give the same again."""
        if self.what == "labels" and "stars" not in self.keeps:
            item = replace(item, **thumb(item.answers[0], is_good(only(item).value)))
        row = self.write(item)
        try:
            found = self.read(item.row, row)
        except Unfit as unfit:
            raise Unfit(f"Its rows cannot hold this: {unfit}") from unfit
        read = [found] if isinstance(found, Item | Skipped) else list(found)
        if len(read) != 1 or not isinstance(read[0], Item) or self._essence(read[0]) != self._essence(item):
            raise Unfit("Its rows cannot hold this to the letter.")
        return row

    def _essence(self, item: Item) -> tuple[Any, ...]:
        tags = item.tags if "tags" in self.keeps else ()
        return item.system, item.turns, item.answers, tags, tuple(self._of(said) for said in item.said)

    def _of(self, said: Said) -> tuple[Any, ...]:
        value = said.value
        if said.kind == "comparison" and "margin" not in self.keeps:
            value = {"choice": value["choice"]}
        who = said.annotator if "who" in self.keeps else ""
        comment = said.comment if "comment" in self.keeps else ""
        return said.kind, value, said.shown, who, comment, said.reasons if "reasons" in self.keeps else ()


def only(item: Item) -> Said:
    """The one judgement of an item."""
    return item.said[0]


def is_good(value: Mapping[str, Any]) -> bool:
    """Whether one answer was found good: by thumbs, or with 4 or 5 stars. Raises Unfit for 3."""
    if "thumbs" in value:
        return value["thumbs"][0]
    if value["ratings"][0] == 3:
        raise Unfit("Three stars are neither good nor bad.")
    return value["ratings"][0] > 3
