"""Work beside the window that is wanted again and again: never twice at once, and never forgotten."""

import threading

import pytest

from workbench.errors import WorkbenchError
from workbench.events import Finished
from workbench.store import Store
from workbench.ui.following import Following
from workbench.ui.work import Refreshing


@pytest.fixture
def folder(tmp_path):
    Store.open(tmp_path / "project").close()
    return tmp_path / "project"


class Slow:
    """Work that waits until it may end, and counts."""

    def __init__(self):
        self.begun, self.at_once, self.most = 0, 0, 0
        self.may_end = threading.Semaphore(0)

    def __call__(self):
        def steps(store):
            self.begun += 1
            self.at_once += 1
            self.most = max(self.most, self.at_once)
            assert self.may_end.acquire(timeout=10)
            self.at_once -= 1
            yield Finished({"number": self.begun})

        return steps


def test_wanted_while_it_is_done_it_is_done_once_more(folder, qtbot):
    slow, found = Slow(), []
    work = Refreshing(folder, slow, 0)
    work.found.connect(lambda summary: found.append(summary["number"]))
    work.want()
    qtbot.waitUntil(lambda: slow.begun == 1)
    for _ in range(3):
        work.want()
        qtbot.wait(5)
    slow.may_end.release(5)
    qtbot.waitUntil(lambda: found == [1, 2] and not work.busy)
    qtbot.wait(30)
    assert (found, slow.most) == ([1, 2], 1)


def test_wishes_in_a_row_are_one_and_closing_drops_them(folder, qtbot):
    slow = Slow()
    slow.may_end.release(9)
    work = Refreshing(folder, slow, 20)
    for _ in range(5):
        work.want()
    with qtbot.waitSignal(work.found):
        pass
    work.want()
    work.close()
    qtbot.wait(60)
    assert slow.begun == 1


def test_after_a_failure_it_can_be_wanted_again(folder, qtbot):
    failing = [True]

    def steps(store):
        if failing:
            raise WorkbenchError("The disk is full.", "Free some space.")
        yield Finished({})

    work = Refreshing(folder, lambda: steps, 0)
    with qtbot.waitSignal(work.failed) as failed:
        work.want()
    assert failed.args[0].text == "The disk is full."
    failing.clear()
    with qtbot.waitSignal(work.found):
        work.want()


def test_a_store_that_is_closed_first_is_followed_no_more(folder, qtbot):
    store = Store.open(folder)
    following = Following(store)
    store.close()
    following.look()
    assert not following._timer.isActive()
