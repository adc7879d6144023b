"""The hub in Models: searched, fetched, paused and gone on with by keys and clicks, from a hub on this machine."""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import QCoreApplication, QEvent, Qt

from tests.jobs import hub_worlds
from tests.jobs.hub_server import Hub
from tests.jobs.hub_worlds import NAME
from workbench import paths, settings
from workbench.jobs import hub_download, hub_partial
from workbench.store import Store
from workbench.ui.context import Context
from workbench.ui.models_machine import Machine
from workbench.ui.models_pane import ModelsPane

SECOND = 20_000


@pytest.fixture
def hub(tmp_path, monkeypatch, llama_folder):
    served = Hub()
    hub_worlds.use(served, tmp_path / "home", monkeypatch)
    monkeypatch.setattr(hub_download, "WAITS", [0.01])
    monkeypatch.setattr(hub_download, "EVERY", 0.01)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "cache"))
    files = {path.name: path.read_bytes() for path in llama_folder.iterdir()}
    served.add(NAME, files, facts=hub_worlds.facts())
    yield served
    served.close()


@pytest.fixture
def make(qtbot, tmp_path):
    made = []

    def build():
        context = Context(Store.open(tmp_path / "project"))
        pane = ModelsPane(context)
        made.append((pane, context))
        pane.resize(1368, 820)
        with qtbot.waitExposed(pane):
            pane.show()
        pane.activateWindow()
        qtbot.waitUntil(pane.isActiveWindow)
        return pane

    def close(pane, context):
        pane.pages.downloads.close()
        pane.pages.hub.hub.stop()
        qtbot.waitUntil(lambda: not pane.pages.downloads.busy and not pane.pages.hub.hub.busy, timeout=SECOND)
        pane.close()
        pane.deleteLater()
        QCoreApplication.sendPostedEvents(pane, QEvent.Type.DeferredDelete)
        context.close()
        context.store.close()

    build.close = lambda pane: close(*made.pop([each for each, _ in made].index(pane)))
    yield build
    for pane, context in made:
        close(pane, context)


@pytest.fixture
def pane(make, hub):
    return make()


def open_hub(pane, qtbot):
    qtbot.mouseClick(pane.sources.facets["find"], Qt.MouseButton.LeftButton)
    table = pane.pages.hub.table
    qtbot.waitUntil(
        lambda: bool(table.rows_model.rows()) and all(r.exact for r in table.rows_model.rows()), timeout=SECOND
    )
    return table


def slow_download(pane, hub, qtbot):
    """Begin a download that takes a while, by Enter, and wait until bytes of it are here."""
    hub.repos[NAME].commits = {"a" * 40: {**hub.repos[NAME].commits["a" * 40], "vocab.json": bytes(400_000)}}
    table = open_hub(pane, qtbot)
    hub.pause = 0.005
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [each.state for each in pane.pages.downloads.items] == ["running"], timeout=SECOND)
    (item,) = pane.pages.downloads.items
    qtbot.waitUntil(lambda: item.done > 50_000, timeout=SECOND)
    return item


def in_library(pane):
    return [entry.model.name for entry in pane._entries]


def test_the_hub_takes_the_place_of_the_table_and_is_searched_by_typing(pane, qtbot, hub):
    hub.add("potter/giant", {"config.json": b"{}", "model.safetensors": b"x"}, facts=hub_worlds.facts(10**12))
    table = open_hub(pane, qtbot)
    assert not pane.table.isVisible() and not pane.inspector.isVisible() and table.isVisible()
    assert [each.id for each in table.rows_model.rows()] == [NAME, "potter/giant"]
    field = pane.pages.hub.field
    assert field.hasFocus()
    qtbot.keyClicks(field, "GIA")
    qtbot.waitUntil(lambda: [each.id for each in table.rows_model.rows()] == ["potter/giant"], timeout=SECOND)
    assert hub.searches[-1]["search"] == ["GIA"]
    qtbot.mouseClick(pane.sources.facets["all"], Qt.MouseButton.LeftButton)
    assert not table.isVisible()


