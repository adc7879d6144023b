"""The loop as a person goes round it: one real window, a tiny model in children, keys and clicks."""

from __future__ import annotations

import os
import signal
import sys

import pytest
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QWidget
from shiboken6 import isValid

from tests import tiny
from workbench import app, settings
from workbench.jobs.adding import add_model
from workbench.store import Store

SLOW = 120_000
CTRL = Qt.KeyboardModifier.ControlModifier
PANES = ("models", "generate", "feedback", "train", "evaluate", "data")
ALT = Qt.KeyboardModifier.AltModifier


@pytest.fixture
def open_window(qtbot, tmp_path, monkeypatch):
    """Opens the window over tmp_path/project, as starting the app does."""
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    made = []

    def start():
        window = app.make_window(tmp_path / "project", settings.Settings(theme="dark"))
        made.append(window)
        window.resize(1440, 900)
        with qtbot.waitExposed(window):
            window.show()
        window.activateWindow()
        qtbot.waitUntil(window.isActiveWindow)
        return window

    yield start
    for window in made:
        shut(window)


def shut(window):
    """Close a window as the person does."""
    if not isValid(window):
        return
    context, lock = window.context, window.lock
    for job in context.jobs.values():  # a test that failed in mid-run; else the window would ask
        job.kill()
        job.wait()
    context.jobs.clear()
    window.close()
    QApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)
    context.store.close()
    lock.unlock()


