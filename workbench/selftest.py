"""`workbench --selftest`: whether an installation works, from the first pixel to a model that has learned.

Opens the window (without a display, unless one is asked for), opens a new project in it, has a tiny model made, a
reward model and PPO trained on it for two steps each in a job's process, and reads their curves back from the store.
Nothing of it touches a person's projects or settings.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
import psutil

from . import paths, settings
from .errors import NoEngine, WorkbenchError
from .store import Run, Store

log = logging.getLogger(__name__)

RUN_SECONDS = 240
DEEP_SECONDS = 600
TINY = {
    "vocabulary": 320,
    "layers": 2,
    "width": 32,
    "heads": 2,
    "context_length": 32,
    "batch_tokens": 16384,
    "epochs": 1,
}
REWARD = {"epochs": 1, "batch_size": 16, "evaluations": 1, "max_tokens": 64}
PPO = {"steps": 2, "batch_size": 4, "max_new_tokens": 8, "epochs": 1}
PROMPTS = 40
WORDS = ("rain", "bread", "a garden", "the sea", "a letter", "winter", "a small dog", "music", "a train", "the moon")
PEOPLE = ("my aunt", "a neighbour")
YEARS = range(1990, 2000)


def main(deep: bool, as_json: bool, picture: Path | None) -> int:
    """Run it, print what was found, and return the exit status: 0 fine, 1 something does not work, 6 no engine."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    found = SelfTest(deep, (lambda line: None) if as_json else click.echo, picture)
    with tempfile.TemporaryDirectory(prefix="workbench-selftest-", ignore_cleanup_errors=True) as folder:
        status = found.run(Path(folder))
    if as_json:
        click.echo(json.dumps({"ok": status == 0, "checks": found.checks, **found.figures}, indent=2))
    return status


