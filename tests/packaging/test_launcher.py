"""What starts the app: it finds itself, and nothing of another Python or Qt comes with it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from installers.systems import PACKAGING

pytestmark = pytest.mark.skipif(os.name == "nt", reason="a launcher for POSIX systems")

FAKE = """#!/bin/sh
echo "program=$0"
for word in "$@"; do echo "word=$word"; done
env
"""


def bundle(folder: Path) -> Path:
    """A bundle whose Python says how it was started."""
    for place in ("bin", "python/bin"):
        (folder / place).mkdir(parents=True)
    shutil.copy2(PACKAGING / "linux" / "workbench.sh", folder / "bin" / "workbench")
    python = folder / "python" / "bin" / "python3.11"
    python.write_text(FAKE)
    python.chmod(0o755)
    return folder


def start(program: Path, *words: str, **env: str) -> list[str]:
    done = subprocess.run([program, *words], env=env, capture_output=True, text=True, check=True, timeout=20)
    return done.stdout.splitlines()


@pytest.fixture(params=["plain", "a path 中文"])
def root(request, tmp_path):
    return bundle(tmp_path / request.param)


def test_it_starts_its_own_python_isolated(root):
    told = start(root / "bin" / "workbench", "train", "--epochs", "two words")
    assert told[0] == f"program={root}/python/bin/python3.11"
    expected = ["-E", "-s", "-P", "-m", "workbench", "train", "--epochs", "two words"]
    assert [line.removeprefix("word=") for line in told if line.startswith("word=")] == expected


@pytest.mark.parametrize("relative", [True, False])
def test_it_is_found_through_links(root, tmp_path, relative):
    (tmp_path / "links").mkdir()
    target = root / "bin" / "workbench"
    first, second = tmp_path / "links" / "first", tmp_path / "links" / "second"
    first.symlink_to(os.path.relpath(target, first.parent) if relative else target)
    second.symlink_to("first" if relative else first)
    assert start(second)[0] == f"program={root}/python/bin/python3.11"


HOSTILE = (
    "PYTHONHOME",
    "PYTHONPATH",
    "PYTHONSTARTUP",
    "QT_PLUGIN_PATH",
    "QT_QPA_PLATFORM_PLUGIN_PATH",
    "QML2_IMPORT_PATH",
)


@pytest.mark.parametrize("name", [*HOSTILE, "LD_LIBRARY_PATH"])
def test_hostile_variables_do_not_reach_it(root, name):
    told = start(root / "bin" / "workbench", **{name: "/evil", "KEPT": "yes"})
    assert not any(line.startswith(f"{name}=") for line in told)
    assert "KEPT=yes" in told


def test_a_drivers_folder_is_kept_where_asked(root):
    told = start(root / "bin" / "workbench", LD_LIBRARY_PATH="/driver", WB_KEEP_LD_LIBRARY_PATH="1")
    assert "LD_LIBRARY_PATH=/driver" in told


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["/home/a b/project"], ["--project", "/home/a b/project"]),
        (["/home/a b/project/project.db"], ["--project", "/home/a b/project"]),
        (["demo"], ["demo"]),
        (["--project", "/x"], ["--project", "/x"]),
        (["import", "/x"], ["import", "/x"]),
    ],
)
def test_a_file_managers_path_is_a_project(root, words, expected):
    told = [
        line.removeprefix("word=") for line in start(root / "bin" / "workbench", *words) if line.startswith("word=")
    ]
    assert told[5:] == expected


def test_the_apps_process_on_a_mac_becomes_the_bundles_python(tmp_path):
    library = Path(sysconfig.get_config_var("LIBDIR")) / "libpython3.11.so.1.0"
    if not shutil.which("cc") or not library.exists():
        pytest.skip("it takes a C compiler and a shared library of Python 3.11")
    from installers.macos import compile_launcher

    (tmp_path / "MacOS").mkdir()
    (tmp_path / "python").symlink_to(sys.base_prefix)
    compile_launcher(tmp_path / "MacOS" / "workbench")
    done = subprocess.run(
        [tmp_path / "MacOS" / "workbench", "--version"],
        env={"PYTHONHOME": "/evil", "PYTHONPATH": "/evil"}, capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.stderr.endswith("python/bin/python3.11: No module named workbench\n"), done.stderr
