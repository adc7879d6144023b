"""Has a loaded model that nobody uses read the answers that have no vector yet, a few at a time.

Runs on the thread that iterates the session's events, with a store of its own: the window's thread never waits for it.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from .. import events as ev
from ..errors import WorkbenchError
from ..store import Store
from .recording import store_features

log = logging.getLogger(__name__)

AT_ONCE = 8
"""Answers in one request; what was read of them is kept when somebody wants the model for something else."""
LOOKED_UP = 256


class Feeder:
    """Sends a session its next answers to read whenever it has nothing else to do."""

    def __init__(self, folder: Path, send: Callable[[dict[str, Any]], None]) -> None:
        self._folder, self._send = folder, send
        self._lock = threading.Lock()
        self._writing = 0
        self._reading = 0
        self._space = ""
        self._backlog: list[str] = []
        self._tried: set[str] = set()
        self._store: Store | None = None
        self.paused = False

    # --- called by the window's thread

    def asked(self) -> None:
        """The session was asked to write: it reads nothing until that is done."""
        with self._lock:
            self._writing += 1

    @property
    def writing(self) -> bool:
        """Whether the session was asked for something that is not done yet."""
        with self._lock:
            return self._writing > 0

    def nudge(self) -> None:
        """There may be something new to read. An empty request is answered on the thread that knows what."""
        with self._lock:
            if not self._space or self._writing or self._reading or self.paused:
                return
            self._reading += 1
        self._send({"do": "features", "answers": []})

    # --- called by the session's thread

    def after(self, event: ev.Event) -> None:
        """Keep what was read, and go on reading if the session has nothing else to do."""
        try:
            self._note(event)
            self._go_on()
        except WorkbenchError:
            # The vectors are a cache. A full disk must not end the session that somebody writes with.
            log.exception("reading ahead ends")
            self._space = ""

    def close(self) -> None:
        """The session is over."""
        if self._store is not None:
            self._store.close()

    def _note(self, event: ev.Event) -> None:
        if isinstance(event, ev.Loaded):
            self._space, self._backlog = str(event.info.get("space", "")), []
            self._tried.clear()
        elif isinstance(event, ev.Features):
            store_features(self._opened(), event)
            self._tried.update(event.vectors)
            with self._lock:
                self._reading = max(0, self._reading - 1)
        elif _ends_a_request(event):
            with self._lock:
                self._writing = max(0, self._writing - 1)

    def _go_on(self) -> None:
        with self._lock:
            if not self._space or self._writing or self._reading or self.paused:
                return
        answers = self._next()
        if not answers:
            return
        with self._lock:
            if self._writing:  # asked for in the meantime
                return
            self._reading += 1
        self._send({"do": "features", "answers": answers})

    def _next(self) -> list[dict[str, Any]]:
        store = self._opened()
        self._backlog = [id_ for id_ in self._backlog if id_ not in self._tried]
        if not self._backlog:
            found = store.features.missing(self._space, LOOKED_UP + len(self._tried))
            self._backlog = [id_ for id_ in found if id_ not in self._tried]
        return store.features.texts(self._backlog[:AT_ONCE])

    def _opened(self) -> Store:
        if self._store is None:
            self._store = Store.beside(self._folder)
        return self._store


def _ends_a_request(event: ev.Event) -> bool:
    """Whether an event is the end of something that was asked for; a model that cannot be loaded is not."""
    if isinstance(event, ev.Rewritten):
        return bool(event.ended)
    return isinstance(event, ev.Finished | ev.Stopped) or (isinstance(event, ev.Failed) and bool(event.request))
