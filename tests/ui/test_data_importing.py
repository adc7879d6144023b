"""Import and export in the window: columns are assigned, nothing stalls, a cancel writes nothing."""

from __future__ import annotations

import itertools
import json
import time

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFileDialog

from workbench.store import Store
from workbench.store.exchange import FORMATS, SHAPES
from workbench.store.exchange.importing import import_file
from workbench.store.exchange.mapping import ROLES
from workbench.ui.context import Context
from workbench.ui.data_export_dialog import ExportDialog
from workbench.ui.data_exporting import Export, container_names, format_names, what_names
from workbench.ui.data_import_steps import FIRST
from workbench.ui.data_importing import ImportDialog, judged_cell, who_cell
from workbench.ui.data_mapping import role_names
from workbench.ui.data_moving import Moving
from workbench.ui.figures import count

SURVEY = "Question,Reply,Other,Stars,Rater\n" + "".join(
    f"Question {number},Good {number},Bad {number},{9 if number == 3 else 1 + number % 5},Noor\n"
    for number in range(30)
)


@pytest.fixture
def store(tmp_path):
    store = Store.open(tmp_path / "project")
    yield store
    store.close()


@pytest.fixture
def survey(tmp_path):
    path = tmp_path / "survey.csv"
    path.write_text(SURVEY)
    return path


@pytest.fixture
def opened(store, shown, qtbot):
    """opened(path) shows the dialog and waits until the file is read."""
    kept = []

    def dialog(path, wait=True):
        found = shown(ImportDialog(store.folder, path, "you"), 940, 640)
        kept.append(found)
        if wait:
            settle(found, qtbot)
        return found

    yield dialog
    for found in kept:
        found._watch.stop()
        qtbot.waitUntil(lambda found=found: not found._work.busy, timeout=20_000)


def settle(dialog, qtbot):
    """Wait until everything is read as it is to be read now."""

    def settled():
        waits = dialog._work.busy or dialog._pause.isActive() or dialog._again or dialog._look is None
        return dialog.problem.isVisible() or not waits

    qtbot.waitUntil(settled, timeout=20_000)


def choose(dialog, qtbot, role, column):
    """Assign a column as a person does: with the keys of the choice."""
    choice = dialog.mapping.choices[role]
    choice.setFocus()
    for _ in range(choice.count()):
        qtbot.keyClick(choice, Qt.Key.Key_Up)
    for _ in range(choice.findText(column)):
        qtbot.keyClick(choice, Qt.Key.Key_Down)
    assert choice.currentText() == column
    qtbot.waitUntil(lambda: dialog._pause.isActive() or dialog._work.busy)
    settle(dialog, qtbot)


def shown_rows(dialog):
    return dialog._rows_model.rows()


# --- columns


def test_a_table_with_names_of_its_own_is_read_by_columns(opened, survey, store):
    dialog = opened(survey)
    assert dialog.mapping.isVisible()
    assert dialog.mapping.mapping() == {"prompt": "Question", "answer": "Reply", "rating": "Stars", "who": "Rater"}
    assert dialog.summary.text() == "Adds 29 prompts, 29 answers, 29 judgements"
    assert dialog.note.text() == "1 row is left out."
    assert len(shown_rows(dialog)) == FIRST - 1
    assert (judged_cell(shown_rows(dialog)[1]).rating, who_cell(shown_rows(dialog)[1]).text) == (2, "Noor")
    assert dialog._out_model.row_at(0)["reason"] == "rating is 9, not a whole number from 1 to 5."
    assert store.prompts.count() == 0


def test_another_assignment_is_shown_before_anything_is_written(opened, survey, store, qtbot):
    dialog = opened(survey)
    choose(dialog, qtbot, "answer", "None")
    assert not dialog.go.isEnabled()
    assert dialog.note.text().startswith("A rating needs a column that is answer.")
    choose(dialog, qtbot, "rating", "None")
    choose(dialog, qtbot, "chosen", "Reply")
    assert dialog.note.text().startswith("Chosen and rejected go together.")
    choose(dialog, qtbot, "rejected", "Other")
    assert dialog.summary.text() == "Adds 30 prompts, 60 answers, 30 judgements"
    assert judged_cell(shown_rows(dialog)[0]).text == "A > B"
    assert store.prompts.count() == 0
    with qtbot.waitSignal(dialog.imported, timeout=20_000) as heard:
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    assert heard.args[0]["added"] == {"prompts": 30, "responses": 60, "feedback": 30}
    assert store.feedback.counts() == {"comparison": 30}
    assert not dialog.isVisible()


