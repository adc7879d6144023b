"""The judgements that contradict one another, looked for beside the window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from ..events import Event, Finished
from ..feedback.base import Rules
from ..feedback.converting import convert
from ..jobs.preparing import project_rules
from ..store import Store
from .context import Context
from .work import Work


class Conflicts(QObject):
    """Looks for judgements that say A is better than B where others say B is better than A."""

    found = Signal(object)
    """Their ids."""

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(lambda summary: self.found.emit(summary["ids"]))
        self._work.failed.connect(context.tell)

    def look(self) -> None:
        """Look for them; `found` follows."""
        if not self._work.busy:
            self._work.start(_looking)


def _looking(store: Store) -> Iterator[Event]:
    yield Finished({"ids": conflicting(store, project_rules(store))})


def conflicting(store: Store, rules: Rules) -> tuple[str, ...]:
    """The ids of all judgements that another one contradicts under the project's rules, in their order."""
    judgements = store.feedback.judgements()
    pairs = convert(judgements, replace(rules, merge_votes=False)).pairs
    winners: dict[tuple[str, frozenset[str]], set[str]] = {}
    keys = [(pair.prompt_id, frozenset((pair.chosen, pair.rejected))) for pair in pairs]
    for key, pair in zip(keys, pairs, strict=True):
        winners.setdefault(key, set()).add(pair.chosen)
    against = {
        source for key, pair in zip(keys, pairs, strict=True) if len(winners[key]) > 1 for source in pair.sources
    }
    return tuple(judgement.id for judgement in judgements if judgement.id in against)
