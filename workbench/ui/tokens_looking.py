"""Asks for the tokens of a prompt beside the window, a moment after the last wish."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QObject, Signal

from ..events import Event, Finished
from ..feedback.base import Message
from ..jobs import preparing
from ..store import Store
from .context import Context
from .work import Refreshing, Steps

PAUSE_MS = 300


@dataclass(frozen=True)
class Wish:
    """Which model's tokens, of which prompt (none: a sample), with which template (None: the one that it is used with);
    check: say whether that template is fit for use."""

    model_id: str
    messages: Sequence[Message] = ()
    template: str | None = None
    check: bool = False


class TokensLooking(QObject):
    """One wish at a time, the newest. `found` carries what jobs.tokens tells, with the "wish" that it answers."""

    found = Signal(dict)
    failed = Signal(object)
    """A WorkbenchError to show."""

    def __init__(self, context: Context, parent: QObject | None = None, pause: int = PAUSE_MS) -> None:
        super().__init__(parent)
        self._reader = context.tokens
        self._wish = Wish("")
        self._refreshing = Refreshing(context.store.folder, self._steps, pause, self)
        self._refreshing.found.connect(self.found)
        self._refreshing.failed.connect(self.failed)

    @property
    def busy(self) -> bool:
        """Whether an answer is still to come."""
        return self._refreshing.busy

    def want(self, wish: Wish, soon: bool = False) -> None:
        """Ask for this, and no longer for what was asked before."""
        self._wish = wish
        self._refreshing.want(soon)

    def close(self) -> None:
        """Ask for nothing more."""
        self._refreshing.close()

    def _steps(self) -> Steps:
        wish, reader = self._wish, self._reader

        def steps(store: Store) -> Iterator[Event]:
            ref = preparing.reference(store, wish.model_id)
            if wish.template is not None:
                ref = dataclasses.replace(ref, template=wish.template)
            told: dict[str, Any] = reader.look(ref, wish.messages, check=wish.check)
            yield Finished(told | {"wish": wish})

        return steps
