"""Who judges: switching by mouse, palette and People; progress; a new name; what survives a restart."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel

from tests.ui.test_whole_loop import CTRL, open_window, press, shut  # noqa: F401
from workbench import app, settings
from workbench.store import Store
from workbench.store.people import people
from workbench.ui.feedback_people import PeopleDialog, show_menu

LONG = 20_000


@pytest.fixture
def project(tmp_path):
    store = Store.open(tmp_path / "project")
    store.models.add(name="base", kind="base", source="local", location="/base")
    for number in range(4):
        prompt, _ = store.prompts.add(f"q{number}")
        for place in range(2):
            store.responses.add(prompt.id, f"answer {place} to {number}")
    store.close()


@pytest.fixture
def window(project, open_window):  # noqa: F811
    made = open_window()
    made.show_pane("feedback")
    return made


def rate(window, first=Qt.Key.Key_4, second=Qt.Key.Key_2):
    for key in (first, second, Qt.Key.Key_Return):
        press(window, key)


def words(widget):
    return " ".join(each.text() for each in widget.findChildren(QLabel))


def given(window, who):
    return window.context.store.feedback.list(annotator=who)


@pytest.fixture
def dialog(window, qtbot):
    window.show_people()
    made = window.findChild(PeopleDialog)
    qtbot.waitUntil(lambda: bool(made.shown), timeout=LONG)
    return made


# --- switching


def test_each_person_has_a_queue_an_undo_and_a_session_of_their_own(window, qtbot):
    flow, context = window.panes["feedback"].flow, window.context
    rate(window)
    rate(window)
    seen = [row.prompt_id for row in given(window, "you")]
    context.judge_as("Noor")
    assert flow.judged == 0
    assert flow.item.prompt.id == seen[0]  # nobody has judged it as Noor
    press(window, Qt.Key.Key_Z)
    assert len(given(window, "you")) == 2
    assert "Nothing to undo" in window.panes["feedback"].dock.note.text()
    rate(window)
    assert [row.prompt_id for row in given(window, "Noor")] == [seen[0]]
    context.judge_as("you")
    assert flow.judged == 2
    press(window, Qt.Key.Key_Z)
    assert len(given(window, "you")) == 1
    assert len(given(window, "Noor")) == 1


def test_what_a_person_had_begun_waits_for_them(window, qtbot):
    pane = window.panes["feedback"]
    press(window, Qt.Key.Key_5)
    window.context.judge_as("Noor")
    assert pane._rate.value() == {"ratings": [None, None]}
    press(window, Qt.Key.Key_1)
    window.context.judge_as("you")
    assert pane._rate.value() == {"ratings": [5, None]}
    window.context.judge_as("Noor")
    assert pane._rate.value() == {"ratings": [1, None]}


def test_an_edit_that_was_begun_is_kept_under_the_name_of_who_began_it(window, qtbot):
    pane = window.panes["feedback"]
    pane.show_mode("edit")
    QTest.keyClicks(pane.view.editor, " of mine")
    window.context.judge_as("Noor")
    assert "of mine" not in pane.view.text()
    window.context.judge_as("you")
    assert pane.view.text().endswith(" of mine")


def test_the_person_who_reads_who_wrote_the_last_item_is_not_the_next_one(window, qtbot):
    rate(window)
    assert window.panes["feedback"].guide.last.isVisibleTo(window)
    window.context.judge_as("Noor")
    assert not window.panes["feedback"].guide.last.isVisibleTo(window)


def test_the_status_bar_says_who_judges_and_offers_the_others(window, qtbot):
    assert window.status.person.text() == "you"
    window.context.judge_as("Noor")
    assert window.status.person.text() == "Noor"
    rate(window)
    menu = show_menu(window.context, window.status.person, window.show_people)
    assert [(action.text(), action.isChecked()) for action in menu.actions()] == [
        ("Noor", True), ("", False), ("People…", False),
    ]  # fmt: skip
    menu.close()
    window.context.store.feedback.add("skip", *_first(window), {}, annotator="Ada & Co")
    menu = show_menu(window.context, window.status.person, window.show_people)
    next(action for action in menu.actions() if action.text() == "Ada && Co").trigger()
    menu.close()
    assert window.context.annotator == "Ada & Co"


def _first(window):
    store = window.context.store
    prompt = store.prompts.list()[0]
    return prompt.id, [response.id for response in store.responses.of_prompt(prompt.id)]


def test_the_palette_lets_another_person_judge(window, qtbot):
    window.context.judge_as("Noor")
    rate(window)
    window.context.judge_as("you")
    press(window, Qt.Key.Key_K, CTRL)
    QTest.keyClicks(window.focusWidget(), "judge as")
    press(window, Qt.Key.Key_Return)
    assert window.context.annotator == "Noor"


def test_the_choice_survives_a_restart(window, tmp_path, qtbot):
    window.context.judge_as("Noor")
    rate(window)
    shut(window)
    again = app.make_window(tmp_path / "project", settings.load())
    again.show()
    again.activateWindow()
    qtbot.waitUntil(again.isActiveWindow)
    again.show_pane("feedback")
    assert again.status.person.text() == "Noor"
    rate(again)
    assert len(given(again, "Noor")) == 2
    press(again, Qt.Key.Key_Z)
    press(again, Qt.Key.Key_Z)
    assert given(again, "Noor") == []
    shut(again)


def test_the_rail_counts_what_waits_for_the_person_who_judges(window, qtbot):
    badge = window.rail._buttons["feedback"]
    qtbot.waitUntil(lambda: badge._count == 4, timeout=LONG)
    rate(window)
    qtbot.waitUntil(lambda: badge._count == 3, timeout=LONG)
    window.context.judge_as("Noor")
    qtbot.waitUntil(lambda: badge._count == 4, timeout=LONG)


# --- the People window


def test_people_shows_everybodys_progress_and_agreement(window, qtbot):
    store = window.context.store
    for who, ratings in (("you", [4, 2]), ("Noor", [4, 3])):
        store.feedback.add("rating", *_first(window), {"ratings": ratings}, annotator=who, seconds=7.0)
    window.show_people()
    dialog = window.findChild(PeopleDialog)
    qtbot.waitUntil(lambda: len(dialog.shown) == 2, timeout=LONG)
    assert [(each.name, each.total, each.left) for each in dialog.shown] == [("Noor", 1, 3), ("you", 1, 3)]
    text = words(dialog)
    assert "50% of 2" in text
    assert "ratings 1" in text
    assert "7 s" in text
    assert text.count("judges now") == 1


def test_a_click_in_people_lets_somebody_judge(dialog, window, qtbot):
    dialog.add_person("Noor")
    qtbot.waitUntil(lambda: [each.name for each in dialog.shown] == ["Noor", "you"], timeout=LONG)
    assert window.context.annotator == "you"
    button = next(each for each in dialog.findChildren(type(dialog.add)) if each.accessibleName() == "Judge as Noor")
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)
    assert window.context.annotator == "Noor"


def test_a_new_person_is_asked_for_and_a_name_that_is_taken_is_refused(dialog, window, qtbot):
    asked = dialog.ask_for_person()
    QTest.keyClicks(asked.field, "Noor")
    press_in(asked)
    qtbot.waitUntil(lambda: "Noor" in people(window.context.store))
    dialog.add_person("NOOR")
    assert dialog.problem.isVisible()
    assert "There is a NOOR already." in words(dialog.problem)
    assert people(window.context.store) == ["Noor"]


def press_in(dialog):
    QTest.keyClick(dialog.field, Qt.Key.Key_Return)


def test_renaming_says_what_it_changes_and_the_person_stays_where_they_were(window, qtbot):
    rate(window)
    press(window, Qt.Key.Key_5)
    item = window.panes["feedback"].flow.item
    window.show_people()
    dialog = window.findChild(PeopleDialog)
    qtbot.waitUntil(lambda: bool(dialog.shown), timeout=LONG)
    asked = dialog.ask_for_name(dialog.shown[0])
    assert "1 judgement will say the new name." in words(asked)
    asked.field.setText("Ada")
    press_in(asked)
    qtbot.waitUntil(lambda: window.context.annotator == "Ada", timeout=LONG)
    assert len(given(window, "Ada")) == 1
    assert given(window, "you") == []
    assert settings.load().annotator == "Ada"
    assert window.status.person.text() == "Ada"
    pane = window.panes["feedback"]
    assert pane.flow.item == item
    assert pane._rate.value() == {"ratings": [5, None]}  # nothing moved under the hands
    qtbot.waitUntil(lambda: "you is Ada since" in words(dialog), timeout=LONG)
    dialog.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    pane.first_focus()
    press(window, Qt.Key.Key_3)
    press(window, Qt.Key.Key_Return)
    assert len(given(window, "Ada")) == 2
    press(window, Qt.Key.Key_Z)
    press(window, Qt.Key.Key_Z)
    assert given(window, "Ada") == []


def test_a_refused_name_changes_nothing_and_is_told_in_people(dialog, window, qtbot):
    dialog.add_person("Noor")
    dialog.rename_person("you", "noor")
    qtbot.waitUntil(lambda: dialog.problem.isVisible(), timeout=LONG)
    assert dialog.isEnabled()
    assert window.context.annotator == "you"


def test_people_leads_to_the_matrix_in_data(dialog, window, qtbot):
    qtbot.mouseClick(dialog.report, Qt.MouseButton.LeftButton)
    assert window.current is window.panes["data"]
    assert window.panes["data"].modes.value() == "quality"


def test_a_judgement_made_meanwhile_is_counted(dialog, window, qtbot):
    window.context.store.feedback.add("rating", *_first(window), {"ratings": [3, 3]}, annotator="you")
    qtbot.waitUntil(lambda: dialog.shown[0].total == 1, timeout=LONG)


def test_a_message_leaves_the_bar_with_the_next_step_free(window):
    window.messages.show_message("The server could not be reached.", tone="bad")
    strip, dock = window.messages, window.panes["feedback"].dock
    assert dock.isVisible() and strip.isVisible()
    top = dock.mapTo(window.stack, dock.rect().topLeft()).y()
    assert strip.geometry().bottom() < top
    window.show_pane("data")
    assert strip.geometry().bottom() > top
