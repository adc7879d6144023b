"""Pictures of the six panes in light and dark, of a real project: the one that `workbench demo` made.

    workbench demo --headless --out demo-out
    python packaging/screenshots.py demo-out/project resources/screenshots

Works on a copy of the project, without a display. Nothing in the pictures is drawn for them: models, answers,
judgements, curves and figures are the project's own; only the clock and the memory meter are of the moment.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import QEventLoop, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget

from workbench import app, settings
from workbench.store import Store
from workbench.ui.theme import apply_theme
from workbench.ui.window import Window

SIZE = (1440, 900)
PANES = ("models", "generate", "feedback", "train", "evaluate", "data")


def main(project: Path, out: Path) -> None:
    """Take them."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["WORKBENCH_HOME"] = name
        copy = Path(name) / project.name
        shutil.copytree(project, copy)
        application = app.make_application()
        set_chinese_aside(copy)
        window = app.make_window(copy, settings.Settings(theme="light"))
        out.mkdir(parents=True, exist_ok=True)
        window.resize(*SIZE)
        window.show()
        for pane in PANES:
            window.show_pane(pane)
            settle(application)
            prepare(window, pane)
            for theme in ("light", "dark"):
                apply_theme(application, theme, 1.0)
                settle(application)
                window.grab().save(str(out / f"{pane}-{theme}.png"))
                print(out / f"{pane}-{theme}.png")
        store = window.context.store
        window.close()
        application.processEvents()
        store.close()


def set_chinese_aside(project: Path) -> None:
    """Take answers to Chinese prompts out of the copy's queue: most readers of the README read English."""
    store = Store.open(project)
    for prompt in store.prompts.list(tag="zh"):
        store.responses.queue([answer.id for answer in store.responses.of_prompt(prompt.id)], False)
    store.close()


def prepare(window: Window, pane: str) -> None:
    """Bring a pane to the state that shows what it is for, by the keys that a person would press."""
    store = window.context.store
    shown: Any = window.panes[pane]
    if pane == "generate":
        held_out = {answer.prompt_id for answer in store.responses.of_run(store.runs.list("evaluate")[0].id)}
        english = [prompt for prompt in store.prompts.list(tag="mail") if prompt.id in held_out and "en" in prompt.tags]
        window.show_pane("generate", {"prompt_id": english[0].id})
        if len(shown.columns.choices) < 2:
            shown.columns.add()
    elif pane == "feedback":
        press(shown, Qt.Key.Key_4)
        press(shown, Qt.Key.Key_2)
    elif pane == "train":
        window.show_pane("train", {"run": store.runs.list("ppo")[0].id})
    elif pane == "data":
        for _ in range(12):
            press(shown.first_focus(), Qt.Key.Key_Down)


def press(widget: QWidget, key: Qt.Key) -> None:
    """Press one key."""
    QTest.keyClick(widget, key)  # type: ignore[call-overload]


def settle(application: QApplication) -> None:
    """Let timers, lazy pages and animations finish."""
    loop = QEventLoop()
    QTimer.singleShot(900, loop.quit)
    loop.exec()
    application.processEvents()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
