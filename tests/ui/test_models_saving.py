"""Saving and sending a model from the Models pane, by keys."""

# ruff: noqa: F811

from __future__ import annotations

import time
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QFileDialog

from tests.ui.test_models_pane import make, pane, project  # noqa: F401 - fixtures
from workbench import paths, settings
from workbench.errors import WorkbenchError
from workbench.events import Finished, Progress, Stopped
from workbench.jobs import exporting, pushing
from workbench.jobs.llama_cpp import SCRIPT, converter
from workbench.ui.models_save_dialog import SaveDialog, SendDialog

CTRL_SHIFT = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.ShiftModifier


class Process:
    """A process that writes until it is asked to stop, and until it is killed where it does not listen."""

    def __init__(self, listens=True):
        self.listens, self.gone, self.killed = listens, False, False

    def stop(self):
        self.gone = self.gone or self.listens

    def kill(self):
        self.gone = self.killed = True


class World:
    """What was asked to be written and to be sent. waits: the process goes on until it is stopped."""

    def __init__(self):
        self.asked, self.sent, self.waits, self.listens, self.process = [], [], False, True, None

    def export_model(self, store, model_id, target, *, format, take, dtype):
        self.asked.append((store.models.find(model_id).name, target, format, dtype))
        self.process = Process(self.listens)
        take(self.process)
        yield Progress(1, 3, "Merging the adapter")
        while self.waits:
            time.sleep(0.01)
            if self.process.gone:
                yield Stopped()
                return
        if "full" in target.name:
            raise WorkbenchError("Saving failed: no space left on device.", "Free some space.")
        target.mkdir(parents=True)
        (target / "model.gguf").write_bytes(b"x" * 2_000_000)
        yield Finished({"target": str(target), "format": format, "dtype": dtype})

    def send(self, plan, take):
        self.sent.append(plan)
        yield Progress(1, 2, "Sending model.gguf")
        yield Finished({"url": f"https://hub/{plan.repo}"})


@pytest.fixture
def world(monkeypatch, tmp_path):
    found = World()
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(Path, "home", lambda: tmp_path)
    monkeypatch.setattr(exporting, "export_model", found.export_model)
    monkeypatch.setattr(pushing, "export_model", found.export_model)
    monkeypatch.setattr(pushing, "send", found.send)
    return found


def opened(qtbot, kind):
    qtbot.waitUntil(lambda: isinstance(QApplication.activeModalWidget(), kind))
    return QApplication.activeModalWidget()


def dialog_of(pane, qtbot):
    qtbot.keyClick(pane.table, Qt.Key.Key_S, CTRL_SHIFT)
    return opened(qtbot, SaveDialog)


def said(pane):
    return " ".join(each.accessibleName() for each in pane.strip.messages())


def choose(dialog, qtbot, format):
    """With the arrows, as from one of a group of buttons to the next."""
    for _ in dialog.cards:
        if dialog.format != format:
            qtbot.keyClick(dialog.cards[dialog.format], Qt.Key.Key_Down)
    assert dialog.format == format


def test_a_model_is_saved_as_a_folder_by_keys_alone(pane, world, qtbot, tmp_path):
    dialog = dialog_of(pane, qtbot)
    assert dialog.format == "folder" and dialog.go.isEnabled()
    assert "free there" in dialog.room.text()
    qtbot.keyClick(dialog, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: f"Saved in {tmp_path / 'helpful-v2'}" in said(pane))
    assert world.asked == [("helpful-v2", tmp_path / "helpful-v2", "folder", "auto")]
    assert pane.progress.isHidden() and pane.save_action.isEnabled() and not pane.cancel_action.isEnabled()


def test_forms_are_walked_with_the_arrows_and_offer_what_goes_with_them(pane, world, qtbot, tmp_path):
    dialog = dialog_of(pane, qtbot)
    assert dialog.numbers.findData("q8_0") < 0
    choose(dialog, qtbot, "ollama")
    dialog.numbers.setCurrentIndex(dialog.numbers.findData("q8_0"))
    dialog.place.selectAll()
    qtbot.keyClicks(dialog.place, str(tmp_path / "mine"))
    qtbot.keyClick(dialog.place, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "ollama create helpful-v2 -f Modelfile" in said(pane))
    assert world.asked == [("helpful-v2", tmp_path / "mine", "ollama", "q8_0")]


