"""A computer stays awake while a job runs, and no longer; where nothing can keep it awake the job runs all the same."""

import threading
import time

import pytest
from wakepy import keep

from workbench.jobs.awake import kept_awake


def waited_for(said, seconds=5.0):
    until = time.monotonic() + seconds
    while not said() and time.monotonic() < until:
        time.sleep(0.01)
    return said()


def holders():
    return [each for each in threading.enumerate() if each.name == "awake"]


def test_it_is_kept_awake_while_a_job_runs_and_no_longer(monkeypatch):
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")
    entered = []
    running = keep.running

    def remembered(**how):
        entered.append(running(**how))
        return entered[0]

    monkeypatch.setattr(keep, "running", remembered)
    with kept_awake():
        assert waited_for(lambda: entered and entered[0].active)
    assert waited_for(lambda: not holders())
    assert not entered[0].active


def test_where_nothing_can_keep_it_awake_the_job_runs_all_the_same(monkeypatch, caplog):
    caplog.set_level("INFO")
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "fail")
    monkeypatch.setattr("wakepy.keep.running", lambda **how: Failing())
    with kept_awake():
        assert waited_for(lambda: "can keep the computer awake" in caplog.text)


def test_a_job_that_fails_lets_the_computer_sleep_again(monkeypatch):
    monkeypatch.setenv("WAKEPY_FAKE_SUCCESS", "1")
    with pytest.raises(ValueError), kept_awake():
        raise ValueError("a job")
    assert waited_for(lambda: not holders())


class Failing:
    active = False

    def __enter__(self):
        return self

    def __exit__(self, *error):
        return None