def test_a_file_of_no_known_format_shows_its_columns(opened, store, qtbot, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("".join(json.dumps({"colour": "blue", "words": f"Say {number}"}) + "\n" for number in range(3)))
    dialog = opened(path)
    assert dialog.summary.text() == "Say which column is what"
    assert dialog.raw.isVisible()
    assert dialog.raw.model().rowCount() == 3
    assert not dialog.go.isEnabled()
    choose(dialog, qtbot, "prompt", "words")
    assert dialog.summary.text() == "Adds 3 prompts"
    assert [row["prompt"] for row in shown_rows(dialog)] == ["Say 0", "Say 1", "Say 2"]
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: store.prompts.count() == 3, timeout=20_000)


def test_a_known_format_can_be_exchanged_for_another(opened, qtbot, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"prompt": "Hi", "completion": "A", "label": True}) + "\n")
    dialog = opened(path)
    assert dialog.format.currentData() == "unpaired"
    assert not dialog.mapping.isVisible()
    dialog.format.setFocus()
    while dialog.format.currentData() != "demonstrations":
        qtbot.keyClick(dialog.format, Qt.Key.Key_Down)
    settle(dialog, qtbot)
    assert dialog.summary.text() == "Adds 1 prompt, 1 answer, 1 judgement"
    assert dialog._look.format == "demonstrations"
    while dialog.format.currentIndex() > 0:
        qtbot.keyClick(dialog.format, Qt.Key.Key_Up)
    settle(dialog, qtbot)
    assert dialog.mapping.isVisible()


def test_a_damaged_file_says_why_and_can_be_closed(opened, store, qtbot, tmp_path):
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PK\x03\x04")
    dialog = opened(path)
    assert dialog.summary.text() == "This file was not imported. Nothing was written."
    assert "a.parquet is not a Parquet file" in dialog.problem.accessibleName()
    assert (dialog.go.isEnabled(), dialog.format.currentIndex()) == (False, -1)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    assert store.prompts.count() == 0


def test_a_folder_of_another_project_is_tried_too(opened, store, tmp_path):
    other = Store.open(tmp_path / "other")
    other.prompts.add("Hi")
    other.close()
    dialog = opened(tmp_path / "other")
    assert dialog.summary.text() == "Adds 1 prompt"
    assert dialog.format.currentData() == "project"
    assert store.prompts.count() == 0


def test_every_role_and_format_has_a_name(opened, survey):
    assert set(role_names()) == set(ROLES)
    dialog = opened(survey)
    assert [dialog.format.itemData(place) for place in range(dialog.format.count())] == ["columns", *FORMATS]


# --- going on beside the window


@pytest.fixture
def large(tmp_path):
    path = tmp_path / "large.jsonl"
    with path.open("w") as file:
        for number in range(6_000):
            file.write(json.dumps({"prompt": f"Question {number}", "chosen": f"A {number}", "rejected": "B"}) + "\n")
    return path


def test_the_window_goes_on_while_a_large_file_is_read_and_written(opened, large, store, qtbot):
    ticks = []
    timer = QTimer(interval=10)
    timer.timeout.connect(lambda: ticks.append(time.monotonic()))
    dialog = opened(large, wait=False)
    timer.start()
    qtbot.waitUntil(lambda: "rows" in dialog.summary.text(), timeout=20_000)
    settle(dialog, qtbot)
    assert dialog.summary.text() == f"Adds {count(6_000)} prompts, {count(12_000)} answers, {count(6_000)} judgements"
    seen = set()
    dialog.bar.valueChanged.connect(seen.add)
    with qtbot.waitSignal(dialog.imported, timeout=60_000):
        qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    timer.stop()
    gaps = sorted(later - earlier for earlier, later in itertools.pairwise(ticks))
    assert store.prompts.count() == 6_000
    assert len(seen) > 5
    assert gaps[int(len(gaps) * 0.99)] < 0.1, gaps[-20:]
    assert gaps[-1] < 1.0, gaps[-20:]


