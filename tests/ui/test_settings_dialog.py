"""Settings: what is changed acts at once, on the window and on the queue of the project."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox

from tests.ui.test_people import project, rate, window  # noqa: F401
from tests.ui.test_whole_loop import open_window  # noqa: F401
from workbench import settings
from workbench.jobs.tracking import TRACKERS
from workbench.store import repeating
from workbench.store.queueing import judgements_per_item
from workbench.ui.feedback_people import PeopleDialog
from workbench.ui.settings_dialog import SettingsDialog


@pytest.fixture
def dialog(window):  # noqa: F811
    window.show_settings()
    made = window.findChild(SettingsDialog)
    made.show_page("feedback")
    return made


def test_hidden_repeats_have_a_switch_and_a_share(dialog, window, qtbot):  # noqa: F811
    store = window.context.store
    assert (dialog.repeats.isChecked(), dialog.share.value(), repeating.share(store)) == (True, 5, 5)
    dialog.share.setValue(12)
    assert repeating.share(store) == 12
    dialog.repeats.click()
    assert repeating.share(store) == 0
    assert not dialog.share.isEnabled()
    dialog.repeats.click()
    assert repeating.share(store) == 12
    dialog.share.setValue(99)
    assert repeating.share(store) == 20
    dialog.repeats.click()
    window.show_settings()
    again = window.findChildren(SettingsDialog)[-1]
    assert (again.repeats.isChecked(), again.share.value()) == (False, 5)


def test_enough_people_per_item_empties_the_queue_of_the_others_at_once(dialog, window, qtbot):  # noqa: F811
    flow, context = window.panes["feedback"].flow, window.context
    assert dialog.enough.currentData() == 0
    shown = flow.item
    for prompt in context.store.prompts.list():
        ids = [response.id for response in context.store.responses.of_prompt(prompt.id)]
        context.store.feedback.add("rating", prompt.id, ids, {"ratings": [3, 3]}, annotator="Noor")
    dialog.enough.setCurrentIndex(1)
    dialog.enough.activated.emit(1)
    assert judgements_per_item(context.store) == 1
    qtbot.waitUntil(lambda: flow.left == 0)
    assert flow.item == shown  # what is on screen stays
    dialog.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.panes["feedback"].first_focus()
    rate(window)
    assert flow.item is None


def test_settings_say_who_judges_and_lead_to_people(dialog, window, qtbot):  # noqa: F811
    assert dialog.who.text() == "you"
    window.context.judge_as("Noor")
    assert dialog.who.text() == "Noor"
    dialog.theme.pick("light")  # an older choice of person does not come back with it
    dialog.theme.pick("dark")
    assert window.context.annotator == "Noor"
    dialog.people_wanted.emit()
    assert window.findChild(PeopleDialog) is not None


def test_a_press_goes_from_page_to_page(dialog, qtbot):
    for name in ("general", "keys", "feedback"):
        qtbot.mouseClick(dialog.pages.button(name), Qt.MouseButton.LeftButton)
        assert dialog._stack.currentWidget() is dialog._pages[name]


def test_curves_go_to_the_tools_that_are_ticked(dialog, qtbot):
    dialog.show_page("general")
    boxes = {box.text(): box for box in dialog.track.findChildren(QCheckBox)}
    for name, stored in (("Weights && Biases", "wandb"), ("TensorBoard", "tensorboard,wandb")):
        qtbot.keyClick(boxes[name], Qt.Key.Key_Space)
        assert settings.load().track == stored
    assert set(settings.load().track.split(",")) == set(TRACKERS)
    qtbot.keyClick(boxes["TensorBoard"], Qt.Key.Key_Space)
    assert settings.load().track == "wandb"


def test_a_mirror_of_the_hub_is_checked_and_kept(dialog, qtbot):
    dialog.show_page("general")
    dialog.mirror.setFocus()
    qtbot.keyClicks(dialog.mirror, "https://hf-mirror.example/")
    qtbot.keyClick(dialog.mirror, Qt.Key.Key_Return)
    assert settings.load().hub_endpoint == "https://hf-mirror.example"
    dialog.mirror.clear()
    qtbot.keyClicks(dialog.mirror, "mirror")
    qtbot.keyClick(dialog.mirror, Qt.Key.Key_Return)
    assert settings.load().hub_endpoint == "https://hf-mirror.example"
    assert dialog.mirror.text() == "https://hf-mirror.example"
    dialog.mirror.clear()
    qtbot.keyClick(dialog.mirror, Qt.Key.Key_Return)
    assert settings.load().hub_endpoint == ""