class SelfTest:
    """One pass. `checks`: {"name", "ok", "text"} each; `figures`: seconds, and whether torch is in the window."""

    def __init__(self, deep: bool, say: Callable[[str], None], picture: Path | None = None) -> None:
        self.checks: list[dict[str, Any]] = []
        self.figures: dict[str, Any] = {}
        self._deep, self._say, self._picture = deep, say, picture

    def run(self, folder: Path) -> int:
        """All checks, in a folder that may be thrown away afterwards. Returns the exit status."""
        try:
            with self._window(folder) as window:
                self._look(window)
                if not paths.has_engine():
                    raise NoEngine
                self._engine()
                self._learn(window.context, folder)
            if self._deep:
                self._checks_in_depth(folder)
        except NoEngine as error:
            log.info("the self-test found no engine")
            click.echo(str(error), err=True)
            return 6
        except WorkbenchError as error:
            log.exception("the self-test failed")
            self._told("Stopped", False, str(error))
        return 0 if all(check["ok"] for check in self.checks) else 1

    def _told(self, name: str, ok: bool, text: str) -> None:
        self.checks.append({"name": name, "ok": ok, "text": text})
        self._say(f"{'ok ' if ok else 'BAD'}  {name}: {text}")

    @contextmanager
    def _window(self, folder: Path) -> Iterator[Any]:
        """The window on a new project, painted once."""
        from PySide6.QtCore import QSettings, QTimer

        gc.disable()  # as the window does
        from .app import make_application, make_window
        from .ui.theme import apply_theme

        application = make_application()
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(folder / "config"))
        chosen = settings.Settings()
        apply_theme(application, chosen.theme, chosen.text_size / 100)
        window = make_window(folder / "project", chosen)
        try:
            window.show()
            _until(lambda: window.isVisible() and not window.visibleRegion().isEmpty(), 30, "The window was not shown.")
            application.processEvents()
            self.figures["first_paint_s"] = round(_since_the_start(), 3)
            self._told("Window", True, f"painted {self.figures['first_paint_s']:.2f} s after the start")
            yield window
        finally:
            window.close()
            QTimer.singleShot(0, application.quit)
            application.exec()  # what goes on beside the window ends with the event loop
            window.context.store.close()

    def _look(self, window: Any) -> None:
        """Every pane, once."""
        from PySide6.QtWidgets import QApplication

        from .ui.window import PLACES

        for name in PLACES:
            window.show_pane(name)
            QApplication.processEvents()
        if self._picture is not None:
            window.grab().save(str(self._picture))
        self.figures["torch_in_window"] = "torch" in sys.modules
        self._told("Panes", not self.figures["torch_in_window"], f"{len(PLACES)} opened, without PyTorch in the window")

    def _engine(self) -> None:
        from .jobs.compute_trying import probe

        begun = time.time()
        found = probe()
        self.figures["child_ready_s"] = round(found["ready"] - begun, 3)
        text = f"PyTorch {found['torch']} on {found['device']} ({found['name']}), ready after"
        self._told("Engine", True, f"{text} {self.figures['child_ready_s']:.1f} s")

    def _learn(self, context: Any, folder: Path) -> None:
        store: Store = context.store
        text = folder / "text.txt"
        text.write_text("\n\n".join(_sentences()), encoding="utf-8")
        made = self._train(context, "pretrain", TINY | {"text": str(text)}, "loss/train")
        _judge(store)
        reward = self._train(context, "reward", REWARD, "loss/train", model_id=made.result_id)
        ids: Mapping[str, Any] = {"model_id": made.result_id, "reward_id": reward.result_id}
        self._train(context, "ppo", PPO, "objective/scores", **ids)

    def _train(
        self,
        context: Any,
        method: str,
        options: Mapping[str, Any],
        curve: str,
        model_id: str | None = None,
        **more: Any,
    ) -> Run:
        """Run a method as the window does, and read its curve from the store."""
        run = context.start_run(method, {**options, "device": "auto"}, model_id=model_id, **more)

        def ended() -> bool:
            return run.id not in context.jobs and context.store.runs.find(run.id).status not in ("waiting", "running")

        _until(ended, RUN_SECONDS, f"{run.name} did not end.")
        run = context.store.runs.find(run.id)
        points = context.store.runs.metrics(run.id).get(curve, [])
        if run.status != "finished" or not run.result_id:
            raise WorkbenchError(f"{run.name}: {run.status}. {run.error}", run.hint)
        fine = len(points) >= 2 and all(value is not None for _, value in points)
        self._told(run.name, fine, f"{run.step} steps on {run.device}, {len(points)} points of {curve} in the project")
        return run

    def _checks_in_depth(self, folder: Path) -> None:
        place = folder / "deep"
        place.mkdir()
        command = [paths.interpreter(), "-m", "workbench.jobs.deep_checks", str(place)]
        env = paths.child_environment()
        try:
            done = subprocess.run(
                command, capture_output=True, text=True, timeout=DEEP_SECONDS, env=env, cwd=place, check=False
            )
        except subprocess.TimeoutExpired as error:
            raise WorkbenchError(f"The checks in depth did not end in {DEEP_SECONDS} s.") from error
        log.info("checks in depth: %s", done.stderr[-20000:])
        for line in done.stdout.splitlines():
            told = json.loads(line)
            self._told(told["name"], told["ok"], told["text"])
        if not done.stdout:
            raise WorkbenchError(f"The checks in depth did not begin: {done.stderr.strip()[-300:]}")


def _since_the_start() -> float:
    """Seconds since this process began. On Linux psutil tells it from the boot in whole seconds: up to one is wrong."""
    if sys.platform != "linux":
        return time.time() - psutil.Process().create_time()
    began = int(Path("/proc/self/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[19])
    now = float(Path("/proc/uptime").read_text(encoding="ascii").split()[0])
    return now - began / os.sysconf("SC_CLK_TCK")


def _until(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Let the window work until something is so. Raises WorkbenchError with `otherwise` when it takes too long."""
    from PySide6.QtCore import QEventLoop, QTimer

    end = time.monotonic() + seconds
    loop, timer = QEventLoop(), QTimer()
    timer.timeout.connect(lambda: loop.quit() if done() or time.monotonic() > end else None)
    if not done():
        timer.start(20)
        loop.exec()
        timer.stop()
    if not done():
        raise WorkbenchError(otherwise, "The log has the details.")


def _sentences() -> list[str]:
    pairs = [f"{one} and {other}" for one in WORDS for other in WORDS if one != other]
    return [f"{pair} belong together, as {who} said in {year}." for year in YEARS for pair in pairs for who in PEOPLE]


def _judge(store: Store) -> None:
    """Two answers to each prompt, of which the short one is better."""
    for number in range(PROMPTS):
        prompt, _ = store.prompts.add(f"Tell me about {WORDS[number % len(WORDS)]}, part {number}.")
        texts = ("It is good.", "It is what it is, and what it was, and nobody knows.")
        ids = [store.responses.add(prompt.id, text, source="written").id for text in texts]
        store.feedback.add("comparison", prompt.id, ids, {"choice": "a", "strength": 1}, annotator="rule: the shorter")
