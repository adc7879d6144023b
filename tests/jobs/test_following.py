"""A run in another process is told of from the store that it writes to, as it would have told itself."""

from __future__ import annotations

import subprocess
import sys

import pytest

from workbench.events import Failed, Finished, Metrics, Sample, Started, Stopped, Warned
from workbench.jobs.following import Follower, elsewhere
from workbench.store import RunSample, Store, owners, run_queue


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


@pytest.fixture
def run(store):
    run = store.runs.add(name="r", method="reward", options={})
    store.runs.update(run.id, status="running", total=9)
    store.runs.add_metrics(run.id, 1, {"loss/train": 1.0})
    return run


def look(follower):
    return list(follower.look())


def test_what_was_before_is_read_from_the_store_and_what_comes_is_told_once(store, run):
    follower = Follower(store, run.id)
    assert look(follower) == [Started(9, "", "", {"resumed": 1})]
    assert look(follower) == []
    store.runs.add_metrics(run.id, 2, {"loss/train": 0.9})
    store.runs.add_metrics(run.id, 3, {"loss/train": 0.8})
    store.runs.add_sample(RunSample(run.id, 3, "hi", "hello", {"reward": 1.0}, "p"))
    store.runs.add_sample(RunSample(run.id, 3, "hi", "there", {}, "p"))
    store.runs.add_warning(run.id, 3, "kl", "KL is high.")
    assert look(follower) == [
        Metrics(2, {"loss/train": 0.9}),
        Metrics(3, {"loss/train": 0.8}),
        Sample(3, "hi", "hello", {"reward": 1.0}, "p"),
        Sample(3, "hi", "there", {}, "p"),
        Warned(3, "KL is high.", "kl"),
    ]
    assert look(follower) == []


def test_a_figure_that_comes_late_for_its_step_is_told_too(store, run):
    follower = Follower(store, run.id)
    look(follower)
    store.runs.add_metrics(run.id, 1, {"accuracy/held_out": 0.5})
    store.runs.add_metrics(run.id, 2, {"loss/train": 0.9})
    assert look(follower) == [Metrics(1, {"accuracy/held_out": 0.5}), Metrics(2, {"loss/train": 0.9})]


def test_a_run_that_goes_back_to_a_checkpoint_is_read_anew(store, run):
    follower = Follower(store, run.id)
    look(follower)
    store.runs.add_metrics(run.id, 5, {"loss/train": 0.5})
    look(follower)
    store.runs.rewind(run.id, 2)
    assert look(follower) == [Started(9, "", "", {"resumed": 2})]
    store.runs.add_metrics(run.id, 3, {"loss/train": 0.7})
    assert look(follower) == [Metrics(3, {"loss/train": 0.7})]


@pytest.mark.parametrize(
    ("status", "ending"),
    [
        ("finished", Finished({})),
        ("stopped", Stopped(1, {})),
        ("waiting", Stopped(1, {})),
        ("failed", Failed("No.", "Why.", "")),
        ("interrupted", Failed("No.", "Why.", "")),
    ],
)
def test_its_end_is_told_as_what_it_was(store, run, status, ending):
    follower = Follower(store, run.id)
    look(follower)
    store.runs.update(run.id, status=status, error="No.", hint="Why.")
    assert look(follower) == [ending]


OTHER = """
import sys
from workbench.store import Store, owners
store = Store.open(sys.argv[1])
owners.own(store, sys.argv[2])
print("owned", flush=True)
input()
"""


def test_only_runs_of_another_process_that_lives_are_elsewhere(store, run):
    words = [sys.executable, "-c", OTHER, str(store.folder), run.id]
    assert elsewhere(store) == []  # nobody has it in hand
    other = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "owned\n"
    assert elsewhere(store) == [run.id]
    other.communicate("\n")
    assert elsewhere(store) == []
    assert owners.own(store, run.id)
    assert elsewhere(store) == []  # it goes here
    assert run_queue.waiting(store) == []
