"""Which models write side by side, and how each draws: one to four columns."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from ..store import Model, Store
from .generate_answers import ColumnChoice
from .generate_choices import Kept, first_columns, writing_models
from .generate_sampling import Sampling

MOST_COLUMNS = 4


class ColumnSet(QObject):
    """The columns. `changed` when a model comes, goes or is exchanged; not when only sampling changes."""

    changed = Signal()

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.choices: list[ColumnChoice] = []

    def offered(self) -> list[Model]:
        """Models that a column can have."""
        return writing_models(self._store)

    def samplings(self) -> list[Sampling]:
        """How each column draws."""
        return [choice.sampling for choice in self.choices]

    def begin(self, kept: Kept, loaded: Model | None) -> None:
        """The columns of last time, or the first ones."""
        self.choices = first_columns(self._store, kept, loaded)
        self.changed.emit()

    def read_again(self, loaded: Model | None) -> None:
        """Drop models that are gone."""
        models = {model.id: model for model in self.offered()}
        kept = [ColumnChoice(models[each.model.id], each.sampling) for each in self.choices if each.model.id in models]
        self.choices = kept or first_columns(self._store, Kept(), loaded)
        self.changed.emit()

    def can_add(self) -> bool:
        """Whether there is room for one more."""
        return 0 < len(self.choices) < MOST_COLUMNS

    def add(self) -> None:
        """A model that is not shown yet, the first one's base before others; or the last one again."""
        if not self.can_add():
            return
        shown = {choice.model.id for choice in self.choices}
        base = self._store.models.base_of(self.choices[0].model)
        fresh = sorted(
            (model for model in self.offered() if model.id not in shown), key=lambda model: model.id != base.id
        )
        model = fresh[0] if fresh else self.choices[-1].model
        self.choices.append(ColumnChoice(model, self.choices[-1].sampling))
        self.changed.emit()

    def remove(self, place: int) -> None:
        """Take one away; the last one stays."""
        if len(self.choices) > 1:
            del self.choices[place]
            self.changed.emit()

    def change_model(self, place: int, model_id: str) -> None:
        """Have another model write in a column."""
        model = next((each for each in self.offered() if each.id == model_id), None)
        if model is not None and self.choices:
            self.choices[place] = ColumnChoice(model, self.choices[place].sampling)
            self.changed.emit()

    def set_samplings(self, samplings: Sequence[Sampling]) -> None:
        """Change how the columns draw."""
        pairs = zip(self.choices, samplings, strict=True)
        self.choices = [ColumnChoice(choice.model, sampling) for choice, sampling in pairs]
