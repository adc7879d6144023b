"""Judges by key presses in a real window, and measures from a key to the next item on screen: `bench feedback`.

    judge = Judge(window)
    judge.start("ranking")
    judged = judge.once()

Which keys a kind takes is read from the kind and from its view, so that a new kind is measured without a word here.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import QEvent, QEventLoop, QObject, QSettings
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from ..bench.feedback import PERSON
from ..errors import WorkbenchError
from ..feedback import KINDS, mark
from ..settings import Settings
from ..store import Store
from ..store.queueing import Item
from . import keys
from .context import Context
from .feedback_mode import LETTERS
from .feedback_pane import FeedbackPane
from .theme import apply_theme
from .window import Window

READING, QUIET = 0.02, 0.6
"""Seconds between two judgements: far less than anybody needs, and long enough for every timer of the window."""
PATIENCE = 10.0
"""Seconds in which the next item must come at all, also where it is searched for."""
MARK, ASIDE = mark.name, "skip"
"""What is measured beside the modes: a marked passage, whose item stays, and an item that is set aside."""
SKIP = "S"
MOST_KEYS = 100
TYPED = "so "
"""What is written where an answer is edited."""
DIGITS = "12"
"""What every scale of a rubric has."""


@dataclass(frozen=True)
class Judged:
    """A judgement by keys: seconds from the last one to the next item on screen, and those of them in COMMIT."""

    kind: str
    item: Item
    keys: tuple[str, ...]
    seconds: float
    commit: float


class Judge(QObject):
    """A person with fast fingers, at the Feedback pane of a window that is shown."""

    def __init__(self, window: Window, seed: int = 17) -> None:
        super().__init__(window)
        window.show_pane("feedback")
        pane = window.pane("feedback")
        assert isinstance(pane, FeedbackPane)
        self._window, self.pane = window, pane
        self._keys = {mode.value: mode.keys for mode in pane.stack.options()}
        self._draw = random.Random(seed)
        self._came, self._painted = False, 0.0
        self.longest_stall = 0.0
        """Seconds in which the window was busy with something else between two judgements."""
        self._kind = ""
        self._commits = Commits(window.context.store)
        pane.flow.shown.connect(self._on_shown)
        window.installEventFilter(self)

    @property
    def kinds(self) -> list[str]:
        """Everything that can be measured here."""
        return [*self._keys, MARK, ASIDE]

    # --- what is on screen

    def _on_shown(self) -> None:
        self._came, self._painted = not self.pane.flow.searching, 0.0

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Have the window paint, and note when it has: everything that waits is painted in one go."""
        if event.type() != QEvent.Type.UpdateRequest:
            return False
        watched.event(event)
        self._painted = time.perf_counter()
        return True

    def _await_picture(self) -> None:
        """Until the next item is painted, and painted again where its layout has moved; no timer's work is in between,
        as events that wait come before timers."""
        until = time.perf_counter() + PATIENCE
        while True:
            painted = None
            while painted != self._painted:
                painted = self._painted
                QApplication.sendPostedEvents()
            if self._painted and self._came:
                return
            QApplication.processEvents(QEventLoop.ProcessEventsFlag.AllEvents, 5)
            if time.perf_counter() > until:
                raise WorkbenchError(f"After {self._kind} no next item came.", "Please report this.")

    def rest(self, seconds: float) -> None:
        """Let the window do what it does while a person reads."""
        until = time.perf_counter() + seconds
        while (now := time.perf_counter()) < until:
            QApplication.processEvents()
            self.longest_stall = max(self.longest_stall, time.perf_counter() - now)
            time.sleep(0.001)

    # --- pressing

    def press(self, text: str) -> None:
        """One key, written as the design writes it ("Ctrl Enter"), wherever the focus is."""
        QTest.keySequence(self._window.focusWidget() or self._window, keys.sequences(text)[0])

    def start(self, kind: str) -> None:
        """Go over to a kind, by its key."""
        shown = kind if kind in self._keys else next(iter(self._keys))
        self._kind = kind
        if self.pane.flow.kind != shown:
            self.press(self._keys[shown])
        if self.pane.flow.kind != shown:
            raise WorkbenchError(f"No key led to {shown}.", "Please report this.")
        self._await_look()

    def _await_look(self) -> None:
        """A person reads the first item of a kind for longer than the look through the queue takes that it begins."""
        flow, until = self.pane.flow, time.perf_counter() + PATIENCE
        while (flow.searching or flow.ahead.looking) and time.perf_counter() < until:
            self.rest(READING)

    def once(self) -> Judged:
        """Judge the item that is on screen. Raises WorkbenchError when there is none, or no next one comes."""
        item = self.pane.flow.item
        if item is None:
            raise WorkbenchError("There is nothing left to judge.", "Make a store with more answers.")
        said: list[str] = []
        for key in self._marking() if self._kind == MARK else self._judging():
            said.append(key)
            if len(said) > MOST_KEYS:
                raise WorkbenchError(f"No key finishes {self._kind}: {self.pane.view.gap()}", "Please report this.")
            self._came, self._painted, self._commits.seconds = self._kind == MARK, 0.0, 0.0
            begun = time.perf_counter()
            self.press(key)
            if self._commits.seconds:
                break
        self._await_picture()
        judged = Judged(self._kind, item, tuple(said), self._painted - begun, self._commits.seconds)
        if self._kind == MARK:  # its item stays
            self.press("Esc")
            self._came = False
            self.press(SKIP)
            self._await_picture()
        return judged

    def _judging(self) -> Iterator[str]:
        """The keys of a judgement, up to the one that finishes it."""
        view = self.pane.view
        if self._kind == ASIDE:
            yield SKIP
            return
        field = self._window.focusWidget()
        if keys.takes_text(field):
            QTest.keyClicks(field, TYPED)
        offered = self._offered()
        while view.gap():
            yield next(offered)
        yield view.submit_words()[1]

    def _offered(self) -> Iterator[str]:
        """What can be said: the letters of the answers, each once, or else any of the kind's keys."""
        kind, item = KINDS[self.pane.flow.kind], self.pane.flow.item
        assert item is not None
        found = [choice.key for choice in kind.choices] or list(DIGITS)
        if found[0] == LETTERS[0]:
            yield from self._draw.sample(found[: len(item.responses)], len(item.responses))
        while True:
            yield self._draw.choice(found)

    def _marking(self) -> Iterator[str]:
        """The keys that mark the first word of an answer."""
        yield from ("V", "Ctrl Shift Right", self._draw.choice(mark.choices).key)


