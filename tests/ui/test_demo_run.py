"""The demo in the window, on a tiny model."""

from __future__ import annotations

import json

import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from tests import tiny
from workbench import app, settings
from workbench.jobs.demo import Plan
from workbench.ui.demo_run import DemoRun


@pytest.fixture
def window(qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    window = app.make_window(tmp_path / "out" / "project", settings.Settings(theme="dark"))
    window.resize(1440, 900)
    with qtbot.waitExposed(window):
        window.show()
    context, lock = window.context, window.lock
    yield window
    if isValid(window):
        window.close()
        QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    context.store.close()
    lock.unlock()


def plan(tmp_path):
    return Plan(samples=2, ppo_steps=1, words=12, evaluation_samples=1, model=str(tiny.llama(tmp_path / "model")))


def test_its_runs_are_drawn_live_and_its_verdict_is_told(window, tmp_path, qtbot):
    window.demo = DemoRun(window, plan(tmp_path), tmp_path / "out")
    window.demo.start()
    qtbot.waitUntil(lambda: not window.demo.running, timeout=240_000)
    qtbot.waitUntil(lambda: any("Demo done" in message.text for message in window.messages.messages()), timeout=5000)
    store = window.context.store
    assert {run.method: run.status for run in store.runs.list()} == dict.fromkeys(
        ("generate", "reward", "ppo", "evaluate"), "finished"
    )
    assert window.current is window.panes["evaluate"]
    assert {"generate", "train", "evaluate"} <= set(window.panes)
    assert json.loads((tmp_path / "out" / "report.json").read_text())["held_out_prompts"] >= 24
    assert list(store.feedback.annotators()) == ["rule: brief and finished"]


def test_closing_the_window_stops_it(window, tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(type(window), "_may_stop_jobs", lambda self: True)
    demo = window.demo = DemoRun(window, plan(tmp_path), tmp_path / "out")
    demo.start()
    qtbot.waitUntil(lambda: bool(window.context.store.runs.list()), timeout=60_000)
    thread = demo._thread
    window.close()
    assert thread.isFinished()
    assert not (tmp_path / "out" / "report.json").exists()
