"""From an ended run to the next round by clicks: the reward model learns more, the model goes on against it."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QAbstractButton

from tests.ui.test_train_pane import base, context, judge, pane, ppo_run, scorer, store  # noqa: F401
from workbench.methods import ppo, reward


def offered(pane):  # noqa: F811
    found = pane.monitor.ended.findChildren(QAbstractButton)
    return [each.text() for each in found if each.isVisibleTo(pane.monitor.ended)]


def press(qtbot, pane, words):  # noqa: F811
    button = next(each for each in pane.monitor.ended.findChildren(QAbstractButton) if words in each.text())
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


@pytest.fixture
def ended(store, base, scorer, tmp_path):  # noqa: F811
    """A run that pleased a reward model, and judgements since."""
    run = ppo_run(store, base, scorer)
    policy = store.models.add(
        name="p1", kind="adapter", source="run", location=str(tmp_path), run_id=run.id, parent_id=base.id
    )
    store.runs.update(run.id, status="finished", result_id=policy.id, step=20, total=20)
    judge(store, 3)
    return store.runs.find(run.id), policy


def test_a_click_teaches_the_reward_model_what_is_new(ended, context, scorer, pane, qtbot, monkeypatch):  # noqa: F811
    asked = []

    def start(method, options, **models):
        asked.append((method, models))
        return context.store.runs.add(name="Reward 2", method="reward", options={}, **models)

    monkeypatch.setattr(context, "start_run", start)
    shown = pane()
    press(qtbot, shown, "teach the reward model 3 new judgements")
    assert asked == [("reward", {"model_id": scorer.id})]
    assert shown.monitor.run.name == "Reward 2"


def test_what_was_taken_back_meanwhile_starts_nothing(ended, context, pane, qtbot, monkeypatch):  # noqa: F811
    monkeypatch.setattr(context, "start_run", lambda *what, **how: pytest.fail("nothing is new"))
    shown = pane()
    context.store.feedback.retract([each.id for each in context.store.feedback.list()])
    press(qtbot, shown, "new judgements")
    qtbot.waitUntil(lambda: offered(shown) == ["Compare with its base", "Run again", "Change and run"])


def test_judgements_that_came_meanwhile_are_counted_when_the_pane_is_shown_again(ended, store, pane, qtbot):  # noqa: F811
    shown = pane()
    qtbot.waitUntil(lambda: any("3 new judgements" in words for words in offered(shown)))
    shown.hide()
    judge(store, 5)
    shown.show()
    qtbot.waitUntil(lambda: any("8 new judgements" in words for words in offered(shown)))


def test_the_model_goes_on_against_the_reward_model_that_learned_more(ended, store, scorer, pane, qtbot, tmp_path):  # noqa: F811
    _, policy = ended
    run = store.runs.add(name="Reward 2", method="reward", options={}, model_id=scorer.id)
    taught = store.models.add(
        name="r4", kind="reward", source="run", location=str(tmp_path), hash="r4", run_id=run.id,
        info={"started_from": scorer.id},
    )  # fmt: skip
    store.runs.update(run.id, status="finished", result_id=taught.id)
    shown = pane()
    shown.show_run(run.id)
    press(qtbot, shown, "Train with it")
    page = shown.new_page
    assert page.method == ppo.name
    assert (page.model.currentData(), page.reward.currentData()) == (policy.id, taught.id)


def test_a_reward_model_can_be_started_from_only_to_learn_more(store, base, scorer, pane):  # noqa: F811
    judge(store, 6)
    shown = pane()
    shown.new_run(reward.name)
    box = shown.new_page.model
    assert box.findData(scorer.id) >= 0
    shown.new_run(ppo.name)
    assert box.findData(scorer.id) < 0 <= box.findData(base.id)
