"""Taking a model out of the project, and bringing it back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QAction

from ..errors import WorkbenchError
from ..store import Model
from .context import Context
from .messages import MessageStrip


class Removing(QObject):
    """Remembers what was removed in this window, the last of it first."""

    came_back = Signal(str)
    """The id of a model that is in the project again."""

    def __init__(
        self, context: Context, undo: QAction, strip: Callable[[], MessageStrip], parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._context, self._undo, self._strip = context, undo, strip
        self._removed: list[str] = []

    def remove(self, model: Model, in_memory: bool) -> None:
        """Take a model out of the project. Its files and its answers stay."""
        try:
            if in_memory:
                self._context.unload_model(model.id)
            self._context.store.models.remove(model.id)
        except WorkbenchError as error:
            self._context.tell(error)
            return
        self._removed.append(model.id)
        self._undo.setEnabled(True)
        text = self.tr("Removed {name}.").format(name=model.name)
        served = model.kind == "server"
        hint = self.tr("Its answers are kept.") if served else self.tr("Its files are kept, and so are its answers.")
        self._strip().show_message(text, hint, action=(self.tr("Bring back"), self.undo))

    def undo(self) -> None:
        """Bring back what was removed last."""
        if not self._removed:
            return
        model_id = self._removed.pop()
        self._undo.setEnabled(bool(self._removed))
        self._strip().clear()
        try:
            self._context.store.models.restore(model_id)
        except WorkbenchError as error:
            self._context.tell(error)
        self.came_back.emit(model_id)
