"""A picture of a live run of every method, in a copy of a real project: the one that `workbench demo` made.

    python packaging/run_screenshots.py demo-out/project resources/screenshots/runs TEXT
    python packaging/run_screenshots.py demo-out/project out TEXT dpo grpo          # some of them

TEXT is what pretrain reads, a file or a folder of plain text. Every run is a real one, in a process of its own; its
picture is taken when it is about half through, and then it is stopped. On two CPU cores all take about an hour.
"""

from __future__ import annotations

import dataclasses
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PySide6.QtWidgets import QApplication
from screenshots import settle, shown

from workbench.methods import METHODS
from workbench.store.records import Run
from workbench.ui.theme import apply_theme
from workbench.ui.window import Window

ROUNDS = {"steps": 12, "batch_size": 8}
STORED = {"epochs": 1, "evaluations": 8, "max_tokens": 256}
KNOBS: dict[str, dict[str, Any]] = {
    "ppo": ROUNDS,
    "grpo": ROUNDS,
    "rloo": ROUNDS,
    "reinforce": ROUNDS,
    "classify": STORED | {"labels": "tags", "epochs": 3, "batch_size": 8},
    "pretrain": {"epochs": 1},
}
"""What differs from the defaults so that a run takes minutes; STORED for the others."""
GOING = ("waiting", "running")
MOST_SECONDS = 1800.0
SHARE = 0.45


def main(project: Path, out: Path, text: Path, methods: Sequence[str]) -> None:
    """Take them."""
    out.mkdir(parents=True, exist_ok=True)
    with shown(project) as (window, application):
        for method in methods:
            take(window, application, method, out / f"{method}.png", text)


def take(window: Window, application: QApplication, method: str, file: Path, text: Path) -> None:
    """Start a run, show it, wait, grab the window, stop it."""
    run = start(window, method, text)
    window.show_pane("train", {"run": run.id})
    pane: Any = window.panes["train"]
    begun = time.monotonic()

    def far() -> bool:
        pane.monitor.charts.flush()
        now = window.context.store.runs.find(run.id)
        if now.status not in GOING:
            raise SystemExit(f"{method}: {now.status} {now.error}")
        losses = window.context.store.runs.metrics(run.id).values()
        reached = max((points[-1][0] for points in losses if points), default=0)
        return bool(now.total) and reached >= SHARE * now.total

    wait(application, far)
    apply_theme(application, "dark", 1.0)
    settle(application)
    window.grab().save(str(file))
    print(f"{file} after {time.monotonic() - begun:.0f} s", flush=True)
    window.context.stop_run(run.id, "discard")
    wait(application, lambda: window.context.store.runs.find(run.id).status not in GOING)


def start(window: Window, method: str, text: Path) -> Run:
    """A run of the project's base, with its newest reward model where the method needs one."""
    store, module = window.context.store, METHODS[method]
    options = module.Options(**(KNOBS.get(method, STORED) | ({"text": str(text)} if method == "pretrain" else {})))
    model = None if method == "pretrain" else store.models.list(kind="base")[0].id
    reward = store.models.list(kind="reward")[0].id if module.NEEDS_REWARD else None
    return window.context.start_run(
        method, dataclasses.asdict(options), model_id=model, reward_id=reward, name=f"{module.title} 1"
    )


def wait(application: QApplication, done: Callable[[], bool]) -> None:
    """Let the window work until something is so. Gives up after half an hour."""
    until = time.monotonic() + MOST_SECONDS
    asked = 0.0
    while time.monotonic() < until:
        application.processEvents()
        if time.monotonic() - asked > 0.5:
            asked = time.monotonic()
            if done():
                return
        time.sleep(0.02)
    raise SystemExit(f"After {MOST_SECONDS:.0f} s the run was not where its picture is taken.")


if __name__ == "__main__":
    source, pictures, plain, *names = sys.argv[1:]
    main(Path(source).resolve(), Path(pictures).resolve(), Path(plain).resolve(), names or list(METHODS))
