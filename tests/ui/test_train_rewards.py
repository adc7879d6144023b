"""A run without a reward model: a rule or a confirmed function says what answers are worth."""

import pytest
from PySide6.QtCore import Qt

from tests.ui.test_train_pane import base, context, feed, judge, pane, ppo_run, scorer, store, values  # noqa: F401
from workbench import events as ev
from workbench.jobs import functions
from workbench.ui.trusting import TrustDialog
from workbench.ui.widgets import Button


@pytest.fixture
def started(context, monkeypatch):  # noqa: F811
    """What was asked of the window, which starts nothing; functions are checked as when it would."""
    asked = []

    def start(method, options, *, name="", model_id=None, reward_id=None):
        if options.get("function"):
            functions.check(context.store, options["function"])
        asked.append((method, options, reward_id))
        return context.store.runs.add(name=name, method=method, options=options, model_id=model_id)

    monkeypatch.setattr(context, "start_run", start)
    return asked


@pytest.fixture
def page(store, base, pane):  # noqa: F811
    judge(store, 6)
    shown = pane()
    shown.new_run("grpo")
    return shown.new_page


def test_a_rule_takes_the_place_of_a_reward_model(page, started, qtbot):
    page._estimate()
    assert not page.start_action.isEnabled() and "rule" in page.beside.reason.text()
    page.form.set_values({"rule": "length"})
    page._estimate()
    assert page.start_action.isEnabled()
    qtbot.keyClick(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    ((method, options, reward_id),) = started
    assert (method, options["rule"], reward_id) == ("grpo", "length", None)


def test_with_a_reward_model_it_is_chosen_unless_none_is(page, started, scorer, qtbot):  # noqa: F811
    page.begin("ppo")
    assert page.reward.currentData() == scorer.id
    page.reward.setCurrentIndex(page.reward.count() - 1)
    assert page.reward.currentData() is None
    page._estimate()
    assert not page.start_action.isEnabled()
    page.form.set_values({"rule": "exact"})
    page.refresh()
    assert page.reward.currentData() is None
    page.start()
    assert started[0][2] is None


def test_a_judge_takes_the_place_of_a_reward_model_once_it_has_a_model(page, started, qtbot):
    page.form.open_advanced(True)
    rows = page.form.rows
    qtbot.keyClicks(rows["judge_url"].control, "http://localhost:8080/v1")
    page._estimate()
    assert page.start_action.isEnabled()
    page.start()
    assert "Judge model is empty" in rows["judge_model"].error() and not started
    qtbot.keyClicks(rows["judge_model"].control, "qwen3")
    qtbot.keyClick(page, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    ((_, options, reward_id),) = started
    assert (options["judge_url"], options["judge_model"], reward_id) == ("http://localhost:8080/v1", "qwen3", None)


def test_a_long_text_shows_its_beginning(page):
    rubric = page.form.rows["judge_rubric"].control
    assert rubric.cursorPosition() == 0 and rubric.text().startswith("The answer is correct")


def test_a_function_is_shown_and_runs_only_once_it_is_confirmed(page, started, store, qtbot):  # noqa: F811
    (store.folder / "mine.py").write_text("def reward(prompt, answer, reference):\n    return 1.0\n")
    page.form.set_values({"function": "mine.py"})
    page._estimate()
    page.start()
    dialog = page.findChild(TrustDialog)
    assert "return 1.0" in dialog.text.toPlainText() and not started
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not started
    page.start()
    dialog = page.findChildren(TrustDialog)[-1]
    button = next(each for each in dialog.findChildren(Button) if "run it" in each.text() and "not" not in each.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert [method for method, _, _ in started] == ["grpo"]
    page.start()
    assert len(started) == 2


def test_rewards_by_source_are_drawn_once_a_run_tells_them(store, base, context, pane):  # noqa: F811
    run = ppo_run(store, base)
    shown = pane()
    shown.show_run(run.id)
    assert "Reward by source" not in [panel.title.text() for panel in shown.monitor.charts.panels]
    first = values(1) | {"reward/model": 0.1, "reward/rule": 0.5, "weight/model": 1.0, "weight/rule": 2.0}
    feed(store, context, run, [ev.Started(9), ev.Metrics(1, first), ev.Metrics(2, first), ev.Stopped(2)])
    shown.monitor.charts.flush()
    panels = {panel.title.text(): panel for panel in shown.monitor.charts.panels}
    assert [one.values for one in panels["Reward by source"]._series.values()] == [[0.1, 0.1], [0.5, 0.5]]
    assert panels["KL to base"]._main().steps == [1.0, 2.0]