def test_a_place_follows_the_form_until_it_is_typed(pane, world, qtbot, tmp_path):
    (tmp_path / "helpful-v2").mkdir()
    dialog = dialog_of(pane, qtbot)
    assert dialog.place.text() == str(tmp_path / "helpful-v2-2")
    choose(dialog, qtbot, "gguf")
    assert dialog.place.text() == str(tmp_path / "helpful-v2.gguf")
    dialog.place.selectAll()
    qtbot.keyClicks(dialog.place, str(tmp_path / "helpful-v2"))
    assert "there already" in dialog.room.text() and not dialog.go.isEnabled()
    qtbot.keyClicks(dialog.place, "x")
    choose(dialog, qtbot, "folder")
    assert dialog.place.text() == str(tmp_path / "helpful-v2x") and dialog.go.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)
    assert world.asked == []


def test_a_disk_that_is_too_small_is_told_before(pane, world, qtbot, monkeypatch):
    monkeypatch.setattr(exporting, "free_bytes", lambda place: 1_000_000)
    dialog = dialog_of(pane, qtbot)
    assert "only 1.0 MB are free" in dialog.room.text() and not dialog.go.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)


def test_a_base_has_no_adapter_alone(pane, world, qtbot):
    pane.choose(next(entry.model.id for entry in pane._entries if entry.model.kind == "base"))
    dialog = dialog_of(pane, qtbot)
    assert not dialog.cards["adapter"].isEnabled()
    assert dialog.sent.findData("adapter") < 0
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)


@pytest.mark.parametrize("listens", [True, False], ids=["stops", "is killed"])
def test_escape_stops_what_is_being_saved(pane, world, qtbot, monkeypatch, listens):
    if not listens:
        monkeypatch.setattr("workbench.ui.models_saving.PATIENCE_MS", 50)
    world.waits, world.listens = True, listens
    qtbot.keyClick(dialog_of(pane, qtbot), Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: world.process is not None and pane.progress.cancel_button.isVisible())
    assert not pane.save_action.isEnabled()
    pane.activateWindow()  # without a window manager nobody else does when a dialog has gone
    qtbot.waitUntil(pane.isActiveWindow)
    qtbot.keyClick(pane.table, Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: "Stopped. Nothing was saved." in said(pane))
    assert world.process.killed is not listens
    qtbot.waitUntil(lambda: pane.save_action.isEnabled())
    assert pane.progress.isHidden() and not pane.cancel_action.isEnabled()


def test_what_stops_it_is_told(pane, world, qtbot):
    told = []
    pane.context.message.connect(lambda *words: told.append(words))
    dialog = dialog_of(pane, qtbot)
    qtbot.keyClicks(dialog.place, "-full")
    qtbot.keyClick(dialog.place, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(told))
    assert "no space left" in told[0][0]
    assert pane.save_action.isEnabled()


def test_a_reward_model_cannot_be_saved_as_one_that_writes(pane, world, qtbot):
    pane.choose(next(entry.model.id for entry in pane._entries if entry.model.kind == "reward"))
    assert not pane.save_action.isEnabled()


def hub(pane, qtbot, name="me/helpful"):
    dialog = dialog_of(pane, qtbot)
    choose(dialog, qtbot, "hub")
    assert not dialog.go.isEnabled()
    qtbot.keyClicks(dialog.place, name)
    return dialog


def test_what_goes_to_the_hub_is_shown_before_it_is_sent(pane, world, qtbot):
    dialog = hub(pane, qtbot)
    assert dialog.who.value() == "private"
    dialog.sent.setCurrentIndex(dialog.sent.findData("gguf"))
    dialog.who.button("public").click()
    qtbot.keyClick(dialog.place, Qt.Key.Key_Return)
    send = opened(qtbot, SendDialog)
    assert world.sent == [] and not pane.save_action.isEnabled()
    assert "1 file, 2.0 MB. Everybody will see it." in send.words.text()
    qtbot.keyClick(send, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: "Sent to https://hub/me/helpful." in said(pane))
    (plan,) = world.sent
    assert (plan.repo, plan.private, plan.files) == ("me/helpful", False, (("model.gguf", 2_000_000),))
    assert pane.save_action.isEnabled()


