"""Ctrl C while a line is being printed: the handler has its say all the same."""

from __future__ import annotations

import io
import os
import signal
import sys

import click

from workbench.cli.running import _pausable
from workbench.cli.shared import stoppable


class Interrupted(io.RawIOBase):
    """A stream on which Ctrl C is pressed in the middle of writing a line."""

    presses = 1

    def writable(self):
        return True

    def write(self, data):
        if self.presses:
            self.presses -= 1
            os.kill(os.getpid(), signal.SIGINT)
        return len(data)


class Child:
    stops = 0

    def stop(self):
        self.stops += 1


def press_at_the_next_line(monkeypatch):
    stream = io.TextIOWrapper(io.BufferedWriter(Interrupted()), line_buffering=True)
    monkeypatch.setattr(sys, "stderr", stream)


def test_a_child_is_stopped(monkeypatch, capfd):
    child = Child()
    press_at_the_next_line(monkeypatch)
    with stoppable() as hold:
        hold(child)
        click.echo("step 1", err=True)
    assert child.stops == 1
    assert "What it has is kept" in capfd.readouterr().err


def test_the_queue_is_paused(monkeypatch, capfd, tmp_path):
    paused = []
    press_at_the_next_line(monkeypatch)
    monkeypatch.setattr("workbench.cli.running._pause", paused.append)
    with _pausable(tmp_path) as pausing:
        assert not pausing()
        click.echo("step 1", err=True)
        assert pausing()
    assert paused == [tmp_path]
    assert "with a checkpoint" in capfd.readouterr().err
