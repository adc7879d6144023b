"""A job's child process, seen from the parent: start it, iterate its events, stop it."""

from __future__ import annotations

import json
import logging
import signal
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from .. import paths
from ..errors import WorkbenchError
from ..events import ENDINGS, Event, Failed, from_line
from .spec import JobSpec

log = logging.getLogger(__name__)

MAX_LINE = 50_000_000
"""Longest line that is read from a child: a broken one must not fill the window's memory."""


class Child:
    """One running child. Its standard error goes to `log_path`; its events are read by iterating events()."""

    def __init__(self, spec: JobSpec, log_path: Path) -> None:
        log_path.parent.mkdir(parents=True, exist_ok=True)
        self.log_path = log_path
        self._stopped = False
        self.killed = False
        """Whether it was ended from outside: by kill(), or by a system that shuts down."""
        self._lock = threading.Lock()
        try:
            with log_path.open("ab") as log_file:
                self._process = subprocess.Popen(
                    paths.child_command(),
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=log_file,
                    env=paths.child_environment(),
                    creationflags=paths.HIDDEN,
                )
        except OSError as error:
            raise WorkbenchError(
                f"The job could not be started: {error.strerror}.", "Check the disk and the installation."
            ) from error
        self.send(spec.to_json())

    @property
    def pid(self) -> int:
        """Process id."""
        return self._process.pid

    def send(self, command: dict[str, Any]) -> None:
        """Say something to the child. A child that is gone is noticed by events(), not here."""
        line = json.dumps(command, ensure_ascii=True) + "\n"
        with self._lock:
            try:
                assert self._process.stdin is not None
                self._process.stdin.write(line.encode())
                self._process.stdin.flush()
            except (BrokenPipeError, OSError, ValueError) as error:
                log.info("child %d does not listen: %s", self.pid, error)

    def stop(self) -> None:
        """Ask the job to stop between two tokens or micro-batches; it saves what it has."""
        self._stopped = True
        self.send({"do": "stop"})

    def kill(self) -> None:
        """End the process at once."""
        self._stopped = self.killed = True
        self._process.kill()

    def close(self) -> None:
        """Close the child's input, wait for it, and end it if it does not end by itself."""
        with self._lock:
            if self._process.stdin and not self._process.stdin.closed:
                try:
                    self._process.stdin.close()
                except OSError as error:
                    log.info("child %d closed its input first: %s", self.pid, error)
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            log.warning("child %d did not end and is killed", self.pid)
            self._process.kill()
            self._process.wait()
        if self._process.stdout:
            self._process.stdout.close()

    def events(self) -> Iterator[Event]:
        """Every event until the job's last. A child that dies without one yields Failed, with the reason."""
        ended = False
        assert self._process.stdout is not None
        try:
            while line := self._process.stdout.readline(MAX_LINE):
                try:
                    event = from_line(line.decode("utf-8", "replace"))
                except WorkbenchError:
                    log.exception("child %d", self.pid)
                    continue
                ended = ended or isinstance(event, ENDINGS)
                yield event
            if not ended:
                yield self._death()
        finally:
            self.close()

    def _death(self) -> Failed:
        code = self._process.wait()
        self.killed = self.killed or code == -signal.SIGTERM
        return Failed(_reason(code, self._stopped), _advice(code), self.log_tail())

    def log_tail(self, size: int = 8000) -> str:
        """The end of the child's log."""
        try:
            with self.log_path.open("rb") as file:
                file.seek(max(0, self.log_path.stat().st_size - size))
                return file.read().decode("utf-8", "replace")
        except OSError as error:
            return f"The log cannot be read: {error}"


def _reason(code: int, stopped: bool) -> str:
    if code >= 0:
        return f"The job's process ended by itself with status {code}."
    name = signal.Signals(-code).name if -code in signal.valid_signals() else f"signal {-code}"
    if code == -signal.SIGTERM or stopped:
        return f"The job's process was ended ({name})."
    if name == "SIGKILL":
        return "The job's process was killed (SIGKILL)."
    return f"The job's process crashed ({name})."


def _advice(code: int) -> str:
    if code == -9:
        return "The system may have run out of memory. Lower the batch, then start the run again."
    return "What was saved before is usable. The run's log has the details."
