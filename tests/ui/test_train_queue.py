"""Runs in line, driven by keys and clicks: their order, taking out and putting back, pausing, discarding, once more."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMessageBox

from tests.jobs import worlds
from workbench.jobs import preparing
from workbench.lm import checkpoints
from workbench.store import owners, run_queue
from workbench.ui.context import Context
from workbench.ui.train_pane import TrainPane

QUICK = worlds.REWARD | {"epochs": 1}
LONG = worlds.REWARD | {"epochs": 50, "batch_size": 2, "patience": 0}
ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
SLOW = 60_000


@pytest.fixture
def store(tmp_path, llama_folder):
    store = worlds.project(tmp_path / "project", llama_folder)
    yield store
    store.close()


@pytest.fixture
def context(store, qapp):
    context = Context(store)
    yield context
    for job in context.jobs.values():
        job.kill()
        job.wait()
    context.jobs.clear()
    context.close()


@pytest.fixture
def pane(context, shown):
    pane = TrainPane(context)
    pane.set_window_width(1440)
    shown(pane, 1368, 820)
    yield pane
    pane.hide()


def wait(store, *names, options=QUICK):
    """Runs in line, with nobody who works through it."""
    base = store.models.list("base")[0].id
    ids = [preparing.prepare(store, "reward", options, model_id=base, name=name)[0].id for name in names]
    for id_ in ids:
        run_queue.put(store, id_)
    return ids


def line(store):
    return [run.name for run in run_queue.waiting(store)]


def shown_line(pane):
    cells = [pane.runs.cell_of(id_) for id_ in pane.runs.ids()]
    return [(cell.text, cell.sub, cell.time) for cell in cells]


def test_the_list_shows_who_waits_in_which_order_and_keys_change_it(store, context, pane, qtbot):
    wait(store, "a", "b", "c")
    pane.refresh()
    assert shown_line(pane) == [("a", "next in line", "1"), ("b", "2 in line", "2"), ("c", "3 in line", "3")]
    pane.show_run(store.runs.find("c").id)
    pane.runs.setFocus()
    qtbot.keyClick(pane.runs, Qt.Key.Key_Up, ALT)
    assert line(store) == ["a", "c", "b"]
    assert [cell[0] for cell in shown_line(pane)] == ["a", "c", "b"]
    assert pane.runs.chosen() == store.runs.find("c").id == pane.monitor.run.id
    qtbot.keyClick(pane.runs, Qt.Key.Key_Up, ALT)
    qtbot.keyClick(pane.runs, Qt.Key.Key_Up, ALT)
    assert line(store) == ["c", "a", "b"]
    qtbot.keyClick(pane.runs, Qt.Key.Key_Down, ALT)
    assert line(store) == ["a", "c", "b"]
    assert pane.monitor.step.text() == "2 in line"
    qtbot.mouseClick(pane.monitor.controls.buttons["down"], Qt.MouseButton.LeftButton)
    assert line(store) == ["a", "b", "c"]
    assert not pane.monitor.controls.buttons["down"].isEnabled()


def test_what_is_taken_out_comes_back_to_its_place_with_undo(store, context, pane, qtbot):
    wait(store, "a", "b", "c")
    pane.refresh()
    pane.show_run(store.runs.find("b").id)
    with qtbot.waitSignal(context.message) as said:
        qtbot.keyClick(pane.runs, Qt.Key.Key_Delete)
    assert said.args[:2] == ["b was taken out of the queue.", "Ctrl Z puts it back."]
    assert line(store) == ["a", "c"]
    assert store.runs.find("b").status == "stopped"
    assert pane.monitor.state.text() == "Stopped"
    qtbot.keyClick(pane.runs, Qt.Key.Key_Z, CTRL)
    assert line(store) == ["a", "b", "c"]
    assert pane.monitor.state.text() == "Waiting"


def test_another_run_waits_while_one_goes_and_a_pause_holds_the_queue_until_it_is_resumed(
    store, context, pane, qtbot
):  # fmt: skip
    base = store.models.list("base")[0].id
    first = context.start_run("reward", LONG, model_id=base, name="first")
    pane.new_run("reward")
    page = pane.new_page
    page._estimate()
    assert page.start_action.text() == "Add to the queue"
    page.name.setText("second")
    for name, value in QUICK.items():
        page.form.rows[name].set_value(value)
    with qtbot.waitSignal(context.message) as said:
        qtbot.keyClick(page, Qt.Key.Key_Return, CTRL)
    assert said.args[:2] == ["second waits in line.", "first goes first."]
    assert (line(store), pane.monitor.run.name) == (["second"], "second")
    assert pane.monitor.left.text() == "Starts after first"
    assert not pane.monitor.controls.buttons["go"].isVisible()

    qtbot.waitUntil(lambda: store.runs.find(first.id).step > 4, timeout=SLOW)
    pane.show_run(first.id)
    pane.runs.setFocus()
    qtbot.keyClick(pane.runs, Qt.Key.Key_P)
    assert pane.monitor.left.text() == "Pausing, with a checkpoint"
    qtbot.waitUntil(lambda: not context.jobs, timeout=SLOW)
    assert line(store) == ["first", "second"]
    assert owners.owner_of(store, run_queue.QUEUE) is None
    assert pane.monitor.state.text() == "Paused"
    assert pane.monitor.left.text() == "The queue is not going"
    kept = checkpoints.newest(store.runs_folder / first.id).step

    qtbot.keyClick(pane.runs, Qt.Key.Key_R)
    assert list(context.jobs) == [first.id]
    qtbot.waitUntil(lambda: store.runs.find(first.id).step > kept + 2, timeout=SLOW)

    # Discarding asks first; then nothing is kept, and the next one has its turn.
    answer("Go on")
    pane.monitor.controls.discard.trigger()
    assert run_queue.wish(store, first.id) == ""
    answer("Stop and discard")
    pane.monitor.controls.discard.trigger()
    qtbot.waitUntil(lambda: first.id not in context.jobs, timeout=SLOW)
    assert store.runs.find(first.id).status == "stopped"
    assert "discarded at step" in pane.runs._second_line(store.runs.find(first.id))
    assert "Nothing was saved." in pane.monitor.ended.accessibleName()
    assert checkpoints.newest(store.runs_folder / first.id) is None
    qtbot.waitUntil(lambda: not context.jobs, timeout=SLOW)
    assert store.runs.find("second").status == "finished"
    assert [model.name for model in store.models.list("reward")] == ["second"]


def answer(text):
    def click():
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        next(button for button in box.buttons() if button.text() == text).click()

    QTimer.singleShot(0, click)


def test_a_run_once_more_is_the_same_and_changed_it_opens_its_form(store, context, pane, qtbot, tmp_path, monkeypatch):
    (old,) = wait(store, "old", options=QUICK | {"rank": 3, "seed": 99})
    run_queue.take_out(store, old)
    started = []
    monkeypatch.setattr(context, "_launch", lambda run, spec: started.append((run, spec)))
    pane.show_run(old)
    menu = pane.monitor.controls.show_menu()
    assert [action.text() for action in menu.actions()] == ["Run again", "Change and run", "Export as bundle"]
    menu.actions()[0].trigger()
    menu.close()
    ((run, spec),) = started
    assert run.id != old
    assert (spec.options["rank"], spec.options["seed"]) == (3, 99)
    assert run.data_hash == store.runs.find(old).data_hash
    store.runs.update(run.id, status="finished")

    pane.show_run(old)
    pane.monitor.controls.change.trigger()
    assert pane.body_stack.currentWidget() is pane.new_page
    assert pane.new_page.form.values()["rank"] == 3
    pane.leave_page()

    with qtbot.waitSignal(context.message) as said:
        pane.monitor.controls.export_to(tmp_path / "old.zip")
    assert said.args[0] == "old is in old.zip."
    assert (tmp_path / "old.zip").stat().st_size > 1000
    with qtbot.waitSignal(context.message) as said:
        pane.monitor.controls.export_to(tmp_path / "no" / "old.zip")
    assert "cannot be written" in said.args[0]


def test_a_run_of_another_process_is_paused_from_here(store, context, pane, qtbot, monkeypatch):
    (run,) = wait(store, "far")
    monkeypatch.setattr(owners, "owner_of", lambda *_: 4)  # some other process, that lives
    store.runs.update(run, status="running", total=20)
    with store.writing() as db:
        db.execute("DELETE FROM run_queue")
    context.following.look()
    context.following._seen = None
    context.following.look()
    assert context.going() == [run]
    pane.refresh()
    pane.show_run(run)
    assert pane.monitor.stop.isEnabled()
    store.runs.add_metrics(run, 1, {"loss/train": 1.0})
    store.runs.add_metrics(run, 2, {"loss/train": 0.5})
    context.following.look()
    assert pane.monitor.step.text() == "Step 2 of 20"
    qtbot.keyClick(pane.runs, Qt.Key.Key_P)
    assert run_queue.wish(store, run) == "pause"

    # It dies without a word: the run is cut off, and can be resumed or run again.
    with store.writing() as db:
        db.execute("INSERT INTO owners VALUES (?, 4, 1.0)", [run])
    monkeypatch.setattr(owners, "owner_of", lambda *_: None)
    context.following.look()
    assert context.going() == []
    assert (store.runs.find(run).status, pane.monitor.state.text()) == ("interrupted", "Cut off")


def test_every_control_has_a_name_and_its_key_is_listed(pane, store):
    wait(store, "a")
    pane.refresh()
    controls = pane.monitor.controls
    assert all(button.accessibleName() for button in [*controls.buttons.values(), controls.more])
    assert {action.text() for action in controls.actions()} >= {"Pause", "Move up", "Take out of the queue"}
    assert all(isinstance(action, QAction) for action in controls.actions())
