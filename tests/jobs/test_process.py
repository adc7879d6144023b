"""Children: they run, they stop, they die, and the parent says why."""

from __future__ import annotations

import signal
import subprocess
import sys
import time

import pytest

from tests.jobs import worlds
from workbench import events as ev
from workbench import paths
from workbench.jobs import preparing, running
from workbench.jobs.process import Child
from workbench.jobs.spec import JobSpec


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    yield store
    store.close()


def fake_child(monkeypatch, tmp_path, program: str) -> Child:
    """A child that runs `program` instead of a job: the parent must stand whatever it does."""
    monkeypatch.setattr(paths, "child_command", lambda: [sys.executable, "-c", program])
    return Child(JobSpec("r", "reward", {}, str(tmp_path)), tmp_path / "log.txt")


def test_reward_ppo_and_evaluation_in_children(store):
    model = store.models.list()[0]
    run, spec = preparing.prepare(store, "reward", worlds.REWARD, model_id=model.id)
    run = running.run_to_end(store, run, spec)
    assert run.status == "finished"
    reward = store.models.find(run.result_id)
    assert (reward.kind, reward.parent_id, reward.run_id) == ("reward", model.id, run.id)
    assert store.runs.metrics(run.id)["loss/train"][0][0] == 1

    run, spec = preparing.prepare(store, "ppo", worlds.PPO, model_id=model.id, reward_id=reward.id)
    run = running.run_to_end(store, run, spec)
    adapter = store.models.find(run.result_id)
    assert [step for step, _ in store.runs.metrics(run.id)["objective/kl"]] == [1, 2]
    assert [m.id for m in store.models.lineage(adapter)] == [model.id, adapter.id]
    assert store.runs.samples(run.id)

    options = {"max_new_tokens": 8, "device": "cpu", "dtype": "float32"}
    run, spec = preparing.prepare(
        store,
        "evaluate",
        options,
        model_id=None,
        reward_id=reward.id,
        other_ids=[model.id, adapter.id],
        split="held_out",
    )
    run = running.run_to_end(store, run, spec)
    held_out = store.prompts.count("held_out")
    assert run.summary["prompts"] == held_out
    assert set(run.summary["kl"]) == {"base", "tuned", "change", "ci"}
    answers = store.responses.of_run(run.id)
    assert len(answers) == 2 * held_out
    assert {answer.adapter_id for answer in answers} == {None, adapter.id}
    assert not any(answer.queued for answer in answers)


def test_answers_are_stored_with_everything_that_made_them(store):
    model = store.models.list()[0]
    prompt = store.prompts.list()[0]
    options = {"samples": 2, "max_new_tokens": 8, "top_k": 5, "seed": 3, "device": "cpu", "dtype": "float32"}
    run, spec = preparing.prepare(store, "generate", options, model_id=model.id, prompt_ids=[prompt.id])
    running.run_to_end(store, run, spec)
    first, second = store.responses.of_run(run.id)
    assert (first.prompt_id, first.model_id, first.adapter_id) == (prompt.id, model.id, None)
    assert first.sampler["top_k"] == 5
    assert (first.seed, second.seed) == (3, 4)
    assert first.finish_reason in ("stop", "length")
    assert first.template_hash
    assert first.prompt_tokens > 0
    assert first.queued


def test_stop_is_heard_and_what_was_learned_is_kept(store):
    model = store.models.list()[0]
    run, spec = preparing.prepare(store, "reward", worlds.REWARD | {"epochs": 50}, model_id=model.id)
    children = []
    asked = 0.0
    for event in running.events_of(store, run, spec, children.append):
        if isinstance(event, ev.Metrics) and event.step == 3:
            children[0].stop()
            asked = time.monotonic()
    took = time.monotonic() - asked
    run = store.runs.find(run.id)
    assert isinstance(event, ev.Stopped)
    assert run.status == "stopped"
    assert store.models.find(run.result_id).kind == "reward"
    assert took < 10  # a hang guard, not a speed test


