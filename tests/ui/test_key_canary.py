"""A key that is typed into the window is used by a child process, and is nowhere but in the keyring."""

from __future__ import annotations

import contextlib
import itertools
import logging
import sys
import threading
import zipfile
from pathlib import Path

import pytest
from PySide6.QtCore import Qt

from tests.providers.keyrings import kept  # noqa: F401
from tests.providers.openai_server import Says, serving
from tests.ui.test_models_pane import Project, make  # noqa: F401
from tests.ui.test_models_servers import opened, write
from workbench import cli, paths
from workbench.errors import WorkbenchError
from workbench.events import Answer, Failed
from workbench.jobs import bundling, preparing, recording
from workbench.jobs.process import Child
from workbench.store import backups
from workbench.store.exchange import SHAPES
from workbench.store.exchange.exporting import export, export_store, export_table
from workbench.store.exchange.writing import CONTAINERS

CANARY = "canary-0123456789-abcdef"


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("OPENAI_LOG", "debug")
    monkeypatch.setattr(paths, "child_command", lambda: [sys.executable, "-m", "tests.providers.child_answering"])
    handlers, level = list(logging.getLogger().handlers), logging.getLogger().level
    cli.start_log()
    logging.getLogger().setLevel(logging.DEBUG)
    logging.getLogger(__name__).info("the log is written to")
    yield tmp_path / "home"
    logging.getLogger().setLevel(level)
    for handler in set(logging.getLogger().handlers) - set(handlers):
        logging.getLogger().removeHandler(handler)
        handler.close()


def add(pane, server, qtbot):
    """Type the key into the dialog, test it, and add the server's model."""
    dialog = opened(pane, qtbot)
    write(qtbot, dialog.url, server.url)
    write(qtbot, dialog.key, CANARY)
    qtbot.mouseClick(dialog.test, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: "2 models" in dialog.status.text(), timeout=20_000)
    qtbot.keyClick(dialog.name, Qt.Key.Key_Return)
    qtbot.waitUntil(lambda: bool(pane.context.store.models.list("server")), timeout=20_000)
    return pane.context.store.models.list("server")[0]


class Watched:
    """A child that answers, and what the system says of its process while it does."""

    def __init__(self) -> None:
        self.pid, self.seen = 0, b""
        self.known = threading.Event()

    def says(self, number, body):
        self.known.wait(60)
        if Path("/proc/self/environ").exists():
            self.seen += b"".join(Path(f"/proc/{self.pid}/{name}").read_bytes() for name in ("environ", "cmdline"))
        return Says(["An answer"])

    def run(self, store, model, seed):
        run, spec = preparing.prepare(store, "generate", {"samples": 1, "seed": seed}, model_id=model.id)
        child = Child(spec, Path(run.log_path))
        self.pid = child.pid
        self.known.set()
        return list(recording.record(store, run.id, child.events()))


def write_everything(store, folder):
    """Every export there is, a bundle and a backup."""
    folder.mkdir()
    export_store(store, folder / "all.jsonl")
    export_table(store, folder / "table.csv")
    for name, shapes in SHAPES.items():
        for what, container in itertools.product({shape.what for shape in shapes}, CONTAINERS):
            with contextlib.suppress(WorkbenchError):  # not every container can hold every format
                export(store, folder / f"{name} {what} {container}", what, format=name, container=container)
    run = store.runs.add(name="SFT 1", method="sft", options={})
    (store.runs_folder / run.id).mkdir(parents=True)
    (store.runs_folder / run.id / "data.jsonl").write_text("{}\n")
    bundle = bundling.write(store, run.id, folder / "run.zip")
    with zipfile.ZipFile(bundle) as archive:
        archive.extractall(folder / "bundle")
    backups.back_up(store)


def holding(folder, canary):
    """Files that hold it, in their content or their name."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [path for path in files if canary in str(path) or canary.encode() in path.read_bytes()]


def test_a_key_is_nowhere_but_in_the_keyring(make, tmp_path, home, kept, qtbot):  # noqa: F811
    project, watched = Project(tmp_path / "project"), Watched()
    store = project.store
    pane = make(store)
    with serving(watched.says, key=CANARY) as server:
        model = add(pane, server, qtbot)
        told = watched.run(store, model, 1)
        assert [event.text for event in told if isinstance(event, Answer)] == ["An answer"]
        assert server.asked[0][0]["authorization"] == f"Bearer {CANARY}"  # it was used
        server.key = "another"  # and is said back with the refusal
        failed = watched.run(store, model, 2)[-1]
        assert isinstance(failed, Failed) and "refused the key" in failed.text
    assert CANARY.encode() not in watched.seen
    assert watched.seen or not Path("/proc").exists()
    write_everything(store, tmp_path / "exports")
    assert (home / "logs" / "workbench.log").stat().st_size > 0 and len(list((tmp_path / "exports").iterdir())) > 30
    assert len(list((tmp_path / "project" / "runs").glob("*/log.txt"))) == 2
    assert (tmp_path / "project" / "project.db-wal").stat().st_size > 0
    assert holding(tmp_path, CANARY) == [kept]
