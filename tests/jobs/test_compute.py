"""Engines of the standalone app are whole or absent, whatever happens while one is added."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.jobs import bundles
from workbench import paths
from workbench.errors import NoEngine, WorkbenchError
from workbench.events import Finished, Stopped, Transferred
from workbench.jobs import compute, compute_install, compute_trying


@pytest.fixture
def app(tmp_path, monkeypatch) -> Path:
    """A standalone app with a lock for cpu, in a folder whose name has spaces and Chinese in it."""
    root = bundles.bundle(tmp_path / "an app 应用")
    monkeypatch.setenv("WORKBENCH_HOME", str(tmp_path / "home 家"))
    monkeypatch.setattr(paths, "bundle", lambda: root)
    monkeypatch.setattr(compute_trying, "PROBE", bundles.TRIAL)
    monkeypatch.setattr(compute, "_SYSTEMS", {"cpu": (sys.platform,)})
    bundles.lock(root / "locks" / "cpu.txt", bundles.wheels(tmp_path / "wheels"))
    return root


def add(wheels: Path) -> dict:
    last = list(compute_install.add("cpu", wheels))[-1]
    assert isinstance(last, Finished)
    return dict(last.summary)


def newer(app: Path, tmp_path: Path, version: str = "2.0") -> Path:
    """A lock of newer versions takes the place of the one that came with the app, as after an update."""
    found = bundles.wheels(tmp_path / f"wheels {version}", version)
    bundles.lock(app / "locks" / "cpu.txt", found)
    return found


def there() -> dict[str, bytes]:
    """Every file under engines/, to compare before with after."""
    root = paths.engines()
    return {str(file.relative_to(root)): file.read_bytes() for file in sorted(root.rglob("*")) if file.is_file()}


def test_before_an_engine_is_added_there_is_none_and_that_is_said(app):
    assert not paths.has_engine()
    assert compute.engines() == []
    with pytest.raises(NoEngine, match="No compute engine is installed"):
        compute.require()


def test_an_added_engine_is_used_and_jobs_find_its_packages_first(app, tmp_path):
    told = add(tmp_path / "wheels")
    engine = compute.active()
    assert engine and engine.name == told["engine"] == compute.variant("cpu").engine_name
    assert (engine.torch, engine.device, engine.built_in) == ("1.0", "cpu", False)
    assert engine.title == "Processor"
    assert engine.bytes > 0
    code = "import torch; print(torch.__file__)"
    done = subprocess.run([sys.executable, "-c", code], env=paths.child_environment(), capture_output=True, text=True)
    assert done.stdout.startswith(str(engine.folder))
    assert (engine.folder / "torch" / "__pycache__").is_dir()
    assert compute.version_of("torch") == "1.0"
    assert not list(compute_install.workplace().iterdir())
    compute.require()


def test_what_another_python_left_in_the_environment_reaches_no_job(app, monkeypatch):
    for name in ("PYTHONHOME", "PYTHONPATH", "CONDA_PREFIX", "VIRTUAL_ENV", "PIP_TARGET", "UV_TARGET"):
        monkeypatch.setenv(name, "/evil")
    found = paths.child_environment()
    assert "/evil" not in found.values()
    assert (found["PYTHONPATH"], found["PYTHONNOUSERSITE"]) == ("", "1")


def test_adding_what_is_there_installs_nothing(app, tmp_path):
    first = add(tmp_path / "wheels")
    before = there()
    assert add(tmp_path / "wheels")["engine"] == first["engine"]
    assert there() == before


def test_a_newer_one_is_used_and_the_older_can_be_gone_back_to(app, tmp_path):
    old = add(tmp_path / "wheels")["engine"]
    new = add(newer(app, tmp_path))["engine"]
    assert new != old
    assert [(engine.torch, engine.active) for engine in compute.engines() if engine.name == new] == [("2.0", True)]
    assert compute.roll_back().name == old
    assert compute.previous() == new
    compute.remove(old)
    assert [engine.name for engine in compute.engines()] == [new]
    assert compute.active() is not None


def test_removing_the_last_one_leaves_the_built_in_one_or_none(app, tmp_path):
    name = add(tmp_path / "wheels")["engine"]
    (app / "engine" / "site-packages" / "torch").mkdir(parents=True)
    compute.remove(name)
    engine = compute.active()
    assert engine and engine.built_in
    with pytest.raises(WorkbenchError, match="part of the app"):
        compute.remove(engine.name)


def test_a_damaged_pointer_leaves_the_built_in_engine_in_use(app, tmp_path):
    add(tmp_path / "wheels")
    (app / "engine" / "site-packages" / "torch").mkdir(parents=True)
    for content in ("", "{", "[]", '{"engine": 7}', '{"engine": "../../etc"}', '{"engine": "gone"}'):
        paths.current_engine().write_text(content)
        assert paths.active_engine() == app / "engine" / "site-packages", content


def damaged(folder: Path) -> None:
    """A wheel with other code under the same name: a valid file that nobody published."""
    bundles.wheel(folder, "peft", "2.0", "import os  # not what was published\n")


def test_a_wheel_with_other_code_is_refused_and_nothing_changes(app, tmp_path):
    add(tmp_path / "wheels")
    before, wheels = there(), newer(app, tmp_path)
    damaged(wheels)
    with pytest.raises(WorkbenchError, match=r"peft.*is not the file that was published"):
        add(wheels)
    assert there() == before
    assert not list(compute_install.workplace().iterdir())


def test_a_missing_wheel_is_named(app, tmp_path):
    wheels = newer(app, tmp_path)
    next(wheels.glob("trl-*")).unlink()
    with pytest.raises(WorkbenchError, match="trl"):
        add(wheels)
    assert compute.engines() == []


def test_without_a_network_it_says_so(app, monkeypatch):
    monkeypatch.setenv("UV_DEFAULT_INDEX", "http://127.0.0.1:9/simple")
    monkeypatch.setattr(compute_install, "RETRIES", "0")
    with pytest.raises(WorkbenchError, match="the network is away") as told:
        list(compute_install.add("cpu"))
    assert told.value.hint.endswith("Nothing else has changed.")
    assert compute.engines() == []


def test_an_engine_that_does_not_start_is_not_kept(app, tmp_path, monkeypatch):
    add(tmp_path / "wheels")
    before, wheels = there(), newer(app, tmp_path)
    monkeypatch.setattr(compute_trying, "PROBE", "raise OSError('no such driver')")
    with pytest.raises(WorkbenchError, match="does not start: OSError: no such driver"):
        add(wheels)
    assert there() == before


def test_a_full_disk_leaves_the_engine_before_in_use(app, tmp_path, small_disk, monkeypatch):
    monkeypatch.setenv("WORKBENCH_HOME", str(small_disk))
    add(tmp_path / "wheels")
    before = there()
    wheels = bundles.wheels(tmp_path / "large", "2.0", padding=3 << 20)
    bundles.lock(app / "locks" / "cpu.txt", wheels)
    with pytest.raises(WorkbenchError, match="The disk is full"):
        add(wheels)
    assert there() == before
    assert not (compute_install.workplace() / "fetched").exists()


def test_a_disk_without_room_is_told_before_anything_is_fetched(app, tmp_path):
    bundles.lock(app / "locks" / "cpu.txt", tmp_path / "wheels", head=f"# installed-bytes: {10**15}\n")
    with pytest.raises(WorkbenchError, match=r"needs 1e\+06 GB, and the disk has"):
        add(tmp_path / "wheels")


def test_a_stop_ends_it_and_leaves_no_engine(app, tmp_path):
    events = list(compute_install.add("cpu", tmp_path / "wheels", stop=lambda: True))
    assert isinstance(events[-1], Stopped)
    assert compute.engines() == []
    add(tmp_path / "wheels")


def test_a_stop_while_it_is_tried_ends_the_trial_and_keeps_what_was_fetched(app, tmp_path, monkeypatch):
    monkeypatch.setattr(compute_trying, "PROBE", "import time; time.sleep(600)")
    seen = []
    (compute_install.workplace() / "fetched" / ".tmp0").mkdir(parents=True)  # uv was ended in the middle of a package
    events = compute_install.add("cpu", tmp_path / "wheels", stop=lambda: "Trying it" in seen)
    for event in events:
        seen.append(getattr(event, "text", type(event).__name__))
    assert seen[-2:] == ["Trying it", "Stopped"]
    assert compute.engines() == []
    assert (compute_install.workplace() / "fetched").is_dir()
    assert not list((compute_install.workplace() / "fetched").glob(".tmp*"))
    monkeypatch.setattr(compute_trying, "PROBE", bundles.TRIAL)
    add(tmp_path / "wheels")


def test_a_check_of_the_files_can_be_stopped(app, tmp_path):
    name = add(tmp_path / "wheels")["engine"]
    assert isinstance(list(compute_trying.verify(name, stop=lambda: True))[-1], Stopped)


def test_what_is_offered_says_its_sizes_and_versions(app, tmp_path):
    (offered,) = compute.variants()
    assert (offered.torch, offered.download_bytes, offered.installed_bytes) == ("1.0", 0, 0)
    bundles.lock(app / "locks" / "cpu.txt", tmp_path / "wheels", head="# download-bytes: 7\n# installed-bytes: 9\n")
    (offered,) = compute.variants()
    assert (offered.title, offered.download_bytes, offered.installed_bytes) == ("Processor", 7, 9)
    bundles.lock(app / "locks" / "cpu.txt", tmp_path / "wheels", head="# download-bytes: 1000\n")
    (offered,) = compute.variants()
    assert (offered.installed_bytes, offered.estimated) == (4400, True)


KILLED = """
import sys, time
from pathlib import Path
from tests.jobs import bundles
from workbench import paths
from workbench.jobs import compute, compute_install, compute_trying
paths.bundle = lambda: Path({app!r})
compute._SYSTEMS = {{"cpu": (sys.platform,)}}
compute_trying.PROBE = bundles.TRIAL
settle = compute_install._settle
def slowly(*parts):
    print("about to settle", flush=True)
    time.sleep(60)
    settle(*parts)
