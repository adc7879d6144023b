"""Keep the computer from going to sleep while a job runs, and only then. The screen may turn off."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

log = logging.getLogger(__name__)


@contextlib.contextmanager
def kept_awake() -> Iterator[None]:
    """While this is open the computer does not go to sleep by itself, where its system has a way to ask for that.

    Asked for on a thread: a desktop that does not answer must not hold up a job. The system forgets the request with
    the process, so a job that is killed keeps nothing awake.
    """
    done = threading.Event()
    threading.Thread(target=_hold, args=(done,), name="awake", daemon=True).start()
    try:
        yield
    finally:
        done.set()


def _hold(done: threading.Event) -> None:
    from wakepy import keep

    with keep.running(on_fail="pass") as mode:
        if mode.active:
            log.info("the computer is kept awake by %s", mode.active_method)
        else:  # a server or a container: nothing there puts it to sleep either
            log.info("nothing here can keep the computer awake")
        done.wait()
