"""Runs in line while the window is closed and opened again: a real window, a real process without one, tiny models."""

from __future__ import annotations

import time

import psutil
import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication, QMessageBox

from tests.jobs import worlds
from tests.ui.test_whole_loop import open_window, points, shut  # noqa: F401
from workbench import settings
from workbench.jobs import queue_runner
from workbench.lm import checkpoints
from workbench.store import owners, run_queue
from workbench.ui.widgets import Button

QUICK = worlds.REWARD | {"epochs": 1}
LONG = worlds.REWARD | {"epochs": 50, "batch_size": 2, "patience": 0}
SLOW = 60_000


@pytest.fixture
def project(tmp_path, llama_folder):
    worlds.project(tmp_path / "project", llama_folder).close()


@pytest.fixture(autouse=True)
def left_alone(monkeypatch):
    """A process that goes on without the window and should not when a test fails ends with the test."""
    started = []
    go_on = queue_runner.go_on_without_window
    monkeypatch.setattr(queue_runner, "go_on_without_window", lambda folder: started.append(go_on(folder)))
    yield started
    for pid in started:
        if psutil.pid_exists(pid):
            for process in [*psutil.Process(pid).children(recursive=True), psutil.Process(pid)]:
                process.kill()


def start(window, name, options):
    base = window.context.store.models.list("base")[0]
    return window.context.start_run("reward", options, model_id=base.id, name=name)


def answer(text, always=True):
    """Click a button of the question that the window is about to ask."""

    def click():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        asked.append(box.text())
        box.checkBox().setChecked(always)
        next(button for button in box.buttons() if button.text() == text).click()

    asked = []
    QTimer.singleShot(0, click)
    return asked


def states(store):
    return {run.name: run.status for run in store.runs.list()}


def test_three_runs_of_which_the_second_fails_end_as_they_should_with_the_window_closed(
    open_window, project, qtbot, left_alone  # noqa: F811
):  # fmt: skip
    window = open_window()
    store = window.context.store
    first = start(window, "first", LONG | {"epochs": 20})
    doomed = start(window, "doomed", QUICK)
    start(window, "third", QUICK)
    (store.runs_folder / doomed.id / "data.jsonl").write_text("this is no data\n")
    assert states(store) == {"first": "running", "doomed": "waiting", "third": "waiting"}
    qtbot.waitUntil(lambda: store.runs.find(first.id).step > 5, timeout=SLOW)
    asked = answer("Keep training")
    window.close()
    assert asked == ["first is going, and 2 runs wait."]
    assert settings.load().closing == "keep"
    shut(window)

    # While it was closed the run went on; the window that opens next shows it live, and it is no run of that window.
    window = open_window()
    context, store = window.context, window.context.store
    qtbot.waitUntil(lambda: first.id in context.going() or states(store)["first"] == "finished", timeout=SLOW)
    assert context.jobs == {}
    window.show_pane("train", {"run": first.id})
    panel = window.panes["train"].monitor.charts.panels[0]
    qtbot.waitUntil(lambda: len(points(panel)) > 2 and not panel.isHidden(), timeout=SLOW)
    shut(window)  # asks nothing: it is not this window's run
    queue = open_window().context.store
    assert owners.owner_of(queue, run_queue.QUEUE) == left_alone[0]
    until = time.monotonic() + 60
    while owners.owner_of(queue, run_queue.QUEUE) and time.monotonic() < until:
        qtbot.wait(200)
    assert states(queue) == {"first": "finished", "doomed": "failed", "third": "finished"}
    assert "cannot be read" in queue.runs.find(doomed.id).error
    assert len(queue.models.list("reward")) == 2
    steps = [step for step, _ in queue.runs.metrics(first.id)["loss/train"]]
    assert steps == list(range(1, queue.runs.find(first.id).total + 1))
    psutil.Process(left_alone[0]).wait(10)


def test_a_run_that_is_paused_by_closing_waits_and_is_resumed_by_one_click(open_window, project, qtbot):  # noqa: F811
    window = open_window()
    run = start(window, "long", LONG)
    store = window.context.store
    qtbot.waitUntil(lambda: store.runs.find(run.id).step > 5, timeout=SLOW)
    answer("Stay")
    window.close()
    assert window.isVisible()
    assert settings.load().closing == "ask"
    answer("Pause it", always=False)
    window.close()
    shut(window)

    window = open_window()
    context, store = window.context, window.context.store
    paused = store.runs.find(run.id)
    assert (paused.status, context.going()) == ("waiting", [])
    kept = checkpoints.newest(store.runs_folder / run.id).step
    assert kept >= 5
    assert store.models.list("reward") == []
    (message,) = window.messages.messages()
    assert message.text == f"long is paused at step {paused.step}."
    resume = next(button for button in message.findChildren(Button) if button.text() == "Resume")
    qtbot.mouseClick(resume, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: store.runs.find(run.id).step > kept + 3, timeout=SLOW)
    assert [step for step, _ in store.runs.metrics(run.id)["loss/train"]][:kept] == list(range(1, kept + 1))


def test_what_cannot_go_on_later_ends_and_keeps_what_it_has(open_window, project, qtbot, monkeypatch):  # noqa: F811
    """A batch of answers is no run of the queue: it is asked about as before, and ends."""
    window = open_window()
    context, store = window.context, window.context.store
    ids = [prompt.id for prompt in store.prompts.list()]
    options = {"max_new_tokens": 200, "samples": 8, "device": "cpu"}
    base = store.models.list("base")[0].id
    run = context.start_run("generate", options, model_id=base, prompt_ids=ids)
    qtbot.waitUntil(lambda: len(store.responses.of_run(run.id)) > 2, timeout=SLOW)
    monkeypatch.setattr(type(window), "_may_stop_jobs", lambda self: True)
    window.close()
    ended = store.runs.find(run.id)
    assert ended.status == "stopped"
    assert 2 < len(store.responses.of_run(run.id)) < 8 * len(ids)
    assert run_queue.waiting(store) == []