def test_a_filter_asks_again(pane, qtbot, hub):
    open_hub(pane, qtbot)
    page = pane.pages.hub
    page.largest.setFocus()
    qtbot.keyClick(page.largest, Qt.Key.Key_Down)  # up to 500 M
    page.largest.activated.emit(page.largest.currentIndex())
    page.sort.setCurrentIndex(2)
    page.sort.activated.emit(2)
    qtbot.waitUntil(lambda: hub.searches[-1].get("sort") == ["lastModified"], timeout=SECOND)
    assert hub.searches[-1]["num_parameters"] == ["max:500000000"]


def test_each_line_says_whether_it_would_run_here(pane, qtbot, hub):
    hub.add("potter/giant", {"config.json": b"{}", "model.safetensors": b"x"}, facts=hub_worlds.facts(10**12))
    table = open_hub(pane, qtbot)
    pane.pages.set_machine(Machine("cpu", 4, 16 * 10**9, 8 * 10**9, 10**11, "2.10"))
    tiny, giant = table.rows_model.rows()
    assert (table._fit(tiny).text, table._fit(tiny).tone) == ("Fits", "text")
    assert (table._fit(giant).text, table._fit(giant).tone) == ("Too large", "bad")
    assert "memory to run" in pane.pages.hub.about.text()


def test_enter_downloads_and_the_model_is_in_the_table(pane, qtbot, hub):
    table = open_hub(pane, qtbot)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: in_library(pane) == ["tiny-llama"], timeout=SECOND)
    assert not pane.pages.dock.isVisible()
    assert "in this project" in table._name(table.chosen()).sub
    qtbot.mouseClick(pane.sources.facets["all"], Qt.MouseButton.LeftButton)
    assert [entry.model.source for entry in pane.table.rows_model.rows()] == ["hub"]
    assert pane.inspector.isVisible()


def test_p_pauses_and_resumes_and_the_model_arrives_whole(pane, qtbot, hub):
    item = slow_download(pane, hub, qtbot)
    dock = pane.pages.dock
    (row,) = dock.rows
    assert dock.isVisible() and "of" in row.text.text() and "/s" in row.text.text()
    qtbot.keyClick(pane.pages.hub.table, "p")
    qtbot.waitUntil(lambda: item.state == "paused", timeout=SECOND)
    qtbot.waitUntil(lambda: not pane.pages.downloads.busy, timeout=SECOND)
    assert row.state.text() == "paused" and row.text.text().endswith("resumes here")
    (partial,) = hub_partial.partials()
    kept = partial.done
    assert kept == item.done
    qtbot.mouseClick(pane.sources.facets["all"], Qt.MouseButton.LeftButton)
    assert dock.isVisible()  # from any line of the list at the left
    hub.pause, hub.sent = 0.0, {}
    qtbot.keyClick(pane.sources.facets["all"], "p")
    qtbot.waitUntil(lambda: in_library(pane) == ["tiny-llama"], timeout=SECOND)
    assert sum(hub.sent.values()) == partial.origin.size - kept
    place = Path(pane.context.store.models.find("tiny-llama").location)
    files = hub.repos[NAME].commits["a" * 40]
    for file in partial.origin.files:
        assert hashlib.sha256((place / file.path).read_bytes()).digest() == hashlib.sha256(files[file.path]).digest()


def test_buttons_pause_and_cancelling_asks_what_to_keep(pane, qtbot, hub):
    item = slow_download(pane, hub, qtbot)
    (row,) = pane.pages.dock.rows
    qtbot.mouseClick(row.toggler, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: item.state == "paused", timeout=SECOND)
    qtbot.mouseClick(row.canceller, Qt.MouseButton.LeftButton)
    assert row.asked.text().startswith("Keep ") and row.keeper.hasFocus()
    qtbot.mouseClick(row.keeper, Qt.MouseButton.LeftButton)
    assert len(hub_partial.partials()) == 1 and row.toggler.isVisible()
    qtbot.waitUntil(lambda: not pane.pages.downloads.busy, timeout=SECOND)
    qtbot.keyClick(pane.pages.hub.table, Qt.Key.Key_Delete, Qt.KeyboardModifier.ShiftModifier)
    qtbot.mouseClick(row.discarder, Qt.MouseButton.LeftButton)
    assert hub_partial.partials() == [] and pane.pages.dock.rows == [] and not pane.pages.dock.isVisible()


