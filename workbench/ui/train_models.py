"""What a new run starts from: the model, and the reward model that it is to please."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from ..methods.base import starts_from
from ..store import Model, Store
from .form_controls import ChoiceBox
from .widgets import row


class ModelBoxes(QWidget):
    """Two boxes, of which the second is there for methods that please a reward model. `changed` by a choice."""

    changed = Signal()

    def __init__(self, store: Store, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._models: Sequence[Model] = ()
        self._method: Any = None
        self.has_rewards = False
        """Whether there is a reward model to choose."""
        self.model, self.reward = ChoiceBox(), ChoiceBox()
        self.model.setAccessibleName(self.tr("The model to start from"))
        self.reward.setAccessibleName(self.tr("The reward model to please"))
        for box in (self.model, self.reward):
            box.currentIndexChanged.connect(lambda _: self.changed.emit())
        layout = row(self.model, self.reward, spacing=10)
        layout.setContentsMargins(0, 0, 0, 0)
        self.setLayout(layout)

    def set_models(self, models: Sequence[Model]) -> None:
        """Offer the models of the project; what was chosen stays so."""
        self._models = models
        if self._method is not None:
            self._fill_models()
        self._fill_rewards()

    def set_method(self, method: Any) -> None:
        """Offer what a method can start from."""
        self._method = method
        self._fill_models()
        self.reward.setVisible(method.NEEDS_REWARD)

    def chosen(self) -> dict[str, Any]:
        """The ids that are chosen, as a run takes them."""
        reward = self.reward.currentData() if self._method is not None and self._method.NEEDS_REWARD else None
        return {"model_id": self.model.currentData(), "reward_id": reward}

    def _fill_models(self) -> None:
        """What the method that is chosen can start from."""
        kinds = starts_from(self._method)
        self._fill(self.model, [each for each in self._models if each.kind in kinds])
        if not kinds:
            self.model.addItem(self.tr("Nothing: random weights"), None)

    def _fill_rewards(self) -> None:
        """The reward models, newest first, and none of them: for a run that a rule or a function rewards."""
        chosen, known = self.reward.currentData(), self.reward.count()
        models = [each for each in reversed(self._models) if each.kind == "reward"]
        self.has_rewards = bool(models)
        self._fill(self.reward, models)
        self.reward.blockSignals(True)
        self.reward.addItem(self.tr("No reward model"), None)
        if not models or (known and chosen is None):
            self.reward.setCurrentIndex(len(models))
        self.reward.blockSignals(False)
        self.reward.setEnabled(True)

    def _fill(self, box: ChoiceBox, models: Sequence[Model]) -> None:
        chosen = box.currentData()
        box.blockSignals(True)
        box.clear()
        for model in models:
            box.addItem(self._named_model(model), model.id)
        box.setCurrentIndex(max(0, box.findData(chosen)) if models else -1)
        box.setEnabled(bool(models))
        box.blockSignals(False)

    def _named_model(self, model: Model) -> str:
        accuracy = model.info.get("accuracy")
        if model.kind == "reward" and isinstance(accuracy, int | float):
            return f"{model.name} · {100 * accuracy:.1f}%"
        if model.kind == "adapter":
            return f"{self._store.models.base_of(model).name} + {model.name}"
        return model.name
