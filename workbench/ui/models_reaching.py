"""Which servers can be reached: asked on a thread while Models is shown, and not more often than every 30 seconds."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from ..events import Event, Finished
from ..store import Store
from . import work

EVERY_MS = 30_000
AT_ONCE = 8


class Reaching(QObject):
    """What is known of each server, by its address: milliseconds, or None for one that cannot be reached."""

    changed = Signal()

    def __init__(self, folder: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.known: dict[str, float | None] = {}
        self._urls: list[str] = []
        self._asked_at: dict[str, float] = {}
        self._shown = False
        self._work = work.Work(folder, self)
        self._work.finished.connect(self._on_found)
        self._work.failed.connect(lambda error: None)  # logged by its thread; asked again in a while
        self._timer = QTimer(self, interval=EVERY_MS)
        self._timer.timeout.connect(self._ask)

    def set_urls(self, urls: Sequence[str]) -> None:
        """Ask these from now on; one that is new at once."""
        self._urls = list(urls)
        self._ask()

    def set_shown(self, shown: bool) -> None:
        """Ask while somebody looks."""
        self._shown = shown
        if shown:
            self._timer.start()
            self._ask()
        else:
            self._timer.stop()

    def forget(self, url: str) -> None:
        """Ask this server again: its key has changed."""
        self._asked_at.pop(url, None)
        self._ask()

    def state_of(self, url: str) -> str:
        """In one word: reachable, unreachable, or unasked."""
        if url not in self.known:
            return "unasked"
        return "unreachable" if self.known[url] is None else "reachable"

    def _ask(self) -> None:
        since = time.monotonic() - EVERY_MS / 1000 + 1
        due = [url for url in self._urls if self._asked_at.get(url, -1e9) < since]
        if due and self._shown and not self._work.busy:
            self._asked_at |= dict.fromkeys(due, time.monotonic())
            self._work.start(_asking(due))

    def _on_found(self, found: Mapping[str, float | None]) -> None:
        self.known |= found
        self.changed.emit()
        self._ask()


def _asking(urls: Sequence[str]) -> work.Steps:
    def steps(store: Store) -> Iterator[Event]:
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="reaching") as pool:
            yield Finished(dict(zip(urls, pool.map(_milliseconds, urls), strict=True)))

    return steps


def _milliseconds(url: str) -> float | None:
    from ..errors import WorkbenchError
    from ..providers.reaching import check
    from ..providers.replies import Server

    try:
        return check(Server(url, ""))
    except WorkbenchError:  # logged where it was found out
        return None
