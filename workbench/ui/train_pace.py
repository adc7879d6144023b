"""How fast a run goes: measured while it is watched, never guessed."""

from __future__ import annotations

from collections import deque

ENOUGH_SHARE = 0.05
ENOUGH_SECONDS = 30.0
WINDOW = 20


class Pace:
    """Steps of one run with the moments at which they were heard of."""

    def __init__(self) -> None:
        self._heard: deque[tuple[int, float]] = deque(maxlen=WINDOW)
        self._begun: float | None = None
        self.step = 0

    def hear(self, step: int, now: float) -> None:
        """A step has ended at this moment (seconds on any clock that does not go back)."""
        if self._begun is None:
            self._begun = now
        self.step = step
        self._heard.append((step, now))

    def seconds_a_step(self) -> float | None:
        """Seconds that a step took lately; None before there are two."""
        if len(self._heard) < 2:
            return None
        (first, then), (last, now) = self._heard[0], self._heard[-1]
        return (now - then) / (last - first) if last > first and now > then else None

    def left(self, total: int) -> float | None:
        """Seconds to the end; None until enough was seen (5 % of the steps, or 30 s) to say so honestly."""
        speed = self.seconds_a_step()
        if speed is None or not total or self._begun is None:
            return None
        watched = self._heard[-1][1] - self._begun
        if self.step < ENOUGH_SHARE * total and watched < ENOUGH_SECONDS:
            return None
        return max(0.0, total - self.step) * speed
