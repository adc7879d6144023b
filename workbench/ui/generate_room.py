"""Memory for a batch: what the window keeps loaded leaves before a job loads it again, where both do not fit."""

from __future__ import annotations

from typing import Any

from PySide6.QtCore import QObject, Signal

from ..errors import WorkbenchError
from ..store import Model
from .context import Context
from .models_library import Entry, entries
from .models_machine import Machine
from .train_estimate import bytes_of, room_of
from .work import Work, looking

SPARE = 1 << 30
"""Bytes that stay free, as lm.pool keeps them."""


class BatchRoom(QObject):
    """Looks at the machine beside the window, which takes a moment. `ready` carries the names of what has left."""

    ready = Signal(list)

    def __init__(self, context: Context, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._context = context
        self._model_id = ""
        self._options: dict[str, Any] = {}
        self._work = Work(context.store.folder, self)
        self._work.finished.connect(lambda found: self._on_looked(found["machine"]))
        self._work.failed.connect(self._on_failed)

    @property
    def busy(self) -> bool:
        """Whether it is still looking."""
        return bool(self._model_id)

    def concerns(self) -> bool:
        """Whether the window keeps anything in memory that could be in the way."""
        return bool(self._in_memory())

    def make(self, model_id: str, options: dict[str, Any]) -> None:
        """Make room for a job that loads a model, and say so with `ready`."""
        self._model_id, self._options = model_id, options
        if not self._work.busy:
            self._work.start(looking)

    def forget(self) -> None:
        """The job is not wanted any more."""
        self._model_id = ""

    def _in_memory(self) -> list[str]:
        return list({*self._context.session_ids, *self._context.loading_ids})

    def _on_failed(self, error: WorkbenchError) -> None:
        self._context.tell(error)
        self._end([])

    def _on_looked(self, machine: Machine) -> None:
        if self.busy:
            self._end(self._free(machine))

    def _end(self, left: list[str]) -> None:
        if self.busy:
            self._model_id = ""
            self.ready.emit(left)

    def _free(self, machine: Machine) -> list[str]:
        """Unload the copy of the model that is asked for, and if that is not enough everything; their names."""
        room = room_of(machine, str(self._options.get("device", "auto")))
        if not room.free:
            return []
        known = {entry.model.id: entry for entry in entries(self._context.store)}
        bytes_each = bytes_of(self._options, self._context.store.runs.list(), room.device)
        wanted = known[self._model_id]
        short = _bytes(wanted, bytes_each) + SPARE - room.free
        loaded = [known[id_].model for id_ in self._in_memory() if id_ in known]
        if short <= 0 or not loaded:
            return []
        same = [model for model in loaded if known[model.id].base.id == wanted.base.id]
        enough = same and short <= _bytes(wanted, bytes_each)
        return [self._unload(model) for model in (same if enough else loaded)]

    def _unload(self, model: Model) -> str:
        self._context.unload_model(model.id)
        return model.name


def _bytes(entry: Entry, bytes_each: int) -> int:
    memory = entry.memory(bytes_each)
    return memory.total if memory else 0
