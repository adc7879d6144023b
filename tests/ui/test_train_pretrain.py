"""A new model out of plain text, chosen and started on the New run page as a person does."""

from __future__ import annotations

import dataclasses

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtWidgets import QAbstractButton, QFileDialog, QMenu

from tests.methods import texts
from workbench.jobs import frozen
from workbench.methods import pretrain
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.train_pane import TrainPane


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


@pytest.fixture
def page(store, shown):
    """The New run page of a project without any model."""
    context = Context(store)
    pane = shown(TrainPane(context), 1280 - 72, 760)
    pane.new_run("pretrain")
    yield pane.new_page
    pane.hide()
    context.jobs.clear()
    context.close()


@pytest.fixture
def book(tmp_path):
    folder = tmp_path / "book"
    folder.mkdir()
    for number in range(2):
        pages = "\n\n".join(texts.page(seed, 40) for seed in range(30 * number, 30 * number + 30))
        (folder / f"part-{number}.txt").write_text(pages)
    return folder


def test_it_needs_no_model_and_says_that_text_is_missing(page, qtbot):
    assert page.cards["pretrain"].isChecked()
    assert page.model.currentText() == "Nothing: random weights"
    assert not page.start_action.isEnabled()
    assert "Text is missing" in page.beside.reason.text()
    assert page.data_card.total.text() == "No text yet"


def test_text_is_typed_knobs_are_stepped_and_the_run_starts_by_keys(page, book, qtbot, store, monkeypatch):
    monkeypatch.setattr(page._context, "line_up", lambda run_id: store.runs.find(run_id))
    row = page.form.rows["text"]
    row.control.setFocus()
    qtbot.keyClicks(row.control, str(book))
    layers = page.form.rows["layers"].control
    layers.setFocus()
    qtbot.keyClick(layers, Qt.Key.Key_Down)
    qtbot.waitUntil(page.start_action.isEnabled)
    assert "of text in 2 files" in page.data_card.total.text()
    with qtbot.waitSignal(page.started) as started:
        qtbot.keyClick(layers, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)
    (run,) = started.args
    assert (run.method, run.model_id, run.options["layers"]) == ("pretrain", None, 3)
    data = frozen.read(store.runs_folder / run.id / "data.jsonl")
    assert data.documents == pretrain.collect(pretrain.Options(text=str(book)))
    assert {each.split for each in data.documents} == {"train", "held_out"}


def test_browse_is_reached_by_tab_and_enters_a_folder_or_a_file(page, book, qtbot, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(book))
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: (str(book / "part-0.txt"), ""))
    row = page.form.rows["text"]
    row.control.setFocus()
    qtbot.keyClick(row.control, Qt.Key.Key_Tab)
    assert row.browse.hasFocus()
    for down, wanted in ((2, book), (1, book / "part-0.txt")):
        qtbot.keyClick(row.browse, Qt.Key.Key_Space)
        menu = row.browse.findChildren(QMenu)[-1]
        qtbot.waitUntil(menu.isVisible)
        for _ in range(down):
            qtbot.keyClick(menu, Qt.Key.Key_Down)
        qtbot.keyClick(menu, Qt.Key.Key_Return)
        assert row.control.text() == str(wanted)
        assert row.control.hasFocus()
        row.browse.setFocus()
    qtbot.waitUntil(lambda: "of text" in page.data_card.total.text())


def test_nothing_is_entered_when_the_dialog_is_cancelled(page, qtbot, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    page.form.open_advanced(True)
    row = page.form.rows["tokenizer"]
    qtbot.mouseClick(row.browse, Qt.MouseButton.LeftButton, pos=QPoint(4, 4))
    assert row.control.text() == ""


def test_too_little_text_is_refused_beside_the_button(page, tmp_path, store, qtbot):
    (tmp_path / "short.txt").write_text("A few words.")
    page.form.rows["text"].set_value(str(tmp_path / "short.txt"))
    qtbot.waitUntil(page.start_action.isEnabled)
    assert page.start() is None
    assert "1 passages of a page" in page.beside.reason.text()
    assert store.runs.list() == []


def test_memory_is_told_without_a_model(page, book, qtbot):
    page.form.rows["text"].set_value(str(book))
    qtbot.waitUntil(page.start_action.isEnabled)
    assert page.beside.memory_box.isVisible()


@pytest.mark.parametrize(
    ("parent", "generates", "offered"), [(False, True, False), (True, False, False), (True, True, True)]
)
def test_only_what_writes_and_has_a_base_is_offered_to_compare(store, shown, tmp_path, parent, generates, offered):
    base = store.models.add(name="base", kind="base", source="local", location=str(tmp_path)) if parent else None
    made = store.models.add(
        name="made", kind="base", source="run", location=str(tmp_path), parent_id=base and base.id,
        info={"generates": generates},
    )  # fmt: skip
    options = dataclasses.asdict(pretrain.Options())
    run = store.runs.add(name="made", method="pretrain", options=options)
    store.runs.update(run.id, status="finished", result_id=made.id, summary={"perplexity": 51.1})
    context = Context(store)
    pane = shown(TrainPane(context), 1280 - 72, 760)
    pane.visit({"run": run.id})
    words = [button.text() for button in pane.monitor.findChildren(QAbstractButton, "ended-action")]
    assert ("Compare with its base" in words) is offered
    assert "Run again" in words
    pane.hide()
    context.close()
