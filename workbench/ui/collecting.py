"""Garbage is collected on the window's thread alone.

Python looks for cycles of dead objects on whatever thread has just made an object, and wherever that thread is. A
widget in such a cycle would then be deleted on a thread not its own, and Qt ends the process for that; or inside
the destructor of another one, which asks Python a question while it holds a lock, and then the window waits for itself.
Both are seldom, and were seen.
"""

from __future__ import annotations

import gc
from types import TracebackType

from PySide6.QtCore import QObject, QTimer

EVERY_MS = 500
OLDEST = 60
"""Looks between two at the oldest objects, which take the longest: half a minute."""


class Collector(QObject):
    """Does what Python would do by itself, by the same thresholds, on the thread that made it."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._looks = 0
        self._timer = QTimer(self)
        self._timer.setInterval(EVERY_MS)
        self._timer.timeout.connect(self.look)
        gc.disable()
        self._timer.start()

    def look(self) -> None:
        """Collect the youngest objects that are many enough; the oldest only once in a while."""
        self._looks += 1
        young, middle, old = (count > most for count, most in zip(gc.get_count(), gc.get_threshold(), strict=True))
        if old and self._looks >= OLDEST:
            self._looks = 0
            gc.collect()
        elif middle:
            gc.collect(1)
        elif young:
            gc.collect(0)

    def stop(self) -> None:
        """Collect what is not old once more. Python does not do it again by itself until somebody enables it."""
        self._timer.stop()
        gc.collect(1)

    def __enter__(self) -> Collector:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
