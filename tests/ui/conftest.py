"""Tests of the window run without a screen, with settings of their own, in the dark theme."""

import gc
import itertools
import os

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import pytest
from PySide6.QtCore import QSettings

from workbench.ui.collecting import Collector
from workbench.ui.theme import apply_theme

_tests = itertools.count(1)


@pytest.fixture(autouse=True)
def own_settings(tmp_path):
    QSettings.setDefaultFormat(QSettings.Format.IniFormat)
    QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(tmp_path / "settings"))
    yield
    QSettings().sync()


@pytest.fixture(autouse=True)
def dark(qapp, own_settings):
    """Every test begins in the dark theme at the usual text size."""
    qapp.setOrganizationName("workbench-tests")
    qapp.setApplicationName("workbench-tests")
    if not qapp.styleSheet():
        apply_theme(qapp, "dark", 1.0)


@pytest.fixture(autouse=True)
def collected_here(qapp):
    """As in the application: widgets are deleted by this thread, and never inside the destructor of another one."""
    with Collector():
        yield
    if next(_tests) % 40 == 0:  # what is old is many windows by now
        gc.collect()


@pytest.fixture(autouse=True)
def nothing_asked_again(monkeypatch):
    """One item in twenty is a hidden repeat, by chance: in a test only where the test says so."""
    monkeypatch.setattr("workbench.ui.feedback_sources.repeat_due", lambda *_: False)


@pytest.fixture
def theming(qapp):
    """Switches themes, and puts the dark one back."""
    yield lambda name, scale=None: apply_theme(qapp, name, scale)
    apply_theme(qapp, "dark", 1.0)


@pytest.fixture
def shown(qtbot):
    """Shows a widget in an active window, as focus and shortcuts need."""

    kept = []  # qtbot holds widgets weakly, and a holder with no other owner would go at once

    def show(widget, width=400, height=300):
        kept.append(widget)
        qtbot.addWidget(widget)
        widget.resize(width, height)
        with qtbot.waitExposed(widget):
            widget.show()
        widget.activateWindow()
        qtbot.waitUntil(widget.isActiveWindow)
        return widget

    return show
