"""How long judging takes: the time on one item, and a session's figures."""

from __future__ import annotations

import statistics
import time

RECENT = 10
Place = tuple[str, str | None, str]
"""A kind of feedback, the evaluation that is judged or None, and the person."""


class Stopwatch:
    """Seconds since an item was shown, without the time in which the pane was hidden."""

    def __init__(self) -> None:
        self._since, self._before = time.monotonic(), 0.0
        self.running = True

    def restart(self) -> None:
        """Begin at zero."""
        self._since, self._before = time.monotonic(), 0.0

    def pause(self, paused: bool) -> None:
        """Stop or go on."""
        if paused != self.running:
            return
        if paused:
            self._before = self.seconds()
        self._since, self.running = time.monotonic(), not paused

    def seconds(self) -> float:
        """Seconds so far."""
        return self._before + (time.monotonic() - self._since if self.running else 0.0)


class Pace:
    """Seconds of each judgement since the window opened, by the judgement's id."""

    def __init__(self) -> None:
        self.times: dict[str, tuple[Place, float]] = {}

    def add(self, feedback_id: str, place: Place, seconds: float) -> None:
        """A judgement was made, or put back."""
        self.times[feedback_id] = (place, seconds)

    def take(self, feedback_id: str) -> None:
        """A judgement was taken back."""
        self.times.pop(feedback_id, None)

    def spent(self, place: Place) -> list[float]:
        """Seconds of each judgement of a place, in order."""
        return [seconds for where, seconds in self.times.values() if where == place]

    def median(self, place: Place) -> float | None:
        """The usual time of one judgement; None before there is one."""
        spent = self.spent(place)
        return statistics.median(spent) if spent else None

    def is_hasty(self, place: Place) -> bool:
        """Whether the last ten took less than half of the usual time, with twenty before them to say what is usual."""
        times = self.spent(place)
        before, last = times[:-RECENT], times[-RECENT:]
        return len(before) >= 2 * RECENT and 2 * statistics.median(last) < statistics.median(before)
