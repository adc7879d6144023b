"""Settings, Compute: engines are added, checked, changed and removed by keys and clicks, with the real uv."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog

from tests.jobs import bundles
from tests.ui.test_whole_loop import open_window  # noqa: F401
from workbench import paths
from workbench.errors import NoEngine
from workbench.jobs import compute, compute_install, compute_trying
from workbench.store import Store
from workbench.ui import engines as engines_module
from workbench.ui.engine_banner import EngineBanner
from workbench.ui.engine_rows import sizes_of
from workbench.ui.models_machine import Card, amd_card
from workbench.ui.settings_compute import PYTORCH
from workbench.ui.settings_dialog import SettingsDialog

CARD = Card("NVIDIA GeForce RTX 4090", 24_000_000_000, 20_000_000_000)
HEAD = "# download-bytes: 3100000000\n# installed-bytes: 5700000000\n"
PATIENCE = 60_000


@pytest.fixture
def app(tmp_path, monkeypatch) -> Path:
    """A standalone app with locks for two kinds of engine, and no card."""
    root = bundles.bundle(tmp_path / "an app 应用")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(paths, "bundle", lambda: root)
    monkeypatch.setattr(compute_trying, "PROBE", bundles.TRIAL)
    monkeypatch.setattr(compute, "_SYSTEMS", {"cpu": (sys.platform,), "cu130": (sys.platform,)})
    monkeypatch.setattr(engines_module, "find_card", lambda: None)
    bundles.lock(root / "locks" / "cpu.txt", bundles.wheels(tmp_path / "wheels"))
    bundles.lock(root / "locks" / "cu130.txt", bundles.wheels(tmp_path / "gpu wheels", "2.0"))
    return root


@pytest.fixture
def window(open_window, tmp_path, monkeypatch):  # noqa: F811
    Store.open(tmp_path / "project").close()
    return open_window()


def compute_page(window, qtbot):
    """Settings on Compute, opened as a person does: Ctrl , and a click."""
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChildren(SettingsDialog)[-1]
    qtbot.mouseClick(dialog.pages.button("compute"), Qt.MouseButton.LeftButton)
    idle(dialog.compute, qtbot)
    return dialog.compute


def idle(page, qtbot):
    engines = page._engines
    qtbot.waitUntil(lambda: not (engines.busy or engines.looking or engines._seeing.busy), timeout=PATIENCE)


def press(qtbot, button):
    """A press of Space, which a hidden or a disabled button does not take."""
    assert button.isEnabled() and not button.isHidden()
    qtbot.keyClick(button, Qt.Key.Key_Space)


def add(page, name, wheels, qtbot, monkeypatch):
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(wheels))
    press(qtbot, page.offers[name].folder)
    idle(page, qtbot)


def slowed(app: Path, seconds: float) -> None:
    """uv is followed by a pause, so that there is something to see and to stop."""
    real = (app / "bin" / "uv").resolve()
    (app / "bin" / "uv").unlink()
    text = f'#!/bin/sh\n"{real}" "$@"\nstatus=$?\n[ -e "{app}/fast" ] || sleep {seconds}\nexit $status\n'
    (app / "bin" / "uv").write_text(text)
    (app / "bin" / "uv").chmod(0o755)


def test_without_an_engine_it_says_so_and_what_can_be_added(app, window, qtbot):
    page = compute_page(window, qtbot)
    assert page.device.text() == NoEngine().text
    assert page.device_facts.text().startswith("Add one below.")
    assert (list(page.rows), list(page.offers)) == ([], ["cpu", "cu130"])
    assert page.offers["cpu"].facts.text() == "PyTorch 1.0, its size is known only when it is fetched"
    assert page.offers["cpu"].add.accessibleName() == "Add Processor"


def test_sizes_and_time_are_told_before_anything_is_fetched(app, tmp_path):
    bundles.lock(app / "locks" / "cu130.txt", tmp_path / "wheels", HEAD)
    assert sizes_of(compute.variant("cu130")) == "3.10 GB to fetch, 5.70 GB on disk, about 9 min at 6.0 MB/s"
    bundles.lock(app / "locks" / "cu130.txt", tmp_path / "wheels", HEAD.splitlines()[0] + "\n")
    assert sizes_of(compute.variant("cu130")) == "3.10 GB to fetch, about 6.04 GB on disk, about 9 min at 6.0 MB/s"


def test_an_engine_is_added_from_a_folder_and_everything_follows(app, window, tmp_path, qtbot, monkeypatch):
    page = compute_page(window, qtbot)
    models = window.pane("models")
    banner = models.findChild(EngineBanner)
    assert not banner.isHidden() and banner.banner.accessibleName() == NoEngine().text
    add(page, "cpu", tmp_path / "wheels", qtbot, monkeypatch)
    assert page.result.accessibleName() == "Processor is in use. It computes on: cpu."
    assert (page.device.text(), page.device_facts.text()) == ("tiny", "PyTorch 1.0, cpu")
    (row,) = page.rows.values()
    assert row.mark.text() == "in use" and row.facts.text().startswith("PyTorch 1.0, ")
    assert list(page.offers) == ["cu130"]
    assert banner.isHidden()
    add(page, "cu130", tmp_path / "gpu wheels", qtbot, monkeypatch)
    assert [each.engine.variant for each in page.rows.values() if each.engine.active] == ["cu130"]
    assert page.device_facts.text() == "PyTorch 2.0, cpu"
    press(qtbot, page.back)  # to the one before, and from there by name
    idle(page, qtbot)
    assert compute.active().variant == "cpu" and page.result.accessibleName() == "Processor is in use."
    press(qtbot, next(each.use for each in page.rows.values() if each.engine.variant == "cu130"))
    assert compute.active().variant == "cu130"
    idle(page, qtbot)


def test_the_engine_for_the_card_comes_first(app, window, tmp_path, qtbot, monkeypatch):
    monkeypatch.setattr(engines_module, "find_card", lambda: CARD)
    page = compute_page(window, qtbot)
    assert [page._more.itemAt(place).widget().name for place in range(2)] == ["cu130", "cpu"]
    assert page.offers["cu130"].mark.text() == "Recommended for NVIDIA GeForce RTX 4090"
    assert page.offers["cpu"].mark.isHidden()
    add(page, "cu130", tmp_path / "gpu wheels", qtbot, monkeypatch)
    assert not page._engines.recommends("cu130")


def test_cancel_keeps_what_was_fetched_and_add_goes_on(app, window, tmp_path, qtbot, monkeypatch):
    slowed(app, 600)
    bundles.lock(app / "locks" / "cpu.txt", tmp_path / "wheels", head="# installed-bytes: 100000\n")
    monkeypatch.setattr(compute_install, "LOOK", 0.05)
    page = compute_page(window, qtbot)
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: str(tmp_path / "wheels"))
    press(qtbot, page.offers["cpu"].folder)
    going = page.offers["cpu"].going
    qtbot.waitUntil(lambda: "of 100 kB" in going.text.text() and going.bar.value() > 0, timeout=PATIENCE)
    assert not page.offers["cu130"].add.isEnabled()
    again = compute_page_again(window, qtbot)  # Settings closed and opened: it goes on, and is shown
    assert "of 100 kB" in again.offers["cpu"].going.text.text()
    press(qtbot, again.offers["cpu"].going.cancel)
    assert again.offers["cpu"].going.text.text() == "Stopping"
    idle(again, qtbot)
    assert again.result.accessibleName().startswith("Stopped. What was fetched is kept")
    assert compute.engines() == [] and (compute_install.workplace() / "fetched").is_dir()
    (app / "fast").touch()
    press(qtbot, again.offers["cpu"].folder)
    idle(again, qtbot)
    assert compute.active().variant == "cpu"


def test_a_window_that_closes_ends_what_is_at_work(app, window, tmp_path, qtbot, monkeypatch):
    slowed(app, 600)
    page = compute_page(window, qtbot)
    engines = window.context.engines
    engines.add("cpu", tmp_path / "wheels")
    fetched = compute_install.workplace() / "fetched"
    qtbot.waitUntil(lambda: page.offers["cpu"].going.isVisible() and fetched.exists(), timeout=PATIENCE)
    window.context.close()
    qtbot.waitUntil(lambda: not engines._work.busy, timeout=PATIENCE)
    assert compute.engines() == [] and fetched.is_dir()


def compute_page_again(window, qtbot):
    window.findChildren(SettingsDialog)[-1].close()
    window.show_settings("compute")
    return window.findChildren(SettingsDialog)[-1].compute


def test_a_failure_is_told_in_the_page_and_the_engine_before_stays(app, window, tmp_path, qtbot, monkeypatch):
    page = compute_page(window, qtbot)
    add(page, "cpu", tmp_path / "wheels", qtbot, monkeypatch)
    bundles.wheel(tmp_path / "gpu wheels", "peft", "2.0", "import os  # not what was published\n")
    add(page, "cu130", tmp_path / "gpu wheels", qtbot, monkeypatch)
    said = page.result.accessibleName()
    assert "peft" in said and "not the file that was published" in said and "stays in use" in said
    assert compute.active().variant == "cpu"
    monkeypatch.setattr(compute_trying, "PROBE", "raise OSError('no such driver')")
    bundles.lock(app / "locks" / "cu130.txt", tmp_path / "gpu wheels")
    add(page, "cu130", tmp_path / "gpu wheels", qtbot, monkeypatch)
    assert page.result.accessibleName().endswith("The log has the details. Processor stays in use.")
    assert page.device.text().startswith("PyTorch does not start")


def test_verify_names_what_was_changed(app, window, tmp_path, qtbot, monkeypatch):
    page = compute_page(window, qtbot)
    add(page, "cpu", tmp_path / "wheels", qtbot, monkeypatch)
    (row,) = page.rows.values()
    press(qtbot, row.verify)
    idle(page, qtbot)
    assert "files are as they were published, and it computes on: cpu." in page.result.accessibleName()
    (row.engine.folder / "trl" / "__init__.py").write_text("changed")
    press(qtbot, row.verify)
    idle(page, qtbot)
    assert "trl/__init__.py: its content has changed" in page.result.accessibleName()


def test_remove_asks_first_and_is_not_possible_while_a_model_is_loaded(app, window, tmp_path, qtbot, monkeypatch):
    page = compute_page(window, qtbot)
    add(page, "cpu", tmp_path / "wheels", qtbot, monkeypatch)
    (row,) = page.rows.values()
    press(qtbot, row.remove)
    press(qtbot, row.keep)
    assert row.question.isHidden() and compute.active() is not None
    context, unloaded = window.context, []
    context.session = object()
    monkeypatch.setattr(context, "unload_model", lambda: unloaded.append(True))
    context.session_changed.emit()
    assert not row.remove.isEnabled() and "stays on its engine" in page.note.accessibleName()
    press(qtbot, page.unload)
    assert unloaded
    context.session = None
    context.session_changed.emit()
    assert page.note.isHidden()
    press(qtbot, row.remove)
    press(qtbot, row.delete)
    idle(page, qtbot)
    assert compute.engines() == [] and not page.rows
    assert page.result.accessibleName() == "Deleted. No engine is in use."


def test_a_run_that_goes_keeps_its_engine_and_that_is_said(app, window, tmp_path, qtbot, monkeypatch):
    page = compute_page(window, qtbot)
    add(page, "cpu", tmp_path / "wheels", qtbot, monkeypatch)
    monkeypatch.setattr(window.context, "going", lambda: ["a run"])
    monkeypatch.setattr(window, "_refresh_job", lambda: None)
    window.context.engines._stale, window.context.engines.device = True, None  # as after another one was chosen
    window.context.runs_changed.emit()
    assert "engine that it began with" in page.note.accessibleName()
    assert page.unload.isHidden()
    assert page.device.text() == "Not tried yet" and not page._engines.looking
    press(qtbot, page.again)  # a person may
    idle(page, qtbot)
    assert page.device.text() == "tiny"


def test_installed_by_pip_it_says_which_pytorch_is_used(window, qtbot, monkeypatch):
    monkeypatch.setattr(
        compute_trying, "PROBE", bundles.TRIAL.replace("torch.VERSION", "'9.9'").replace(", torch;", ";")
    )
    page = compute_page(window, qtbot)
    assert (page.device.text(), page.device_facts.text()) == ("tiny", "PyTorch 9.9, cpu")
    assert page.address.text() == PYTORCH
    press(qtbot, page.copy)
    assert QGuiApplication.clipboard().text() == PYTORCH


def test_a_message_that_there_is_no_engine_leads_to_settings(app, window, qtbot):
    window.context.tell(NoEngine())
    (message,) = window.messages.messages()
    button = message._buttons.itemAt(0).widget()
    assert button.text() == "Open Settings"
    press(qtbot, button)
    assert window.findChildren(SettingsDialog)[-1].compute.isVisible()


@pytest.mark.parametrize("name", ["models", "generate", "train", "first"])
def test_every_place_that_computes_says_that_nothing_can_and_leads_on(app, window, qtbot, name):
    window.show_pane(name)
    banner = window.pane(name).findChild(EngineBanner)
    assert banner.isVisible()
    press(qtbot, banner.open)
    page = window.findChildren(SettingsDialog)[-1].compute
    assert page.isVisible()
    idle(page, qtbot)


def test_the_first_run_says_that_an_engine_is_missing(app, window, qtbot):
    window.show_pane("first")
    step = window.pane("first").steps[0]
    qtbot.waitUntil(lambda: step.title.text() == "A compute engine is missing", timeout=PATIENCE)
    assert not step.done and "You can get a model and prompts before that." in step.text.text()


@pytest.mark.parametrize(
    ("vendor", "memory", "found"),
    [("0x1002", 16_000_000_000, True), ("0x1002", 500_000_000, False), ("0x8086", 16_000_000_000, False)],
)
def test_a_card_of_amd_is_seen_where_linux_lists_it(tmp_path, vendor, memory, found):
    device = tmp_path / "card0" / "device"
    device.mkdir(parents=True)
    (device / "vendor").write_text(f"{vendor}\n")
    (device / "mem_info_vram_total").write_text(f"{memory}\n")
    card = amd_card(tmp_path)
    assert (card is not None) is found
    if card is not None:
        assert (card.name, card.total, card.engine) == ("AMD graphics card", memory, "rocm")
