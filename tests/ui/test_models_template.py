"""The chat template in Models, seen and edited by keys, with the real child that tells tokens."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from tests import tiny
from tests.ui.test_models_pane import delete, display
from workbench.jobs import chat_templates
from workbench.jobs.adding import add_model
from workbench.jobs.chat_templates import Choice
from workbench.jobs.tokens import TokenReader
from workbench.lm.formats import FORMATS
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.models_pane import ModelsPane
from workbench.ui.models_template_editor import DRAFT, TemplateEditor

WAIT = 60_000


@pytest.fixture(scope="module")
def reader():
    """One child for all: it takes seconds to start."""
    found = TokenReader()
    yield found
    found.close()


@pytest.fixture
def pane(qtbot, tmp_path, llama_folder, reader):
    store = Store.open(tmp_path / "project")
    add_model(store, str(llama_folder), "tiny")
    context = Context(store)
    context.tokens = reader
    pane = display(qtbot, ModelsPane(context))
    yield pane
    qtbot.waitUntil(lambda: not pane.template.looking.busy, timeout=WAIT)
    delete(pane)
    context.tokens = TokenReader()
    context.close()
    store.close()


def seen(pane, qtbot):
    qtbot.waitUntil(lambda: bool(pane.template.counts.text()), timeout=WAIT)


@pytest.fixture
def editor(pane, qtbot):
    """The dialog, opened by its key."""
    pane.table.setFocus()
    qtbot.keyClick(pane.table, Qt.Key.Key_T)
    found = next(each for each in QApplication.topLevelWidgets() if isinstance(each, TemplateEditor))
    qtbot.waitUntil(found.isVisible)
    found.activateWindow()
    yield found
    if not gone(found):
        qtbot.waitUntil(lambda: not found.looking.busy, timeout=WAIT)
        found.reject()


def gone(dialog):
    """Whether a dialog was closed, and perhaps deleted."""
    return not isValid(dialog) or not dialog.isVisible()


def write(editor, qtbot, text):
    """Replace the template as a person pastes it."""
    editor.editor.setFocus()
    QGuiApplication.clipboard().setText(text)
    qtbot.keyClick(editor.editor, Qt.Key.Key_A, Qt.KeyboardModifier.ControlModifier)
    qtbot.keyClick(editor.editor, Qt.Key.Key_V, Qt.KeyboardModifier.ControlModifier)


def test_the_section_shows_format_counts_and_tokens(pane, qtbot):
    seen(pane, qtbot)
    assert pane.template.format.text() == "ChatML"
    assert pane.template.counts.text().endswith("tokens, 5 special")
    shown = pane.template.view.toPlainText()
    assert shown.startswith("<|im_start|>system\u21b5") and shown.endswith("the model writes here")
    pane.template.copier.click()
    assert QGuiApplication.clipboard().text().endswith("<|im_start|>assistant\n")


def test_a_format_is_chosen_and_saved_by_keys(pane, editor, qtbot):
    editor.formats.setFocus()
    for _ in range(2):
        qtbot.keyClick(editor.formats, Qt.Key.Key_Down)
    assert editor.text() == FORMATS["llama3"].text
    qtbot.keyClick(editor.formats, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: gone(editor), timeout=WAIT)
    store = pane.context.store
    assert chat_templates.choice_of(store, store.models.list()[0]).name == "llama3"
    qtbot.waitUntil(lambda: "start_header_id" in pane.template.view.toPlainText(), timeout=WAIT)


def test_what_cannot_be_used_is_told_and_not_saved_but_kept_to_go_on_with(pane, editor, qtbot):
    write(editor, qtbot, "{% for")
    qtbot.waitUntil(lambda: "is wrong" in editor.problem.text(), timeout=WAIT)
    qtbot.keyClick(editor.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: not editor.looking.busy, timeout=WAIT)
    assert editor.isVisible()
    store = pane.context.store
    model = store.models.list()[0]
    assert chat_templates.choice_of(store, model) == Choice()
    qtbot.keyClick(editor, Qt.Key.Key_Escape)
    assert store.draft(DRAFT.format(id=model.id)) == "{% for"
    again = TemplateEditor(pane.context, model, pane)
    assert again.text() == "{% for" and "not saved" in again.note.text()
    qtbot.waitUntil(lambda: not again.looking.busy, timeout=WAIT)
    again.reject()


def test_an_edited_text_shows_what_it_makes_saves_and_resets(pane, editor, qtbot):
    edited = tiny.CHAT.replace("<|im_end|>", " over <|im_end|>")
    write(editor, qtbot, edited)
    qtbot.waitUntil(lambda: " over <|im_end|>" in editor.view.toPlainText(), timeout=WAIT)
    assert editor.formats.currentText() == "Edited" and not editor.problem.text()
    qtbot.keyClick(editor.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    store = pane.context.store
    model = store.models.list()[0]
    assert chat_templates.choice_of(store, model) == Choice("edited", edited)
    again = TemplateEditor(pane.context, model, pane)
    again.show()
    again.activateWindow()
    qtbot.waitUntil(again.isActiveWindow)
    qtbot.keyClick(again, Qt.Key.Key_R, Qt.KeyboardModifier.AltModifier)
    assert again.text() == tiny.CHAT
    qtbot.keyClick(again.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    qtbot.waitUntil(lambda: gone(again), timeout=WAIT)
    assert chat_templates.choice_of(store, model) == Choice()