def measure(
    project: Path, kinds: Sequence[str], times: int, tell: Callable[[str], None]
) -> tuple[dict[str, list[Judged]], dict[str, Any]]:
    """Judge `times` items of each kind (all kinds unless named) in a window over a project, and say what window it was.

    Raises WorkbenchError for a kind that cannot be measured, and when a store is too small.
    """
    found = QApplication.instance()
    app = found if isinstance(found, QApplication) else QApplication(["workbench"])
    # A window remembers where it was: not this one.
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(project))
    apply_theme(app, "dark", 1.0)
    store = Store.open(project)
    window = Window(Context(store, PERSON), Settings())
    try:
        window.show()
        window.activateWindow()
        QTest.qWaitForWindowActive(window)
        judge = Judge(window)
        unknown = next((kind for kind in kinds if kind not in judge.kinds), "")
        if unknown:
            raise WorkbenchError(f"{unknown} cannot be measured.", f"Choose among {', '.join(judge.kinds)}.")
        said = {kind: _judge(judge, kind, times, tell) for kind in kinds or judge.kinds}
        about = {"platform": app.platformName(), "width": window.width(), "height": window.height()}
        return said, about | {"longest_stall": judge.longest_stall}
    finally:
        window.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
        store.close()


def _judge(judge: Judge, kind: str, times: int, tell: Callable[[str], None]) -> list[Judged]:
    judge.start(kind)
    found = []
    for number in range(times):
        found.append(judge.once())
        # Now and then long enough for what waits for a quiet moment.
        judge.rest(QUIET if number % 10 == 9 else READING)
    tell(f"{kind}: {times} judged")
    return found


class Commits:
    """How long the COMMITs of a store take."""

    def __init__(self, store: Store) -> None:
        self.seconds = 0.0
        store.db.conn = _Clocked(store.db.conn, self)  # type: ignore[assignment]


class _Clocked:
    """A connection that says how long each COMMIT took."""

    def __init__(self, conn: Any, commits: Commits) -> None:
        self._conn, self._commits = conn, commits

    def __getattr__(self, name: str) -> Any:
        return getattr(self._conn, name)

    def execute(self, sql: str, *params: Any) -> Any:
        if sql != "COMMIT":
            return self._conn.execute(sql, *params)
        begun = time.perf_counter()
        try:
            return self._conn.execute(sql)
        finally:
            self._commits.seconds += time.perf_counter() - begun
