"""What a desktop hands over: a project that is opened in its file manager."""

from __future__ import annotations

import os
import sys

import pytest
from PySide6.QtCore import QCoreApplication, QUrl
from PySide6.QtGui import QFileOpenEvent

from workbench import app, paths
from workbench.store import Store


@pytest.fixture
def started(monkeypatch, qapp):
    """The command lines of processes that would be started."""
    seen = []
    monkeypatch.setattr(app.subprocess, "Popen", lambda command, **more: seen.append(command))
    opener = app.Opener(qapp)
    yield seen
    qapp.removeEventFilter(opener)
    opener.deleteLater()


def test_a_project_is_opened_in_a_process_of_its_own(tmp_path, qapp, started):
    Store.open(tmp_path / "a project").close()
    QCoreApplication.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path / "a project"))))
    assert started == [paths.window_command(tmp_path / "a project")]


def test_another_folder_is_not(tmp_path, qapp, started):
    QCoreApplication.sendEvent(qapp, QFileOpenEvent(QUrl.fromLocalFile(str(tmp_path))))
    assert started == []


def test_children_of_a_window_on_windows_get_an_interpreter_that_can_speak(tmp_path, monkeypatch):
    for name in ("python.exe", "pythonw.exe"):
        (tmp_path / name).touch()
    monkeypatch.setattr(sys, "executable", str(tmp_path / "pythonw.exe"))
    assert paths.child_command()[0] == str(tmp_path / "python.exe")
    (tmp_path / "python.exe").unlink()
    assert paths.interpreter() == str(tmp_path / "pythonw.exe")


def test_another_qts_plugins_are_forgotten_only_where_the_app_brings_its_own(tmp_path, monkeypatch):
    monkeypatch.setenv("QT_PLUGIN_PATH", "/evil")
    paths.forget_other_qt()
    assert os.environ["QT_PLUGIN_PATH"] == "/evil"
    monkeypatch.setattr(paths, "bundle", lambda: tmp_path)
    paths.forget_other_qt()
    assert "QT_PLUGIN_PATH" not in os.environ
