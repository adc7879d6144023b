"""Settings, Doctor: every check with its sentence, and a text for whoever helps."""

from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QGuiApplication

from tests.jobs import bundles
from tests.ui.test_whole_loop import open_window  # noqa: F401
from workbench import paths
from workbench.jobs import compute_trying
from workbench.store import Store, people
from workbench.ui.settings_dialog import SettingsDialog


@pytest.fixture
def window(open_window, tmp_path, monkeypatch):  # noqa: F811
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    told = {"torch": "9.9", "device": "cpu", "name": "tiny", "dtype": "float32", "memory": 8e9}
    monkeypatch.setattr(compute_trying, "PROBE", f"import json; print(json.dumps({told}))")
    store = Store.open(tmp_path / "project")
    people.add(store, "Oluwaseun")
    store.close()
    return open_window()


def doctor(window, qtbot):
    """Settings on Doctor, opened as a person does, when it has looked."""
    qtbot.keyClick(window, Qt.Key.Key_Comma, Qt.KeyboardModifier.ControlModifier)
    dialog = window.findChildren(SettingsDialog)[-1]
    qtbot.mouseClick(dialog.pages.button("doctor"), Qt.MouseButton.LeftButton)
    assert dialog.doctor.state.text() == "Looking…" and not dialog.doctor.copy.isEnabled()
    qtbot.waitUntil(dialog.doctor.again.isEnabled, timeout=60_000)
    return dialog.doctor


def test_each_check_has_a_dot_and_a_sentence(window, qtbot):
    page = doctor(window, qtbot)
    assert page.state.text() == "Everything that is needed works."
    assert list(page.dots) == ["Python", "Memory and disk", "SQLite", "Window", "Compute", "Project"]
    assert page.dots["Compute"].accessibleName() == "Compute: works"
    assert page.sentences["Compute"].text() == "PyTorch 9.9, cpu (tiny), float32, 8.0 GB"


def test_copy_puts_a_text_without_names_on_the_clipboard(window, qtbot, tmp_path):
    (paths.user_logs()).mkdir(parents=True, exist_ok=True)
    (paths.user_logs() / "workbench.log").write_text("2026-01-01 10:00:00,0 INFO workbench: asked by oluwaseun\n")
    page = doctor(window, qtbot)
    qtbot.keyClick(page.copy, Qt.Key.Key_Space)
    text = QGuiApplication.clipboard().text()
    assert "ok   SQLite: " in text and "asked by [name]" in text
    assert "oluwaseun" not in text.lower()
    assert page.copied.isVisible()


def test_nothing_is_tried_unasked_while_a_model_is_in_memory(window, qtbot, monkeypatch):
    window.context.session = object()
    window.show_settings("doctor")
    page = window.findChildren(SettingsDialog)[-1].doctor
    assert page.state.text().endswith("or look now.") and not page.dots and not page._work.busy
    window.context.session = None
    qtbot.keyClick(page.again, Qt.Key.Key_Space)
    qtbot.waitUntil(lambda: len(page.dots) == 6, timeout=60_000)


def test_what_is_missing_is_told_and_looked_at_again(window, qtbot, tmp_path, monkeypatch):
    root = bundles.bundle(tmp_path / "app")
    monkeypatch.setattr(paths, "bundle", lambda: root)
    page = doctor(window, qtbot)
    assert page.state.text() == "Something needs attention."
    assert page.dots["Compute"].accessibleName() == "Compute: needs attention"
    assert page.sentences["Compute"].text().startswith("No compute engine is installed")
    (root / "engine" / "site-packages" / "torch").mkdir(parents=True)
    qtbot.mouseClick(page.again, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(page.again.isEnabled, timeout=60_000)
    assert page.dots["Compute"].accessibleName() == "Compute: works"
