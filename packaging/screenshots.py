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

os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

SIZE = (1440, 900)
PANES = ("models", "generate", "feedback", "train", "evaluate", "data")


def main(project: Path, out: Path) -> None:
    """Take them."""
    with tempfile.TemporaryDirectory() as name:
        os.environ["WORKBENCH_HOME"] = name
        copy = Path(name) / project.name
        shutil.copytree(project, copy)
        from workbench import app, settings
        from workbench.ui.theme import apply_theme

        application = app.make_application()
        window = app.make_window(copy, settings.Settings(theme="light"))
        out.mkdir(parents=True, exist_ok=True)
        window.resize(*SIZE)
        window.show()
        for theme in ("light", "dark"):
            apply_theme(application, theme, 1.0)
            for pane in PANES:
                window.show_pane(pane)
                prepare(window, pane)
                settle(application)
                window.grab().save(str(out / f"{pane}-{theme}.png"))
                print(out / f"{pane}-{theme}.png")
        window.close()
        window.context.store.close()


def prepare(window, pane: str) -> None:  # noqa: ANN001 - Window is imported late, after the home is set
    """Bring a pane to the state that its picture should show."""
    if pane == "train":
        window.show_pane("train", {"run": window.context.store.runs.list("ppo")[0].id})
    if pane == "feedback":
        window.panes["feedback"].show_guidelines(True) if hasattr(window.panes["feedback"], "show_guidelines") else None


def settle(application) -> None:  # noqa: ANN001
    """Let timers, lazy pages and animations finish."""
    from PySide6.QtCore import QEventLoop, QTimer

    loop = QEventLoop()
    QTimer.singleShot(900, loop.quit)
    loop.exec()
    application.processEvents()


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]))