compute_install._settle = slowly
list(compute_install.add("cpu", Path({wheels!r})))
"""


def test_a_kill_in_the_middle_leaves_the_engines_as_they_were(app, tmp_path):
    add(tmp_path / "wheels")
    before, wheels = there(), newer(app, tmp_path)
    code = KILLED.format(app=str(app), wheels=str(wheels))
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    assert process.stdout and "about to settle" in process.stdout.readline()
    with pytest.raises(WorkbenchError, match="being added already"):
        add(wheels)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert there() == before
    assert (active := compute.active()) and active.torch == "1.0"
    add(wheels)
    assert (active := compute.active()) and active.torch == "2.0"
    assert not list(compute_install.workplace().iterdir())


def test_progress_tells_bytes_and_time_left(app, tmp_path, monkeypatch):
    """uv is slowed down by a wrapper, so that there is something to see."""
    real = (app / "bin" / "uv").resolve()
    (app / "bin" / "uv").unlink()
    (app / "bin" / "uv").write_text(f'#!/bin/sh\n"{real}" "$@"\nstatus=$?\nsleep 2\nexit $status\n')
    (app / "bin" / "uv").chmod(0o755)
    bundles.lock(app / "locks" / "cpu.txt", tmp_path / "wheels", head="# installed-bytes: 100000\n")
    monkeypatch.setattr(compute_install, "LOOK", 0.05)
    seen = [each for each in compute_install.add("cpu", tmp_path / "wheels") if isinstance(each, Transferred)]
    assert seen and seen[-1].done > 0
    assert {each.total for each in seen} == {100_000}


def test_verify_names_a_file_that_was_changed_and_one_that_is_gone(app, tmp_path):
    name = add(tmp_path / "wheels")["engine"]
    last = list(compute_trying.verify(name))[-1]
    assert isinstance(last, Finished) and last.summary["files"] >= 3 * len(bundles.PACKAGES)
    folder = compute.find(name).folder
    (folder / "trl" / "__init__.py").write_text("changed")
    with pytest.raises(WorkbenchError, match=r"trl/__init__.py: its content has changed"):
        list(compute_trying.verify(name))
    (folder / "peft" / "__init__.py").unlink()
    with pytest.raises(WorkbenchError, match=r"peft/__init__.py: No such file"):
        list(compute_trying.verify(name))


def test_installed_by_pip_there_is_nothing_to_add(monkeypatch):
    assert paths.bundle() is None
    assert paths.has_engine()
    with pytest.raises(WorkbenchError, match="standalone app only"):
        list(compute_install.add("cpu"))


def test_a_job_without_torch_says_that_there_is_no_engine():
    from workbench.jobs.child import failure

    assert failure(ModuleNotFoundError("No module named 'torch'", name="torch")).text.startswith("No compute engine")
    assert time.time()  # an ordinary missing module is told as it is
    assert "no_such" in failure(ModuleNotFoundError("No module named 'no_such'", name="no_such")).text


def test_the_command_line_lists_adds_and_ends_with_six_where_there_is_none(app, tmp_path, capsys, monkeypatch):
    from workbench import cli

    def run(*words: str) -> tuple[int, str]:
        monkeypatch.setattr(sys, "argv", ["workbench", *words])
        return cli.main(), capsys.readouterr().out

    assert run("train", "sft", "--project", str(tmp_path / "project"), "--model", "x")[0] in (1, 6)
    status, out = run("engines", "list", "--json")
    assert status == 0 and json.loads(out)["offered"][0]["name"] == "cpu"
    status, out = run("engines", "add", "cpu", "--wheels", str(tmp_path / "wheels"))
    assert status == 0 and "is in use" in out
    name = compute.engines()[0].name
    assert run("engines", "verify", name)[0] == 0
    assert run("engines", "rollback")[0] == 1
    assert run("engines", "remove", name)[0] == 0
    assert compute.engines() == []


def test_one_package_of_an_engine_is_borrowed_without_the_rest(app, tmp_path):
    name = add(tmp_path / "wheels")["engine"]
    (compute.find(name).folder / "lent_out").mkdir()
    (compute.find(name).folder / "lent_out" / "__init__.py").write_text("from . import part\n")
    (compute.find(name).folder / "lent_out" / "part.py").write_text("value = 7\n")
    before = list(sys.path)
    assert paths.borrow("lent_out")
    assert sys.modules.pop("lent_out").part.value == 7
    assert sys.path == before
    assert not paths.borrow("nobody_has_this")


def test_the_device_is_asked_for_in_a_process_and_one_that_is_not_there_is_told():
    found = compute_trying.device_of("cpu", "float32")
    assert (found["device"], found["dtype"], found["itemsize"]) == ("cpu", "float32", 4)
    with pytest.raises(WorkbenchError, match="This machine has no xpu device"):
        compute_trying.device_of("xpu", "auto")
