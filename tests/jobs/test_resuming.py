"""Runs that are killed, stopped or left alone by their window go on as the same run, to the same end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time

import psutil
import pytest
import torch
from safetensors.torch import load_file

from tests.jobs import worlds
from workbench import events as ev
from workbench.errors import WorkbenchError
from workbench.jobs import preparing, running
from workbench.jobs import run as running_here
from workbench.jobs.recording import record
from workbench.lm import checkpoints
from workbench.store import Store

STEPS = 6
PPO = worlds.PPO | {"steps": STEPS, "learning_rate": 2e-3, "checkpoint_minutes": 1e-9}


@pytest.fixture(scope="module")
def store(tmp_path_factory, llama_folder):
    """A project with a reward model."""
    store = worlds.project(tmp_path_factory.mktemp("resuming") / "project", llama_folder)
    run, spec = preparing.prepare(store, "reward", worlds.REWARD | {"epochs": 1}, model_id=store.models.list()[0].id)
    running.run_to_end(store, run, spec)
    yield store
    store.close()


def prepare(store):
    base, scorer = store.models.list("base")[0], store.models.list("reward")[0]
    return preparing.prepare(store, "ppo", PPO, model_id=base.id, reward_id=scorer.id)


@pytest.fixture(scope="module")
def straight(store):
    """A run that nothing cut off."""
    run, spec = prepare(store)
    return running.run_to_end(store, run, spec)


def assert_as_straight(store, run, straight, heard=True):
    """The same adapter, and the same row, curves and answers, each once. Answers that were shown while no window was
    there are missing; curves are not."""
    assert run.status == "finished"
    assert (run.error, run.hint, run.step, run.total) == ("", "", STEPS, STEPS)
    ours, theirs = (
        load_file(os.path.join(store.models.find(each.result_id).location, "adapter_model.safetensors"))
        for each in (run, straight)
    )
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[key], theirs[key]) for key in ours)
    ours, theirs = (store.runs.metrics(each.id) for each in (run, straight))
    for curves in (ours, theirs):
        del curves["perf/memory_bytes"]
    assert ours == theirs
    ours, theirs = ([(s.step, s.prompt, s.text) for s in store.runs.samples(each.id)] for each in (run, straight))
    assert ours == theirs if heard else set(ours) <= set(theirs)
    assert len(ours) == len(set(ours))
    ours, theirs = (
        {key: value for key, value in each.summary.items() if not key.endswith("bytes")} for each in (run, straight)
    )
    assert ours == theirs


def test_a_run_that_was_killed_goes_on_to_the_same_end(store, straight):
    run, spec = prepare(store)
    children = []
    for event in running.events_of(store, run, spec, children.append):
        if isinstance(event, ev.Saved) and event.step == 3:
            children[0]._process.send_signal(signal.SIGKILL)
    dead = store.runs.find(run.id)
    assert dead.status == "failed"
    assert "SIGKILL" in dead.error
    models = len(store.models.list())
    again, spec = preparing.resume(store, run.id)
    assert again.id == run.id
    begun = []
    for event in running.events_of(store, again, spec):
        if isinstance(event, ev.Started):
            begun.append(event.info["resumed"])
    assert len(begun) == 1
    assert 3 <= begun[0] < STEPS
    assert_as_straight(store, store.runs.find(run.id), straight)
    assert len(store.models.list()) == models + 1


def test_a_run_that_was_stopped_goes_on_and_keeps_the_model_of_the_stop(store, straight):
    run, spec = prepare(store)
    children = []
    for event in running.events_of(store, run, spec, children.append):
        if isinstance(event, ev.Metrics) and event.step == 2:
            children[0].stop()
    stopped = store.runs.find(run.id)
    assert stopped.status == "stopped"
    first = store.models.find(stopped.result_id)
    weights = load_file(os.path.join(first.location, "adapter_model.safetensors"))
    again, spec = preparing.resume(store, run.id)
    ended = running.run_to_end(store, again, spec)
    assert_as_straight(store, ended, straight)
    second = store.models.find(ended.result_id)
    assert second.name == f"{first.name}, step {STEPS}"
    assert second.location != first.location
    kept = load_file(os.path.join(store.models.find(first.id).location, "adapter_model.safetensors"))
    assert all(torch.equal(weights[key], kept[key]) for key in weights)


WINDOW = """
import sys
from workbench import events as ev
from workbench.jobs import running
from workbench.jobs.spec import JobSpec
from workbench.store import Store
import json
store = Store.open(sys.argv[1])
run = store.runs.find(sys.argv[2])
for event in running.events_of(store, run, JobSpec.from_line(json.dumps(run.spec)), lambda child: print(child.pid)):
    if isinstance(event, ev.Metrics):
        print("step", event.step, flush=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="there is no SIGKILL")
