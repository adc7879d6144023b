"""The Feedback pane, driven by keys over a real project."""

import json
import sys
import time

import pytest
from PySide6.QtCore import QCoreApplication, QPoint, Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication

from workbench.errors import WorkbenchError
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.feedback_flow import Flow
from workbench.ui.feedback_pane import FeedbackPane
from workbench.ui.feedback_rank import Order

ALT, CTRL, SHIFT = (
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
NAMED = {
    "Enter": Qt.Key.Key_Return, "Esc": Qt.Key.Key_Escape, "Left": Qt.Key.Key_Left, "Right": Qt.Key.Key_Right,
    "Up": Qt.Key.Key_Up, "Down": Qt.Key.Key_Down, "Space": Qt.Key.Key_Space, "Backspace": Qt.Key.Key_Backspace,
    "Tab": Qt.Key.Key_Tab, "F6": Qt.Key.Key_F6, "=": Qt.Key.Key_Equal,
}  # fmt: skip
MODIFIERS = {"Ctrl": CTRL, "Alt": ALT, "Shift": SHIFT}
FOUR = ("one", "two", "three", "four")


def fill(store, answers=FOUR, prompts=3):
    """Prompts with the same number of answers, the last prompt newest."""
    base = store.models.add(name="base", kind="base", source="local", location="/base")
    tuned = store.models.add(name="tuned", kind="adapter", source="run", location="/tuned", parent_id=base.id)
    for number in range(prompts):
        prompt, _ = store.prompts.add(f"Question {number}", system="Be brief.", tags=["mail"])
        for place, text in enumerate(answers):
            adapter = tuned.id if place % 2 else None
            store.responses.add(prompt.id, f"{text} {number}", model_id=base.id, adapter_id=adapter)


@pytest.fixture
def opened(tmp_path):
    """Opens projects, and closes them when the windows over them are gone."""
    stores = []

    def open_store(name="project", *answers, prompts=3):
        stores.append(Store.open(tmp_path / name))
        if answers and not stores[-1].prompts.count():
            fill(stores[-1], answers, prompts)
        return stores[-1]

    yield open_store
    for each in stores:
        each.close()


@pytest.fixture
def store(opened):
    return opened("project", *FOUR)


@pytest.fixture
def open_pane(shown, qtbot):
    """Builds a pane over a store and shows it in an active window."""

    def build(store, who="me", width=1440):
        pane = FeedbackPane(Context(store, who))
        pane.set_window_width(width)
        shown(pane, width - 72, 820)
        pane.first_focus()
        qtbot.waitUntil(lambda: pane.flow.left > 0 or pane.flow.item is None)
        return pane

    return build


@pytest.fixture
def pane(store, open_pane):
    return open_pane(store)


def press(qtbot, pane, *keys):
    """Press keys one after the other, wherever the focus is."""
    for text in keys:
        *held, last = text.split()
        modifiers = Qt.KeyboardModifier.NoModifier
        for name in held:
            modifiers |= MODIFIERS[name]
        code = NAMED[last] if last in NAMED else getattr(Qt.Key, f"Key_{last.upper()}")
        qtbot.keyClick(pane.window().focusWidget() or pane, code, modifiers)


def judged(store, who="me"):
    return store.feedback.list(annotator=who)


# --- rate


def test_four_digits_and_enter_store_one_judgement(pane, store, qtbot):
    item = pane.flow.item
    with qtbot.waitSignal(pane.saved) as heard:
        press(qtbot, pane, "5", "2", "1", "4", "Enter")
    (feedback,) = judged(store)
    assert feedback.kind == "rating"
    assert feedback.value == {"ratings": [5, 2, 1, 4]}
    assert feedback.prompt_id == item.prompt.id
    assert feedback.blind
    assert 0 < feedback.seconds < 60
    assert heard.args[0].startswith("Saved ")
    assert pane.flow.item.prompt.id != item.prompt.id


def test_the_order_on_screen_is_the_order_that_is_stored(pane, store, qtbot):
    texts = [card.text.plain() for card in pane._rate.cards[:4]]
    press(qtbot, pane, "5", "2", "1", "4", "Enter")
    stored = [store.responses.find(id_).text for id_ in judged(store)[0].response_ids]
    assert stored == texts


def test_a_digit_moves_to_the_next_answer_without_a_rating(pane, qtbot):
    press(qtbot, pane, "c", "3")
    assert pane._rate.active == 3
    press(qtbot, pane, "3", "1", "2")
    assert pane._rate.value() == {"ratings": [1, 2, 3, 3]}
    press(qtbot, pane, "5")
    assert pane._rate.value() == {"ratings": [1, 5, 3, 3]}


def test_tab_goes_from_answer_to_answer(pane, qtbot):
    press(qtbot, pane, "a", "Tab", "Tab", "4")
    assert pane._rate.value()["ratings"] == [None, None, 4, None]


def test_enter_on_a_gap_goes_there_and_a_second_enter_leaves_it_out(pane, store, qtbot):
    press(qtbot, pane, "a", "5", "4", "c", "3", "a", "Enter")
    assert judged(store) == []
    assert pane._rate.active == 3
    assert "D" in pane.dock.note.text()
    press(qtbot, pane, "Enter")
    assert judged(store)[0].value == {"ratings": [5, 4, 3, None]}


def test_enter_with_nothing_said_stores_nothing(pane, store, qtbot):
    press(qtbot, pane, "Enter", "Enter", "Enter")
    assert judged(store) == []


def test_clicking_a_star_rates_that_answer(pane, store, qtbot):
    stars = pane._rate.cards[2].rating
    qtbot.mouseClick(stars._buttons[4], Qt.MouseButton.LeftButton)
    assert pane._rate.value()["ratings"] == [None, None, 5, None]
    press(qtbot, pane, "1", "1", "1", "Enter")
    assert judged(store)[0].value == {"ratings": [1, 1, 5, 1]}


def test_tags_by_keys(pane, store, qtbot):
    press(qtbot, pane, "b", "t", "Right", "Space", "Esc", "2", "a", "5", "5", "5", "Enter")
    assert judged(store)[0].reasons == ("B: Off tone",)
    assert judged(store)[0].value["ratings"] == [5, 2, 5, 5]


def test_one_answer_alone_and_an_empty_one(opened, open_pane, qtbot):
    store = opened("other", "", prompts=1)
    store.responses.add(store.prompts.list()[0].id, "", model_id=None)
    pane = open_pane(store)
    press(qtbot, pane, "1", "5", "Enter")
    assert len(judged(store)) == 1
    assert pane.flow.item is None


# --- typing


def test_keys_are_text_in_the_comment(pane, store, qtbot):
    press(qtbot, pane, "5", "4", "3", "2", "m")
    assert pane.guide.comment.hasFocus()
    qtbot.keyClicks(pane.guide.comment, "5 sfz hx")
    assert pane.guide.comment.toPlainText() == "5 sfz hx"
    assert judged(store) == []
    assert pane.blind
    press(qtbot, pane, "Esc")
    assert not pane.guide.comment.hasFocus()
    press(qtbot, pane, "Enter")
    assert judged(store)[0].comment == "5 sfz hx"
    assert pane.guide.comment.toPlainText() == ""


def test_keys_do_nothing_while_an_input_method_composes(pane, store, qtbot):
    press(qtbot, pane, "5", "4", "3", "2", "m")
    QCoreApplication.sendEvent(pane.guide.comment, QInputMethodEvent("hao", []))
    press(qtbot, pane, "Ctrl Enter", "1")
    assert judged(store) == []
    done = QInputMethodEvent()
    done.setCommitString("好")
    QCoreApplication.sendEvent(pane.guide.comment, done)
    press(qtbot, pane, "Ctrl Enter")
    assert judged(store)[0].comment == "好"


# --- skip, flag, blind


@pytest.mark.parametrize(("key", "kind"), [("s", "skip"), ("f", "flag"), ("n", "cannot")])
def test_what_is_set_aside_does_not_come_back(pane, store, qtbot, key, kind):
    first = pane.flow.item.prompt.id
    seen = []
    for _ in range(3):
        press(qtbot, pane, key)
        seen.append(pane.flow.item.prompt.id if pane.flow.item else None)
    assert first not in seen
    assert seen[-1] is None
    assert {feedback.kind for feedback in judged(store)} == {kind}
    press(qtbot, pane, "z")
    assert pane.flow.item is not None


def test_some_items_ask_again_without_saying_so(opened, open_pane, qtbot, monkeypatch):
    """After a while what was judged comes back as if it were new, and is recorded as a repeat."""
    pane = open_pane(opened("project", "one", prompts=24))
    store = pane.context.store
    monkeypatch.setattr("workbench.ui.feedback_sources.repeat_due", lambda *_: True)
    while pane.flow.item is not None:
        press(qtbot, pane, "3", "Enter")
        qtbot.wait(1)  # the next item is fetched ahead
    given = {feedback.id: feedback for feedback in judged(store)}
    again = [feedback for feedback in given.values() if feedback.repeat_of]
    assert len(again) == len({feedback.repeat_of for feedback in again}) > 0
    for feedback in again:
        before = given[feedback.repeat_of]
        assert feedback.seq - before.seq > 20
        assert (feedback.prompt_id, before.repeat_of) == (before.prompt_id, None)
    assert len(given) - len(again) == 24


def test_a_judgement_knows_the_guidelines_it_was_made_under(pane, store, qtbot):
    press(qtbot, pane, "5", "2", "1", "4", "Enter")
    version = store.guidelines.add("Be kind.")
    press(qtbot, pane, "5", "2", "1", "4", "Enter")
    assert [feedback.guideline_id for feedback in judged(store)] == [None, version.id]


def test_names_are_hidden_until_h_and_that_is_recorded(pane, store, qtbot):
    cards = pane._rate.cards
    assert all(card.author.text() == "" for card in cards)
    press(qtbot, pane, "5", "5", "5", "5", "Enter")
    press(qtbot, pane, "h")
    expected = {"base" if text.startswith(("one", "three")) else "tuned" for text in [cards[0].text.plain()]}
    assert {cards[0].author.text()} == expected
    press(qtbot, pane, "h")
    assert cards[0].author.text() == ""
    press(qtbot, pane, "5", "5", "5", "5", "Enter")  # seen with names, although they are hidden again
    press(qtbot, pane, "5", "5", "5", "5", "Enter")
    assert [feedback.blind for feedback in judged(store)] == [True, False, True]


def test_the_last_item_can_be_unveiled_after_it_was_submitted(pane, store, qtbot):
    press(qtbot, pane, "5", "5", "5", "5", "Enter", "Shift H")
    assert "base" in pane.guide._authors.text()
    press(qtbot, pane, "5", "5", "5", "5", "Enter")
    assert [feedback.blind for feedback in judged(store)] == [True, True]


# --- undo


@pytest.mark.parametrize("keys", ["z", "Ctrl z"])
def test_undo_returns_to_the_item_with_its_values(pane, store, qtbot, keys):
    item = pane.flow.item
    press(qtbot, pane, "5", "2", "1", "4", "Enter", "3", keys)
    assert judged(store) == []
    assert pane.flow.item == item
    assert pane._rate.value() == {"ratings": [5, 2, 1, 4]}
    press(qtbot, pane, "a", "3", "Enter")
    assert judged(store)[0].value == {"ratings": [3, 2, 1, 4]}
    assert pane._rate.value()["ratings"].count(3) == 1  # what was on screen at undo is there again


def test_undo_across_a_reopened_project(opened, open_pane, qtbot):
    store = opened("kept", *FOUR)
    pane = open_pane(store)
    press(qtbot, pane, "5", "2", "1", "4", "m")
    qtbot.keyClicks(pane.guide.comment, "why")
    press(qtbot, pane, "Ctrl Enter")
    shown = judged(store)[0].response_ids
    pane.close()
    store = opened("kept")
    pane = open_pane(store)
    press(qtbot, pane, "z")
    assert judged(store) == []
    assert pane.flow.item.response_ids == shown
    assert pane._rate.value() == {"ratings": [5, 2, 1, 4]}
    assert pane.guide.comment.toPlainText() == "why"
    press(qtbot, pane, "Ctrl Shift z")
    assert len(judged(store)) == 1


def test_undo_goes_to_the_kind_of_the_judgement(pane, store, qtbot):
    press(qtbot, pane, "Alt 2", "2", "Enter", "Alt 1", "4", "z")
    assert pane.flow.kind == "comparison"
    assert pane.view.value() == {"choice": "a", "strength": 1}
    press(qtbot, pane, "Alt 1")
    assert pane._rate.value()["ratings"].count(4) == 1


def test_many_undos_and_redos(pane, store, qtbot):
    press(qtbot, pane, "1", "1", "1", "1", "Enter", "2", "2", "2", "2", "Enter")
    press(qtbot, pane, "z", "z")
    assert judged(store) == []
    assert pane._rate.value() == {"ratings": [1, 1, 1, 1]}
    press(qtbot, pane, "Ctrl Shift z")
    assert [feedback.value["ratings"][0] for feedback in judged(store)] == [1]
    assert pane._rate.value() == {"ratings": [2, 2, 2, 2]}
    press(qtbot, pane, "z", "z")
    assert "Nothing to undo" in pane.dock.note.text()


# --- nothing is lost


def test_a_full_disk_keeps_the_item_and_says_so(pane, store, qtbot, monkeypatch):
    def refuse(*args, **fields):
        raise WorkbenchError("The disk is full.", "Free some space.")

    monkeypatch.setattr(store.feedback, "add", refuse)
    item = pane.flow.item
    with qtbot.waitSignal(pane.context.message) as heard:
        press(qtbot, pane, "5", "2", "1", "4", "Enter")
    assert heard.args == ["The disk is full.", "Free some space.", "bad"]
    assert pane.flow.item == item
    assert pane._rate.value() == {"ratings": [5, 2, 1, 4]}
    monkeypatch.undo()
    press(qtbot, pane, "Enter")
    assert len(judged(store)) == 1


def test_the_next_item_comes_only_after_the_store_returned(pane, store, qtbot, monkeypatch):
    item, add, seen = pane.flow.item, store.feedback.add, []

    def watched(*args, **fields):
        seen.append(pane.flow.item)
        result = add(*args, **fields)
        seen.append(pane.flow.item)
        return result

    monkeypatch.setattr(store.feedback, "add", watched)
    press(qtbot, pane, "5", "2", "1", "4", "Enter")
    assert seen == [item, item]
    assert pane.flow.item != item


def test_the_following_item_is_fetched_ahead(pane, store, qtbot, monkeypatch):
    asked = []
    fetch = pane.flow._fetch
    monkeypatch.setattr(pane.flow, "_fetch", lambda exclude: asked.append(1) or fetch(exclude))
    press(qtbot, pane, "5", "2", "1", "4", "Enter")
    assert asked == []
    qtbot.waitUntil(lambda: asked == [1])


# --- compare


@pytest.mark.parametrize(
    ("key", "choice", "strength"),
    [
        ("Left", "a", 1), ("Shift Left", "a", 2), ("Down", "tie", 0), ("Right", "b", 1), ("Shift Right", "b", 2),
        ("1", "a", 2), ("4", "b", 1), ("x", "both_bad", 0),
    ],
)  # fmt: skip
def test_compare_by_keys(pane, store, qtbot, key, choice, strength):
    press(qtbot, pane, "Alt 2", key, "Enter")
    (feedback,) = judged(store)
    assert feedback.kind == "comparison"
    assert feedback.value == {"choice": choice, "strength": strength}
    assert len(feedback.response_ids) == 2


def test_compare_needs_a_choice_and_takes_a_changed_one(pane, store, qtbot):
    press(qtbot, pane, "Alt 2", "Enter", "Enter")
    assert judged(store) == []
    press(qtbot, pane, "Left", "Right", "t", "Space", "Enter")
    assert judged(store)[0].value["choice"] == "b"
    assert judged(store)[0].reasons == ("Solves it",)


def test_arrows_belong_to_the_order_box_while_it_has_the_focus(pane, qtbot):
    press(qtbot, pane, "Alt 2")
    pane.bar.order.setFocus()
    press(qtbot, pane, "Down")
    assert pane.view.value() == {}
    assert pane.bar.order.currentData() == "oldest"


# --- rank


def test_rank_by_letters_with_a_tie(pane, store, qtbot):
    press(qtbot, pane, "Alt 3", "a", "d", "b")
    assert "3 of 4 placed · gives 3 preference pairs" in pane.view.tally.text()
    press(qtbot, pane, "=", "c")
    assert "4 of 4 placed · gives 5 preference pairs" in pane.view.tally.text()
    press(qtbot, pane, "Enter")
    (feedback,) = judged(store)
    assert feedback.value == {"order": [[0], [3, 1], [2]]}


def test_rank_moves_and_takes_out(pane, store, qtbot):
    press(qtbot, pane, "Alt 3", "a", "b", "c", "Alt Up")
    assert pane.view.value() == {"order": [[0], [2], [1]]}
    press(qtbot, pane, "Backspace", "d")
    assert pane.view.value() == {"order": [[0], [2], [3]]}
    press(qtbot, pane, "Up", "Up", "Alt Down")
    assert pane.view.value() == {"order": [[2], [0], [3]]}
    press(qtbot, pane, "Enter")
    assert judged(store) == []
    assert "B" in pane.dock.note.text()
    press(qtbot, pane, "Enter")
    assert judged(store)[0].value == {"order": [[2], [0], [3]]}


def test_rank_needs_two(pane, store, qtbot):
    press(qtbot, pane, "Alt 3", "a", "Enter", "Enter")
    assert judged(store) == []


def test_rank_by_dragging(pane, store, qtbot):
    press(qtbot, pane, "Alt 3", "a", "b")
    qtbot.wait(30)
    rank = pane.view
    drag(qtbot, rank.cards[2], rank.rows[0].mapToGlobal(QPoint(60, 2)))
    assert rank.value() == {"order": [[2], [0], [1]]}
    qtbot.wait(30)
    drag(qtbot, rank.rows[2], rank.slot.mapToGlobal(QPoint(60, 5)))
    assert rank.value() == {"order": [[0], [1], [2]]}
    qtbot.wait(30)
    drag(qtbot, rank.rows[0], rank.cards[3].mapToGlobal(QPoint(30, 30)))
    assert rank.value() == {"order": [[1], [2]]}


def drag(qtbot, widget, to):
    start = QPoint(30, 12)
    qtbot.mousePress(widget, Qt.MouseButton.LeftButton, pos=start)
    qtbot.mouseMove(widget, start + QPoint(0, 30))
    qtbot.mouseMove(widget, widget.mapFromGlobal(to))
    qtbot.mouseRelease(widget, Qt.MouseButton.LeftButton, pos=widget.mapFromGlobal(to))
    assert QApplication.overrideCursor() is None


def test_space_reads_on(opened, open_pane, qtbot):
    store = opened("long", *[f"{name} " + "word " * 300 for name in FOUR], prompts=1)
    pane = open_pane(store)
    press(qtbot, pane, "Alt 3", "a")
    qtbot.wait(30)
    row = pane.view.rows[0]
    low = row.height()
    assert "Space to read on" in row.text.toPlainText()
    press(qtbot, pane, "Space")
    qtbot.wait(30)
    assert row.height() > low
    assert "Space to read on" not in row.text.toPlainText()


def test_ties_follow_their_group_when_an_answer_is_taken_out():
    order = Order([[0], [1, 2]])
    order.take(1)
    assert order.groups() == [[0], [2]]
    order = Order([[0, 1, 2]])
    order.insert(3, 1)
    assert order.groups() == [[0, 3, 1, 2]]
    order.take(0)
    assert order.groups() == [[3, 1, 2]]


# --- edit


def test_edit_saves_with_control_enter_only(pane, store, qtbot):
    press(qtbot, pane, "Alt 4")
    editor = pane.view.editor
    assert editor.hasFocus()
    original = editor.text()
    qtbot.keyClicks(editor, " and more")
    press(qtbot, pane, "Enter")
    assert judged(store) == []
    press(qtbot, pane, "Backspace", "Ctrl Enter")
    (feedback,) = judged(store)
    assert feedback.value == {"of": 0, "text": original + " and more", "pair": True, "demonstration": True}
    assert store.responses.find(feedback.response_ids[0]).text == original


def test_edit_from_another_answer_or_from_nothing(pane, store, qtbot):
    press(qtbot, pane, "Alt 4", "Esc", "c")
    assert pane.view.editor.text() == pane.flow.item.responses[2].text
    pane.view.start.pick("blank")
    qtbot.keyClicks(pane.view.editor, "Written by hand")
    press(qtbot, pane, "Esc", "a", "Esc")
    pane.view.start.pick("blank")
    assert pane.view.editor.text() == "Written by hand"
    press(qtbot, pane, "Ctrl Enter")
    value = judged(store)[0].value
    assert value == {"of": None, "text": "Written by hand", "pair": False, "demonstration": True}


def test_changes_restore_and_next_change(pane, store, qtbot):
    press(qtbot, pane, "Alt 4")
    view, original = pane.view, pane.view.original()
    view.editor.replace("zero " + original + " end")
    press(qtbot, pane, "F6")
    assert view.added.text() == "+2"
    assert view.removed.text() == "−0"
    first = view.editor.textCursor().position()
    press(qtbot, pane, "F6")
    assert view.editor.textCursor().position() != first
    assert [style for style, _ in view.changes._runs].count("added") == 2
    press(qtbot, pane, "Ctrl r")
    assert view.text() == original
    press(qtbot, pane, "Ctrl z")
    assert view.text() == "zero " + original + " end"


def test_an_edit_that_teaches_nothing_is_not_saved(pane, store, qtbot):
    press(qtbot, pane, "Alt 4")
    pane.view.demonstration.click()
    press(qtbot, pane, "Ctrl Enter", "Ctrl Enter")
    assert judged(store) == []
    assert "teach nothing" in pane.dock.note.text()


def test_a_draft_is_kept_within_a_second_and_comes_back(opened, open_pane, qtbot):
    store = opened("kept", *FOUR, prompts=1)
    pane = open_pane(store)
    press(qtbot, pane, "Alt 4", "Esc", "b")
    edited = pane.view.original() + " unfinished"
    began = time.monotonic()
    qtbot.keyClicks(pane.view.editor, " unfinished")
    qtbot.waitUntil(lambda: store.value("SELECT COUNT(*) FROM drafts") == 1, timeout=1000)
    assert time.monotonic() - began < 5
    assert json.loads(store.value("SELECT text FROM drafts"))["text"] == edited
    other = opened("kept")  # the window was killed; nothing was closed
    again = open_pane(other)
    press(qtbot, again, "Alt 4")
    assert again.view.text() == edited
    press(qtbot, again, "Ctrl Enter")
    feedback = judged(other)[0]
    assert other.responses.find(feedback.response_ids[feedback.value["of"]]).text + " unfinished" == edited
    assert other.value("SELECT COUNT(*) FROM drafts") == 0


def test_control_z_after_a_saved_edit_takes_the_edit_back(pane, store, qtbot):
    press(qtbot, pane, "Alt 4")
    qtbot.keyClicks(pane.view.editor, " more")
    press(qtbot, pane, "Ctrl Enter", "Ctrl z")
    assert judged(store) == []
    assert pane.view.text().endswith(" more")


def test_editing_begins_with_the_best_rated_answer(pane, store, qtbot):
    texts = [response.text for response in pane.flow.item.responses]
    press(qtbot, pane, "1", "2", "5", "4", "Enter", "Alt 4")
    assert pane.view.original() == texts[2]
    assert "Ratings for this prompt" in pane.view.rated.text()


# --- queue and session


def test_orders(pane, store, qtbot):
    newest = pane.flow.item.prompt.text
    pane.bar.order.setCurrentIndex(pane.bar.order.findData("oldest"))
    pane.bar.order.activated.emit(1)
    press(qtbot, pane, "5", "5", "5", "5", "Enter")
    assert (newest, pane.flow.item.prompt.text) == ("Question 2", "Question 0")


def test_figures_of_the_session(pane, store, qtbot):
    with qtbot.waitSignal(pane.left_changed, check_params_cb=lambda left: left == 2):
        press(qtbot, pane, "5", "4", "3", "3", "Enter")
    assert pane.bar.done.text() == "1 of 3"
    assert pane.bar.left.text() == "2 left"
    assert pane.bar.pace.text().startswith("median ")
    qtbot.waitUntil(lambda: pane.becomes.text() == "4 ratings → 5 pairs, 1 demonstration")
    press(qtbot, pane, "z")
    qtbot.waitUntil(lambda: pane.becomes.text() == "")
    assert pane.bar.done.text() == "0 of 3"


def test_a_large_project_is_counted_beside_the_window(store, open_pane, qtbot, monkeypatch):
    monkeypatch.setattr("workbench.ui.feedback_sources.FEW", 0)
    prompt = store.prompts.list()[0]
    ids = [response.id for response in store.responses.of_prompt(prompt.id)]
    store.feedback.add("rating", prompt.id, ids, {"ratings": [5, 4, 4, 1]}, annotator="other")
    pane = open_pane(store)
    qtbot.waitUntil(lambda: pane.becomes.text() == "4 ratings → 5 pairs, 1 demonstration", timeout=20_000)
    press(qtbot, pane, "4", "4", "4", "3", "Enter")
    qtbot.waitUntil(lambda: pane.becomes.text() == "8 ratings → 8 pairs, 1 demonstration")


def test_the_queue_ends_and_begins_again(pane, store, qtbot):
    press(qtbot, pane, *["5", "5", "5", "5", "Enter"] * 3)
    assert pane.empty.isVisible()
    assert pane.empty.sentence.text().startswith("Queue finished: 3 judged in ")
    with qtbot.waitSignal(pane.context.pane_wanted, check_params_cb=lambda name, _: name == "train"):
        qtbot.mouseClick(pane.empty.action, Qt.MouseButton.LeftButton)
    store.responses.add(store.prompts.list()[0].id, "a new one")
    qtbot.waitUntil(lambda: pane.flow.item is not None)
    assert not pane.empty.isVisible()


def test_an_empty_project_says_what_will_be_here(opened, open_pane, qtbot):
    store = opened("empty")
    pane = open_pane(store)
    assert pane.empty.sentence.text() == "Nothing to rate. Generate answers or import some."
    with qtbot.waitSignal(pane.context.pane_wanted, check_params_cb=lambda name, _: name == "generate"):
        qtbot.mouseClick(pane.empty.action, Qt.MouseButton.LeftButton)
    press(qtbot, pane, "Alt 3")
    assert pane.empty.sentence.text().startswith("Nothing to rank.")
    press(qtbot, pane, "5", "Enter", "s", "z")
    assert store.value("SELECT COUNT(*) FROM feedback") == 0


def test_what_was_said_waits_while_another_kind_is_on(pane, qtbot):
    press(qtbot, pane, "5", "2", "Alt 2", "Left", "Alt 1")
    assert pane._rate.value()["ratings"][:2] == [5, 2]
    press(qtbot, pane, "Alt 2")
    assert pane.view.value() == {"choice": "a", "strength": 1}


def test_a_judgement_retracted_elsewhere_comes_back(pane, store, qtbot):
    press(qtbot, pane, *["5", "5", "5", "5", "Enter"] * 3)
    assert pane.flow.item is None
    store.feedback.retract([judged(store)[0].id])
    qtbot.waitUntil(lambda: pane.flow.item is not None)


def test_haste_is_noticed_only_against_ones_own_pace(store):
    flow = Flow(Context(store, "me"), Context(store, "me"))
    here, elsewhere = ("rating", None, "me"), ("comparison", None, "me")
    flow.pace.times = {str(number): (here, 20.0) for number in range(25)}
    flow.pace.times |= {f"other {number}": (elsewhere, 5.0) for number in range(10)}
    assert not flow.is_hasty()
    flow.pace.times |= {f"fast {number}": (here, 5.0) for number in range(10)}
    assert flow.is_hasty()


# --- blind votes of an evaluation


@pytest.fixture
def run(store):
    made = store.runs.add(name="Evaluate 1", method="evaluate", options={})
    for prompt in store.prompts.list():
        for role in ("base", "tuned"):
            store.responses.add(
                prompt.id, f"{role} answer", run_id=made.id, scores={"role": role}, queued=False
            )  # fmt: skip
    return made


def test_blind_votes_carry_the_run_and_teach_nothing(pane, store, run, qtbot):
    pane.show_comparisons(run.id)
    assert pane.vote.isVisible()
    texts = {card.text.plain() for card in pane.view.cards}
    assert texts == {"base answer", "tuned answer"}
    press(qtbot, pane, "Left", "Enter", "s", "Right", "Enter")
    votes = store.feedback.list(run_id=run.id)
    assert [vote.kind for vote in votes] == ["comparison", "skip", "comparison"]
    assert store.feedback.judgements() == []
    assert pane.empty.sentence.text() == "All pairs are judged. The result is in Evaluate."
    with qtbot.waitSignal(pane.context.pane_wanted) as heard:
        qtbot.mouseClick(pane.empty.action, Qt.MouseButton.LeftButton)
    assert heard.args == ["evaluate", run.id]
    assert pane.flow.run_id is None


def test_undo_of_a_vote_returns_to_the_evaluation(pane, store, run, qtbot):
    pane.show_comparisons(run.id)
    press(qtbot, pane, "Left", "Enter", "Alt 1")
    assert pane.flow.run_id is None
    press(qtbot, pane, "z")
    assert pane.flow.run_id == run.id
    assert pane.view.value()["choice"] == "a"


def test_sides_are_drawn_per_pair(opened, open_pane, qtbot):
    store = opened("sides")
    run = store.runs.add(name="Evaluate", method="evaluate", options={})
    for number in range(24):
        prompt, _ = store.prompts.add(f"Question {number}")
        for role in ("base", "tuned"):
            store.responses.add(prompt.id, role, run_id=run.id, scores={"role": role}, queued=False)
    pane = open_pane(store)
    pane.show_comparisons(run.id)
    left = set()
    while pane.flow.item is not None:
        left.add(pane.view.cards[0].text.plain())
        press(qtbot, pane, "Down", "Enter")
    assert left == {"base", "tuned"}


# --- the window


def test_guidelines_are_the_projects_own_or_the_samples(store, open_pane):
    assert "Fixes the problem" in shown_words(open_pane(store).guide)
    store.guidelines.add("1. **Be kind.** Always.\n\n<b>not markup</b>")
    words = shown_words(open_pane(store).guide)
    assert "Be kind" in words
    assert "<b>not markup</b>" in words


def shown_words(widget):
    from PySide6.QtWidgets import QLabel

    return [each.text() for each in widget.findChildren(QLabel)]


def test_other_panes_open_it_with_what_they_want(pane, store, run):
    pane.visit({"compare": run.id})
    assert pane.flow.run_id == run.id
    pane.visit("edit")
    assert (pane.flow.kind, pane.flow.run_id) == ("edit", None)


def test_a_narrow_window_opens_the_comment_over_the_answers(store, open_pane, qtbot):
    pane = open_pane(store, width=1280)
    assert not pane.guide.isVisible()
    press(qtbot, pane, "m")
    assert pane.guide.isVisible()
    press(qtbot, pane, "Esc")
    assert not pane.guide.isVisible()
    press(qtbot, pane, "g")
    assert pane.guide.isVisible()
    press(qtbot, pane, "Esc")
    assert not pane.guide.isVisible()
    press(qtbot, pane, "5")
    assert pane._rate.value()["ratings"][0] == 5


def test_answers_are_text_and_never_markup(opened, open_pane):
    store = opened("markup", "<b>bold</b> <img src=x> & \u202e", prompts=1)
    pane = open_pane(store)
    assert pane._rate.cards[0].text.toPlainText() == "<b>bold</b> <img src=x> & ⟨U+202E⟩ 0"
    assert pane._rate.cards[0].text.plain().endswith("\u202e 0")


def test_the_window_needs_no_torch(pane):
    code = "import sys, workbench.ui.feedback_pane; sys.exit('torch' in sys.modules)"
    import subprocess

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