def test_discarding_one_that_is_at_work_takes_it_away_when_it_has_stopped(pane, qtbot, hub):
    slow_download(pane, hub, qtbot)
    (row,) = pane.pages.dock.rows
    row.ask()
    qtbot.mouseClick(row.discarder, Qt.MouseButton.LeftButton)
    assert pane.pages.dock.rows == []
    qtbot.waitUntil(lambda: not pane.pages.downloads.busy, timeout=SECOND)
    qtbot.waitUntil(lambda: hub_partial.partials() == [], timeout=SECOND)


def test_what_was_fetched_for_another_project_is_offered(pane, qtbot, hub):
    *_, end = hub_download.download(NAME)
    qtbot.keyClick(pane.table, "H", Qt.KeyboardModifier.ShiftModifier)
    here = pane.pages.here
    qtbot.waitUntil(lambda: [each.name for each in here.table.rows_model.rows()] == [NAME], timeout=SECOND)
    qtbot.mouseClick(here.button, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: in_library(pane) == ["tiny-llama"], timeout=SECOND)
    (model,) = pane.context.store.models.list()
    assert (model.location, model.source, model.note) == (end.summary["path"], "hub", NAME)


def test_the_network_pulled_away_says_what_to_do_and_resuming_completes(pane, qtbot, hub):
    item = slow_download(pane, hub, qtbot)
    hub.take_away()
    qtbot.waitUntil(lambda: item.state == "failed", timeout=SECOND)
    (row,) = pane.pages.dock.rows
    assert "cannot be reached" in row.text.text() and row.hint.isVisible()
    assert row.hint.text() == "What was downloaded is kept. Resume when the network is back."
    kept = item.done
    assert kept > 50_000
    qtbot.waitUntil(lambda: not pane.pages.downloads.busy, timeout=SECOND)
    hub.pause, hub.sent = 0.0, {}
    hub.start()
    qtbot.keyClick(pane.pages.hub.table, "p")
    qtbot.waitUntil(lambda: in_library(pane) == ["tiny-llama"], timeout=SECOND)
    assert sum(hub.sent.values()) == item.total - kept


def test_closing_keeps_what_is_here_and_the_next_window_lists_it(make, pane, qtbot, hub):
    slow_download(pane, hub, qtbot)
    make.close(pane)
    (partial,) = hub_partial.partials()
    assert partial.done > 50_000
    hub.pause = 0.0
    again = make()
    (row,) = again.pages.dock.rows
    assert (row.item.state, row.item.done) == ("paused", partial.done) and again.pages.dock.isVisible()
    qtbot.keyClick(again.sources.facets["all"], "p")
    qtbot.waitUntil(lambda: in_library(again) == ["tiny-llama"], timeout=SECOND)


def test_downloads_wait_in_line_and_one_can_go_first(pane, qtbot, hub):
    for name in ("potter/second", "potter/third"):
        hub.add(name, hub_worlds.model_files(), facts=hub_worlds.facts())
    slow_download(pane, hub, qtbot)
    downloads = pane.pages.downloads
    downloads.want("potter/second")
    downloads.want("potter/third")
    qtbot.waitUntil(lambda: len(downloads.items) == 3, timeout=SECOND)
    assert [item.state for item in downloads.items] == ["running", "waiting", "waiting"]
    third = pane.pages.dock.rows[2]
    qtbot.mouseClick(third.upper, Qt.MouseButton.LeftButton)
    assert [item.name for item in downloads.items] == ["tiny-llama", "third", "second"]
    qtbot.keyClick(pane.pages.hub.table, "P", Qt.KeyboardModifier.ShiftModifier)
    qtbot.waitUntil(lambda: [item.state for item in downloads.items] == ["paused"] * 3, timeout=SECOND)