def press(window, key, modifier=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(window.focusWidget() or window, key, modifier)


@pytest.fixture
def project(tmp_path):
    """A project with a tiny model and prompts of both splits."""
    store = Store.open(tmp_path / "project")
    add_model(store, str(tiny.llama(tmp_path / "model")), "tiny")
    for index in range(16):
        store.prompts.add(f"say hello number {index}", tags=["test"])
    assert store.prompts.count("held_out") >= 2
    store.close()
    return tmp_path / "project"


def judge_everything(store):
    """More judgements than a test should type, so that there is enough to learn from."""
    for prompt in store.prompts.list():
        answers = [store.responses.add(prompt.id, text) for text in ("hello kind fox", "lazy dog over")]
        store.feedback.add("rating", prompt.id, [item.id for item in answers], {"ratings": [5, 1]}, annotator="you")


def test_once_round_the_loop(open_window, project, qtbot):
    window = open_window()
    context, store = window.context, window.context.store

    # Load the tiny model with Enter in Models.
    press(window, Qt.Key.Key_1, CTRL)
    models = window.panes["models"]
    models.first_focus().setFocus()
    press(window, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(context.session_info), timeout=SLOW)
    assert "tiny loaded" in window.status._model.text()

    # Four answers to the first prompt.
    press(window, Qt.Key.Key_2, CTRL)
    generate = window.panes["generate"]
    generate.sampling.samples.setValue(4)
    generate.sampling.fields["max_new_tokens"].set_value(16)
    press(window, Qt.Key.Key_Return, CTRL)
    qtbot.waitUntil(lambda: store.responses.count() == 4, timeout=SLOW)
    qtbot.waitUntil(lambda: generate.send_action.isEnabled(), timeout=SLOW)
    press(window, Qt.Key.Key_Return)

    # Rate, compare, rank and edit them, by keys alone.
    feedback = window.panes["feedback"]
    assert window.current is feedback
    for digit in (Qt.Key.Key_5, Qt.Key.Key_2, Qt.Key.Key_4, Qt.Key.Key_1):
        press(window, digit)
    press(window, Qt.Key.Key_Return)
    assert store.feedback.counts() == {"rating": 1}
    press(window, Qt.Key.Key_2, ALT)
    press(window, Qt.Key.Key_Left)
    press(window, Qt.Key.Key_Return)
    press(window, Qt.Key.Key_3, ALT)
    for letter in (Qt.Key.Key_C, Qt.Key.Key_A, Qt.Key.Key_B, Qt.Key.Key_D):
        press(window, letter)
    press(window, Qt.Key.Key_Return)
    press(window, Qt.Key.Key_4, ALT)
    editor = feedback.view.editor
    editor.setFocus()
    QTest.keyClicks(editor, " and kind")
    press(window, Qt.Key.Key_Return, CTRL)
    assert store.feedback.counts() == {"rating": 1, "comparison": 1, "ranking": 1, "edit": 1}
    press(window, Qt.Key.Key_Z, CTRL)
    assert "edit" not in store.feedback.counts()

    judge_everything(store)

    # A reward model: points arrive while it runs.
    run = context.start_run("reward", FAST_REWARD, model_id=store.models.find("tiny").id, name="scorer")
    window.show_pane("train", {"run": run.id})
    train = window.panes["train"]
    panel = train.monitor.charts.panels[0]
    qtbot.waitUntil(lambda: len(points(panel)) > 2, timeout=SLOW)
    qtbot.waitUntil(lambda: run.id not in context.jobs, timeout=SLOW)
    reward = store.models.find(store.runs.find(run.id).result_id)
    assert reward.kind == "reward"

    # PPO: its plots and samples, then stop; what it has learned is kept and can write.
    options = FAST_PPO | {"steps": 500}
    ppo = context.start_run("ppo", options, model_id=store.models.find("tiny").id, reward_id=reward.id, name="tuned")
    window.show_pane("train", {"run": ppo.id})
    qtbot.waitUntil(lambda: len(points(train.monitor.charts.panels[0])) > 1, timeout=SLOW)
    assert store.runs.samples(ppo.id)
    qtbot.mouseClick(train.monitor.stop, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: ppo.id not in context.jobs, timeout=SLOW)
    ppo = store.runs.find(ppo.id)
    assert ppo.status == "stopped"
    adapter = store.models.find(ppo.result_id)
    assert adapter.kind == "adapter"
    prompt = store.prompts.list()[-1]
    before = store.responses.count()
    context.request_answers(
        prompt_id=prompt.id, model_id=adapter.id, sampler={"max_new_tokens": 6, "temperature": 0.7}, samples=1, seed=1
    )
    qtbot.waitUntil(lambda: store.responses.count() == before + 1, timeout=SLOW)
    assert store.responses.of_prompt(prompt.id)[-1].adapter_id == adapter.id

    # Kill a child in mid-run: the window lives and says why.
    doomed = context.start_run(
        "reward", FAST_REWARD | {"epochs": 50}, model_id=store.models.find("tiny").id, name="doomed"
    )
    window.show_pane("train", {"run": doomed.id})
    qtbot.waitUntil(lambda: store.runs.find(doomed.id).step > 1, timeout=SLOW)
    os.kill(context.jobs[doomed.id].pid, signal.SIGKILL)
    qtbot.waitUntil(lambda: doomed.id not in context.jobs, timeout=SLOW)
    assert "SIGKILL" in store.runs.find(doomed.id).error
    assert any("SIGKILL" in message.text for message in window.messages.messages())
    assert "SIGKILL" in train.monitor.failed.what.text()

    # Start the app again: everything is there, undo still works.
    counts = store.feedback.counts()
    shut(window)
    again = open_window()
    store = again.context.store
    assert store.feedback.counts() == counts
    assert {model.name for model in store.models.list()} == {"tiny", "scorer", "tuned"}
    again.show_pane("train", {"run": ppo.id})
    curve = store.runs.metrics(ppo.id)["objective/scores"]
    assert points(again.panes["train"].monitor.charts.panels[0]) == [(s, pytest.approx(v)) for s, v in curve]
    again.show_pane("feedback")
    press(again, Qt.Key.Key_Z, CTRL)
    assert sum(store.feedback.counts().values()) == sum(counts.values()) - 1


FAST_REWARD = {"epochs": 6, "batch_size": 4, "learning_rate": 5e-3, "rank": 4, "max_tokens": 64, "device": "cpu"}
FAST_PPO = {"batch_size": 4, "max_new_tokens": 8, "rank": 2, "device": "cpu"}


def points(panel):
    """The points of a chart's main line."""
    main = panel._main()
    return list(zip(main.steps, main.values, strict=True)) if main else []


def test_every_pane_opens_without_torch(tmp_path):
    """In a process of its own: other tests import torch into this one."""
    import subprocess

    program = (
        "import sys; from pathlib import Path; from workbench import app, settings\n"
        "application = app.make_application()\n"
        f"window = app.make_window(Path({str(tmp_path / 'p')!r}), settings.Settings())\n"
        "window.show()\n"
        "for name in ('models', 'generate', 'feedback', 'train', 'evaluate', 'data'):\n"
        "    window.show_pane(name); application.processEvents()\n"
        "heavy = [name for name in ('torch', 'transformers', 'peft', 'trl', 'datasets') if name in sys.modules]\n"
        "window.close(); print(heavy)\n"
    )
    env = dict(os.environ, WORKBENCH_HOME=str(tmp_path / "home"), QT_QPA_PLATFORM="offscreen")
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.strip() == "[]", done.stderr
    assert done.stderr == ""


def test_no_widget_flashes_as_a_window_of_its_own(open_window, project, qapp):
    """setVisible(True) before a widget has its parent opens a window for an instant, and takes the focus away."""
    flashed = []

    class Watch(QObject):
        def eventFilter(self, watched, event):
            if event.type() == QEvent.Type.Show and isinstance(watched, QWidget) and watched.isWindow():
                flashed.append(type(watched).__name__)
            return False

    watch = Watch()
    qapp.installEventFilter(watch)
    window = open_window()
    for name in PANES:
        window.show_pane(name)
    for kind in ("rating", "comparison", "ranking", "edit"):
        window.show_pane("feedback", kind)
    window.show_pane("train", {"new": "ppo"})
    qapp.processEvents()
    qapp.removeEventFilter(watch)
    assert flashed == ["Window"]


def test_a_second_window_on_the_same_project_is_refused(open_window, tmp_path):
    open_window()
    with pytest.raises(app.WorkbenchError, match="open in another Workbench window"):
        app.make_window(tmp_path / "project", settings.Settings())


def test_runs_left_by_a_crash_are_marked(open_window, tmp_path):
    store = Store.open(tmp_path / "project")
    run = store.runs.add(name="left", method="ppo", options={})
    store.runs.update(run.id, status="running", pid=2**22 + 1)
    store.close()
    window = open_window()
    found = window.context.store.runs.find(run.id)
    assert found.status == "interrupted"
    assert "closed" in found.error


def test_ctrl_k_goes_to_a_pane_and_question_mark_lists_keys(open_window, qtbot):
    window = open_window()
    press(window, Qt.Key.Key_K, CTRL)
    assert any("Evaluate" in item.text for item in window.palette_.shown_items())
    QTest.keyClicks(window.focusWidget(), "show data")
    press(window, Qt.Key.Key_Return)
    assert window.current is window.panes["data"]


def test_settings_act_at_once_and_are_kept(open_window, qtbot):
    window = open_window()
    press(window, Qt.Key.Key_Comma, CTRL)
    from workbench.ui.settings_dialog import SettingsDialog
    from workbench.ui.theme import theme

    dialog = window.findChild(SettingsDialog)
    dialog.theme.pick("light")
    assert theme().name == "light"
    assert settings.load().theme == "light"
    dialog.theme.pick("dark")
    dialog.close()


def test_every_control_has_a_name(open_window):
    from PySide6.QtWidgets import QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox

    window = open_window()
    nameless = []
    for name in PANES:
        window.show_pane(name)
        for kind in (QAbstractButton, QAbstractSpinBox, QComboBox, QLineEdit, QAbstractSlider):
            for control in window.panes[name].findChildren(kind):
                inner = isinstance(control.parent(), QAbstractSpinBox | QComboBox | QLineEdit)
                words = control.accessibleName() or (control.text() if isinstance(control, QAbstractButton) else "")
                wanted = control.isVisibleTo(window.panes[name]) and type(control).__name__ != "QScrollBar"
                if wanted and not inner and not words:
                    nameless.append((name, type(control).__name__, type(control.parent()).__name__))
    assert nameless == []
