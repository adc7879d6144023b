"""Keys that a person has changed: driven in the window, shown everywhere, refused where taken, kept over a restart."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLabel, QStackedWidget, QWidget

from tests.ui.test_whole_loop import CTRL, open_window, press, shut  # noqa: F401
from workbench import app, settings
from workbench.store import Store
from workbench.ui import keys
from workbench.ui.key_texts import is_key, is_single, named, pressed, sequences
from workbench.ui.palette import ShortcutSheet
from workbench.ui.settings_dialog import SettingsDialog
from workbench.ui.widgets import Button, KeyHint, column

SHIFT = Qt.KeyboardModifier.ShiftModifier
NONE = Qt.KeyboardModifier.NoModifier


@pytest.fixture(autouse=True)
def usual_keys():
    yield
    keys.remap({})
    keys.set_letters(True)


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


@pytest.fixture
def page(window):
    window.show_settings()
    dialog = window.findChild(SettingsDialog)
    dialog.show_page("keys")
    return dialog.keys


def give(page, id_, key, modifier=NONE):
    """Click on the key of an action and press another one."""
    field = page.row(id_).field
    QTest.mouseClick(field, Qt.MouseButton.LeftButton)
    assert field.waiting
    QTest.keyClick(field, key, modifier)


def back_to(window, qtbot):
    for dialog in window.findChildren(SettingsDialog):
        dialog.close()
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.panes["feedback"].first_focus()


def kinds(window):
    return [row.kind for row in window.context.store.feedback.list()]


def words(widget):
    return " ".join(each.text() for each in widget.findChildren(QLabel))


# --- in the window


def test_skip_moves_to_k_and_the_old_key_does_nothing(window, page, qtbot):
    give(page, "FeedbackPane/S", Qt.Key.Key_K)
    assert settings.load().keys == {"FeedbackPane/S": "K"}
    back_to(window, qtbot)
    press(window, Qt.Key.Key_S)
    assert kinds(window) == []
    press(window, Qt.Key.Key_K)
    assert kinds(window) == ["skip"]


def test_a_changed_key_is_shown_on_buttons_in_hints_and_by_the_question_mark(window, page, qtbot):
    pane = window.panes["feedback"]
    skip = next(each for each in pane.dock.findChildren(Button) if each.text() == "Skip")
    assert skip.shown_keys() == "S"
    give(page, "FeedbackPane/S", Qt.Key.Key_K, CTRL | SHIFT)
    give(page, "RateView/5", Qt.Key.Key_0)
    give(page, "FeedbackPane/Alt 2", Qt.Key.Key_F7)
    give(page, "Window/Ctrl K", Qt.Key.Key_P, CTRL)
    assert skip.shown_keys() == "Ctrl Shift K"
    hints = [each.shown_keys() for each in pane.dock.findChildren(KeyHint) if each.isVisibleTo(pane)]
    assert "1 2 3 4 0" in hints
    assert "A – D" in hints or "A – B" in hints  # what was not changed is as short as before
    assert pane.modes.button("comparison").shown_keys() == "F7"
    assert window.header.command._keys() == "Ctrl P"
    back_to(window, qtbot)
    press(window, Qt.Key.Key_Question, SHIFT)
    sheet = window.findChild(ShortcutSheet)
    shown = [each.shown_keys() for each in sheet.findChildren(KeyHint)]
    assert {"Ctrl Shift K", "0", "F7", "Ctrl P", "Z"} <= set(shown)
    assert "S" not in shown
    assert "Rate 5" in words(sheet)  # the sheet lists the keys of the kind that is on, too


def test_a_digit_that_was_changed_rates(window, page, qtbot):
    give(page, "RateView/5", Qt.Key.Key_0)
    back_to(window, qtbot)
    press(window, Qt.Key.Key_0)
    press(window, Qt.Key.Key_5)
    press(window, Qt.Key.Key_3)
    assert window.panes["feedback"]._rate.value() == {"ratings": [5, 3]}


def test_one_key_for_the_right_panel_holds_in_every_pane(window, page, qtbot):
    give(page, "Pane/G", Qt.Key.Key_B, CTRL)
    assert [each.id for each in page.rows].count("Pane/G") == 1
    back_to(window, qtbot)
    for name in ("feedback", "data"):
        window.show_pane(name)
        before = window.current.right.isHidden()
        press(window, Qt.Key.Key_B, CTRL)
        assert window.current.right.isHidden() != before


def test_every_action_of_every_pane_is_listed_once(window, page):
    ids = [each.id for each in page.rows]
    assert len(ids) == len(set(ids))
    listed = set(ids)
    for place in ("Window", "ModelsPane", "GeneratePane", "FeedbackPane", "TrainPane", "EvaluatePane", "DataPane"):
        assert any(id_.startswith(f"{place}/") for id_ in listed), place
    for view in ("RateView", "CompareView", "RankView", "EditView", "ThumbsView", "BestWorstView", "RubricView"):
        assert any(id_.startswith(f"{view}/") for id_ in listed), view
    assert {"Feedback", "Feedback, Compare", "Everywhere", "Data"} <= {
        head.text() for head, rows in page._heads if rows
    }  # fmt: skip


# --- conflicts


def test_a_key_that_another_action_has_is_refused_in_words_until_they_are_swapped(window, page, qtbot):
    give(page, "FeedbackPane/S", Qt.Key.Key_F)
    assert page.problem.isVisible()
    assert "F is “Flag” there." in words(page.problem)
    assert settings.load().keys == {}
    assert page.row("FeedbackPane/S").field._keys == "S"
    page.swap.click()
    assert not page.problem.isVisible()
    assert settings.load().keys == {"FeedbackPane/S": "F", "FeedbackPane/F": "S"}
    back_to(window, qtbot)
    press(window, Qt.Key.Key_F)
    press(window, Qt.Key.Key_S)
    assert kinds(window) == ["skip", "flag"]


def test_a_key_of_the_window_conflicts_with_every_pane_and_of_another_pane_with_none(window, page):
    give(page, "FeedbackPane/S", Qt.Key.Key_K, CTRL)
    assert "Ctrl K is “Search or run” there." in words(page.problem)
    give(page, "FeedbackPane/S", Qt.Key.Key_J)  # "Next" in Data
    assert settings.load().keys == {"FeedbackPane/S": "J"}


def test_a_key_of_one_kind_is_free_in_another_and_taken_for_the_pane(window, page):
    give(page, "CompareView/T", Qt.Key.Key_D)  # picks an answer in Rate
    assert settings.load().keys == {"CompareView/T": "D"}
    give(page, "FeedbackPane/S", Qt.Key.Key_D)
    assert page.problem.isVisible()
    assert not page.swap.isVisible()  # several actions have it
    assert settings.load().keys == {"CompareView/T": "D"}


def test_a_swap_that_would_make_another_conflict_is_not_offered(window, page):
    give(page, "Window/?", Qt.Key.Key_A)  # "Pick answer A"; but Data has "Choose all" on Ctrl A only
    assert page.problem.isVisible()
    assert not page.swap.isVisible()


# --- resetting, cancelling, finding


def test_one_key_or_all_go_back(window, page, qtbot):
    give(page, "FeedbackPane/S", Qt.Key.Key_K)
    give(page, "FeedbackPane/F", Qt.Key.Key_J)
    assert page.row("FeedbackPane/S").reset.isVisibleTo(page)
    page.row("FeedbackPane/S").reset.click()
    assert settings.load().keys == {"FeedbackPane/F": "J"}
    assert not page.row("FeedbackPane/S").reset.isVisibleTo(page)
    page.all.click()
    assert settings.load().keys == {}
    assert not page.all.isEnabled()
    back_to(window, qtbot)
    press(window, Qt.Key.Key_S)
    press(window, Qt.Key.Key_F)
    assert kinds(window) == ["skip", "flag"]


@pytest.mark.parametrize("key", [Qt.Key.Key_Escape, Qt.Key.Key_Tab])
def test_escape_and_tab_leave_the_key_as_it_was(window, page, key):
    give(page, "FeedbackPane/S", key)
    field = page.row("FeedbackPane/S").field
    assert (field.waiting, field._keys) == (False, "S")
    assert page.window().isVisible()  # Escape was the field's
    assert settings.load().keys == {}


def test_a_key_that_only_holds_others_waits_for_them(window, page):
    give(page, "FeedbackPane/S", Qt.Key.Key_Shift, SHIFT)
    field = page.row("FeedbackPane/S").field
    assert field.waiting
    QTest.keyClick(field, Qt.Key.Key_S, SHIFT)
    assert settings.load().keys == {"FeedbackPane/S": "Shift S"}


def test_actions_are_found_by_name_and_by_key(window, page):
    page.search.setText("skip")
    assert [each.id for each in page.rows if each.field.isVisibleTo(page)] == ["FeedbackPane/S"]
    page.search.setText("ctrl k")
    assert [each.id for each in page.rows if each.field.isVisibleTo(page)] == ["Window/Ctrl K"]
    page.search.setText("nothing at all")
    assert page._nothing.isVisible()


# --- kept


def test_changed_keys_and_single_keys_off_survive_a_restart(window, page, tmp_path, qtbot):
    give(page, "FeedbackPane/S", Qt.Key.Key_K)
    give(page, "FeedbackPane/F", Qt.Key.Key_F, CTRL)
    page.window().letters.click()
    shut(window)
    keys.remap({})
    keys.set_letters(True)
    again = app.make_window(tmp_path / "project", settings.load())
    again.show()
    again.activateWindow()
    qtbot.waitUntil(again.isActiveWindow)
    again.show_pane("feedback")
    press(again, Qt.Key.Key_K)
    press(again, Qt.Key.Key_4)
    assert kinds(again) == []
    press(again, Qt.Key.Key_F, CTRL)
    assert kinds(again) == ["flag"]
    again.show_settings()
    again.findChild(SettingsDialog).letters.click()
    back_to(again, qtbot)
    press(again, Qt.Key.Key_K)
    assert kinds(again) == ["flag", "skip"]
    shut(again)


def test_what_is_no_key_is_passed_over(window):
    keys.remap({"FeedbackPane/S": "Nonsense", "FeedbackPane/F": "", "Gone/X": "K"})
    assert keys.remapped() == {"Gone/X": "K"}
    press(window, Qt.Key.Key_S)
    assert kinds(window) == ["skip"]


# --- typing


def test_a_changed_key_is_text_while_typing_and_while_an_input_method_composes(window, page, qtbot):
    give(page, "FeedbackPane/S", Qt.Key.Key_K)
    give(page, "FeedbackPane/F", Qt.Key.Key_J, CTRL)
    back_to(window, qtbot)
    press(window, Qt.Key.Key_M)
    comment = window.panes["feedback"].guide.comment
    assert comment.hasFocus()
    QTest.keyClicks(comment, "k")
    assert (comment.toPlainText(), kinds(window)) == ("k", [])
    QCoreApplication.sendEvent(comment, QInputMethodEvent("hao", []))
    press(window, Qt.Key.Key_J, CTRL)
    assert kinds(window) == []
    QCoreApplication.sendEvent(comment, QInputMethodEvent())
    press(window, Qt.Key.Key_J, CTRL)
    assert kinds(window) == ["flag"]


@pytest.mark.parametrize("focus", ["order", "blind", "skip", "guide", "card"])
def test_letters_digits_and_enter_work_from_anywhere_in_the_pane(window, qtbot, focus):
    pane = window.panes["feedback"]
    skip = next(each for each in pane.dock.findChildren(Button) if each.text() == "Skip")
    places = {"order": pane.bar.sets, "blind": pane.bar.blind, "skip": skip, "guide": pane.guide.reveal}
    places["card"] = pane._rate.cards[1].text
    places[focus].setFocus(Qt.FocusReason.TabFocusReason)
    press(window, Qt.Key.Key_A)
    for key in (Qt.Key.Key_4, Qt.Key.Key_2, Qt.Key.Key_Return):
        places[focus].setFocus(Qt.FocusReason.TabFocusReason)
        press(window, key)
    assert kinds(window) == ["rating"]
    press(window, Qt.Key.Key_S)
    assert kinds(window) == ["rating", "skip"]


# --- key texts


@pytest.mark.parametrize(
    ("key", "modifier", "text", "name"),
    [
        (Qt.Key.Key_K, NONE, "k", "K"),
        (Qt.Key.Key_K, SHIFT, "K", "Shift K"),
        (Qt.Key.Key_Return, CTRL, "", "Ctrl Enter"),
        (Qt.Key.Key_Enter, Qt.KeyboardModifier.KeypadModifier, "", "Enter"),
        (Qt.Key.Key_4, Qt.KeyboardModifier.KeypadModifier, "4", "4"),
        (Qt.Key.Key_Question, SHIFT, "?", "?"),
        (Qt.Key.Key_Plus, CTRL, "+", "Ctrl +"),
        (Qt.Key.Key_Comma, CTRL, ",", "Ctrl ,"),
        (Qt.Key.Key_Delete, SHIFT, "", "Shift Delete"),
        (Qt.Key.Key_PageUp, NONE, "", "PgUp"),
        (Qt.Key.Key_F6, NONE, "", "F6"),
        (Qt.Key.Key_Left, Qt.KeyboardModifier.AltModifier, "", "Alt Left"),
        (Qt.Key.Key_Shift, SHIFT, "", ""),
        (Qt.Key.Key_Escape, NONE, "", ""),
        (Qt.Key.Key_Tab, NONE, "", ""),
    ],
)
def test_a_press_is_written_as_the_design_writes_keys(key, modifier, text, name):
    event = QKeyEvent(QEvent.Type.KeyPress, key, modifier, text)
    assert pressed(event) == name
    if name:
        assert is_key(name)
        assert all(sequence.count() == 1 for sequence in sequences(name))


@pytest.mark.parametrize(
    ("hint", "single"),
    [
        ("1 – 5", ["1", "2", "3", "4", "5"]), ("A – C", ["A", "B", "C"]), ("← →", ["Left", "Right"]),
        ("Shift ← →", ["Shift Left", "Shift Right"]), ("J K", ["J", "K"]), ("Ctrl Enter", ["Ctrl Enter"]),
        ("Shift Delete", ["Shift Delete"]), ("T", ["T"]), ("?", ["?"]), ("–", ["–"]),
    ],
)  # fmt: skip
def test_a_hint_names_single_keys(hint, single):
    assert named(hint) == single


PRINTED = st.integers(0x21, 0x7E).map(chr)
MASKS = st.sampled_from([NONE, SHIFT, CTRL, CTRL | SHIFT, Qt.KeyboardModifier.AltModifier])


@given(PRINTED, MASKS)
def test_every_printed_key_that_can_be_pressed_sets_off_its_own_action(letter, modifier):
    key = Qt.Key(ord(letter.upper()))
    name = pressed(QKeyEvent(QEvent.Type.KeyPress, key, modifier, letter))
    assert is_key(name)
    assert is_single(name) == (modifier in (NONE, SHIFT))
    wanted = QKeySequence(key.value if letter.isascii() and not letter.isalnum() and modifier == SHIFT else
                          int(key.value) | int(modifier.value))  # fmt: skip
    assert any(sequence.matches(wanted) == QKeySequence.SequenceMatch.ExactMatch for sequence in sequences(name))


@given(st.text(max_size=12))
def test_any_text_is_a_key_or_is_not(text):
    if is_key(text):
        assert all(sequence.count() == 1 for sequence in sequences(text))


# --- which actions are live together


def test_pages_of_one_stack_are_never_live_together(shown):
    stack, pages = QStackedWidget(), [QWidget(), QWidget()]
    holder = QWidget()
    for page in pages:
        stack.addWidget(page)
    holder.setLayout(column(stack))
    shown(holder)
    first, second = (keys.action(page, name, name) for page, name in zip(pages, "AB", strict=True))
    outer = keys.action(holder, "outer", "O")
    among = [first, second, outer]
    assert keys.conflicts(first, "B", among) == []
    assert keys.conflicts(first, "O", among) == [outer]
    assert keys.conflicts(outer, "B", among) == [second]
    assert keys.conflicts(outer, "O", among) == []
    assert keys.conflicts(outer, "", among) == []


def test_a_changed_key_does_not_style_the_window_anew(window, page, monkeypatch):
    styled = []
    monkeypatch.setattr("workbench.ui.window.apply_theme", lambda *which: styled.append(which))
    give(page, "FeedbackPane/S", Qt.Key.Key_K)
    assert settings.load().keys == {"FeedbackPane/S": "K"} and not styled
    window._apply(replace(window.settings, text_size=110))
    assert len(styled) == 1
