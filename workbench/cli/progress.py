"""Progress on standard error: one line that is redrawn on a terminal, a line now and then in a log."""

from __future__ import annotations

import sys
import time

import click

from ..events import Event, Metrics, Progress, Started, Transferred, Warned
from ..jobs.hub import bytes_text

EVERY = 10.0
"""Seconds between lines where standard error is not a terminal."""


class Bar:
    """Where a job stands, and the time left from its own measured speed."""

    def __init__(self) -> None:
        self._begun = time.monotonic()
        self._total = 0
        self._first = 0
        self._stepped = False
        self._last = 0.0
        self._tty = sys.stderr.isatty()
        self._open = False

    def title(self, text: str) -> None:
        """Begin a new part of the work."""
        self.done()
        click.echo(text, err=True)
        self._last = 0.0

    def show(self, event: Event, name: str) -> None:
        """Show what an event says."""
        if isinstance(event, Started):
            self._begun, self._total, self._last = time.monotonic(), event.total, 0.0
            self._stepped = False
            self._first = int(event.info.get("resumed", 0))
            if self._first:
                self.done()
                click.echo(f"  Going on from step {self._first}.", err=True)
        elif isinstance(event, Metrics):
            if not self._stepped:  # the first figures are news, however soon they come
                self._stepped, self._last = True, 0.0
            left = self._left(event.step - self._first, self._total - self._first)
            self._draw(f"step {event.step} of {self._total}{left}{_figures(event)}")
        elif isinstance(event, Transferred):
            self._draw(_transferred(event))
        elif isinstance(event, Progress):
            count = f"{event.done} of {event.total}{self._left(event.done, event.total)} " if event.total else ""
            self._draw(f"{count}{event.text}")
        elif isinstance(event, Warned):
            self.done()
            click.echo(f"  ! {event.text}", err=True)

    def _left(self, done: int, total: int) -> str:
        elapsed = time.monotonic() - self._begun
        if not total or done < max(1, total * 0.05):
            return ""
        left = elapsed / done * (total - done)
        return f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left"

    def _draw(self, text: str) -> None:
        now = time.monotonic()
        if self._tty:
            if now - self._last > 0.1:
                click.echo(f"\r\x1b[K  {text}"[:160], err=True, nl=False)
                self._last, self._open = now, True
        elif now - self._last > EVERY:
            click.echo(f"  {text}", err=True)
            self._last = now

    def done(self) -> None:
        """Leave the redrawn line."""
        if self._open:
            click.echo("", err=True)
            self._open = False


def _transferred(event: Transferred) -> str:
    share = f"{100 * event.done / event.total:.0f}%  " if event.total else ""
    speed = f", {bytes_text(event.speed)}/s" if event.speed else ""
    left = event.seconds_left
    when = "" if left is None else f", {left / 60:.0f} min left" if left >= 90 else f", {left:.0f} s left"
    total = f" of {bytes_text(event.total)}" if event.total else ""
    return f"{share}{bytes_text(event.done)}{total}{speed}{when}  {event.text}"


_SHOWN = ("accuracy/held_out", "loss/train", "objective/scores", "objective/kl")


def _figures(event: Metrics) -> str:
    found = [f"{name.split('/')[-1]} {event.values[name]:.3g}" for name in _SHOWN if event.values.get(name) is not None]
    return f"; {', '.join(found)}" if found else ""
