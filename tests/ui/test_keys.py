"""Shortcuts, text fields, input methods."""

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt
from PySide6.QtGui import QInputMethodEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit, QSpinBox, QStackedWidget, QWidget

from workbench.ui import keys
from workbench.ui.widgets import Button, ReadingText, column, holding


@pytest.fixture
def heard():
    return []


@pytest.fixture
def place(qapp, shown, heard):
    """A widget with actions on G, Enter, Space and Ctrl Enter, a button and three text fields."""
    keys.guard(qapp)
    widget = QWidget()
    widget.button, widget.line, widget.text, widget.spin = Button("Go"), QLineEdit(), QPlainTextEdit(), QSpinBox()
    widget.setLayout(column(widget.button, widget.line, widget.text, widget.spin))
    for name in ("G", "Enter", "Ctrl Enter", "Right", "1", "?"):
        keys.action(widget, name, name, lambda name=name: heard.append(name))
    return shown(widget)


@pytest.mark.parametrize(
    ("name", "sequence"),
    [("Ctrl Enter", "Ctrl+Return"), ("Shift G", "Shift+G"), ("Alt 1", "Alt+1"), ("/", "/"), ("Ctrl ,", "Ctrl+,")],
)
def test_key_texts(name, sequence):
    assert keys.sequences(name)[0] == QKeySequence(sequence)


def test_letters_act_while_a_button_has_the_focus(place, heard, qtbot):
    place.button.setFocus()
    qtbot.keyClick(place.button, Qt.Key.Key_G)
    qtbot.keyClick(place.button, Qt.Key.Key_1)
    qtbot.keyClick(place.button, Qt.Key.Key_Right)
    assert heard == ["G", "1", "Right"]


@pytest.mark.parametrize("field", ["line", "text"])
def test_letters_go_into_a_text_field(place, heard, qtbot, field):
    editor = getattr(place, field)
    editor.setFocus()
    qtbot.keyClicks(editor, "g1?")
    qtbot.keyClick(editor, Qt.Key.Key_Left)
    qtbot.keyClick(editor, Qt.Key.Key_Right)
    assert heard == []
    assert (editor.text() if field == "line" else editor.toPlainText()) == "g1?"


def test_enter_belongs_to_the_field_and_control_enter_to_the_pane(place, heard, qtbot):
    place.line.setFocus()
    with qtbot.waitSignal(place.line.returnPressed):
        qtbot.keyClick(place.line, Qt.Key.Key_Return)
    assert heard == []
    qtbot.keyClick(place.line, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert heard == ["Ctrl Enter"]


def test_digits_go_into_a_number_field(place, heard, qtbot):
    place.spin.setFocus()
    qtbot.keyClick(place.spin, Qt.Key.Key_1)
    assert heard == []


def test_nothing_acts_while_an_input_method_composes(place, heard, qtbot):
    place.text.setFocus()
    composing = QInputMethodEvent("zhong", [])
    QCoreApplication.sendEvent(place.text, composing)
    qtbot.keyClick(place.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(place.text, Qt.Key.Key_G)
    assert heard == []
    done = QInputMethodEvent("", [])
    done.setCommitString("中")
    QCoreApplication.sendEvent(place.text, done)
    qtbot.keyClick(place.text, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    assert heard == ["Ctrl Enter"]


def test_text_to_read_leaves_letters_to_shortcuts(shown, qapp, heard, qtbot):
    keys.guard(qapp)
    text = ReadingText("Answer A")
    widget = shown(holding(column(text)))
    keys.action(widget, "Flag", "F", lambda: heard.append("F"))
    text.set_text("words")
    text.setFocus()
    qtbot.keyClick(text, Qt.Key.Key_F)
    assert heard == ["F"]


def test_actions_of_a_hidden_pane_are_dead(shown, heard, qtbot):
    stack = QStackedWidget()
    panes = [QWidget(), QWidget()]
    for number, pane in enumerate(panes):
        stack.addWidget(pane)
        keys.action(pane, "Again", "R", lambda number=number: heard.append(number))
    shown(stack)
    stack.setCurrentIndex(1)
    qtbot.keyClick(stack, Qt.Key.Key_R)
    assert heard == [1]


def test_question_mark_with_shift_acts_once(place, heard, qtbot):
    place.button.setFocus()
    qtbot.keyClick(place.button, Qt.Key.Key_Question, Qt.KeyboardModifier.ShiftModifier)
    assert heard == ["?"]


def test_a_field_may_be_deleted_while_it_has_the_focus(place, heard, qtbot, qapp):
    place.line.setFocus()
    place.line.deleteLater()
    qapp.sendPostedEvents(None, QEvent.Type.DeferredDelete.value)
    qapp.processEvents()
    place.button.setFocus()
    qtbot.keyClick(place.button, Qt.Key.Key_G)
    assert heard == ["G"]


def test_letters_can_be_turned_off(place, heard, qtbot):
    place.button.setFocus()
    keys.set_letters(False)
    try:
        late = keys.action(place, "late", "L", lambda: heard.append("L"))
        qtbot.keyClick(place.button, Qt.Key.Key_G)
        qtbot.keyClick(place.button, Qt.Key.Key_L)
        qtbot.keyClick(place.button, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
        assert heard == ["Ctrl Enter"]
        assert keys.keys_of(late) == "L"
    finally:
        keys.set_letters(True)
    qtbot.keyClick(place.button, Qt.Key.Key_G)
    assert heard == ["Ctrl Enter", "G"]
