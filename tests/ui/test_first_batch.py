"""The dialog of the first batch: every token, and what is read of it marked twice."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QTextCursor

from tests import tiny
from tests.ui.test_train_pane import base, context, feed, judge, pane, ppo_run, store  # noqa: F401
from workbench import events as ev
from workbench.jobs import first_batch
from workbench.lm.files import describe_folder
from workbench.ui.first_batch import FirstBatchDialog

ROWS = [
    {
        "title": "chosen",
        "tokens": [["<s>", False, True], ["Say", False, False], [" hi", True, False], ["</s>", True, True]],
    },
    {"title": "rejected", "tokens": [["one\n", False, False], ["two", True, False]]},
]
BATCH = ev.FirstBatch(ROWS, "The loss reads the marked tokens.", 3)


@pytest.fixture
def dialog(qtbot):
    made = FirstBatchDialog(BATCH)
    qtbot.addWidget(made)
    made.show()
    return made


def format_at(dialog, word):
    found = dialog.text.document().find(word)
    assert not found.isNull()
    return found.charFormat()


def test_every_token_is_there_in_order(dialog):
    assert dialog.text.toPlainText() == "chosen\n<s>Say hi</s>\nrejected\none\u23ce\ntwo"


def test_what_the_loss_reads_is_underlined_and_has_a_colour(dialog):
    read, context_ = format_at(dialog, " hi"), format_at(dialog, "Say")
    assert read.fontUnderline() and not context_.fontUnderline()
    assert read.background().color() != context_.background().color()
    assert format_at(dialog, "<s>").foreground().color() != context_.foreground().color()


def test_neighbours_differ_in_shade(dialog):
    cursor = QTextCursor(dialog.text.document())
    shades = []
    for word in ("<s>", "Say"):
        found = dialog.text.document().find(word, cursor)
        shades.append(found.charFormat().background().color().name())
    assert len(set(shades)) == 2


def test_a_run_offers_its_batch_from_the_moment_it_is_known(store, base, context, pane, qtbot):  # noqa: F811
    run = ppo_run(store, base)
    (store.runs_folder / run.id).mkdir(parents=True)
    shown = pane()
    shown.show_run(run.id)
    assert not shown.monitor.batch.isVisible()
    feed(store, context, run, [ev.Started(9), BATCH, ev.Stopped(0)])
    qtbot.waitUntil(shown.monitor.batch.isVisible)
    assert first_batch.of_run(store.runs_folder / run.id) == BATCH
    qtbot.mouseClick(shown.monitor.batch, Qt.MouseButton.LeftButton)
    opened = shown.monitor.findChild(FirstBatchDialog)
    assert "Say hi" in opened.text.toPlainText()
    qtbot.keyClick(opened, Qt.Key.Key_Escape)


def test_a_damaged_file_is_no_batch(tmp_path):
    (tmp_path / first_batch.NAME).write_text('{"event": "FirstBatch", "rows"')
    assert first_batch.of_run(tmp_path) is None
    first_batch.keep(BATCH, tmp_path / "gone")
    assert first_batch.of_run(tmp_path / "gone") is None


@pytest.fixture
def ready(store, pane, tmp_path):  # noqa: F811
    """The page of a new reward run on a tiny model, whose files are there."""
    judge(store, 24)
    folder = tiny.llama(tmp_path / "tiny")
    facts = describe_folder(folder)
    store.models.add(name="tiny", kind="base", source="local", location=str(folder), info=facts)
    shown = pane()
    shown.new_run("reward")
    shown.new_page.form.set_values({"device": "cpu", "max_tokens": 64, "batch_size": 2})
    shown.new_page._estimate()
    return shown, folder


def test_a_key_shows_the_first_batch_before_there_is_a_run(ready, store, qtbot):  # noqa: F811
    shown, _ = ready
    page = shown.new_page
    qtbot.keyClick(page, Qt.Key.Key_B)
    assert not page.look_action.isEnabled()
    qtbot.waitUntil(lambda: page.findChild(FirstBatchDialog) is not None, timeout=120_000)
    text = page.findChild(FirstBatchDialog).text.toPlainText()
    assert text.count("chosen") == text.count("rejected") == 2 and "Question" in text
    assert store.runs.list() == [] and page.look_action.isEnabled()


def test_what_stands_in_its_way_is_said_beside_the_button(ready, store, qtbot):  # noqa: F811
    shown, folder = ready
    page = shown.new_page
    (folder / "model.safetensors").write_bytes(b"cut off")
    qtbot.keyClick(page, Qt.Key.Key_B)
    qtbot.waitUntil(page.look_action.isEnabled, timeout=120_000)
    assert "not a whole safetensors file" in page.beside.reason.text()
    assert page.findChild(FirstBatchDialog) is None