def test_escape_ends_the_reading(opened, large, store, qtbot):
    dialog = opened(large, wait=False)
    qtbot.waitUntil(lambda: "rows" in dialog.summary.text(), timeout=20_000)
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert not dialog.isVisible()
    qtbot.waitUntil(lambda: not dialog._work.busy, timeout=5_000)
    assert store.prompts.count() == 0


@pytest.mark.parametrize("at", ["Reading row", "Writing"])
def test_a_cancelled_import_writes_nothing(opened, large, store, qtbot, at):
    dialog = opened(large)
    told = []
    dialog.imported.connect(told.append)
    qtbot.mouseClick(dialog.go, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dialog.summary.text().startswith(at), timeout=20_000)
    qtbot.mouseClick(dialog.cancel, Qt.MouseButton.LeftButton)
    assert dialog.summary.text() == "Stopping. Nothing will be written."
    qtbot.waitUntil(lambda: not dialog.isVisible(), timeout=20_000)
    assert (told, store.prompts.count(), store.value("SELECT COUNT(*) FROM search")) == ([], 0, 0)


# --- out


@pytest.fixture
def moving(store, shown, tmp_path, monkeypatch, qapp):
    """Import and export of a project with one comparison, whose file dialogs answer with `target`."""
    prompt, _ = store.prompts.add("Hi\n\nHuman: no", tags=["x"])
    ids = [store.responses.add(prompt.id, text).id for text in ("A", "B")]
    store.feedback.add("comparison", prompt.id, ids, {"choice": "a"}, annotator="you")
    context = Context(store)
    from PySide6.QtWidgets import QWidget

    moving = Moving(context, shown(QWidget()))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *args: (str(tmp_path / args[2]), ""))
    return moving


def export_by_keys(moving, qtbot, **choices):
    """Choose in the dialog, press Enter, and return what was said."""
    moving.choose_export()
    dialog = moving.export_dialog
    for name, value in choices.items():
        box = getattr(dialog, name)
        box.setFocus()
        while box.currentData() != value:
            before = box.currentIndex()
            qtbot.keyClick(box, Qt.Key.Key_Down)
            assert box.currentIndex() == before + 1
    with qtbot.waitSignal(moving.context.message, timeout=20_000) as heard:
        qtbot.keyClick(dialog, Qt.Key.Key_Return)
    return heard.args


def test_an_export_goes_into_the_shape_and_file_that_were_chosen(moving, qtbot, tmp_path):
    said = export_by_keys(moving, qtbot, what="pairs", format="sharegpt", container="parquet")
    assert said == [f"Wrote 1 rows to {tmp_path / 'pairs.parquet'}.", "", "good"]
    other = Store.open(tmp_path / "other")
    assert import_file(other, tmp_path / "pairs.parquet").format == "sharegpt"
    other.close()


def test_what_a_shape_cannot_hold_is_said_before_and_counted_after(moving, qtbot, tmp_path):
    dialog = ExportDialog()
    qtbot.addWidget(dialog)
    dialog.what.setCurrentIndex(dialog.what.findData("pairs"))
    dialog.format.setCurrentIndex(dialog.format.findData("hh"))
    assert "no place for margins" in dialog.lacks.text()
    text, hint, tone = export_by_keys(moving, qtbot, what="pairs", format="hh")
    assert (text.startswith("Wrote 0 rows"), hint.startswith("1 left out: "), tone) == (True, True, "warn")


def test_every_choice_of_an_export_can_be_written(moving, qtbot, tmp_path):
    dialog = ExportDialog()
    qtbot.addWidget(dialog)
    assert set(format_names()) == set(SHAPES)
    offered = 0
    for what in range(dialog.what.count()):
        dialog.what.setCurrentIndex(what)
        for format in range(dialog.format.count()):
            dialog.format.setCurrentIndex(format)
            for container in range(dialog.container.count()):
                dialog.container.setCurrentIndex(container)
                export = Export(dialog.what.currentData(), dialog.format.currentData(), dialog.container.currentData())
                assert export.write(moving.context.store, tmp_path / f"{offered}-{export.file_name}")["rows"] >= 0
                offered += 1
    assert offered > 50
    assert dialog.what.count() == len(what_names())
    assert set(container_names()) >= {"jsonl", "csv", "parquet", "datasets"}