def test_a_window_that_is_killed_leaves_a_run_that_goes_on(store, straight):
    """Its child notices, saves what it has and ends; a resume that comes sooner waits for it."""
    run, _ = prepare(store)
    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(store.folder), run.id], stdout=subprocess.PIPE, text=True
    )
    pid = int(window.stdout.readline())
    while window.stdout.readline() != "step 2\n":
        pass
    window.kill()
    window.wait()
    window.stdout.close()
    assert run.id in [each.id for each in store.runs.interrupt_orphans()]
    assert store.runs.find(run.id).status == "interrupted"
    again, spec = preparing.resume(store, run.id)
    begun = next(event for event in running.events_of(store, again, spec) if isinstance(event, ev.Started))
    assert begun.info["resumed"] >= 2
    assert not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    cut_off = store.runs.find(run.id)  # the iterator was closed, as by a window that is closed
    assert cut_off.status == "interrupted"
    ended = running.run_to_end(store, *preparing.resume(store, run.id))
    assert_as_straight(store, ended, straight, heard=False)


def test_what_cannot_go_on_is_refused_in_words(store):
    run, _ = prepare(store)
    with pytest.raises(WorkbenchError, match="still going"):
        preparing.resume(store, run.id)
    store.runs.update(run.id, status="failed")
    with pytest.raises(WorkbenchError, match="no checkpoint to go on from"):
        preparing.resume(store, run.id)
    assert store.runs.find(run.id).status == "failed"


def test_a_checkpoint_that_is_damaged_fails_in_words_and_keeps_the_run(store):
    run, _ = prepare(store)
    store.runs.add_metrics(run.id, 1, {"objective/kl": 0.5})
    store.runs.update(run.id, status="interrupted")
    folder = checkpoints.write(store.runs_folder / run.id, 1, {"weight": torch.zeros(3)}, {})
    path = folder / "tensors.safetensors"
    path.write_bytes(path.read_bytes()[:-1] + b"\x01")
    with pytest.raises(WorkbenchError, match="no usable checkpoint"):
        running.run_to_end(store, *preparing.resume(store, run.id))
    assert store.runs.metrics(run.id) == {"objective/kl": [(1, 0.5)]}


def test_a_run_has_one_process(tmp_path, monkeypatch):
    other = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    owner = {"pid": other.pid, "begun": psutil.Process(other.pid).create_time()}
    (tmp_path / running_here.OWNER).write_text(json.dumps(owner))
    monkeypatch.setattr(running_here, "PATIENCE", 0.0)
    with pytest.raises(WorkbenchError, match="another process"):
        list(running_here._become_owner(tmp_path))
    other.communicate(b"\n")
    list(running_here._become_owner(tmp_path))
    assert json.loads((tmp_path / running_here.OWNER).read_text())["pid"] == os.getpid()
    (tmp_path / running_here.OWNER).write_text("not json")
    list(running_here._become_owner(tmp_path))


def test_a_process_number_that_was_given_again_owns_nothing(tmp_path):
    owner = {"pid": os.getppid(), "begun": psutil.Process(os.getppid()).create_time() - 100}
    (tmp_path / running_here.OWNER).write_text(json.dumps(owner))
    assert not running_here._owned_by_another(tmp_path)


def test_the_store_is_taken_back_to_the_checkpoint(tmp_path):
    store = Store.open(tmp_path / "project")
    run = store.runs.add(name="PPO 1", method="ppo", options={})
    first = [ev.Started(9)]
    for step in range(1, 6):
        first += [ev.Metrics(step, {"objective/kl": float(step)}), ev.Sample(step, "say", f"text {step}")]
    first += [ev.Warned(2, "early", "kl"), ev.Warned(5, "late", "clip"), ev.Failed("The disk is full.", "Free some.")]
    list(record(store, run.id, iter(first)))
    recent = {"2": {"objective/kl": 2.0}, "3": {"objective/kl": None}}
    info = {"resumed": 3, "seconds": 600.0, "recent": recent}
    list(record(store, run.id, iter([ev.Started(9, info=info), ev.Metrics(4, {"objective/kl": 40.0}), ev.Stopped(4)])))
    found = store.runs.find(run.id)
    assert (found.status, found.step, found.error, found.hint) == ("stopped", 4, "", "")
    assert store.runs.metrics(run.id) == {"objective/kl": [(1, 1.0), (2, 2.0), (3, None), (4, 40.0)]}
    assert [sample.step for sample in store.runs.samples(run.id)] == [3, 2, 1]
    assert store.runs.warnings(run.id) == {"kl": "early"}
    begun, ended = (
        time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) for text in (found.started_at, found.ended_at)
    )
    assert ended - begun >= 600  # the work before the cut counts, the time between does not
    store.close()
