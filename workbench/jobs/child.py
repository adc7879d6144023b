"""The child's side: a specification on standard input, one JSON event per line on standard output.

The first thing done here is to keep standard output for events: a library that prints would break the stream.
Further lines on standard input are commands; "stop", or the end of input (the parent died), stops the job.
"""

from __future__ import annotations

import faulthandler
import gc
import json
import logging
import os
import queue
import signal
import sys
import threading
import traceback
from collections.abc import Iterator
from typing import Any, TextIO

from ..errors import NoEngine, WorkbenchError
from ..events import Event, Failed, to_line
from .awake import kept_awake
from .spec import JobSpec

log = logging.getLogger(__name__)


class Commands:
    """What the parent says while the job runs. Read on a thread of its own, so that "stop" is heard in a long step."""

    def __init__(self, source: TextIO) -> None:
        self.waiting: queue.Queue[dict[str, Any] | None] = queue.Queue()
        self._stop = threading.Event()
        self.stopped: set[str] = set()
        """Ids of the requests of a session that are to stop, while the others go on."""
        self._source = source
        threading.Thread(target=self._listen, name="commands", daemon=True).start()

    def _listen(self) -> None:
        for line in self._source:
            try:
                command = json.loads(line)
            except ValueError:
                log.error("not a command: %r", line[:200])
                continue
            if command.get("do") == "stop" and "ids" in command:
                self.stopped.update(command["ids"])
            elif command.get("do") == "stop":
                self._stop.set()
            else:
                self.waiting.put(command)
        self._stop.set()
        self.waiting.put(None)

    def stopping(self) -> bool:
        """Whether the job was asked to stop."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Stop the job as if the parent had asked."""
        self._stop.set()

    def go_on(self) -> None:
        """Forget a stop that was obeyed (a session stops one answer, not itself)."""
        self._stop.clear()


def main() -> int:
    """Run the job that standard input describes. The exit status is 0 when its end was told as an event."""
    out, sys.stdout = sys.stdout, sys.stderr
    faulthandler.enable(sys.stderr)
    logging.basicConfig(stream=sys.stderr, level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Ctrl C in a terminal reaches the whole group; the parent decides, and says "stop".
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    volunteer_for_out_of_memory()
    # A sixth of the seconds until a job begins went into looking for garbage among what its libraries define.
    gc.disable()
    line = sys.stdin.readline()
    spec, commands = JobSpec.from_line(line), Commands(sys.stdin)
    listened = True
    for event in _events(spec, commands):
        if not gc.isenabled():  # it has begun: what is there now stays, and need not be looked at again
            gc.freeze()
            gc.enable()
        try:
            if listened:
                out.write(to_line(event) + "\n")
                out.flush()
        except OSError as error:  # the parent is gone and nobody listens, but what was learned is still to be saved
            log.warning("nobody listens any more: %s", error)
            listened = False
            commands.stop()
    return 0 if listened else 1


def _events(spec: JobSpec, commands: Commands) -> Iterator[Event]:
    from . import session, tokens
    from .run import run

    try:
        if spec.method == "session":
            yield from session.serve(spec, commands)
        elif spec.method == tokens.METHOD:
            yield from tokens.serve(spec, commands)
        else:
            with kept_awake():
                yield from run(spec, commands.stopping)
    except WorkbenchError as error:
        log.exception("the job failed")
        yield Failed(error.text, error.hint, traceback.format_exc())
    except Exception as error:
        log.exception("the job failed")
        yield failure(error)


def failure(error: BaseException) -> Failed:
    """An unexpected error in words. Out of memory and a full disk are told apart, because a person can act on them."""
    details = "".join(traceback.format_exception(error))
    kind = type(error).__name__
    if isinstance(error, ModuleNotFoundError) and error.name == "torch":
        missing = NoEngine()
        return Failed(missing.text, missing.hint, details)
    if kind == "OutOfMemoryError" or isinstance(error, MemoryError) or "can't allocate memory" in str(error):
        hint = "Lower the micro-batch or the longest answer, or choose a smaller model."
        return Failed("The device ran out of memory.", hint, details)
    if isinstance(error, OSError) and error.errno == 28:
        return Failed("The disk is full.", "Free some space and start the run again.", details)
    first = (str(error).strip().splitlines() or [kind])[0][:300]
    return Failed(f"The job ended in an error: {first}", "The run's log has the details.", details)


def volunteer_for_out_of_memory() -> None:
    """On Linux, have the kernel end this process before the window when memory runs out."""
    try:
        with open("/proc/self/oom_score_adj", "w", encoding="ascii") as file:
            file.write("700")
    except OSError as error:
        log.info("oom_score_adj is not set (%s), pid %d", error, os.getpid())
