"""Pictures of the six panes in light and dark, of a real project: the one that `workbench demo` made.

    workbench demo --headless --out demo-out
    python packaging/screenshots.py demo-out/project resources/screenshots
    python packaging/screenshots.py demo-out/project out 1280x800 feedback     # another size, some of the panes

Feedback is taken once for each of its kinds.

Works on a copy of the project, without a display. Nothing in the pictures is drawn for them: models, answers,
judgements, curves and figures are the project's own; only the clock and the memory meter are of the moment.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
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
KINDS = {
    "feedback": ("rating", "42"),
    "feedback-compare": ("comparison", "2"),
    "feedback-rank": ("ranking", "db"),
    "feedback-edit": ("edit", " Thank you"),
    "feedback-thumbs": ("thumbs", "10"),
    "feedback-best-worst": ("best_worst", "bd"),
    "feedback-rubric": ("rubric", "544343"),
}
"""Pictures of Feedback: the kind, and what is typed."""


def main(project: Path, out: Path, size: tuple[int, int] = SIZE, panes: Sequence[str] = PANES) -> None:
    """Take them."""
    out.mkdir(parents=True, exist_ok=True)
    with shown(project, size) as (window, application):
        for pane in panes:
            for name in KINDS if pane == "feedback" else (pane,):
                window.show_pane(pane, KINDS[name][0] if name in KINDS else None)
                settle(application)
                prepare(window, name)
                for theme in ("light", "dark"):
                    apply_theme(application, theme, 1.0)
                    settle(application)
                    window.grab().save(str(out / f"{name}-{theme}.png"))
                    print(out / f"{name}-{theme}.png")


@contextmanager
def shown(project: Path, size: tuple[int, int] = SIZE) -> Iterator[tuple[Window, QApplication]]:
    """A window over a copy of a project, in a home of its own."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["WORKBENCH_HOME"] = name
        copy = Path(name) / project.name
        shutil.copytree(project, copy)
        application = app.make_application()
        set_chinese_aside(copy)
        window = app.make_window(copy, settings.Settings(theme="light"))
        window.resize(*size)
        window.show()
        window.activateWindow()
        yield window, application
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


def prepare(window: Window, name: str) -> None:
    """Bring a pane to the state that shows what it is for, by the keys that a person would press."""
    store, pane = window.context.store, name.partition("-")[0]
    shown: Any = window.panes[pane]
    if pane == "generate":
        held_out = {answer.prompt_id for answer in store.responses.of_run(store.runs.list("evaluate")[0].id)}
        english = [prompt for prompt in store.prompts.list(tag="mail") if prompt.id in held_out and "en" in prompt.tags]
        window.show_pane("generate", {"prompt_id": english[0].id})
        if len(shown.columns.choices) < 2:
            shown.columns.add()
    elif pane == "feedback":
        QTest.keyClicks(shown.first_focus(), KINDS[name][1])
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
    asked = sys.argv[3].split("x") if len(sys.argv) > 3 else SIZE
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]), (int(asked[0]), int(asked[1])), sys.argv[4:] or PANES)