def test_what_is_not_sent_stays_in_its_folder(pane, world, qtbot):
    qtbot.keyClick(hub(pane, qtbot).place, Qt.Key.Key_Return)
    qtbot.keyClick(opened(qtbot, SendDialog), Qt.Key.Key_Escape)
    qtbot.waitUntil(lambda: "Not sent." in said(pane))
    assert world.sent == [] and pane.save_action.isEnabled()
    (folder,) = (paths.user_data() / "exports").iterdir()
    assert str(folder) in said(pane) and (folder / "model.gguf").is_file()


def test_a_name_that_is_none_on_the_hub_is_told_in_the_dialog(pane, world, qtbot):
    dialog = hub(pane, qtbot, "helpful")
    assert "no name on the hub" in dialog.room.text() and not dialog.go.isEnabled()
    qtbot.keyClick(dialog, Qt.Key.Key_Escape)


# --- the size of files, and who converts


def test_a_folder_s_files_can_be_smaller(pane, world, qtbot, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(world, "export_model", lambda *words, **knobs: asked.append(knobs) or iter(()))
    monkeypatch.setattr(exporting, "export_model", world.export_model)
    dialog = dialog_of(pane, qtbot)
    assert dialog.shards.currentText() == "5.0 GB" and dialog.shards.isVisible() and not dialog.converter.isVisible()
    dialog.shards.setFocus()
    for _ in range(2):
        qtbot.keyClick(dialog.shards, Qt.Key.Key_Up)
    qtbot.keyClick(dialog.place, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(asked))
    assert (asked[0]["dtype"], asked[0]["shard_mb"]) == ("auto", 1_000) and "llama_cpp" not in asked[0]


def test_llama_cpp_is_looked_for_in_a_folder_and_remembered(pane, world, qtbot, tmp_path, monkeypatch):
    monkeypatch.delenv("LLAMA_CPP", raising=False)
    (tmp_path / "empty").mkdir()
    (tmp_path / "llama.cpp").mkdir()
    (tmp_path / "llama.cpp" / SCRIPT).write_text("", encoding="utf-8")
    answers = iter(["", str(tmp_path / "empty"), str(tmp_path / "llama.cpp")])
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *words: next(answers))
    dialog = dialog_of(pane, qtbot)
    choose(dialog, qtbot, "gguf")
    assert dialog.converter.box.currentText() == "This app's; llama.cpp's was not found"
    assert not dialog.shards.isVisible() and dialog.wish().knobs == {"dtype": "auto"}
    for said_of_it in ("free there", "llama.cpp's converter is not in"):
        qtbot.mouseClick(dialog.converter.look, Qt.MouseButton.LeftButton)
        assert said_of_it in dialog.room.text() and dialog.go.isEnabled()
    qtbot.mouseClick(dialog.converter.look, Qt.MouseButton.LeftButton)
    assert dialog.converter.box.currentText() == "llama.cpp's, found in llama.cpp" and "free" in dialog.room.text()
    assert dialog.wish().llama_cpp == str(tmp_path / "llama.cpp" / SCRIPT)
    dialog.converter.box.setFocus()
    qtbot.keyClick(dialog.converter.box, Qt.Key.Key_Down)
    assert dialog.wish().llama_cpp == "none"
    dialog.reject()
    settings.save(settings.Settings())  # a window that does not know of it takes it from nobody
    assert converter() == (tmp_path / "llama.cpp" / SCRIPT).resolve()


def test_a_wrong_setting_is_said_and_the_app_s_own_converter_is_used(pane, world, qtbot, tmp_path, monkeypatch):
    monkeypatch.setenv("LLAMA_CPP", str(tmp_path / "gone"))
    dialog = dialog_of(pane, qtbot)
    choose(dialog, qtbot, "gguf")
    assert "LLAMA_CPP names" in dialog.room.text() and dialog.wish().llama_cpp == "none" and dialog.go.isEnabled()


def test_a_folder_that_waits_to_be_sent_is_found_only_by_the_same_wish(pane):
    model = pane.context.store.models.list("adapter")[0]
    names = [
        pushing.folder_for(model, "o/n", "folder", **knobs).name for knobs in ({}, {"dtype": "auto"}, {"shard_mb": 500})
    ]
    assert names[0] == names[1] != names[2]