def test_a_gated_model_says_what_to_do(pane, qtbot, hub):
    hub.repos[NAME].gated = True
    table = open_hub(pane, qtbot)
    table.setFocus()
    qtbot.keyClick(table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: [item.state for item in pane.pages.downloads.items] == ["failed"], timeout=SECOND)
    (row,) = pane.pages.dock.rows
    assert "accept their terms first" in row.text.text() and row.hint.text().endswith("sign in: hf auth login.")


def test_a_failure_behind_another_pane_is_told_in_the_window(pane, qtbot, hub):
    slow_download(pane, hub, qtbot)
    pane.hide()
    with qtbot.waitSignal(pane.context.message, timeout=SECOND) as told:
        hub.take_away()
    assert "cannot be reached" in str(told.args)


def test_a_model_that_is_not_there_is_told(pane, qtbot, hub):
    with qtbot.waitSignal(pane.context.message, timeout=SECOND) as told:
        pane.pages.downloads.want("nobody/nothing")
    assert "no public model called nobody/nothing" in str(told.args)
    assert pane.pages.downloads.items == []


def test_h_goes_to_the_hub_and_shift_h_to_this_computer(pane, qtbot, hub):
    qtbot.keyClick(pane.table, "h")
    assert pane.pages.hub.isVisible()
    pane.pages.hub.table.setFocus()
    qtbot.keyClick(pane.pages.hub.table, "H", Qt.KeyboardModifier.ShiftModifier)
    assert pane.pages.here.isVisible()


def test_offline_is_one_sentence_with_what_is_on_this_computer(pane, qtbot, hub, llama_folder):
    hub.take_away()
    settings.keep_model_folders([str(llama_folder)])
    qtbot.mouseClick(pane.sources.facets["find"], Qt.MouseButton.LeftButton)
    page = pane.pages.hub
    qtbot.waitUntil(lambda: page.empty.isVisible(), timeout=SECOND)
    assert "cannot be reached" in page.empty.sentence.text() and "A local folder" in page.empty.sentence.text()
    qtbot.mouseClick(page.empty.link, Qt.MouseButton.LeftButton)
    here = pane.pages.here
    assert here.isVisible() and pane.sources.current() == "here"
    qtbot.waitUntil(lambda: len(here.table.rows_model.rows()) == 1, timeout=SECOND)
    here.table.setFocus()
    qtbot.keyClick(here.table, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: in_library(pane) == [llama_folder.name], timeout=SECOND)
    assert pane.context.store.models.list()[0].location == str(llama_folder)
    assert not here.button.isEnabled()


def test_one_of_several_gguf_files_is_chosen(pane, qtbot, hub):
    hub.add("potter/gguf", {"a-Q4.gguf": b"GGUF" + bytes(10), "a-Q8.gguf": b"GGUF" + bytes(20)})
    table = open_hub(pane, qtbot)
    table.setFocus()
    qtbot.keyClick(table, "j")
    page = pane.pages.hub
    assert page.file.isVisible() and page.file.currentText() == "a-Q4.gguf"
    page.file.setFocus()
    qtbot.keyClick(page.file, Qt.Key.Key_Down)
    with qtbot.waitSignal(page.wanted) as wanted:
        qtbot.mouseClick(page.button, Qt.MouseButton.LeftButton)
    assert wanted.args == ["potter/gguf", "a-Q8.gguf"]


def test_folders_of_the_settings_survive_other_settings(hub, tmp_path):
    settings.keep_model_folders(["/data/gguf"])
    settings.save(settings.Settings(theme="dark"))
    assert settings.load().model_folders == ["/data/gguf"]
    assert paths.user_config().is_relative_to(tmp_path)


def test_the_window_needs_neither_torch_nor_the_hub_library():
    import subprocess

    code = "import sys, workbench.ui.models_pane; sys.exit(any(m in sys.modules for m in ('torch', 'huggingface_hub')))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
