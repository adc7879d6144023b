"""Messages over the window, and their details."""

import pytest
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QWidget

from workbench import __version__
from workbench.errors import WorkbenchError
from workbench.ui.messages import DetailsBox, MessageStrip
from workbench.ui.widgets import Button


@pytest.fixture
def body(shown):
    return shown(QWidget(), 900, 600)


@pytest.fixture
def strip(body):
    return MessageStrip(body)


def test_message_floats_at_the_bottom(strip, body):
    strip.show_message("Imported 86 ratings.")
    assert strip.isVisible()
    assert body.rect().contains(strip.geometry())
    assert strip.geometry().bottom() > 500
    body.resize(500, 400)
    assert body.rect().contains(strip.geometry())


def test_action_runs_and_closes(strip):
    heard = []
    message = strip.show_message("Deleted 3 rows.", action=("Undo", lambda: heard.append("undo")))
    next(button for button in message.findChildren(Button) if button.text() == "Undo").click()
    assert heard == ["undo"]
    assert strip.messages() == []
    assert not strip.isVisible()


def test_error_shows_its_sentence_and_hint(strip):
    message = strip.show_error(WorkbenchError("The disk is full.", "Free 2 GB and go on."))
    assert message.tone == "bad"
    assert message.accessibleName() == "The disk is full. Free 2 GB and go on."


def test_three_at_most_and_no_repeats(strip):
    for number in range(5):
        strip.show_message(f"message {number}", tone="warn")
    strip.show_message("message 4", tone="warn")
    assert [message.text for message in strip.messages()] == ["message 2", "message 3", "message 4"]
    strip.clear()
    assert strip.messages() == []


def test_only_plain_notes_go_by_themselves(strip):
    from PySide6.QtCore import QTimer

    note = strip.show_message("Saved.", tone="good")
    note.findChild(QTimer).timeout.emit()
    assert strip.messages() == []
    for kept in (strip.show_message("Careful.", tone="warn"), strip.show_message("Gone.", action=("Undo", print))):
        assert kept.findChild(QTimer) is None


def test_details_are_shut_at_first(strip):
    message = strip.show_message("Out of memory.", "Try a smaller batch.", "bad", details="CUDA error\n" * 50)
    closed = strip.height()
    assert not message.details.is_open()
    message.details.toggle()
    assert message.details.is_open()
    assert strip._stack.totalMinimumSize().height() > closed


def test_copy_report(qtbot):
    details = DetailsBox("Traceback: \u202e x")
    qtbot.addWidget(details)
    details.copy()
    assert QGuiApplication.clipboard().text() == f"Feedback Workbench {__version__}\n\nTraceback: \u202e x"
