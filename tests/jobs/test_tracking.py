"""Curves that go to other tools as well: what is written there, and that a tool that fails ends no run."""

import math
import sys
from types import SimpleNamespace

import pytest

from workbench import events as ev
from workbench import settings
from workbench.jobs import tracking
from workbench.jobs.spec import JobSpec


@pytest.fixture
def spec(tmp_path):
    return JobSpec("run-1", "ppo", {"learning_rate": 3e-4}, str(tmp_path))


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.delenv(tracking.VARIABLE, raising=False)


def a_run(resumed=None):
    yield ev.Started(3, "CPU", "float32", {} if resumed is None else {"resumed": resumed})
    for step in range(1, 4):
        yield ev.Metrics(step, {"loss": 1 / step, "gone": None, "wild": math.inf})
    yield ev.Finished({})


class Kept:
    def __init__(self, spec, resumed):
        self.told, self.open, self.resumed = [], True, resumed

    def numbers(self, step, values):
        self.told.append((step, dict(values)))

    def close(self):
        self.open = False


def test_nothing_is_tracked_unless_it_is_asked_for(spec, monkeypatch):
    monkeypatch.setattr(tracking, "TRACKERS", {})
    assert list(tracking.tracked(a_run(), spec)) == list(a_run())


def test_every_number_goes_to_the_tracker_that_settings_name(spec, monkeypatch):
    made = []
    monkeypatch.setattr(tracking, "TRACKERS", {"kept": lambda *args: made.append(Kept(*args)) or made[-1]})
    settings.save(settings.Settings(track="kept"))
    assert list(tracking.tracked(a_run(resumed=7), spec)) == list(a_run(resumed=7))
    assert made[0].told == [(step, {"loss": 1 / step}) for step in (1, 2, 3)]
    assert made[0].resumed == 7 and not made[0].open


def test_a_tracker_that_fails_is_told_once_and_the_run_goes_on(spec, monkeypatch):
    class Failing(Kept):
        def numbers(self, step, values):
            raise ConnectionError("no route to host\nand more")

        def close(self):
            raise ConnectionError("again")

    monkeypatch.setattr(tracking, "TRACKERS", {"far": Failing})
    monkeypatch.setenv(tracking.VARIABLE, "far, farther")
    events = list(tracking.tracked(a_run(), spec))
    warned = [event for event in events if isinstance(event, ev.Warned)]
    assert [event.text.split(":")[0] for event in warned] == [
        "There is no tracker called farther. There are",
        "The curves do not go to far any longer",
    ]
    assert "no route to host The run goes on." in warned[1].text
    assert [event for event in events if event not in warned] == list(a_run())


def test_a_package_that_is_not_installed_is_told(spec, monkeypatch):
    monkeypatch.setenv(tracking.VARIABLE, "wandb")
    monkeypatch.setitem(sys.modules, "wandb", None)
    warned = [event.text for event in tracking.tracked(a_run(), spec) if isinstance(event, ev.Warned)]
    assert warned == ["The curves do not go to wandb: its package is not installed. Install it with: pip install wandb"]


def test_weights_and_biases_get_the_run_under_its_own_id(spec, monkeypatch):
    began, logged, ended = [], [], []
    run = SimpleNamespace(log=lambda values, step: logged.append((step, values)), finish=lambda: ended.append(True))
    monkeypatch.setitem(sys.modules, "wandb", SimpleNamespace(init=lambda **how: began.append(how) or run))
    monkeypatch.setenv(tracking.VARIABLE, "wandb")
    list(tracking.tracked(a_run(), spec))
    assert began[0]["id"] == "run-1" and began[0]["config"] == {"method": "ppo", "learning_rate": 3e-4}
    assert logged[-1] == (3, {"loss": 1 / 3}) and ended == [True]


def test_tensorboard_reads_back_what_was_written(spec, monkeypatch, tmp_path):
    reading = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    monkeypatch.setenv(tracking.VARIABLE, "tensorboard")
    list(tracking.tracked(a_run(), spec))
    found = reading.EventAccumulator(str(tmp_path / "tensorboard"))
    found.Reload()
    assert [(each.step, pytest.approx(each.value)) for each in found.Scalars("loss")] == [
        (1, 1.0),
        (2, 0.5),
        (3, 1 / 3),
    ]
    assert found.Tags()["scalars"] == ["loss"]
