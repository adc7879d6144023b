"""Dead objects that hold each other are collected on the window's thread, whoever made them."""

from __future__ import annotations

import gc
import threading

from workbench.events import Finished
from workbench.ui.collecting import Collector
from workbench.ui.job_thread import WorkThread


class Held:
    """Dies with a note of the thread that it died on."""

    def __init__(self, died):
        self.me, self.died = self, died

    def __del__(self):
        self.died.append(threading.current_thread() is threading.main_thread())


def make(died, count):
    for _ in range(count):
        Held(died)
    yield Finished({})


def test_what_a_thread_leaves_behind_is_collected_on_the_windows_thread(qtbot):
    died = []
    with Collector() as collector:
        thread = WorkThread(lambda: make(died, 5_000))
        with qtbot.waitSignal(thread.finished, timeout=30_000):
            thread.start()
        thread.wait()
        assert died == []  # no threshold has it collected there
        qtbot.waitUntil(lambda: bool(died), timeout=10_000)
        assert all(died) and not gc.isenabled()
        collector.look()
    assert len(died) == 5_000 and all(died)


def test_without_it_python_collects_on_the_thread_that_works(qtbot):
    """Why it is there: this is what would delete a widget on another thread."""
    died = []
    gc.collect()  # nothing of other tests is left
    gc.enable()
    thread = WorkThread(lambda: make(died, 5_000))
    with qtbot.waitSignal(thread.finished, timeout=30_000):
        thread.start()
    thread.wait()
    gc.disable()
    assert False in died