def test_a_killed_child_is_told_with_its_reason(store):
    model = store.models.list()[0]
    run, spec = preparing.prepare(store, "reward", worlds.REWARD | {"epochs": 50}, model_id=model.id)
    children = []
    for event in running.events_of(store, run, spec, children.append):
        if isinstance(event, ev.Metrics) and event.step == 2:
            children[0]._process.send_signal(signal.SIGKILL)
    run = store.runs.find(run.id)
    assert run.status == "failed"
    assert "SIGKILL" in run.error
    assert "memory" in run.hint
    assert store.runs.metrics(run.id)["loss/train"]


@pytest.mark.parametrize(
    ("program", "words"),
    [
        ("import os; os.abort()", "crashed (SIGABRT)"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "crashed (SIGSEGV)"),
        ("raise SystemExit(3)", "status 3"),
        ("pass", "status 0"),
        ("print('not an event at all'); print('{')", "status 0"),
        ("import sys; sys.stdout.buffer.write(b'\\xff\\xfe\\n' * 100)", "status 0"),
        ("print('x' * 60_000_000)", "status 0"),
    ],
)
def test_any_death_becomes_one_sentence(monkeypatch, tmp_path, program, words):
    events = list(fake_child(monkeypatch, tmp_path, program).events())
    assert isinstance(events[-1], ev.Failed)
    assert words in events[-1].text
    assert events[-1].hint


def test_the_log_has_what_the_child_said_last(monkeypatch, tmp_path):
    child = fake_child(monkeypatch, tmp_path, "import sys; sys.exit('the reason')")
    failed = list(child.events())[-1]
    assert "the reason" in failed.details


def test_a_wrong_specification_fails_in_words(tmp_path):
    child = Child(JobSpec("r", "nonesuch", {}, str(tmp_path)), tmp_path / "log.txt")
    events = list(child.events())
    assert len(events) == 1
    assert "no method called nonesuch" in events[0].text


def test_a_child_whose_parent_is_gone_ends(store):
    model = store.models.list()[0]
    run, spec = preparing.prepare(store, "reward", worlds.REWARD | {"epochs": 50}, model_id=model.id)
    child = Child(spec, store.runs_folder / run.id / "log.txt")
    events = child.events()
    for event in events:
        if isinstance(event, ev.Metrics):
            break
    child._process.stdin.close()  # what the child sees when the parent dies
    assert isinstance(list(events)[-1], ev.Stopped)


def test_children_are_told_not_to_call_home():
    env = paths.child_environment()
    for name in ("HF_HUB_DISABLE_TELEMETRY", "DO_NOT_TRACK", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        assert env[name] == "1"


@pytest.mark.parametrize(
    ("asked", "waits"),
    [
        ({}, paths.WAITING),
        ({"OMP_WAIT_POLICY": "passive", "GOMP_SPINCOUNT": "7"}, {"GOMP_SPINCOUNT": "7"}),
        ({"OMP_WAIT_POLICY": "ACTIVE"}, {"OMP_WAIT_POLICY": "ACTIVE", "GOMP_SPINCOUNT": None}),
    ],
)
def test_threads_of_a_child_wait_passively_unless_the_person_says_otherwise(monkeypatch, asked, waits):
    for name in paths.WAITING:
        monkeypatch.delenv(name, raising=False)
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    env = paths.child_environment()
    assert {name: env.get(name) for name in waits} == waits


def test_garbage_is_looked_for_once_a_job_has_begun():
    code = """
import gc, io, sys
from workbench.events import Progress
from workbench.jobs import child
def events(spec, commands):
    print("before", gc.isenabled(), file=sys.stderr)
    yield Progress(0, 1)
    print("after", gc.isenabled(), gc.get_freeze_count() > 1000, file=sys.stderr)
child._events = events
sys.stdin = io.StringIO('{"run_id": "x", "method": "session", "options": {}, "folder": "."}\\n')
child.main()
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert [line for line in done.stderr.splitlines() if line.startswith(("before", "after"))] == [
        "before False",
        "after True True",
    ]
