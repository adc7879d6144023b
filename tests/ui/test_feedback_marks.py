"""Marked passages: by keys and by mouse, in code points, stored at once, and there again after a restart."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QTextCursor, QTextDocument
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel

from tests.ui.test_feedback_pane import judged, open_pane, opened, press  # noqa: F401
from workbench.errors import WorkbenchError
from workbench.store.browsing import entries
from workbench.ui.data_entry import EntryPanel
from workbench.ui.feedback_marks import Mark, MarkedText, Places
from workbench.ui.widgets import soft_broken, visible

ODD = "He said 👩‍👩‍👧 𠮷野家 is\r\nold \u202e𝕏\u2028Fine, 好的。"
SHIFT, WORD = "Shift Right", "Ctrl Shift Right"


@pytest.fixture
def pane(opened, open_pane):  # noqa: F811
    store = opened("marks", prompts=1)
    prompt, _ = store.prompts.add("What is old?")
    for text in ("The cat sat on the mat.", ODD):
        store.responses.add(prompt.id, text)
    return open_pane(store)


def readers(pane):
    return [reader for reader in pane.view.readers() if reader.isVisible()]


def reader_of(pane, text):
    return next(reader for reader in readers(pane) if reader.plain().startswith(text))


def go_to(qtbot, pane, text):
    """Put the caret at the beginning of an answer, by keys."""
    press(qtbot, pane, "v")
    if not pane.window().focusWidget().plain().startswith(text):
        press(qtbot, pane, "v")
    reader = pane.window().focusWidget()
    assert reader.plain().startswith(text) and reader.selecting
    return reader


def marks(store):
    return store.feedback.list(kinds=["mark"])


def many(qtbot, pane, key, times):
    press(qtbot, pane, *[key] * times)


# --- where characters are


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab \n\r\u2028\u202e\x00👩𠮷é\u200d好"), max_size=40))
def test_places_agree_with_the_document_that_shows_the_text(text):
    check_places(text, range(len(text)))


def test_places_agree_where_a_very_long_word_is_broken():
    text = "好𠮷" + "x" * 1992 + "\u202e𠮷 end"
    check_places(text, [0, 1, 2, 1993, 1994, 1995, 1997, 1999])


def check_places(text, of):
    places, document = Places(text), QTextDocument()
    document.setPlainText(soft_broken(visible(text)))
    for place in of:
        start, end = places.shown(place, place + 1)
        cursor = QTextCursor(document)
        cursor.setPosition(start)
        cursor.setPosition(end, QTextCursor.MoveMode.KeepAnchor)
        shown = cursor.selectedText().replace("\u2029", "\n")
        broken = shown.replace("\n", "") if len(shown) > 2 else shown  # a spelled out character may be broken too
        assert broken == ("" if text[place : place + 2] == "\r\n" else visible(text[place]))
        if not text[place].isspace():
            assert places.source(start, end) == (place, place + 1)


def test_a_cut_through_a_spelled_out_character_takes_all_of_it():
    assert Places("a\u202eb").source(3, 5) == (1, 2)


def test_space_at_the_ends_is_no_part_of_a_passage():
    assert Places("one  two\n").source(3, 9) == (5, 8)
    assert Places("one  two").source(3, 5) is None


# --- by keys


def test_a_passage_is_marked_by_keys(pane, qtbot):
    reader = go_to(qtbot, pane, "The cat")
    press(qtbot, pane, "Ctrl Right", WORD, "w")
    (mark,) = marks(pane.context.store)
    assert mark.value == {"start": 4, "end": 7, "label": "wrong", "quote": "cat"}
    assert (mark.annotator, mark.blind, len(mark.response_ids)) == ("me", True, 1)
    assert pane.context.store.responses.find(mark.response_ids[0]).text == reader.plain()
    assert [shown.quote for shown in reader.marks] == ["cat"]
    press(qtbot, pane, WORD, "g")  # the caret went on from there
    assert marks(pane.context.store)[1].value["quote"] == "sat"
    press(qtbot, pane, "Esc", "a", "5", "4", "Enter")
    assert [feedback.kind for feedback in judged(pane.context.store)] == ["mark", "mark", "rating"]


def test_places_are_counted_in_code_points(pane, qtbot):
    go_to(qtbot, pane, "He said")
    press(qtbot, pane, "Ctrl Right", "Ctrl Right")
    many(qtbot, pane, SHIFT, 1)
    press(qtbot, pane, "b")
    many(qtbot, pane, SHIFT, 4)
    press(qtbot, pane, "w")
    family, name = (mark.value for mark in marks(pane.context.store))
    assert family["quote"] == "👩‍👩‍👧"
    assert name["quote"] == "𠮷野家"
    for value in (family, name):
        assert ODD[value["start"] : value["end"]] == value["quote"]


def test_a_passage_over_hidden_characters_and_odd_line_breaks(pane, qtbot):
    reader = reader_of(pane, "He said")
    start, end = ODD.index("old"), ODD.index("Fine") + 4
    reader.setFocus()
    reader.select(start, end)
    reader.select_by_keys()
    press(qtbot, pane, "b")
    (mark,) = marks(pane.context.store)
    assert mark.value == {"start": start, "end": end, "label": "bad", "quote": ODD[start:end]}


def test_other_keys_judge_as_ever_while_a_caret_is_on(pane, qtbot):
    go_to(qtbot, pane, "The cat")
    press(qtbot, pane, "4")
    assert 4 in pane.view.value()["ratings"]
    assert not any(reader.selecting for reader in readers(pane))
    assert pane.marker.bar.isHidden()


def test_label_keys_mean_what_they_meant_where_nothing_is_selected(pane, qtbot):
    shown = pane.guide.isVisible()
    press(qtbot, pane, "b")
    assert pane.view.active == 1
    press(qtbot, pane, "g")
    assert pane.guide.isVisible() != shown
    assert marks(pane.context.store) == []


def test_a_label_without_a_passage_says_what_to_do(pane, qtbot):
    go_to(qtbot, pane, "The cat")
    press(qtbot, pane, "w")
    assert "Select a passage first" in pane.dock.note.text()
    assert marks(pane.context.store) == []


def test_escape_leaves_and_gives_the_arrows_back(pane, qtbot):
    press(qtbot, pane, "Alt 2")
    go_to(qtbot, pane, "The cat")
    press(qtbot, pane, "Right", "Shift Right", "Down")
    assert pane.view.value() == {}
    press(qtbot, pane, "Esc")
    assert not any(reader.selecting for reader in readers(pane))
    press(qtbot, pane, "Right")
    assert pane.view.value() == {"choice": "b", "strength": 1}


def test_the_keys_are_listed(pane):
    listed = {action.property("key") for action in pane.actions()}
    assert {"V", "V G", "V B", "V W", "V Delete"} <= listed


# --- by mouse


def word_at(reader, quote):
    """The place of a word on screen."""
    start, _ = reader.places.shown(reader.plain().index(quote), reader.plain().index(quote) + 1)
    cursor = reader.textCursor()
    cursor.setPosition(start)
    return reader.cursorRect(cursor).center() + QPoint(3, 0)


def double_click(reader, quote):
    at = word_at(reader, quote)
    QTest.mouseDClick(reader.viewport(), Qt.MouseButton.LeftButton, pos=at)
    QTest.mouseRelease(reader.viewport(), Qt.MouseButton.LeftButton, pos=at)


def test_a_word_is_marked_by_mouse(pane, qtbot):
    reader = reader_of(pane, "The cat")
    double_click(reader, "cat")
    bar = pane.marker.bar
    assert bar.isVisible() and bar.buttons["wrong"].isVisible() and not bar.remove.isVisible()
    qtbot.mouseClick(bar.buttons["wrong"], Qt.MouseButton.LeftButton)
    assert marks(pane.context.store)[0].value["quote"] == "cat"
    assert bar.isHidden() and not reader.selecting
    qtbot.wait(QApplication.doubleClickInterval() + 50)  # or the next press is the third of a triple click
    qtbot.mouseClick(reader.viewport(), Qt.MouseButton.LeftButton, pos=word_at(reader, "cat"))
    assert reader.passage() == (4, 7)
    qtbot.mouseClick(bar.remove, Qt.MouseButton.LeftButton)
    assert marks(pane.context.store) == []
    assert reader.marks == ()


def test_a_click_beside_a_passage_ends_the_selection(pane, qtbot):
    reader = reader_of(pane, "The cat")
    double_click(reader, "cat")
    assert pane.marker.bar.isVisible()
    qtbot.wait(QApplication.doubleClickInterval() + 50)
    qtbot.mouseClick(reader.viewport(), Qt.MouseButton.LeftButton, pos=word_at(reader, "mat"))
    assert not reader.selecting
    assert pane.marker.bar.isHidden()


# --- taking back


def test_delete_takes_a_mark_away_and_z_puts_it_back(pane, qtbot):
    reader = go_to(qtbot, pane, "The cat")
    press(qtbot, pane, WORD, "g", "Left")
    qtbot.keyClick(reader, Qt.Key.Key_Delete)
    assert marks(pane.context.store) == []
    assert reader.marks == ()
    press(qtbot, pane, "z")
    assert [mark.value["quote"] for mark in marks(pane.context.store)] == ["The"]
    assert [mark.quote for mark in reader.marks] == ["The"]


def test_marks_belong_to_the_person_who_judges(pane, qtbot):
    store = pane.context.store
    reader = go_to(qtbot, pane, "The cat")
    press(qtbot, pane, WORD, "g", WORD, "w", "Left")
    qtbot.keyClick(reader, Qt.Key.Key_Delete)
    pane.context.judge_as("other")
    assert reader_of(pane, "The cat").marks == ()
    press(qtbot, pane, "z")  # nothing of what the first person did
    assert len(marks(store)) == 1
    pane.context.judge_as("me")
    assert [mark.quote for mark in reader_of(pane, "The cat").marks] == ["The"]


def test_undo_takes_back_a_mark_and_stays(pane, qtbot):
    item = pane.flow.item
    reader = go_to(qtbot, pane, "The cat")
    press(qtbot, pane, WORD, "g", "Esc", "a", "3")
    given = pane.view.value()
    press(qtbot, pane, "z")
    assert marks(pane.context.store) == []
    assert pane.flow.item is item
    assert pane.view.value() == given
    assert reader.marks == ()
    assert "The" in pane.dock.note.text()
    press(qtbot, pane, "Ctrl Shift z")
    assert [mark.quote for mark in reader.marks] == ["The"]
    assert len(marks(pane.context.store)) == 1


def test_undo_goes_from_the_judgement_to_the_marks_before_it(pane, qtbot):
    store = pane.context.store
    reader = go_to(qtbot, pane, "The cat")
    press(qtbot, pane, WORD, "g", "Esc", "5", "5", "Enter")
    assert pane.flow.item is None
    press(qtbot, pane, "z")
    assert [feedback.kind for feedback in judged(store)] == ["mark"]
    assert [mark.quote for mark in reader_of(pane, "The").marks] == ["The"]
    press(qtbot, pane, "z")
    assert judged(store) == []
    assert reader.marks == ()


def test_another_label_replaces_the_first_and_undo_brings_that_back(pane, qtbot):
    reader = go_to(qtbot, pane, "The cat")
    press(qtbot, pane, WORD, "g")
    reader.select(0, 3)
    press(qtbot, pane, "g")
    assert "so already" in pane.dock.note.text()
    press(qtbot, pane, "w")
    assert [mark.label for mark in reader.marks] == ["wrong"]
    press(qtbot, pane, "z")
    assert [mark.label for mark in reader.marks] == ["good"]
    press(qtbot, pane, "Ctrl Shift z")
    assert [mark.label for mark in reader.marks] == ["wrong"]
    assert len(marks(pane.context.store)) == 1


# --- everywhere


@pytest.mark.parametrize(
    "keys", [["Alt 2"], ["Alt 3"], ["Alt 3", "a", "b"], ["Alt 4"], ["Alt 5"], ["Alt 6"], ["Alt 7"]]
)
def test_marks_show_in_every_kind_and_after_a_restart(opened, open_pane, qtbot, keys):  # noqa: F811
    store = opened("kept", "The cat sat", "It rained", "No", prompts=1)
    response = next(each for each in store.responses.of_prompt(store.prompts.list()[0].id) if "cat" in each.text)
    value = {"start": 4, "end": 7, "label": "wrong", "quote": "cat"}
    store.feedback.add("mark", response.prompt_id, [response.id], value, annotator="me")
    store.feedback.add("mark", response.prompt_id, [response.id], value | {"label": "good"}, annotator="other")
    pane = open_pane(opened("kept"))
    press(qtbot, pane, *keys)
    if pane.flow.kind == "edit":
        pane.view.start_from(str(pane.flow.item.response_ids.index(response.id)))
        (selection,) = pane.view.editor.extraSelections()
        assert selection.cursor.selectedText() == "cat"
        pane.view.editor.moveCursor(QTextCursor.MoveOperation.Start)
        qtbot.keyClicks(pane.view.editor, "Well: ")
        assert pane.view.editor.extraSelections()[0].cursor.selectedText() == "cat"
        return
    place = pane.flow.item.response_ids.index(response.id) if response.id in pane.flow.item.response_ids else None
    if place is None:  # a comparison of the other two
        press(qtbot, pane, "2", "Enter")
        place = pane.flow.item.response_ids.index(response.id)
    shown = [pane.view.cards[place].text.marks]
    if pane.flow.kind == "ranking":
        press(qtbot, pane, "ABC"[place])
        shown.append(pane.view.rows[place].text.marks)
    assert all([(mark.quote, mark.label) for mark in each] == [("cat", "wrong")] for each in shown)


def test_a_mark_is_told_by_line_and_letter_and_not_by_colour_alone(shown):
    lines = set()
    for label in ("good", "bad", "wrong"):
        reader = MarkedText("Answer")
        reader.set_text("The cat sat")
        reader.set_marks([Mark("1", 4, 7, label, "cat")])
        cursor = QTextCursor(reader.document())
        cursor.setPosition(5)
        lines.add(cursor.charFormat().underlineStyle())
        assert [letters for _, letters in reader._badges] == [label[0].upper()]
        assert "cat" in reader.accessibleDescription()
    assert len(lines) == 3


def test_marks_keep_the_text_and_go_when_it_changes(shown):
    reader = shown(MarkedText("Answer"))
    reader.set_text(ODD)
    before = reader.toPlainText()
    reader.set_marks([Mark("1", 8, 13, "good"), Mark("2", 10, 17, "wrong"), Mark("3", 900, 999, "bad")])
    assert reader.toPlainText() == before
    assert reader.plain() == ODD
    reader.set_marks([])
    cursor = QTextCursor(reader.document())
    cursor.setPosition(10)
    assert not cursor.charFormat().fontUnderline()
    reader.set_marks([Mark("1", 0, 2, "good")])
    reader.set_text("Another")
    assert reader.marks == ()


def test_the_data_pane_shows_quote_and_label(opened, shown):  # noqa: F811
    store = opened("data", "The cat sat", prompts=1)
    response = store.responses.of_prompt(store.prompts.list()[0].id)[0]
    value = {"start": 4, "end": 7, "label": "wrong", "quote": "cat"}
    store.feedback.add("mark", response.prompt_id, [response.id], value, annotator="me")
    panel = shown(EntryPanel(store))
    panel.show_entry(entries(store)[0])
    (marked,) = [each for each in panel.findChildren(MarkedText) if each.marks]
    assert [(mark.quote, mark.label) for mark in marked.marks] == [("cat", "wrong")]
    assert any("Wrong fact: “cat”" in each.text() for each in panel.findChildren(QLabel))


def test_a_full_disk_marks_nothing_and_says_so(pane, qtbot, monkeypatch):
    def refuse(*args, **fields):
        raise WorkbenchError("The disk is full.", "Free some space.")

    monkeypatch.setattr(pane.context.store.feedback, "add", refuse)
    reader = go_to(qtbot, pane, "The cat")
    with qtbot.waitSignal(pane.context.message) as heard:
        press(qtbot, pane, WORD, "g")
    assert heard.args[0] == "The disk is full."
    assert reader.passage() == (0, 3)  # the selection is still there


def test_a_mark_made_with_names_shown_says_so(pane, qtbot):
    press(qtbot, pane, "h")
    go_to(qtbot, pane, "The cat")
    press(qtbot, pane, WORD, "g")
    assert not marks(pane.context.store)[0].blind


def test_the_dock_says_how_to_select(pane, qtbot):
    go_to(qtbot, pane, "The cat")
    assert "Shift and the arrows" in pane.dock.note.text()
    assert pane.marker.bar.isHidden()
    press(qtbot, pane, "Shift Right")
    assert pane.marker.bar.isVisible()
    press(qtbot, pane, "Esc")
    assert pane.dock.note.text() == ""
