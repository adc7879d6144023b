"""Runs that wait are run one after the other, by one process, on after one that failed, and paused without loss."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time

import pytest
from click.testing import CliRunner

from tests.jobs import worlds
from workbench import paths
from workbench.cli import cli
from workbench.errors import WorkbenchError
from workbench.events import Failed, Metrics
from workbench.jobs import preparing, queue_runner, running
from workbench.lm import checkpoints
from workbench.store import owners, run_queue

QUICK = worlds.REWARD | {"epochs": 1}
LONG = worlds.REWARD | {"epochs": 50, "batch_size": 2, "patience": 0}


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    yield store
    store.close()


def line_up(store, name, options=QUICK):
    run, _ = preparing.prepare(store, "reward", options, model_id=store.models.list("base")[0].id, name=name)
    run_queue.put(store, run.id)
    return run


def command(store, *words):
    return CliRunner().invoke(cli, ["runs", *words, "--project", str(store.folder)], catch_exceptions=True)


def states(store):
    return {run.name: run.status for run in store.runs.list()}


def test_the_queue_goes_on_after_a_run_that_fails_and_after_one_whose_model_is_gone(store, tmp_path):
    spoilt, fine = line_up(store, "spoilt"), line_up(store, "fine")
    orphan = line_up(store, "orphan")
    store.runs.update(orphan.id, model_id=store.models.add(name="g", kind="base", source="local", location="/no").id)
    run_queue.move(store, orphan.id, -1)
    (store.runs_folder / spoilt.id / "data.jsonl").write_text("this is no data\n")
    heard = []
    ended = queue_runner.work_through(store, lambda run, event: heard.append((run.name, event)))
    assert [run.name for run in ended] == ["spoilt", "orphan", "fine"]
    assert states(store) == {"spoilt": "failed", "orphan": "failed", "fine": "finished"}
    assert "cannot be read" in store.runs.find(spoilt.id).error
    assert "are gone from /no" in store.runs.find(orphan.id).error
    assert [name for name, event in heard if isinstance(event, Failed)] == ["spoilt", "orphan"]
    assert store.models.find(store.runs.find(fine.id).result_id).kind == "reward"
    assert owners.owner_of(store, run_queue.QUEUE) is None


def test_a_pause_keeps_a_checkpoint_no_model_and_the_place_in_line(store):
    long, after = line_up(store, "long", LONG), line_up(store, "after")

    def pause(run, event):
        if isinstance(event, Metrics) and event.step == 8:
            run_queue.want(store, run.id, "pause")

    ended = queue_runner.work_through(store, pause)
    assert [(run.name, run.status) for run in ended] == [("long", "waiting")]
    assert [run.id for run in run_queue.waiting(store)] == [long.id, after.id]
    assert checkpoints.newest(store.runs_folder / long.id).step >= 8
    assert store.models.list("reward") == []
    assert not list((store.runs_folder / long.id).glob("reward*"))
    assert preparing.spec_of(store, store.runs.find(long.id)).resumes
    assert run_queue.wish(store, long.id) == ""

    # Named on the command line, it goes on at once, out of line.
    _, spec = preparing.resume(store, long.id)
    assert spec.resumes
    assert [run.id for run in run_queue.waiting(store)] == [after.id]
    run_queue.put(store, long.id, 1)

    # What goes on can be discarded: its curves stay, its weights and checkpoints do not.
    def discard(run, event):
        if isinstance(event, Metrics) and run.id == long.id:
            run_queue.want(store, run.id, "discard")

    queue_runner.work_through(store, discard)
    assert states(store) == {"long": "stopped", "after": "finished"}
    assert store.runs.metrics(long.id)
    assert checkpoints.newest(store.runs_folder / long.id) is None
    assert [model.run_id for model in store.models.list("reward")] == [after.id]


def test_a_model_that_was_saved_before_a_wish_came_too_late_is_kept(store):
    """The wish comes when the run is ending by itself."""
    from workbench import events as ev
    from workbench.jobs.recording import record

    run = line_up(store, "late")
    folder = store.runs_folder / run.id / "reward"
    folder.mkdir()
    (folder / "reward.json").write_text("{}")

    def events():
        run_queue.want(store, run.id, "discard")
        yield ev.Saved("reward", str(folder), 3)
        yield ev.Finished({})

    list(record(store, run.id, events()))
    assert store.runs.find(run.id).status == "finished"
    assert store.models.find(store.runs.find(run.id).result_id).location == str(folder)


def test_a_child_that_does_not_listen_is_ended_and_its_run_waits(store, monkeypatch):
    monkeypatch.setattr(running, "PATIENCE", 0.0)
    monkeypatch.setattr(running.Child, "stop", lambda self: None)
    line_up(store, "deaf", LONG)

    def pause(run, event):
        if isinstance(event, Metrics):
            run_queue.want(store, run.id, "pause")
            monkeypatch.undo()  # the wish is read once; later ones would be too

    ended = queue_runner.work_through(store, pause)
    assert ended[0].status == "waiting"


def test_a_run_whose_process_cannot_be_started_fails_in_words_and_the_queue_goes_on(store, monkeypatch):
    line_up(store, "a"), line_up(store, "b")
    monkeypatch.setattr(paths, "child_command", lambda: ["/no/such/program"])
    ended = queue_runner.work_through(store, lambda run, event: None)
    assert [(run.name, run.status) for run in ended] == [("a", "failed"), ("b", "failed")]
    assert "could not be started" in ended[0].error
    assert [owners.owner_of(store, run.id) for run in ended] == [None, None]


def test_the_command_line_lists_moves_takes_out_and_puts_back(store):
    line_up(store, "first"), line_up(store, "second")
    found = json.loads(command(store, "list", "--json").output)["runs"]
    assert [(run["name"], run["place"]) for run in found] == [("first", 1), ("second", 2)]
    assert command(store, "up", "second").output.split()[0] == "second"
    assert command(store, "down", "second").output.split()[0] == "first"
    assert "taken out" in command(store, "remove", "first").output
    assert states(store) == {"first": "stopped", "second": "waiting"}
    assert "waits, 2 in line" in command(store, "add", "first").output
    done = command(store, "stop", "first")
    assert isinstance(done.exception, WorkbenchError)
    assert "not going" in str(done.exception)
    store.runs.update(store.runs.find("second").id, status="finished")
    assert "has finished" in str(command(store, "add", "second").exception)


def test_a_queued_training_is_checked_and_does_not_run(store):
    words = ["train", "reward", "--queue", "--name", "later", "--epochs", "1", "--project", str(store.folder)]
    done = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert "later waits, 1 in line" in done.output
    assert [run.name for run in run_queue.waiting(store)] == ["later"]
    refused = CliRunner().invoke(cli, [*words, "--epochs", "0"], catch_exceptions=True)
    assert isinstance(refused.exception, WorkbenchError)
    assert len(store.runs.list()) == 1


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGTERM")
def test_the_end_of_the_systems_session_pauses_what_goes(store):
    run = line_up(store, "long", LONG)
    process = subprocess.Popen(paths.queue_command(store.folder), stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    until = time.monotonic() + 60
    while store.runs.find(run.id).step < 3 and time.monotonic() < until:
        time.sleep(0.1)
    with pytest.raises(WorkbenchError, match="already"):
        queue_runner.work_through(store, lambda run, event: None)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=30) == 0
    assert states(store) == {"long": "waiting"}
    assert checkpoints.newest(store.runs_folder / run.id).step >= 3
